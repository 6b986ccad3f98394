/**
 * Characters that readers and parsers of a text see differently.
 *
 * @module
 */

/**
 * Line breaks to some parsers of YAML (1.1 has them, 1.2 has not), what makes a line look different
 * from what it is: bidirectional overrides (CVE-2021-42574, "Trojan Source") and a byte order mark, and
 * control characters, of which NUL ends a text early for some.
 */
const UNSEEN =
  // deno-lint-ignore no-control-regex -- they are what is looked for
  /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]|(?!^)\ufeff/;

/**
 * Finds the first such character.
 *
 * @param text Of a policy.
 * @returns What is wrong and the line, from 1; `undefined` if there is none.
 */
export function findUnseen(
  text: string,
): { readonly message: string; readonly line: number } | undefined {
  const found = UNSEEN.exec(text);
  if (found === null) return undefined;
  const digits = found[0].charCodeAt(0).toString(16).padStart(4, "0");
  return {
    message:
      `Has the character U+${digits.toUpperCase()}, which readers and parsers see differently, expected "\\u${digits}" in double quotes`,
    line: text.slice(0, found.index).split(/\r\n?|\n/).length,
  };
}
