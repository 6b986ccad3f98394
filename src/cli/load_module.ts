/**
 * Modules that are loaded only when they are needed.
 *
 * @module
 */

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
  return import(new URL(module, import.meta.url).href);
}
