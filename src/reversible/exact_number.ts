/**
 * Numbers of JSON that JavaScript would round: an id above 2^53 would become another id.
 *
 * @module
 */

/** The key of an object that stands for such a number and has its digits. No placeholder can name it. */
const DIGITS = "\0digits";
/** No exact number needs more digits, and comparing more takes long. */
const MAX_LENGTH = 64;

/**
 * As `JSON.parse`, but a number that would be rounded keeps its digits. If the other side sends an object
 * that looks like one, nothing is gained: digits are data like any text.
 *
 * @param text JSON.
 * @throws {SyntaxError} It is not JSON.
 */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== "number") return value;
    const source = context?.source ?? "";
    return isExact(value, source) ? value : { [DIGITS]: source };
  });
}

/** The digits of a number that would have been rounded; `undefined` for any other value. */
export function digitsOf(value: unknown): string | undefined {
  if (value === null || typeof value !== "object" || !Object.hasOwn(value, DIGITS)) {
    return undefined;
  }
  const digits = (value as Readonly<Record<string, unknown>>)[DIGITS];
  return typeof digits === "string" ? digits : undefined;
}

/** The first number in a value that is not exact, or may not be; `undefined` if all are exact. */
export function inexactIn(value: unknown): string | undefined {
  if (typeof value === "number") return isSure(value) ? undefined : String(value);
  if (value === null || typeof value !== "object") return undefined;
  const digits = digitsOf(value);
  if (digits !== undefined) return digits;
  for (const item of Object.values(value)) {
    const found = inexactIn(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** INVARIANT: a number beyond 2^53 may be the result of rounding. */
function isSure(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}

function isExact(value: number, source: string): boolean {
  return isSure(value) && source.length <= MAX_LENGTH && decimal(source) === decimal(`${value}`);
}

/** One form for all spellings of a number: `1.50`, `15e-1` and `1.5` give the same. */
function decimal(text: string): string | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  if (parts === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return significant === "" ? "0" : `${sign}${significant}e${power}`;
}
