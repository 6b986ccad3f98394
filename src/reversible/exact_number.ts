/**
 * Numbers of JSON that JavaScript would round: an id above 2^53 would become somebody else's.
 *
 * @module
 */

/** Stands for such a number, with its digits. No placeholder can name what is in it. */
const DIGITS = "\0digits";
/** No number that is exact needs more, and looking at endlessly many digits takes long. */
const MAX_LENGTH = 64;

/**
 * As `JSON.parse`, but a number that would be rounded keeps its digits. Whoever sends what stands for
 * one gains nothing: its digits are data like any text.
 *
 * @throws {SyntaxError} It is no JSON.
 */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== "number") return value;
    const source = context?.source ?? "";
    return isExact(value, source) ? value : { [DIGITS]: source };
  });
}

/** The digits of a number that would have been rounded; `undefined` if the value is none. */
export function digitsOf(value: unknown): string | undefined {
  if (value === null || typeof value !== "object" || !Object.hasOwn(value, DIGITS)) {
    return undefined;
  }
  const digits = (value as Readonly<Record<string, unknown>>)[DIGITS];
  return typeof digits === "string" ? digits : undefined;
}

/** The first number in a value that is not exact, or of which that is not known. */
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

/** INVARIANT: beyond 2^53 a number can be one that was rounded to it. */
function isSure(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}

function isExact(value: number, source: string): boolean {
  return isSure(value) && source.length <= MAX_LENGTH && decimal(source) === decimal(`${value}`);
}

/** One form for all ways to write a number: `1.50`, `15e-1` and `1.5` are the same. */
function decimal(text: string): string | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  if (parts === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return significant === "" ? "0" : `${sign}${significant}e${power}`;
}
