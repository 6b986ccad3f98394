/**
 * JSON whose numbers are what they say: 1234567890123456789 is refused, not read as
 * 1234567890123456800.
 *
 * JavaScript keeps numbers as IEEE 754 doubles. They hold each whole number up to 2^53 - 1, and about
 * 17 digits of any other. `JSON.parse` rounds what does not fit, without an error.
 *
 * @module
 */

/** A number in JSON that JavaScript would change. */
export class InexactNumberError extends RangeError {
  /** The name of this class. */
  override name = "InexactNumberError";
  /** The number as it is written in the JSON, at most 64 characters of it. */
  readonly digits: string;

  /**
   * An error that names the number and what to do about it.
   *
   * @param digits The number as it is written in the JSON.
   * @param key The key of the member, or the index of the item, that holds it.
   */
  constructor(digits: string, key = "") {
    const shown = digits.length > MAX_SHOWN ? `${digits.slice(0, MAX_SHOWN)}…` : digits;
    const where = key === "" ? "" : ` at "${key.slice(0, MAX_SHOWN)}"`;
    super(
      `Cannot keep all digits of the number ${shown}${where}, ` +
        'expected it as a string, in quotes: "' + shown + '"',
    );
    this.digits = shown;
  }
}

const MAX_SHOWN = 64;

/** No number without 16 digits or an exponent can be changed. */
const MAY_BE_INEXACT = /[\d.]{16}|\d[eE]/;

/**
 * As `JSON.parse`, but a number that would be changed is refused. Kept are whole numbers from
 * -(2^53 - 1) to 2^53 - 1, and numbers that read the same, as decimals, before and after: `1.50` and
 * `1e3` are kept, `1e400` and a fraction with 20 digits are not.
 *
 * @param text The JSON.
 * @returns The value.
 * @throws {SyntaxError} It is no JSON, or too deeply nested to be read.
 * @throws {InexactNumberError} It has a number that cannot be kept. The message names it, and says
 * that it is expected as a string.
 *
 * @example
 * ```ts
 * import { parseExactJson } from "./exact_json.ts";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(parseExactJson('{"order":9007199254740991}'), { order: 9007199254740991 });
 * assertThrows(() => parseExactJson('{"order":9007199254740993}'), RangeError, "9007199254740993");
 * ```
 */
export function parseExactJson(text: string): unknown {
  if (!MAY_BE_INEXACT.test(text)) return JSON.parse(text);
  try {
    return JSON.parse(text, (key, value: unknown, context?: { readonly source?: string }) => {
      if (typeof value !== "number") return value;
      const source = context?.source ?? "";
      if (!isExact(value, source)) throw new InexactNumberError(source || `${value}`, key);
      return value;
    });
  } catch (error) {
    if (error instanceof InexactNumberError || error instanceof SyntaxError) throw error;
    // The engine visits the values recursively.
    throw new SyntaxError("the JSON is nested too deeply", { cause: error });
  }
}

function isSure(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}

function isExact(value: number, source: string): boolean {
  return isSure(value) && decimalForm(source) === decimalForm(`${value}`);
}

/**
 * One form for all ways to write a decimal number: `1.50`, `15e-1` and `1.5` become `15e-1`.
 *
 * @returns `undefined` if it is no number.
 */
function decimalForm(text: string): string | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  if (parts === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = trimZeros(digits);
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return significant === "" ? "0" : `${sign}${significant}e${power}`;
}

/** Without the zeros at the end; `/0+$/` would take quadratic time. */
function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}
