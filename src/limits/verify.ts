/**
 * The ledger recomputed from audit logs.
 *
 * @module
 */
import type { AuditRecord } from "../core/record/record.ts";
import type { ReadLine } from "../log/reader.ts";
import { redactText } from "../redaction.ts";
import { chargedOf } from "./charged.ts";
import { type Decimal, formatDecimal, parseDecimal, ZERO } from "./decimal.ts";
import type { LedgerContent } from "./ledger_file.ts";
import type { Charge } from "./store.ts";

/** The action by which the command line records that a limit was reset; its target is the limit. */
export const RESET_ACTION = "kernel.limits.reset";

/** One counter in which ledger and logs differ. */
export interface Difference {
  readonly limit: string;
  /** The agent; empty for a limit that all share. */
  readonly who: string;
  readonly window: string;
  /** What the ledger says is used; a decimal. */
  readonly ledger: string;
  /** What the logs say: exactly, or at least and at most; `undefined` if they name no most. */
  readonly log: readonly [least: string, most: string | undefined];
}

/** What {@linkcode LedgerCheck} finds. */
export interface LedgerFindings {
  readonly differences: readonly Difference[];
  /** Counters that agree. */
  readonly agreed: number;
  /** Records with charges. */
  readonly records: number;
  /** Lines of the logs that cannot be read. */
  readonly damaged: number;
}

/** A line of a log. */
interface Place {
  readonly log: string;
  readonly place: number;
}

interface Reset extends Place {
  readonly timestamp: string;
}

interface Sum {
  least: Decimal;
  /** `undefined` if there is none. */
  most: Decimal | undefined;
  /** When the window ends, in milliseconds since the epoch. */
  until: number;
}

/** Measures that are corrected after the action: an interrupted one may have been, or not. */
const CORRECTED = /\.(bytes|duration)$/;

/** What an action waits at most, beside its own time, between its charge and its record. */
const WAITING_MS = 1000;

/**
 * Compares a ledger with logs. Its memory grows with the counters of windows that have not ended, and not
 * with the logs. The logs are read twice: first for resets, then for charges.
 *
 * Windows are compared. Rates and what is under way are not: they are gone in a moment.
 */
export class LedgerCheck {
  readonly #now: number;
  readonly #content: LedgerContent;
  readonly #sums = new Map<string, Sum>();
  /** The last reset of each limit. */
  readonly #resets = new Map<string, Reset>();
  /** Lines of each log that the pass has seen. */
  readonly #seen = { resets: new Map<string, number>(), charges: new Map<string, number>() };
  /** Reservations that have no record so far. */
  readonly #open: Map<string, readonly Charge[]>;
  #records = 0;
  #damaged = 0;

  /**
   * @param content Of the ledger, read before the logs.
   * @param at Now, in milliseconds since the epoch.
   */
  constructor(content: LedgerContent, at: number) {
    this.#content = content;
    this.#now = Math.max(at, content.latest);
    this.#open = new Map(content.reservations.map(({ id, charges }) => [id, charges]));
  }

