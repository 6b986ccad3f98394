/**
 * Refusals that share a record, so that a flood of submits does not become a flood of records.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import type { Decided, Outcome } from "../core/kernel.ts";
import { sha256, shown } from "../core/request.ts";
import type { Timer } from "../core/timer.ts";

/** A refusal that is to be folded. */
export interface FoldedRefusal {
  readonly decided: Decided;
  readonly code: string;
  /** The text that its caller got. */
  readonly error: string;
  /** The id of the limit. */
  readonly limit: string;
  /** Whose bucket was empty; of one that several share, any fixed name. */
  readonly who: string;
  /** For how long it may wait for its record, in milliseconds. */
  readonly foldMs: number;
}

/** How folded refusals are recorded. */
export interface FoldedRefusalsOptions {
  readonly timer: Timer;
  /** The wall clock, as RFC 3339 in UTC with milliseconds. */
  readonly timestamp: () => string;
  /** Puts one record in the log. */
  readonly record: (decided: Decided, outcome: Outcome) => Promise<unknown>;
  /** Gets what could not be recorded. */
  readonly onWarning: (line: string) => void;
}

/** Refusals that share a record. */
interface Fold {
  /** The first of them. */
  readonly first: FoldedRefusal;
  /** Whether all of them have its action, target, params and agent. */
  readonly isEqual: boolean;
  readonly since: string;
  until: string;
  submits: number;
}

/** The folds of one bucket, by what they have in common. */
interface Account {
  readonly folds: Map<string, Fold>;
  readonly foldMs: number;
  /** Takes back the timer of their records. */
  cancel: (() => void) | undefined;
}

/** So many different refusals of one bucket have a record of their own in the time of a fold. */
const MAX_EQUAL = 8;
/** Then so many agents have one for all their others; then there is one for the rest: 17 in all. */
const MAX_AGENTS = 8;

/**
 * Gathers refusals and records each set of equal ones once: when their time is over, and at the end.
 *
 * INVARIANT: only refusals that are given here are folded, and they are given only where nothing was decided
 * and nothing done. What was allowed, and what the policy denied, has a record of its own always.
 */
export class FoldedRefusals {
  readonly #options: FoldedRefusalsOptions;
  readonly #accounts = new Map<string, Account>();
  /** Records under way. */
  readonly #recording = new Set<Promise<void>>();

  constructor(options: FoldedRefusalsOptions) {
    this.#options = options;
  }

  /** Counts a refusal; its record comes within `foldMs`. */
  add(refusal: FoldedRefusal): void {
    const { limit, who, foldMs, decided } = refusal;
    const key = JSON.stringify([limit, who]);
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = { folds: new Map(), foldMs, cancel: undefined };
      this.#accounts.set(key, account);
      this.#recordLater(key, account);
    }
    const { folds } = account;
    const now = this.#options.timestamp();
    const { name, isEqual, isAnonymous } = placeOf(decided, folds);
    const fold = folds.get(name);
    if (fold === undefined) {
      const first = { ...refusal, decided: shortened(decided, isAnonymous) };
      folds.set(name, { first, isEqual, since: now, until: now, submits: 1 });
    } else {
      fold.submits++;
      fold.until = now;
    }
  }

  /** Records all that is gathered. What cannot be recorded is told as a warning. */
  async close(): Promise<void> {
    for (const { cancel } of this.#accounts.values()) cancel?.();
    await Promise.all(this.#recording);
    for (const { folds } of this.#accounts.values()) {
      await this.#record(folds);
      for (const { first: { limit }, submits, since, until } of folds.values()) {
        this.#warn(
          `${submits} submits that limit "${limit}" refused from ${since} to ${until} are not on record: the log could not be written`,
        );
      }
    }
    this.#accounts.clear();
  }

  #recordLater(key: string, account: Account): void {
    account.cancel = this.#options.timer.schedule(() => {
      account.cancel = undefined;
      const recording = this.#record(account.folds).finally(() => {
        this.#recording.delete(recording);
        // Also what came meanwhile, and what could not be recorded, has its time.
        if (account.folds.size > 0) this.#recordLater(key, account);
        else this.#accounts.delete(key);
      });
      this.#recording.add(recording);
    }, account.foldMs);
  }

  /** Records folds and takes them out; those that cannot be recorded stay, and count on. Never rejects. */
  async #record(folds: Map<string, Fold>): Promise<void> {
    for (const [name, fold] of Array.from(folds)) {
      folds.delete(name);
      try {
        await this.#options.record(fold.first.decided, outcomeOf(fold));
      } catch (error) {
        const since = folds.get(name);
        folds.set(name, since === undefined ? fold : joined(fold, since));
        this.#warn(`${messageOf(error)}; refused submits are recorded when it can be written`);
        return;
      }
    }
  }

  #warn(line: string): void {
    this.#options.onWarning(`agent-kernel: limits: ${line}`);
  }
}

/** Which fold a refusal belongs to: that of its equals, or as many as there are, that of its agent, or of all. */
function placeOf({ request, paramsDigest, policy }: Decided, folds: ReadonlyMap<string, Fold>) {
  const { action, target, agent, undoes } = request;
  const { digest } = policy;
  const equal = sha256(JSON.stringify([digest, action, target, paramsDigest, agent, undoes]));
  const isFree = (name: string, most: number) => folds.has(name) || folds.size < most;
  if (isFree(equal, MAX_EQUAL)) return { name: equal, isEqual: true, isAnonymous: false };
  const ofAgent = JSON.stringify([digest, agent]);
  if (isFree(ofAgent, MAX_EQUAL + MAX_AGENTS)) {
    return { name: ofAgent, isEqual: false, isAnonymous: false };
  }
  return { name: "", isEqual: false, isAnonymous: true };
}

/**
 * What is kept of a request until its record is written: little, because agents can have much kept.
 *
 * INVARIANT: a record of several agents names none of them.
 */
function shortened({ request, ...decided }: Decided, isAnonymous: boolean): Decided {
  const { params: _, agent, ...rest } = request;
  const named = isAnonymous || agent === undefined ? {} : { agent };
  return { ...decided, request: { ...rest, ...named, target: shown(rest.target) } };
}

/** Two parts of one fold. */
function joined(earlier: Fold, { submits, until }: Fold): Fold {
  return { ...earlier, submits: earlier.submits + submits, until };
}

function outcomeOf({ first, isEqual, submits, since, until }: Fold): Outcome {
  const { code, error, limit } = first;
  const what = isEqual
    ? `${submits} equal submits`
    : `${submits} submits that differ, of which this is the first`;
  return {
    status: "DENIED",
    code,
    error: submits === 1 ? error : `${error} (stands for ${what})`,
    stages: { limits: { exceeded: limit, folded: { submits, equal: isEqual, since, until } } },
  };
}
