/**
 * Output that is safe to look at.
 *
 * @module
 */
import type { Values } from "./command.ts";

export { escape, escapedJson } from "../visible_text.ts";

/** Whether a person reads the output. */
export function isTerminal(): boolean {
  return Deno.stdout.isTerminal();
}

/** Whether the output is to be JSON: asked for, or read by a program. */
export function wantsJson(values: Values): boolean {
  return values["json"] === true || !isTerminal();
}

/** Writes a line to standard output. */
export function print(line: string): void {
  write(Deno.stdout, `${line}\n`);
}

/** Writes a piece of text, which may end within a line, to standard output. */
export function printText(text: string): void {
  write(Deno.stdout, text);
}

/** Writes a line to standard error. */
export function complain(line: string): void {
  write(Deno.stderr, `${line}\n`);
}

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
  } catch (error) {
    // Whoever read it has had enough, like `head`.
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    throw error;
  }
}

const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

/** Coloured text, on a terminal that wants it. */
export function colour(text: string, name: keyof typeof COLOURS): string {
  return Deno.noColor || !isTerminal() ? text : `\x1b[${COLOURS[name]}m${text}\x1b[0m`;
}

/** Colours of record and result statuses. */
export function statusColour(status: string): string {
  if (status === "OK") return colour(status, "green");
  return colour(status, status === "DENIED" ? "red" : "yellow");
}

/** Columns of already escaped cells, as wide as their longest; the last one is free. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell));
    }
  }
  return rows.map((row) =>
    row.map((cell, i) =>
      i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - visibleLength(cell))
    ).join("  ").trimEnd()
  );
}

function visibleLength(cell: string): number {
  // deno-lint-ignore no-control-regex -- the colours above
  return Array.from(cell.replace(/\x1b\[\d+m/g, "")).length;
}
