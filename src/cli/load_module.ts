/**
 * Modules that are loaded only when they are needed.
 *
 * @module
 */

import { messageOf } from "../core/errors.ts";

/**
 * Loads a module of the command line. Deno reads and compiles what a literal `import()` names with the
 * module that has it, also if it is never called; that costs most of a command's start.
 *
 * @param module Relative to this folder.
 * @example
 * ```ts ignore
 * const { Kernel } = await loadModule<typeof import("../open.ts")>("../open.ts");
 * ```
 */
export function loadModule<T>(module: string): Promise<T> {
  return load<T>(module, module.replace(/^.*\/|\.ts$/g, ""));
}

/**
 * The same, and what to do if it cannot be loaded.
 *
 * @param name What it is called in the error.
 */
export async function load<T>(module: string, name: string): Promise<T> {
  try {
    return await import(new URL(module, import.meta.url).href);
  } catch (error) {
    // The other lines say where it was imported.
    const [reason] = messageOf(error).split("\n");
    throw new Error(
      `Cannot load "${name}": ${reason}; packages are kept in DENO_DIR, or below HOME: one has to be a folder that this user may write to`,
      { cause: error },
    );
  }
}
