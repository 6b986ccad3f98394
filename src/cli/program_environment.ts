/**
 * The variables that programs get: `--program-env` and `--program-env-file`.
 *
 * @module
 */
import { resolve } from "@std/path";
import { optional, UsageError, type Values } from "./command.ts";

/** The variables, and the file that holds some of them. */
export interface ProgramEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** Absolute. @default none */
  readonly file?: string;
}

/** They decide what code a program is, before it begins. */
const LINKER = /^(LD|DYLD)_/;

/**
 * Reads the variables. A line of the file is empty, a comment (`#`), or `NAME=VALUE`, taken literally:
 * there are no quotes. What the command line gives comes after what the file gives.
 *
 * @throws {UsageError} One is not of that form, or the dynamic linker's; the file cannot be read.
 */
export function programEnvironment(values: Values): ProgramEnvironment {
  const named = optional(values, "program-env-file");
  const file = named === undefined ? undefined : resolve(named);
  const given = values["program-env"];
  const entries = [
    ...(file === undefined ? [] : linesOf(file).map((line) => entryOf(line, file))),
    ...(Array.isArray(given) ? given as string[] : [])
      .map((text) => entryOf(text, "--program-env")),
  ];
  const env = Object.fromEntries(entries);
  return file === undefined ? { env } : { env, file };
}

function linesOf(file: string): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    throw new UsageError(`--program-env-file: ${(error as Error).message}`);
  }
  return text.split(/\r?\n/).filter((line) => !/^\s*(#|$)/.test(line));
}

/** The value is in no message: it may be a secret. */
function entryOf(text: string, where: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`${where}: what has no "=" is not of the form NAME=VALUE`);
  const name = text.slice(0, at);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new UsageError(`${where}: "${name}" is no name of a variable`);
  }
  if (LINKER.test(name)) {
    throw new UsageError(`${where}: "${name}" is refused: it puts code into every program`);
  }
  return [name, text.slice(at + 1)];
}
