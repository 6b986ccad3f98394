/**
 * Loading the module of a command when it is used.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { load } from "./load_module.ts";

/** Loads the module of a command, and nothing of the others. */
export async function loadCommand(name: string): Promise<Command> {
  const { module } = COMMANDS[name] as { readonly module: string };
  // Deno loads what a literal import() names with this module, also if it is never called.
  const { COMMAND } = await load<{ readonly COMMAND: Command }>(module, name);
  return COMMAND;
}
