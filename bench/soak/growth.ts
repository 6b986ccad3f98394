/**
 * Whether memory grows.
 *
 * @module
 */
import { median } from "../statistics.ts";

/** What a series of sizes does. */
export interface Growth {
  /** Median of the sizes after the warm-up. */
  readonly level: number;
  /** By how much they rise from the end of the warm-up to the last, by the slope. */
  readonly rise: number;
  /** Whether that is more than garbage collection explains. */
  readonly grows: boolean;
}

/** The first part of a series does not count: code is compiled, buffers find their size. */
const WARMUP = 1 / 3;
/** A heap breathes: only what is left after each collection tells. So many troughs are looked at. */
const TROUGHS = 8;

/** What rise counts. */
export interface GrowthOptions {
  /** A rise by less than that part of the level is none. @default 0.1 */
  readonly leastPart?: number;
  /** Nor is one by fewer bytes. @default 8000000 */
  readonly leastBytes?: number;
}

/**
 * The slope of what is left after collections: the median of the slopes between all pairs of troughs
 * (Theil and Sen), which a single outlier does not move.
 */
export function growthOf(
  sizes: readonly number[],
  { leastPart = 0.1, leastBytes = 8e6 }: GrowthOptions = {},
): Growth {
  const settled = sizes.slice(Math.floor(sizes.length * WARMUP));
  if (settled.length < TROUGHS) {
    throw new RangeError(
      `Cannot tell growth from ${sizes.length} sizes, expected at least ${TROUGHS / (1 - WARMUP)}`,
    );
  }
  const troughs = Array.from({ length: TROUGHS }, (_, i) => {
    const part = (at: number) => Math.floor(settled.length * at / TROUGHS);
    return Math.min(...settled.slice(part(i), part(i + 1)));
  });
  const slopes = troughs.flatMap((from, i) =>
    troughs.slice(i + 1).map((to, distance) => (to - from) / (distance + 1))
  );
  const level = median(troughs);
  const rise = median(slopes) * (TROUGHS - 1);
  return { level, rise, grows: rise > Math.max(level * leastPart, leastBytes) };
}
