/**
 * Names and folders in which changes are prepared before they take effect.
 *
 * @module
 */
import { dirname } from "@std/path";
import { ProviderError } from "../../src/worker/mod.ts";
import { stagingPath } from "../../src/core/isolation/worker_permissions.ts";
import { canWrite, isAbsence, lstat } from "./file_info.ts";
import { assertRealFolder, assertStable, now, PathChangedError } from "./path_check.ts";

/** How often the removal of a misplaced file is tried while somebody swaps the way to it. */
const MAX_ATTEMPTS = 10_000;

/**
 * A name for something that is prepared in the folder of the path. Where the folder is permitted, the
 * name is unique; where only the file is, it is the one name that is permitted with it.
 *
 * @throws {ProviderError} That name is taken by what an interrupted action left.
 */
export function stagingName(path: string): string {
  const folder = dirname(path);
  if (canWrite(folder)) {
    return `${folder === "/" ? "" : folder}/.agent-kernel-${crypto.randomUUID()}`;
  }
  const fixed = stagingPath(path);
  clearLeftover(fixed);
  return fixed;
}

/** A file there is part of a write and of no use. A folder may hold the only copy of a file. */
function clearLeftover(path: string): void {
  const info = lstat(path);
  if (info === undefined) return;
  if (!info.isDirectory) return Deno.removeSync(path);
  try {
    for (const { name } of Deno.readDirSync(path)) Deno.removeSync(`${path}/${name}`);
    Deno.removeSync(path);
  } catch (error) {
    throw new ProviderError(
      "STAGING_OCCUPIED",
      `Refused: "${path}" holds what an interrupted action left; move it to where it belongs`,
      { cause: error },
    );
  }
}

/**
 * Removes files and folders with unique names that were made in the wrong folder: while somebody swaps
 * the way there, it leads there again sooner or later.
 *
 * @param paths What is inside of something else comes first.
 */
export function removeMisplaced(...paths: string[]): void {
  const remaining = new Set(paths);
  for (let attempt = 0; attempt < MAX_ATTEMPTS && remaining.size > 0; attempt++) {
    for (const path of remaining) {
      try {
        Deno.removeSync(path);
        remaining.delete(path);
      } catch {
        // Not there at the moment, or not empty yet: the next attempt shows.
      }
    }
  }
}

/** A folder that only this user can look into, with a name in it that nobody else knows. */
export interface PrivateFolder {
  /** A path in it where nothing is. */
  readonly slot: string;
  /** Removes the folder, which has to be empty again. */
  remove(): void;
}

/**
 * Makes a private folder in the folder of the path, and nowhere else.
 *
 * Everybody sees its outer name and may put something else in its place; but the inner name exists
 * in it alone, and cannot be read by others. Whatever is swapped later, on the way or here, a path
 * through the inner name leads here or nowhere.
 *
 * @param path What is to be changed.
 * @throws {PathChangedError} It came to be somewhere else.
 */
export function makePrivateFolder(path: string): PrivateFolder {
  const since = now();
  const outer = stagingName(path);
  const inner = `${outer}/${crypto.randomUUID()}`;
  assertRealFolder(dirname(path));
  Deno.mkdirSync(outer, { mode: 0o700 });
  const made = [outer];
  try {
    Deno.mkdirSync(inner, { mode: 0o700 });
    made.unshift(inner);
    assertStable(inner, () => lstat(inner)?.isDirectory === true, { since });
  } catch (error) {
    removeMisplaced(...made);
    throw isAbsence(error) || error instanceof PathChangedError
      ? new PathChangedError(path)
      : error;
  }
  return {
    slot: `${inner}/${crypto.randomUUID()}`,
    remove() {
      Deno.removeSync(inner);
      Deno.removeSync(outer);
    },
  };
}
