/**
 * Brace expansion: `{a,b}` and `{1..3}`.
 *
 * @module
 */
import type { Atom } from "./atoms.ts";
import { tooMuch } from "./reading.ts";
import { Refusal, shown } from "./refusal.ts";

const MAX_WORDS = 256;
const MAX_BRACES = 100;

/** The words that a word with braces stands for, in the order of Bash. */
export function expandBraces(atoms: readonly Atom[]): (readonly Atom[])[] {
  const opened = atoms.filter((one) => is(one, "{")).length;
  if (opened === 0) return [atoms];
  if (opened > MAX_BRACES) throw tooMuch(`more than ${MAX_BRACES} braces in a word`);
  const group = groupOf(atoms, 0);
  if (group === undefined) return [atoms];
  // Braces come before variables: of "$a{b,c}" Bash makes "$ab" and "$ac".
  const joins = atoms.some((one) =>
    !one.quoted && (one.kind === "value" && one.open === true || is(one, "$"))
  );
  if (joins) throw odd(textOf(atoms));
  return expand(atoms, group);
}

function is(atom: Atom | undefined, char: string): boolean {
  return atom?.kind === "char" && !atom.quoted && atom.text === char;
}

interface Group {
  readonly open: number;
  readonly close: number;
  /** Of its commas. */
  readonly commas: readonly number[];
}

/** The first group that expands. */
function groupOf(atoms: readonly Atom[], from: number): Group | undefined {
  // Where braces do not match, Bash falls back in ways of its own.
  let depth = 0;
  for (let at = from; at < atoms.length; at++) {
    if (is(atoms[at], "{")) depth++;
    else if (is(atoms[at], "}") && --depth < 0) throw unmatched(atoms);
  }
  if (depth !== 0) throw unmatched(atoms);
  for (let open = from; open < atoms.length; open++) {
    if (!is(atoms[open], "{")) continue;
    let inner = 0;
    let close = open + 1;
    const commas: number[] = [];
    for (; inner > 0 || !is(atoms[close], "}"); close++) {
      if (is(atoms[close], "{")) inner++;
      else if (is(atoms[close], "}")) inner--;
      else if (inner === 0 && is(atoms[close], ",")) commas.push(close);
    }
    if (commas.length > 0 || dots(atoms.slice(open + 1, close))) return { open, close, commas };
  }
  return undefined;
}

function dots(atoms: readonly Atom[]): boolean {
  return atoms.some((one, i) => is(one, ".") && is(atoms[i + 1], "."));
}

function expand(atoms: readonly Atom[], { open, close, commas }: Group): (readonly Atom[])[] {
  const before = atoms.slice(0, open);
  const rests = expandBraces(atoms.slice(close + 1));
  const borders = [open, ...commas, close];
  const inner = commas.length > 0
    ? borders.slice(1).flatMap((end, i) => expandBraces(atoms.slice(borders[i]! + 1, end)))
    : sequence(atoms.slice(open + 1, close)).map(lettersOf);
  if (inner.length * rests.length > MAX_WORDS) throw tooMuch(`more than ${MAX_WORDS} words`);
  return inner.flatMap((one) => rests.map((rest) => [...before, ...one, ...rest]));
}

function lettersOf(text: string): Atom[] {
  return Array.from(text, (char) => ({ kind: "char", text: char, quoted: true }));
}

/** `1..3`, `01..10`, `a..e`, with a step. */
function sequence(atoms: readonly Atom[]): string[] {
  const text = atoms.map(({ text }) => text).join("");
  const plain = atoms.every((one) => one.kind === "char" && !one.quoted);
  const match = /^(-?\d{1,9}|[a-z]|[A-Z])\.\.(-?\d{1,9}|[a-z]|[A-Z])(?:\.\.(-?\d{1,9}))?$/.exec(
    text,
  );
  if (!plain || match === null) throw odd(text);
  const [, first = "", last = "", by = "1"] = match;
  const letters = /^[a-z]$/.test(first) && /^[a-z]$/.test(last) ||
    /^[A-Z]$/.test(first) && /^[A-Z]$/.test(last);
  const numbers = /\d/.test(first) && /\d/.test(last);
  if (!letters && !numbers) throw odd(text);
  const from = letters ? first.charCodeAt(0) : Number(first);
  const to = letters ? last.charCodeAt(0) : Number(last);
  const step = Math.abs(Number(by)) || 1;
  const count = Math.floor(Math.abs(to - from) / step) + 1;
  if (count > MAX_WORDS) throw tooMuch(`more than ${MAX_WORDS} words`);
  const padded = [first, last].some((one) => /^-?0\d/.test(one));
  const width = padded ? Math.max(first.length, last.length) : 0;
  return Array.from({ length: count }, (_, i) => {
    const value = from + (to < from ? -step : step) * i;
    return letters ? String.fromCharCode(value) : paddedTo(value, width);
  });
}

function paddedTo(value: number, width: number): string {
  return value < 0
    ? `-${String(-value).padStart(width - 1, "0")}`
    : String(value).padStart(width, "0");
}

function textOf(atoms: readonly Atom[]): string {
  return atoms.map(({ text }) => text).join("");
}

function unmatched(atoms: readonly Atom[]): Refusal {
  return odd(textOf(atoms));
}

function odd(text: string): Refusal {
  return new Refusal(
    `What these braces stand for is not certain: ${shown(text)}`,
    "Write the words one by one, or quote the braces",
  );
}
