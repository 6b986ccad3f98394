/**
 * Rows of text that line up on a terminal, and fit it.
 *
 * @module
 */

/** How a table is set. */
export interface TableOptions {
  /** Numbers of the columns whose cells end at the right, from 0. @default none */
  readonly right?: readonly number[];
  /** Most columns of the terminal that a row takes. @default no limit */
  readonly width?: number;
  /** Columns that are never cut, like those of times and states. @default none */
  readonly fixed?: readonly number[];
}

/** Characters that take two columns of a terminal: East Asian wide forms (Unicode UAX #11) and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO_WIDTH = /\p{M}/u;
// deno-lint-ignore no-control-regex -- the colours of this command line
const COLOUR = /\x1b\[\d+m/g;
/** Each of these characters takes one column. */
const ASCII = /^[ -~]*$/;
/** The least that a column is cut to. */
const NARROWEST = 8;

/**
 * Sets cells, already escaped, in columns that are as wide as their longest cell. If a row were wider
 * than the terminal, the widest column but the first gives way, cell by cell.
 *
 * @param rows Cells may have colours; one that has is never cut.
 * @returns A line for each row, without spaces at its end.
 */
export function columns(
  rows: readonly (readonly string[])[],
  { right = [], width = Infinity, fixed = [] }: TableOptions = {},
): string[] {
  // Each cell is measured once: that is what a table costs most.
  const measured = rows.map((row) => row.map(displayWidth));
  const widths: number[] = [];
  for (const row of measured) {
    row.forEach((taken, i) => widths[i] = Math.max(widths[i] ?? 0, taken));
  }
  narrow(widths, width, fixed);
  return rows.map((row, at) =>
    row.map((cell, i) => {
      const room = widths[i] as number;
      const taken = measured[at]?.[i] as number;
      const shown = taken <= room ? cell : cutInside(cell, room);
      const space = " ".repeat(Math.max(0, room - (shown === cell ? taken : displayWidth(shown))));
      if (right.includes(i)) return space + shown;
      return i === row.length - 1 ? shown : shown + space;
    }).join("  ").trimEnd()
  );
}

/** Takes from the widest column what is too much. */
function narrow(widths: number[], width: number, fixed: readonly number[]): void {
  const gaps = 2 * (widths.length - 1);
  const isCut = (i: number) => i > 0 && !fixed.includes(i);
  for (;;) {
    const excess = widths.reduce((sum, one) => sum + one, gaps) - width;
    const cuttable = widths.filter((_, i) => isCut(i));
    const widest = Math.max(...cuttable, 0);
    if (excess <= 0 || widest <= NARROWEST) return;
    const second = Math.max(NARROWEST, ...cuttable.filter((one) => one < widest));
    widths[widths.findLastIndex((one, i) => isCut(i) && one === widest)] = Math.max(
      second,
      widest - excess,
      NARROWEST,
    );
  }
}

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  const plain = text.includes("\x1b") ? text.replace(COLOUR, "") : text;
  if (ASCII.test(plain)) return plain.length;
  let width = 0;
  for (const char of plain) width += charWidth(char);
  return width;
}

function charWidth(char: string): number {
  // Below are Latin letters, which are neither.
  if (char < "\u0300") return 1;
  return ZERO_WIDTH.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
}

/** The beginning of a text that is too wide. */
export function cut(text: string, width: number): string {
  return displayWidth(text) <= width ? text : `${take(Array.from(text), width - 1)}…`;
}

/** The beginning and the end of a text that is too wide: they say most about a path or a URL. */
export function cutInside(text: string, width: number): string {
  if (displayWidth(text) <= width || text.search(COLOUR) !== -1) return text;
  const half = Math.floor((width - 1) / 2);
  const chars = Array.from(text);
  const end = Array.from(take(chars.toReversed(), half)).reverse().join("");
  return `${take(chars, width - 1 - displayWidth(end))}…${end}`;
}

function take(chars: readonly string[], width: number): string {
  let taken = "";
  let used = 0;
  for (const char of chars) {
    used += charWidth(char);
    if (used > width) break;
    taken += char;
  }
  return taken;
}
