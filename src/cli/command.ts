/**
 * What a command of the command line is.
 *
 * @module
 */
import { parseArgs, type ParseArgsOptionDescriptor } from "node:util";
import { messageOf } from "../core/errors.ts";
import { nearest } from "../near.ts";

/** Exit codes of `agent-kernel`. */
export const EXIT = {
  /** Done, allowed, valid, verified. */
  OK: 0,
  /** The action or the check failed. */
  FAILED: 1,
  /** The policy denies it. */
  DENIED: 2,
  /** The policy is refused. */
  INVALID_POLICY: 3,
  /** Allowed if a person says yes (`explain`, `agent --pause`). */
  NEEDS_APPROVAL: 4,
  /** The command line is wrong (`EX_USAGE` of sysexits). */
  USAGE: 64,
  /** Ctrl-C (128 and the number of `SIGINT`, as shells count). */
  INTERRUPTED: 130,
} as const;

/** An option of a command, with its line of help. */
export interface CommandOption {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  /** Name of the value in the help, for example `FILE`. */
  readonly value?: string;
  readonly help: string;
}

/** The parsed values of a command's options. */
export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What a command runs with. */
export interface Invocation {
  readonly values: Values;
  readonly positionals: readonly string[];
  /** The arguments as given, to hand them on. */
  readonly args: readonly string[];
  /** Whether this is the process that runs under the policy's own permissions. */
  readonly underPolicy: boolean;
}

/** One command. */
export interface Command {
  /** What follows the name in the usage line. */
  readonly usage: string;
  /** Further lines of help. */
  readonly details?: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** @returns The exit code. */
  run(invocation: Invocation): Promise<number>;
}

/** The command line is wrong. */
export class UsageError extends Error {
  /** The name of this class. */
  override name = "UsageError";
}

/** The names of values that are paths: nothing is meant by an empty one. */
const PATHS = ["FILE", "DIR"];

/** Reads the arguments of a command. */
export function parseCommandLine(
  { options }: Command,
  args: readonly string[],
): { values: Values; positionals: string[] } {
  const descriptors = Object.fromEntries(
    Object.entries(options).map((
      [name, option],
    ): [string, ParseArgsOptionDescriptor] => [
      name,
      { type: option.type, multiple: "multiple" in option && option.multiple === true },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: descriptors,
      allowPositionals: true,
      strict: true,
    });
    for (const [name, { value }] of Object.entries(options)) {
      if (PATHS.includes(value ?? "") && [values[name]].flat().includes("")) {
        throw new UsageError(
          `--${name} is empty, expected ${value === "DIR" ? "a folder" : "a file"}`,
        );
      }
    }
    return { values: values as Values, positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const isUnknown = (error as { code?: unknown }).code === "ERR_PARSE_ARGS_UNKNOWN_OPTION";
    const unknown = isUnknown ? unknownOption(args, Object.keys(descriptors)) : undefined;
    throw new UsageError(unknown ?? messageOf(error));
  }
}

/** What to say of an option that there is not; `undefined` if all are known. */
function unknownOption(args: readonly string[], known: readonly string[]): string | undefined {
  const ended = args.indexOf("--");
  const option = (ended === -1 ? args : args.slice(0, ended)).filter((arg) => /^--?[^-]/.test(arg))
    .map((arg) => arg.replace(/=.*/s, ""))
    .find((arg) => !known.includes(arg.replace(/^--/, "")));
  if (option === undefined) return undefined;
  const wrong = option.replace(/^-+/, "");
  const near = nearest(wrong, known);
  return `there is no option ${option}${near === undefined ? "" : `, did you mean --${near}?`}`;
}

/** For commands without positional arguments: a forgotten quote is not to be overlooked. */
export function noPositionals(positionals: readonly string[]): void {
  if (positionals.length > 0) {
    throw new UsageError(
      `"${positionals.join(" ")}" belongs to no option; is it part of a text that needs quotes?`,
    );
  }
}

/** The value of an option that has to be there. */
export function required(values: Values, name: string): string {
  const value = values[name];
  if (typeof value === "string" && value !== "") return value;
  throw new UsageError(`--${name} is missing`);
}

/** The value of a string option. */
export function optional(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}
