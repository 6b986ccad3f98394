/**
 * Numbers beyond 2^53 in the messages of a server: `JSON.parse` would round them.
 *
 * A message is parsed by the SDK, which has no place for them. So they are put into strings before
 * that, behind a prefix, and taken out of the result of a tool afterwards.
 *
 * @module
 */

/** INVARIANT: no server can guess it, so that no string of a server passes for a number. */
const PREFIX = `${crypto.randomUUID()}:`;
/** Without so many digits in a row, or an exponent, a number is small enough. */
const MAY_BE_LARGE = /\d{16}|\d[eE]/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Deeper values are left as they are; results are refused from a depth of 64. */
const MAX_DEPTH = 100;
/** Digits beyond these are compared no further: no number of 64 bits has as many. */
const MAX_DIGITS = 64;

/** Whether there has been any: then results have to be searched for them. */
let anyMarked = false;

/**
 * Puts each number that `JSON.parse` would change by one or more into a string.
 *
 * @param json One JSON text, or lines of them.
 * @returns The same text if there is no such number.
 */
export function markLargeNumbers(json: string): string {
  if (!MAY_BE_LARGE.test(json)) return json;
  let marked = "";
  let copied = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(json, at);
      continue;
    }
    if (code !== 0x2d && (code < 0x30 || code > 0x39)) continue;
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(json)?.[0];
    if (number === undefined) continue;
    if (isChanged(number)) {
      anyMarked = true;
      marked += `${json.slice(copied, at)}"${PREFIX}${number}"`;
      copied = at + number.length;
    }
    at += number.length - 1;
  }
  return marked + json.slice(copied);
}

/**
 * A parsed value in which marked numbers are strings of exactly their digits: a copy, if there may be any.
 *
 * @param value What was parsed from a marked text.
 * @param replace What stands in the place of a number, from its digits. @default the digits
 */
export function withExactNumbers(
  value: unknown,
  replace: (digits: string) => unknown = (digits) => digits,
): unknown {
  if (!anyMarked) return value;
  const copy = (value: unknown, depth: number): unknown => {
    if (typeof value === "string") {
      return value.startsWith(PREFIX) ? replace(value.slice(PREFIX.length)) : value;
    }
    if (value === null || typeof value !== "object" || depth === 0) return value;
    if (Array.isArray(value)) return value.map((item) => copy(item, depth - 1));
    const entries = Object.entries(value).map(([key, item]) => [key, copy(item, depth - 1)]);
    return Object.fromEntries(entries);
  };
  return copy(value, MAX_DEPTH);
}

/** Where the string that begins at a place ends; the end of the text if it does not. */
function endOfString(json: string, start: number): number {
  for (let at = start + 1;; at++) {
    at = json.indexOf('"', at);
    if (at === -1) return json.length;
    let slashes = 0;
    while (json.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
}

/** Whether a number changes by one or more; that a fraction is rounded is usual. */
function isChanged(text: string): boolean {
  const value = Number(text);
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return false;
  return !Number.isFinite(value) || text.length > MAX_DIGITS ||
    decimal(text) !== decimal(`${value}`);
}

/** One form for all ways to write a number: `1.50e3`, `15e2` and `1500` are the same. */
function decimal(text: string): string {
  const [, whole = "", fraction = "", exponent = "0"] =
    /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${significant}e${power}`;
}
