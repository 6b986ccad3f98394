/**
 * The quantities in a policy: rates, sizes, sums.
 *
 * @module
 */
import type { Place, Problems } from "./problem.ts";

/** Limits of a rule, per agent. */
export interface Limits {
  /** Token bucket: so many calls in so many milliseconds. */
  readonly rate?: { readonly calls: number; readonly perMs: number };
  /** Calls altogether. */
  readonly calls?: number;
  /** Bytes of params altogether. */
  readonly bytes?: number;
  /** Sum of a numeric param altogether. */
  readonly sum?: { readonly param: string; readonly max: number };
}

const PERIODS: Readonly<Record<string, number>> = {
  s: 1000,
  sec: 1000,
  min: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  day: 86_400_000,
};
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1000,
  KB: 1000,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `"10MiB"` in bytes; `undefined` if it is not a size, or no safe, whole number of bytes. */
export function parseSize(text: string): number | undefined {
  const [, whole, fraction = "", unit = ""] =
    /^(\d{1,16})(?:\.(\d{1,16}))?\s*([A-Za-z]*)$/.exec(text) ?? [];
  if (whole === undefined || !Object.hasOwn(UNITS, unit)) return undefined;
  // Exact: in floating point "1.001kB" would be 1000.9999999999999 bytes.
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * BigInt(UNITS[unit] as number);
  const bytes = Number(scaled / scale);
  return scaled % scale === 0n && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Reads `limits` of a rule. */
export function parseLimits(source: unknown, place: Place, problems: Problems): Limits | undefined {
  if (source === null || typeof source !== "object" || Array.isArray(source)) {
    problems.add(place, "Expected a mapping with rate, calls, bytes or sum");
    return undefined;
  }
  const limits: { -readonly [key in keyof Limits]: Limits[key] } = {};
  for (const [key, value] of Object.entries(source)) {
    const at = [...place, key];
    if (key === "rate") {
      const found = typeof value === "string" ? /^(\d+)\/([a-z]+)$/.exec(value) : null;
      const period = found?.[2] ?? "";
      const perMs = Object.hasOwn(PERIODS, period) ? PERIODS[period] : undefined;
      const calls = Number(found?.[1]);
      if (perMs === undefined || calls < 1) {
        problems.add(at, "Expected a rate like 60/min (s, min, h or day)");
      } else limits.rate = { calls, perMs };
    } else if (key === "calls") {
      if (isCount(value)) limits.calls = value;
      else problems.add(at, "Expected a whole number from 0");
    } else if (key === "bytes") {
      const bytes = typeof value === "string" ? parseSize(value) : value;
      if (isCount(bytes)) limits.bytes = bytes;
      else problems.add(at, "Expected a whole number of bytes like 10MiB");
    } else if (key === "sum") {
      const sum = value as Record<string, unknown> | null;
      const ok = sum !== null && typeof sum === "object" && typeof sum["param"] === "string" &&
        typeof sum["max"] === "number" && Object.keys(sum).length === 2;
      if (ok) limits.sum = { param: sum["param"] as string, max: sum["max"] as number };
      else problems.add(at, "Expected {param: name, max: number}");
    } else {
      problems.add(at, `There is no limit "${key}", expected rate, calls, bytes or sum`);
    }
  }
  return limits;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
