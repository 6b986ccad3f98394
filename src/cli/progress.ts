/**
 * A line that shows a person how far a long command is.
 *
 * @module
 */
import { systemFailure } from "../core/errors.ts";

/** Nothing is shown before this, in milliseconds. */
const PATIENCE_MS = 1000;
const EVERY_MS = 200;
/** The clock is looked at once for this many steps. */
const STRIDE = 256;

/** Where a progress line goes, and what time it is; replaced by tests. */
export interface ProgressOptions {
  /** @default standard error, if it is a terminal */
  readonly write?: (text: string) => void;
  /** In milliseconds. @default the platform's clock */
  readonly now?: () => number;
}

/**
 * Counts what a command has read. After a second it shows the count on a terminal, in one line that is
 * written over and in the end removed. Without a terminal it does nothing.
 */
export class Progress implements Disposable {
  readonly #what: string;
  readonly #write: ((text: string) => void) | undefined;
  readonly #now: () => number;
  readonly #start: number;
  #count = 0;
  #next: number;
  #shown = false;

  /** @param what What is counted, for example `records`. */
  constructor(what: string, options: ProgressOptions = {}) {
    this.#what = what;
    this.#write = options.write ?? (Deno.stderr.isTerminal() ? writeToTerminal : undefined);
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
    this.#next = this.#start + PATIENCE_MS;
  }

  /** One more. */
  step(): void {
    this.#count++;
    if (this.#write === undefined || this.#count % STRIDE !== 0) return;
    const now = this.#now();
    if (now < this.#next) return;
    this.#next = now + EVERY_MS;
    this.#shown = true;
    const seconds = Math.floor((now - this.#start) / 1000);
    this.#write(`\r… ${this.#count.toLocaleString("en")} ${this.#what}, ${seconds} s\x1b[K`);
  }

  /** Removes the line, before something else is printed. */
  [Symbol.dispose](): void {
    if (this.#shown) this.#write?.("\r\x1b[K");
    this.#shown = false;
  }
}

function writeToTerminal(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch (error) {
    // A terminal that is gone needs no progress.
    if (systemFailure(error) === undefined) throw error;
  }
}
