/**
 * Running one command, and saying what went wrong.
 *
 * @module
 */
import { messageOf, systemFailure } from "../core/errors.ts";
import { type Command, EXIT, parseCommandLine, UsageError } from "./command.ts";
import { complain, escape } from "./terminal.ts";

/** What a command is run with. */
export interface RunOptions {
  /** What follows the name of the command. */
  readonly args: readonly string[];
  /** Whether this is the process that runs under the policy's own permissions. */
  readonly underPolicy: boolean;
}

/**
 * Runs a command, and says on standard error what went wrong.
 *
 * @returns The exit code.
 */
export async function runCommand(
  name: string,
  command: Command,
  { args, underPolicy }: RunOptions,
): Promise<number> {
  try {
    const { values, positionals } = parseCommandLine(command, args);
    return await command.run({ values, positionals, args: [name, ...args], underPolicy });
  } catch (error) {
    return reportFailure(error, name, command);
  }
}

/** By the stable `code` of an error, so that their classes need not be loaded. */
function reportFailure(error: unknown, name: string, { usage }: Command): number {
  const shown = describe(error).split("\n").map(escape).join("\n");
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (error instanceof UsageError) {
    complain(`agent-kernel ${name}: ${shown}`);
    complain(`usage: agent-kernel ${name} ${usage}`);
    return EXIT.USAGE;
  }
  if (code === "POLICY_INVALID") {
    complain(`Policy invalid: ${shown}`);
    return EXIT.INVALID_POLICY;
  }
  const hint = error instanceof Deno.errors.NotCapable
    ? " (start agent-kernel with --allow-read --allow-env --allow-run=deno)"
    : "";
  complain(`agent-kernel ${name}: ${shown}${hint}`);
  return EXIT.FAILED;
}

/**
 * Says which file a command could not use, where the error of the system does not: reading a folder as a file
 * fails without its name.
 *
 * @param path As given.
 */
export async function aboutFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const failure = systemFailure(error);
    const isKnown = failure === undefined || failure.code === "NO_PERMISSION";
    if (isKnown || pathIn(error) !== undefined) throw error;
    throw new Error(`Cannot use "${path}": ${failure.reason}`, { cause: error });
  }
}

/** The file that the message of a system error names. */
function pathIn(error: unknown): string | undefined {
  return error instanceof Error ? /^[^']*: \w+ '(.+)'$/s.exec(error.message)?.[1] : undefined;
}

/** A system error in words, with the file that it is about. */
function describe(error: unknown): string {
  const path = pathIn(error);
  const failure = systemFailure(error);
  if (failure !== undefined && path !== undefined && failure.code !== "NO_PERMISSION") {
    return `Cannot use "${path}": ${failure.reason}`;
  }
  // Advice about flags of Deno is none for this command, which gives them itself.
  return messageOf(error)
    .replace(
      /Requires all access to ("[^"]*"), run again with the --allow-all flag/g,
      "$1 is among the system's own files, which Deno gives to nobody with limited permissions",
    )
    .replace(/, run again with the --allow-[a-z]+(?:=\S+)? flag/g, "");
}
