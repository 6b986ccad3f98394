/**
 * Loading the module of a command when it is used.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";

/** Loads the module of a command, and nothing of the others. */
export async function loadCommand(name: string): Promise<Command> {
  const { module } = COMMANDS[name] as { readonly module: string };
  try {
    // Deno loads what a literal import() names with this module, also if it is never called.
    const { COMMAND } = await import(new URL(module, import.meta.url).href);
    return COMMAND;
  } catch (error) {
    // The other lines say where it was imported.
    const [reason] = messageOf(error).split("\n");
    throw new Error(
      `Cannot load "${name}": ${reason}; packages are kept in DENO_DIR, or below HOME: one has to be a folder that this user may write to`,
      { cause: error },
    );
  }
}