  /** First for all lines of all logs. @param log Which one. */
  observeReset(line: ReadLine, log = ""): void {
    const place = next(this.#seen.resets, log);
    if (!("record" in line)) return;
    const { action, status, target, timestamp } = line.record;
    if (action !== RESET_ACTION || status !== "OK") return;
    const before = this.#resets.get(target);
    if (before === undefined || before.timestamp <= timestamp) {
      this.#resets.set(target, { timestamp, log, place });
    }
  }

  /** Then again for all lines of all logs. @param log As before. */
  observe(line: ReadLine, log = ""): void {
    const place = next(this.#seen.charges, log);
    if ("damage" in line) this.#damaged++;
    else this.#charge(line.record, { log, place });
  }

  /** What was found, when all lines were observed twice. */
  findings(): LedgerFindings {
    for (const charge of Array.from(this.#open.values()).flat()) {
      const { limit, who, meter, amount } = charge;
      if (meter.kind !== "window") continue;
      this.#add([redactText(limit), redactText(who), meter.window], {
        least: amount,
        most: amount,
        until: meter.endsAt ?? Infinity,
      });
    }
    const ledger = new Map<string, Decimal>();
    for (const { limit, who, meter, used } of this.#content.usage) {
      if (meter.kind !== "window") continue;
      // As in the records.
      const key = JSON.stringify([redactText(limit), redactText(who), meter.window]);
      ledger.set(key, (ledger.get(key) ?? ZERO) + used);
    }
    const keys = new Set([...ledger.keys(), ...this.#sums.keys()]);
    const differences = Array.from(keys).flatMap((key) => this.#difference(key, ledger.get(key)));
    return {
      differences,
      agreed: keys.size - differences.length,
      records: this.#records,
      damaged: this.#damaged,
    };
  }

  #charge(record: AuditRecord, { log, place }: Place): void {
    const { stages, agent = "", status, record_id, timestamp } = record;
    const charged = chargedOf(stages);
    if (charged.length === 0) return;
    this.#records++;
    if (record_id !== undefined) this.#open.delete(record_id);
    const isInterrupted = status === "INTERRUPTED";
    for (const { limit, amount, window, until, shared, result } of charged) {
      const used = parseDecimal(amount);
      if (window === undefined || used === undefined) continue;
      const reset = this.#resets.get(limit);
      const isOwn = reset?.log === log;
      if (reset !== undefined && (isOwn ? place < reset.place : timestamp < reset.timestamp)) {
        continue;
      }
      const isUnsure = reset !== undefined && (isOwn ? isInterrupted : isAcross(record, reset));
      // A result can also have told more than was reserved.
      const isOpen = isInterrupted && result !== undefined;
      this.#add([limit, shared ? "" : agent, window], {
        least: isOpen || isUnsure || isInterrupted && CORRECTED.test(limit) ? ZERO : used,
        most: isOpen ? undefined : used,
        until: until === undefined ? Infinity : Date.parse(until),
      });
    }
  }

  #add(
    name: readonly [limit: string, who: string, window: string],
    { least, most, until }: Sum,
  ): void {
    if (until <= this.#now) return;
    const key = JSON.stringify(name);
    const sum = this.#sums.get(key);
    if (sum === undefined) this.#sums.set(key, { least, most, until });
    else {
      sum.least += least;
      sum.most = sum.most === undefined || most === undefined ? undefined : sum.most + most;
    }
  }

  #difference(key: string, counted: Decimal | undefined): Difference[] {
    const [limit = "", who = "", window = ""] = JSON.parse(key) as string[];
    const { least, most }: Omit<Sum, "until"> = this.#sums.get(key) ?? { least: ZERO, most: ZERO };
    // A session that has ended is not in the ledger any more.
    if (counted === undefined && window.startsWith("session ")) return [];
    const used = counted ?? ZERO;
    if (used >= least && (most === undefined || used <= most)) return [];
    const log = [
      formatDecimal(least),
      most === undefined ? undefined : formatDecimal(most),
    ] as const;
    return [{ limit, who, window, ledger: formatDecimal(used), log }];
  }
}

/**
 * Whether an action may have been charged before a reset and recorded after it, in another log: the reset
 * took its charge away, if it was there already. A kernel that resets itself says so in its records.
 */
function isAcross(
  { timestamp, duration_ms = 0, stages, status }: AuditRecord,
  reset: Reset,
): boolean {
  const { asked_at } = (stages?.["approval"] ?? {}) as { readonly asked_at?: unknown };
  const asked = typeof asked_at === "string" ? Date.parse(asked_at) : Infinity;
  // Of an interrupted action only its end is known.
  const begun = status === "INTERRUPTED" ? -Infinity : Date.parse(timestamp) - (duration_ms ?? 0);
  return Math.min(begun, asked) <= Date.parse(reset.timestamp) + WAITING_MS;
}

function next(seen: Map<string, number>, log: string): number {
  const place = (seen.get(log) ?? 0) + 1;
  seen.set(log, place);
  return place;
}
