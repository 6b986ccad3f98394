/**
 * Texts of the form `$'…'`.
 *
 * @module
 */
import { Refusal, shown } from "./refusal.ts";

const SIMPLE: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "?": "?",
};

/** How many digits an escape may have. */
const DIGITS: readonly (readonly [prefix: string, digits: RegExp, base: number])[] = [
  ["x", /^[0-9a-fA-F]{1,2}/, 16],
  ["u", /^[0-9a-fA-F]{1,4}/, 16],
  ["U", /^[0-9a-fA-F]{1,8}/, 16],
  ["", /^[0-7]{1,3}/, 8],
];

/**
 * Reads from after the opening quote to after the closing one.
 *
 * @throws {Refusal} It has an escape that is no character of a text.
 */
export function ansiC(text: string, from: number): { value: string; end: number } {
  let value = "";
  let at = from;
  while (text[at] !== "'") {
    const char = text[at];
    if (char === undefined) throw refused(text.slice(from));
    if (char !== "\\") {
      value += char;
      at++;
      continue;
    }
    const simple = SIMPLE[text[at + 1] ?? ""];
    if (simple !== undefined) {
      value += simple;
      at += 2;
      continue;
    }
    const [point, length] = codeAt(text.slice(at + 1, at + 10));
    // What is above gives bytes or characters as the locale says, what is below no text.
    if (point < 32 || point > 126) throw refused(text.slice(at));
    value += String.fromCodePoint(point);
    at += 1 + length;
  }
  return { value, end: at + 1 };
}

function codeAt(text: string): readonly [point: number, length: number] {
  for (const [prefix, digits, base] of DIGITS) {
    if (!text.startsWith(prefix)) continue;
    const found = digits.exec(text.slice(prefix.length))?.[0];
    if (found !== undefined) return [parseInt(found, base), prefix.length + found.length];
  }
  return [-1, 0];
}

function refused(piece: string): Refusal {
  return new Refusal(
    `This escape gives no certain character: ${shown(piece)}`,
    "Write the character itself, between single quotes",
  );
}
