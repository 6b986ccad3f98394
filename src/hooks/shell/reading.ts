/**
 * What a reading gathers while it goes through a line, and what it hands down.
 *
 * @module
 */
import { Refusal } from "./refusal.ts";
import type { State } from "./state.ts";

/**
 * One thing that a command line does: a program that is started, with its words, or a file that the shell
 * opens. `cwd` is absolute, as the shell names it; `path` stands there as it was written. The system takes
 * `..` of a path from where the links of `cwd` lead, so those are to be followed first.
 */
export type ShellStep =
  | { readonly kind: "exec"; readonly words: readonly [string, ...string[]]; readonly cwd: string }
  | { readonly kind: "read" | "write"; readonly path: string; readonly cwd: string };

/** States in which a loop is left or begun anew, apart from its end. */
export interface LoopExits {
  left?: State | undefined;
  again?: State | undefined;
}

/** What a command inherits from what it stands in. */
export interface Flow {
  /** Its standard input comes from the line: a pipe or a redirection. */
  readonly fed: boolean;
  /** It is read by `sh`, which may know less than Bash. */
  readonly posix: boolean;
  /** How deep in `sh -c` it is. */
  readonly depth: number;
  /** Of the loop it is in, if a `break` would leave that one. */
  readonly loop?: LoopExits | undefined;
}

const MAX_STEPS = 1000;
const MAX_COMMANDS = 5000;
const MAX_DEPTH = 5;
/** Characters of all steps. */
const MAX_SIZE = 1024 * 1024;

/** The steps of a line, each once, within bounds. */
export class Steps {
  /** In the order in which they were met. */
  readonly list: ShellStep[] = [];
  readonly #met = new Set<string>();
  readonly #whole: Steps;
  #commands = 0;
  #size = 0;

  /** @param whole Whose commands are counted, if these are steps apart. */
  constructor(whole?: Steps) {
    this.#whole = whole === undefined ? this : whole.#whole;
  }

  /** Adds a step in each folder that the command may run in. */
  exec(words: readonly [string, ...string[]], { places }: State): void {
    for (const { path } of places) this.#add({ kind: "exec", words, cwd: path });
  }

  /** Adds what a redirection opens. */
  file(kind: "read" | "write", path: string, { places }: State): void {
    for (const place of places) this.#add({ kind, path, cwd: place.path });
  }

  /** Counts what is read, repetitions by loops included. */
  count(): void {
    if (++this.#whole.#commands > MAX_COMMANDS) throw tooMuch(`more than ${MAX_COMMANDS} commands`);
  }

  #add(step: ShellStep): void {
    const key = JSON.stringify(step);
    if (this.#met.has(key)) return;
    this.#met.add(key);
    if (this.#met.size > MAX_STEPS) throw tooMuch(`more than ${MAX_STEPS} steps`);
    this.#size += key.length;
    if (this.#size > MAX_SIZE) throw tooMuch("steps that are too long");
    this.list.push(step);
  }
}

/** The flow of a shell in a shell. @throws {Refusal} It is too deep. */
export function deeper({ fed, depth }: Flow, posix: boolean): Flow {
  if (depth >= MAX_DEPTH) throw tooMuch(`shells in shells, more than ${MAX_DEPTH} deep`);
  return { fed, posix, depth: depth + 1 };
}

/** The refusal of what is beyond a bound. */
export function tooMuch(what: string): Refusal {
  return new Refusal(`The line is too much to read: ${what}`, "Write it as several shorter calls");
}
