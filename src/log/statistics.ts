/**
 * An audit log in numbers.
 *
 * @module
 */
import type { ReadLine } from "./reader.ts";
import type { AuditRecord } from "../core/record/record.ts";
import { foldedSubmits } from "../limits/charged.ts";

/** How often a name occurs. */
export interface NameCount {
  readonly name: string;
  readonly count: number;
}

/** Durations in milliseconds. The quantiles are off by at most 1 % of their value, `max` is exact. */
export interface DurationSummary {
  /** Records that have a duration. */
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often an action occurs, and how long it took where a provider was called. */
export interface ActionSummary extends NameCount {
  readonly durationMs?: DurationSummary;
}

/** The outcome of {@linkcode Statistics}; lists are in falling order of their counts. */
export interface StatisticsSummary {
  /** Records, without the damaged lines. */
  readonly records: number;
  readonly damaged: number;
  /** Refused submits without a record of their own: limits with `fold` let some share one. Absent if none. */
  readonly folded?: number;
  /** The earliest timestamp; absent if there is no record. */
  readonly first?: string;
  /** The latest timestamp. */
  readonly last?: string;
  readonly statuses: readonly NameCount[];
  readonly actions: readonly ActionSummary[];
  readonly rules: readonly NameCount[];
  readonly agents: readonly NameCount[];
  /** What shadow mode has let through, by what would have been: `deny NO_RULE`, `approve`. */
  readonly shadow: readonly NameCount[];
}

/** Names that are counted one by one. Agents choose theirs, so the number has to have an end. */
const MAX_NAMES = 1000;
/** Under which all further names are counted. */
const OTHERS = "(others)";

/** The quantiles' relative error, as in DDSketch (Masson et al., VLDB 2019). */
const ERROR = 0.01;
const LOG_GAMMA = Math.log((1 + ERROR) / (1 - ERROR));
/** Durations of up to a microsecond, the resolution of the log, count as 0. */
const MIN_MS = 0.001;
const MAX_MS = 1e9;

/**
 * Counts records one by one, in bounded memory.
 *
 * @example
 * ```ts ignore
 * const statistics = new Statistics();
 * for await (const line of readAuditLog("kernel.log")) statistics.observe(line);
 * console.log(statistics.summary().actions[0]?.durationMs?.p99);
 * ```
 */
export class Statistics {
  #records = 0;
  #damaged = 0;
  #folded = 0;
  #first: string | undefined;
  #last: string | undefined;
  readonly #statuses = new Counts();
  readonly #actions = new Counts();
  readonly #rules = new Counts();
  readonly #agents = new Counts();
  readonly #shadow = new Counts();
  readonly #durations = new Map<string, Durations>();

  /** Takes a line of the log into account. */
  observe(line: ReadLine): void {
    if ("record" in line) this.#observe(line.record);
    else this.#damaged++;
  }

  /** What was observed until now. */
  summary(): StatisticsSummary {
    return {
      records: this.#records,
      damaged: this.#damaged,
      ...(this.#folded === 0 ? {} : { folded: this.#folded }),
      ...(this.#first === undefined ? {} : { first: this.#first }),
      ...(this.#last === undefined ? {} : { last: this.#last }),
      statuses: this.#statuses.list(),
      actions: this.#actions.list().map(({ name, count }) => {
        const durations = this.#durations.get(name);
        return {
          name,
          count,
          ...(durations === undefined ? {} : { durationMs: durations.summary() }),
        };
      }),
      rules: this.#rules.list(),
      agents: this.#agents.list(),
      shadow: this.#shadow.list(),
    };
  }

  #observe({ timestamp, status, action, rule, agent, stages, duration_ms }: AuditRecord): void {
    this.#records++;
    // RFC 3339 in UTC with milliseconds: the order of the texts is that of the times.
    if (this.#first === undefined || timestamp < this.#first) this.#first = timestamp;
    if (this.#last === undefined || timestamp > this.#last) this.#last = timestamp;
    this.#statuses.add(status);
    const name = this.#actions.add(action);
    if (rule !== undefined) this.#rules.add(rule);
    if (agent !== undefined) this.#agents.add(agent);
    const submits = foldedSubmits(stages);
    if (submits !== undefined) this.#folded += submits - 1;
    const { would, code } = (stages?.["shadow"] ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof would === "string") {
      this.#shadow.add(typeof code === "string" ? `${would} ${code}` : would);
    }
    if (duration_ms === undefined || !(duration_ms >= 0)) return;
    let durations = this.#durations.get(name);
    if (durations === undefined) this.#durations.set(name, durations = new Durations());
    durations.add(duration_ms);
  }
}

/** Counts of names. */
class Counts {
  readonly #counts = new Map<string, number>();

  /** @returns The name under which it was counted. */
  add(name: string): string {
    const counted = this.#counts.has(name) || this.#counts.size < MAX_NAMES ? name : OTHERS;
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    return counted;
  }

  list(): NameCount[] {
    return [...this.#counts].map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  }
}

/** A histogram with buckets that grow by the same factor: 1,400 of them hold all durations. */
class Durations {
  readonly #buckets = new Map<number, number>();
  #count = 0;
  #max = 0;

  add(ms: number): void {
    const bucket = ms <= MIN_MS ? -Infinity : Math.ceil(Math.log(Math.min(ms, MAX_MS)) / LOG_GAMMA);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  summary(): DurationSummary {
    const buckets = [...this.#buckets].sort(([a], [b]) => a - b);
    return {
      count: this.#count,
      p50: this.#quantile(buckets, 0.5),
      p99: this.#quantile(buckets, 0.99),
      max: this.#max,
    };
  }

  /** The nearest rank: the smallest value that is not exceeded by that part of all values. */
  #quantile(buckets: readonly (readonly [number, number])[], part: number): number {
    let rank = Math.ceil(part * this.#count);
    for (const [bucket, count] of buckets) {
      rank -= count;
      // The point of the bucket that is equally far, relatively, from both of its ends.
      if (rank <= 0) return Math.min(this.#max, Math.exp(bucket * LOG_GAMMA) * (1 - ERROR));
    }
    return this.#max;
  }
}
