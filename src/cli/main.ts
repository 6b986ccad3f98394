/**
 * The command line: `agent-kernel`.
 *
 * It starts with `--allow-read --allow-env --allow-run=deno`; a command that acts runs itself again
 * with the permissions of the policy in hand.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { nearest } from "../near.ts";
import { type Command, EXIT } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { help, overview } from "./help.ts";
import { loadCommand } from "./load_command.ts";
import { runCommand } from "./run_command.ts";
import { complain, escape, print } from "./terminal.ts";

const HELP = ["help", "--help", "-h"];

/**
 * Runs one command line.
 *
 * @param args The arguments as the operating system hands them over.
 * @returns The exit code: 0 done, 1 failed, 2 denied, 3 invalid policy, 64 wrong usage, 130
 * interrupted.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    complain(`agent-kernel: ${escape(messageOf(error))}`);
    return EXIT.FAILED;
  }
}

async function run([first, ...rest]: readonly string[]): Promise<number> {
  const name = first === "--version" ? "version" : first ?? "help";
  if (Object.hasOwn(COMMANDS, name)) {
    const command = await loadCommand(name);
    if (!asksForHelp(rest)) {
      return await runCommand(name, command, { args: rest, underPolicy: false });
    }
    return showHelp(name, command);
  }
  if (!HELP.includes(name)) {
    const near = nearest(name, [...Object.keys(COMMANDS), "help"]);
    const meant = near === undefined ? "" : `, did you mean "${near}"?`;
    complain(
      `agent-kernel: there is no command "${escape(name)}"${meant}; "agent-kernel help" lists them`,
    );
    return EXIT.USAGE;
  }
  const [asked] = rest;
  if (asked !== undefined && Object.hasOwn(COMMANDS, asked)) {
    return showHelp(asked, await loadCommand(asked));
  }
  for (const line of overview(COMMANDS)) print(line);
  return first === undefined ? EXIT.USAGE : EXIT.OK;
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end === -1 ? args : args.slice(0, end)).includes("--help");
}

function showHelp(name: string, command: Command): number {
  const { summary = "" } = COMMANDS[name] ?? {};
  for (const line of help(name, { summary, ...command })) print(line);
  return EXIT.OK;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
