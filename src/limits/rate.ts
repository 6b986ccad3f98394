/**
 * Rates, as a policy writes them: `60/min`, with a burst.
 *
 * @module
 */
import type { Report } from "./notation.ts";

/** A token bucket. */
export interface Rate {
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** How long one token takes to come back, in milliseconds. */
  readonly refillMs: number;
  /** For people, in the form of the policy: `60/min burst 10`. */
  readonly text: string;
}

const PERIODS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  sec: 1000,
  second: 1000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/**
 * Reads a rate and its burst.
 *
 * @param burst Default: the number of the rate.
 */
export function parseRate(
  value: unknown,
  { burst, report }: { readonly burst: unknown; readonly report: Report },
): Rate | undefined {
  const [, count = "", unit = ""] = typeof value === "string"
    ? /^(\d{1,9})\/([a-z]+)$/.exec(value) ?? []
    : [];
  const ms = Object.hasOwn(PERIODS_MS, unit) ? PERIODS_MS[unit] : undefined;
  if (ms === undefined || Number(count) < 1) {
    report([], "Expected a rate like 60/min (s, min, h or day)");
    return undefined;
  }
  if (burst !== undefined && !isCount(burst)) {
    report([], "Expected a burst of 1 or more calls");
    return undefined;
  }
  return {
    burst: burst ?? Number(count),
    refillMs: ms / Number(count),
    text: `${value}${burst === undefined ? "" : ` burst ${burst}`}`,
  };
}

/** A whole number of 1 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
