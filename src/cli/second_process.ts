/**
 * The second process: the one that acts, with the permissions of the policy.
 *
 * @module
 */
import { type Command, EXIT } from "./command.ts";
import { runCommand } from "./run_command.ts";

/**
 * Runs a command as the main module of the second process, and ends the process.
 *
 * @param name The command.
 * @param options Whether the command reads standard input itself, and ends with it. @default no
 */
export async function actAs(
  name: string,
  command: Command,
  { readsInput = false }: { readonly readsInput?: boolean } = {},
): Promise<never> {
  if (!readsInput) endWithFirst();
  Deno.exit(await runCommand(name, command, { args: Deno.args, underPolicy: true }));
}

/**
 * Ends this process when the first one is gone, also after a `SIGKILL`. Standard input is a pipe that
 * the first process holds open and does not write to; the end of the file is the end of that process.
 * The operating system then frees the lock of the log, and what was under way becomes `INTERRUPTED`
 * when the log is next opened.
 */
async function endWithFirst(): Promise<void> {
  try {
    while (await Deno.stdin.read(new Uint8Array(64)) !== null);
  } catch {
    // A pipe that cannot be read has no process at its other end.
  }
  Deno.exit(EXIT.INTERRUPTED);
}
