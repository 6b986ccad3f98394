/**
 * What a policy would have decided in the past.
 *
 * @module
 */
import type { AuditRecord } from "../core/record/record.ts";
import type { Effect } from "./effect.ts";
import type { ExampleContext } from "./examples.ts";
import { AS_RECORDED, pastOf, verdictOnPast } from "./past_request.ts";

/** Records whose verdict is another one, by the rule that decides now. */
export interface ChangedGroup {
  readonly from: Effect;
  readonly to: Effect | "unknown";
  /** The rule that decides now; missing if none does. */
  readonly rule: string | undefined;
  readonly action: string;
  count: number;
  readonly first: string;
  last: string;
  /** The target of the first. */
  readonly example: string;
}

/** The outcome of a replay. */
export interface ReplaySummary {
  readonly records: number;
  /** Of these, requests that rules decide. */
  readonly requests: number;
  readonly changed: number;
  /** Verdicts that depend on what is not in the log: params, or what a session knew. */
  readonly unknown: number;
  /** Requests whose target was redacted. */
  readonly redacted: number;
  readonly groups: readonly ChangedGroup[];
  /** Changes that are in no group, because there are too many. */
  readonly ungrouped: number;
}

/** Most groups; names of actions come from requests. */
const MAX_GROUPS = 1_000;
/** Most verdicts of one generation that are kept, and the longest request of which one is, in characters. */
const MAX_KEPT = 100_000, MAX_KEY = 500;

type Verdict = ReturnType<typeof verdictOnPast>;

/** Decides the records of a log by a policy, one after the other. Memory does not grow with their number. */
export class Replay {
  readonly #context: ExampleContext;
  #kept = new Map<string, Verdict>();
  /** The generation before: what is asked for again moves on, so that a log of more requests still hits. */
  #older = new Map<string, Verdict>();
  readonly #groups = new Map<string, ChangedGroup>();
  #records = 0;
  #requests = 0;
  #changed = 0;
  #unknown = 0;
  #redacted = 0;
  #ungrouped = 0;

  /** @param policy That is tried on the past, with its approvals. */
  constructor(policy: Omit<ExampleContext, "world">) {
    this.#context = { ...policy, world: AS_RECORDED };
  }

  /** Takes a record. */
  observe(record: AuditRecord): void {
    this.#records++;
    const past = pastOf(record);
    if (past === "nothing") return;
    this.#requests++;
    if (past === "redacted") {
      this.#redacted++;
      return;
    }
    const { action, target } = record;
    const key = `${action}\0${target}\0${record.params}\0${
      record.agent ?? "\0"
    }\0${past.inSession}`;
    let verdict = this.#kept.get(key);
    if (verdict === undefined) {
      verdict = this.#older.get(key) ?? verdictOnPast(past, this.#context);
      if (key.length <= MAX_KEY) this.#keep(key, verdict);
    }
    const { effect: to, rule } = verdict;
    if (to === past.past) return;
    if (to === "unknown") this.#unknown++;
    else this.#changed++;
    const name = `${past.past}\0${to}\0${rule}\0${action}`;
    const group = this.#groups.get(name);
    if (group !== undefined) {
      group.count++;
      group.last = record.timestamp;
    } else if (this.#groups.size < MAX_GROUPS) {
      const { timestamp: first } = record;
      const from = past.past;
      this.#groups.set(name, {
        from,
        to,
        rule,
        action,
        count: 1,
        first,
        last: first,
        example: target,
      });
    } else this.#ungrouped++;
  }

  #keep(key: string, verdict: Verdict): void {
    if (this.#kept.size >= MAX_KEPT) {
      this.#older = this.#kept;
      this.#kept = new Map();
    }
    this.#kept.set(key, verdict);
  }

  /** All so far. */
  summary(): ReplaySummary {
    return {
      records: this.#records,
      requests: this.#requests,
      changed: this.#changed,
      unknown: this.#unknown,
      redacted: this.#redacted,
      groups: Array.from(this.#groups.values()).sort((a, b) => b.count - a.count),
      ungrouped: this.#ungrouped,
    };
  }
}
