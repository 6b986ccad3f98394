/**
 * How limits are written in a policy: units of amounts, and where problems are told.
 *
 * @module
 */

/** Tells a problem at a place below the one that is read. */
export type Report = (path: readonly (string | number)[], message: string) => void;

/** Units of bytes. */
export const SIZES: Readonly<Record<string, bigint>> = {
  B: 1n,
  KB: 1000n,
  MB: 1000n ** 2n,
  GB: 1000n ** 3n,
  KiB: 1024n,
  MiB: 1024n ** 2n,
  GiB: 1024n ** 3n,
};
/** Units of time, in milliseconds. */
export const TIMES: Readonly<Record<string, bigint>> = {
  ms: 1n,
  s: 1000n,
  m: 60_000n,
  min: 60_000n,
  h: 3_600_000n,
};
