/**
 * Exact decimal numbers for amounts of money and counts: no binary fractions.
 *
 * @module
 */

/** Digits after the point that are kept. */
const SCALE = 18;
const UNIT = 10n ** BigInt(SCALE);
/** A number as JSON writes it, without a sign before the digits but `-`. */
const NUMBER = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** An exact decimal number: its value times 10^18. */
export type Decimal = bigint;

/** The number 0. */
export const ZERO: Decimal = 0n;

/** A whole number. @param count A safe integer. */
export function decimalOf(count: number): Decimal {
  return BigInt(count) * UNIT;
}

/**
 * Reads a number exactly: `"0.10"`, `12.5` (by its shortest decimal text), `9007199254740993n`.
 *
 * @param value A number, a bigint, or the text of a number.
 * @returns `undefined` if it is none, or has more than 18 digits after the point.
 */
export function parseDecimal(value: unknown): Decimal | undefined {
  if (typeof value === "bigint") return value * UNIT;
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return undefined; // It may stand for another number: see RFC 8259, section 6.
  }
  const text = typeof value === "number" ? String(value) : value;
  const parts = typeof text === "string" ? NUMBER.exec(text) : null;
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = parts;
  const shift = SCALE - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  const divisor = shift < 0 ? 10n ** BigInt(-shift) : 1n;
  if (digits % divisor !== 0n || shift > 300) return undefined;
  const scaled = shift < 0 ? digits / divisor : digits * 10n ** BigInt(shift);
  return sign === "-" ? -scaled : scaled;
}

/** The shortest text of a number: `"12.5"`, `"0"`, `"-3"`. */
export function formatDecimal(value: Decimal): string {
  const magnitude = value < 0n ? -value : value;
  const rest = magnitude % UNIT;
  // As most amounts are: calls, bytes, milliseconds.
  const fraction = rest === ZERO ? "" : rest.toString().padStart(SCALE, "0").replace(/0+$/, "");
  const text = `${magnitude / UNIT}${fraction === "" ? "" : `.${fraction}`}`;
  return value < 0n ? `-${text}` : text;
}
