/**
 * What samples say, without assuming how they are distributed.
 *
 * @module
 */

/** The quantile of sorted values, by the nearest rank. @param p From 0 to 1. */
export function quantile(sorted: readonly number[], p: number): number {
  if (sorted.length === 0) return NaN;
  return sorted[Math.min(Math.floor(sorted.length * p), sorted.length - 1)] as number;
}

/** The median of values in any order. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle)
    ? ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
    : sorted[Math.floor(middle)] as number;
}

/** A median with the interval in which the true one lies. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** The probability that the interval holds the true median. */
  readonly confidence: number;
}

/**
 * The median of ratios and its interval by the sign test: the true median is below the smallest of n
 * independent values, or above the largest, with probability 2/2^n, whatever their distribution. The
 * interval is the narrowest between two ranks that has the confidence asked for; with too few values
 * for that, the widest, whose confidence is less.
 */
export function medianInterval(values: readonly number[], confidence: number): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  let cut = 0;
  while (2 * (cut + 1) < n && coverage(n, cut + 1) >= confidence) cut++;
  return {
    median: median(sorted),
    low: sorted[cut] ?? NaN,
    high: sorted[n - 1 - cut] ?? NaN,
    confidence: coverage(n, cut),
  };
}

/** The probability that the true median lies between the values of rank `cut` from below and above. */
function coverage(n: number, cut: number): number {
  let outside = 0;
  let combinations = 1;
  for (let k = 0; k <= cut; k++) {
    outside += combinations;
    combinations = combinations * (n - k) / (k + 1);
  }
  return Math.max(1 - 2 * outside / 2 ** n, 0);
}

/** What changed from A to B. */
export interface Change {
  /** Median of the ratios B/A of rounds. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly verdict: "faster" | "slower" | "same";
}

/** Options of {@linkcode compare}. */
export interface ComparisonOptions {
  /** @default 0.99 */
  readonly confidence?: number;
  /** A change below that is none, however sure: 0.03 is 3 %. @default 0.03 */
  readonly least?: number;
}

/**
 * Compares rates that were measured in rounds, A and B side by side in each. Ratios are taken within
 * a round, so that what slows the machine for a while slows both. It is a change only if the whole
 * interval lies on one side of 1, and the median at least `least` away from it.
 */
export function compare(
  a: readonly number[],
  b: readonly number[],
  { confidence = 0.99, least = 0.03 }: ComparisonOptions = {},
): Change {
  if (a.length !== b.length || a.length === 0) {
    throw new RangeError(
      `Cannot compare ${a.length} rounds with ${b.length}, expected as many, and one at least`,
    );
  }
  const ratios = a.map((rate, i) => (b[i] as number) / rate);
  const interval = medianInterval(ratios, confidence);
  const { median: ratio, low, high } = interval;
  // Too few rounds to be sure of anything.
  const sure = interval.confidence >= confidence;
  const verdict = sure && low > 1 && ratio >= 1 + least
    ? "faster"
    : sure && high < 1 && ratio <= 1 / (1 + least)
    ? "slower"
    : "same";
  return { ratio, low, high, verdict };
}
