/**
 * Limits on how often an agent may submit at all: `{ action: "*", submits: 600/min, fold: 1min }`.
 *
 * @module
 */
import { type Report, TIMES } from "./notation.ts";
import { parseRate } from "./rate.ts";

/** A limit on submits, also on those that the policy refuses. */
export interface SubmitLimit {
  /** Stable: the id of the item, and `submits`. */
  readonly id: string;
  /** An action, a pattern like `fs.*`, or `*` for all. */
  readonly action: string;
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** How long one token takes to come back, in milliseconds. */
  readonly refillMs: number;
  /** Whether all agents share it. */
  readonly shared: boolean;
  /**
   * For how long equal refusals by it are gathered for one record, in milliseconds. @default each refusal has a
   * record of its own
   */
  readonly foldMs?: number;
  /** For people, in the form of the policy: `submits 600/min across all, fold 1min`. */
  readonly text: string;
}

/** What a limit on submits says beside `action` and `id`. */
export const SUBMIT_KEYS: readonly string[] = ["submits", "burst", "across", "fold"];
const MIN_FOLD_MS = 1000;
const MAX_FOLD_MS = 3_600_000;

/**
 * Reads what an item of the policy's `limits` that has `submits` says beside `action` and `id`.
 *
 * @param source As the policy has it.
 */
export function parseSubmitLimit(
  source: Readonly<Record<string, unknown>>,
  { action, id, report }: {
    readonly action: string;
    readonly id: string;
    readonly report: Report;
  },
): SubmitLimit[] {
  for (const key of Object.keys(source)) {
    if (SUBMIT_KEYS.includes(key)) continue;
    report(
      [key],
      `A limit on submits has no "${key}", expected action, id, ${
        SUBMIT_KEYS.join(", ")
      }; write other limits as an item of their own`,
    );
  }
  const { submits, burst, across = "agent", fold } = source;
  if (across !== "agent" && across !== "all") {
    report(["across"], 'Expected "agent" (each agent has its own, the default) or "all"');
  }
  const rate = parseRate(submits, {
    burst,
    report: (path, message) => report(["submits", ...path], message),
  });
  const foldMs = fold === undefined ? undefined : parseTime(fold);
  if (Number.isNaN(foldMs)) {
    report(
      ["fold"],
      "Expected a time from 1s to 1h, like 1min: so long refusals wait for a record",
    );
  }
  if (rate === undefined) return [];
  const scope = across === "all" ? " across all" : "";
  const text = `submits ${rate.text}${scope}${fold === undefined ? "" : `, fold ${fold}`}`;
  return [{
    ...{ id: `${id}.submits`, action, shared: across === "all", text },
    ...{ burst: rate.burst, refillMs: rate.refillMs },
    ...foldMs === undefined ? {} : { foldMs },
  }];
}

/** In milliseconds; `NaN` if it is no time, or out of its bounds. */
function parseTime(source: unknown): number {
  const [, digits = "", unit = ""] = typeof source === "string"
    ? /^(\d{1,9})([a-z]+)$/.exec(source) ?? []
    : [];
  const factor = Object.hasOwn(TIMES, unit) ? Number(TIMES[unit]) : NaN;
  const ms = Number(digits) * factor;
  return ms >= MIN_FOLD_MS && ms <= MAX_FOLD_MS ? ms : NaN;
}
