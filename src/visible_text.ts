/**
 * Text from outside that a person is going to look at.
 *
 * @module
 */

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{DI}]/gu;
/** What most text is: that nothing in it is to be escaped is found out at a tenth of the cost. */
const PLAIN = /^[ -~]*$/;

/**
 * Text with everything escaped that a terminal would not show as itself: control characters and
 * escape sequences, bidirectional and zero-width characters, lone surrogates.
 */
export function escape(text: string): string {
  return PLAIN.test(text) ? text : text.replace(INVISIBLE, escaped);
}

/** JSON with the same characters escaped; it still is the same JSON value. */
export function escapedJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  if (PLAIN.test(json)) return json;
  return json.replace(INVISIBLE, (char) => char === "\n" ? char : escaped(char));
}

/**
 * The same for text of several lines that a model reads: line breaks and tabs stay, and what is
 * longer than the bound is cut.
 */
export function escapedText(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(INVISIBLE, (char) => char === "\n" || char === "\t" ? char : escaped(char));
}

function escaped(char: string): string {
  return char.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
