/**
 * Output that is safe to look at.
 *
 * @module
 */
import { systemFailure } from "../core/errors.ts";
import type { Values } from "./command.ts";

export { escape, escapedJson } from "../visible_text.ts";

/** Most characters that a {@linkcode LineBuffer} holds back. */
const BUFFERED = 64 * 1024;

/** Whether a person reads the output. */
export function isTerminal(): boolean {
  return Deno.stdout.isTerminal();
}

/** Whether the output is to be JSON: asked for, or read by a program. */
export function wantsJson(values: Values): boolean {
  return values["json"] === true || !isTerminal();
}

/** Columns of the terminal that shows standard output. @default 80 */
export function terminalWidth(): number {
  try {
    // Some terminals say 0.
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80; // It is no terminal.
  }
}

/** Lines of the terminal on which a person reads and types; `undefined` if there is none. */
export function terminalHeight(): number | undefined {
  if (!isTerminal() || !Deno.stdin.isTerminal()) return undefined;
  return Deno.consoleSize().rows || undefined;
}

/** Writes a line to standard output. */
export function print(line: string): void {
  printText(`${line}\n`);
}

/**
 * Writes a piece of text, which may end within a line, to standard output.
 *
 * @throws {Error} It cannot be written, for example because a disk is full.
 */
export function printText(text: string): void {
  try {
    write(Deno.stdout, text);
  } catch (error) {
    // What reads it has ended, like `head`.
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    const reason = systemFailure(error)?.reason ?? (error as Error).message;
    throw new Error(`Cannot write to standard output: ${reason}`, { cause: error });
  }
}

/** Writes a line to standard error, if there is one. */
export function complain(line: string): void {
  try {
    write(Deno.stderr, `${line}\n`);
  } catch {
    // There is no other place to say it; the exit code stays right.
  }
}

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
}

/** Many lines for standard output, written in few pieces. */
export class LineBuffer {
  readonly #write: (text: string) => void;
  #text = "";

  /** @param write Takes the pieces. @default to standard output */
  constructor(write: (text: string) => void = printText) {
    this.#write = write;
  }

  /** Adds a line. */
  print(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length > BUFFERED) this.flush();
  }

  /** Writes what is held back. */
  flush(): void {
    if (this.#text !== "") this.#write(this.#text);
    this.#text = "";
  }
}

const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

/** Found out once: it is asked for every cell of a table. */
const COLOURED = !Deno.noColor && isTerminal();

/** Coloured text, on a terminal that wants it. */
export function colour(text: string, name: keyof typeof COLOURS): string {
  return !COLOURED ? text : `\x1b[${COLOURS[name]}m${text}\x1b[0m`;
}

/** Colours of record and result statuses. */
export function statusColour(status: string): string {
  if (["OK", "PERMITTED", "DONE"].includes(status)) return colour(status, "green");
  return colour(status, status === "DENIED" ? "red" : "yellow");
}
