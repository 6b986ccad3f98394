/**
 * Escape sequences of YAML.
 *
 * @module
 */
const ESCAPES: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  N: "\x85",
  _: "\xa0",
  L: "\u2028",
  P: "\u2029",
};

/**
 * The text of a double-quoted scalar on one line (YAML 1.2.2, section 5.7).
 *
 * @param raw What stands between the quotes.
 * @returns What it means.
 */
export function unescaped(raw: string): string {
  return raw.replace(
    /\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|(.))/gis,
    (_, x?: string, u?: string, U?: string, char = "") => {
      const code = x ?? u ?? U;
      if (code === undefined) return ESCAPES[char] ?? char;
      const point = parseInt(code, 16);
      return point > 0x10ffff ? "" : String.fromCodePoint(point);
    },
  );
}
