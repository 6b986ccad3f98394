/**
 * A policy out of what was done.
 *
 * @module
 */
import type { AuditRecord } from "../core/record/record.ts";
import { canonicalJson } from "../core/json.ts";
import { sha256 } from "../core/request.ts";
import { type ActionTable, specOf } from "../core/resource/kind.ts";
import { type Grant, grantsOf, isCanonical, type Rulebook, rulebookOf } from "./learn_rules.ts";
import type { Generalisation, Seen } from "./seen.ts";
import { pastOf, type PastRequest } from "./past_request.ts";

/** What is learnt from. */
export interface LearnOptions {
  readonly actions: ActionTable;
  /** Whether what shadow mode let through counts as allowed. @default false */
  readonly shadow?: boolean;
  /** @default literal */
  readonly generalise?: Generalisation;
}

/** A proposal. */
export interface Proposal extends Rulebook {
  /** Records that it rests on. */
  readonly records: number;
  /** What was left out, or has to be known; a sentence each. */
  readonly notes: readonly string[];
  /** Requests that it has to allow, and those that it has to deny. */
  readonly done: Iterable<PastRequest>;
  readonly denied: Iterable<PastRequest>;
}

/** Most different requests that are kept. */
const MAX_SEEN = 200_000;
/** Most different params of one target. */
const MAX_VARIANTS = 5_000;
/** What redaction leaves in the place of a secret. */
const MARK = "[redacted]";

/** There are too many different requests for a proposal that somebody could read. */
export class TooMuchError extends RangeError {
  /** The name of this class. */
  override name = "TooMuchError";
}

/** Takes records, and proposes a policy. Memory grows with the number of different requests, up to a bound. */
export class Learner {
  readonly #options: LearnOptions;
  readonly #seen = new Map<string, Seen>();
  readonly #denied = new Map<string, PastRequest>();
  readonly #left = new Map<string, number>();
  #records = 0;

  constructor(options: LearnOptions) {
    this.#options = options;
  }

  /** Takes a record. */
  observe(record: AuditRecord): void {
    const past = pastOf(record);
    if (past === "nothing") return;
    if (past === "redacted") return this.#leave("a part of the target was redacted");
    const { shadow = false, actions } = this.#options;
    const { action, target, agent, params } = past;
    if (agent?.includes(MARK)) return this.#leave("the name of the agent was redacted");
    if (past.past === "deny" || (past.would !== undefined && !shadow)) {
      if (past.would !== undefined) this.#leave("shadow mode let it through (see --from shadow)");
      const key = [action, target, agent ?? "\0", record.params].join("\0");
      if (this.#denied.size < MAX_SEEN) this.#denied.set(key, past);
      return;
    }
    if (params === undefined && needsParams(action, actions)) {
      return this.#leave(`${action} without params in the log (see --log-params)`);
    }
    if (!isKnown(action, actions)) return this.#leave(`${action}, which is no action`);
    if (!isCanonical(target, specOf(actions, action).kind)) {
      return this.#leave(`${action} on a target that is not in canonical form`);
    }
    const key = [action, target, agent ?? "\0"].join("\0");
    let seen = this.#seen.get(key);
    if (seen === undefined) {
      if (this.#seen.size >= MAX_SEEN) {
        throw new TooMuchError(
          `There are more than ${MAX_SEEN} different requests, expected a part of the log (--since, --agent)`,
        );
      }
      const { timestamp: first } = record;
      seen = { action, target, agent, count: 0, first, last: first, variants: new Map() };
      this.#seen.set(key, seen);
    }
    if (params !== undefined) {
      const digest = sha256(canonicalJson(params));
      const variant = seen.variants.get(digest);
      if (variant !== undefined) variant.count++;
      else if (seen.variants.size < MAX_VARIANTS) seen.variants.set(digest, { params, count: 1 });
      else this.#leave(`${action} on a target with more than ${MAX_VARIANTS} different params`);
    }
    seen.count++;
    seen.last = record.timestamp;
    this.#records++;
  }

  #leave(why: string): void {
    this.#left.set(why, (this.#left.get(why) ?? 0) + 1);
  }

  /** The smallest policy that allows what was done, and not what was denied. */
  propose(): Proposal {
    const { actions, generalise = { by: "literal" } } = this.#options;
    const denied = Array.from(this.#denied.values());
    const byTarget = Map.groupBy(
      denied,
      ({ action, target, agent }) => [action, target, agent ?? "\0"].join("\0"),
    );
    const grants: Grant[] = [];
    for (const [key, seen] of this.#seen) {
      const outcome = grantsOf(seen, { actions, denied: byTarget.get(key) ?? [], mark: MARK });
      grants.push(...outcome.grants);
      for (const why of outcome.left) this.#leave(why);
    }
    const rulebook = rulebookOf(grants, { actions, generalise, denied });
    return {
      ...rulebook,
      records: this.#records,
      notes: Array.from(this.#left, ([why, count]) => `${count} left out: ${why}`),
      done: this.#done(byTarget),
      denied,
    };
  }

  /** Everything that was done and not denied as well, once for each different request. */
  *#done(denied: ReadonlyMap<string, readonly PastRequest[]>): Generator<PastRequest> {
    for (const [key, { action, target, agent, variants }] of this.#seen) {
      const refused = denied.get(key) ?? [];
      if (refused.some(({ params }) => params === undefined || variants.size === 0)) continue;
      const digests = new Set(refused.map(({ params }) => sha256(canonicalJson(params))));
      const known = variants.size === 0
        ? [undefined]
        : Array.from(variants).flatMap(([digest, { params }]) =>
          digests.has(digest) ? [] : [params]
        );
      for (const params of known) {
        // What is learnt asks nothing of a session.
        yield {
          ...{ action, target, agent, params, past: "allow", would: undefined, inSession: false },
        };
      }
    }
  }
}

/** Whether what an action does is in its params, and not in its target alone. */
function needsParams(action: string, actions: ActionTable): boolean {
  const { resources = [] } = specOf(actions, action);
  return action === "net.http" || resources.length > 0;
}

/** Whether a policy could name it: in a namespace of known actions, only these. */
function isKnown(action: string, actions: ActionTable): boolean {
  const namespace = action.slice(0, action.indexOf(".") + 1);
  return Object.hasOwn(actions, action) || namespace === "" ||
    !Object.keys(actions).some((name) => name.startsWith(namespace));
}
