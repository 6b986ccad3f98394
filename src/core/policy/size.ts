/**
 * Sizes in a policy: `10MiB`.
 *
 * @module
 */

const DECIMAL = { "": 1, B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9 };
const BINARY = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const UNITS: Readonly<Record<string, number>> = { ...DECIMAL, ...BINARY };

/**
 * Reads a size.
 *
 * @param text Like `"10MiB"`.
 * @returns Bytes; `undefined` if it is not a size, or no whole number of bytes below 2^53.
 */
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
