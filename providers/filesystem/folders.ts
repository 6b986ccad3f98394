/**
 * `fs.mkdir`, and the folders that other actions make on the way.
 *
 * @module
 */
import { dirname } from "@std/path";
import { ProviderError, type ProviderRequest } from "../../src/worker/mod.ts";
import { notAFolder } from "./failures.ts";
import { isAbsence, isOutOfReach, lstat } from "./file_info.ts";
import { assertRealFolder, PathChangedError } from "./path_check.ts";
import { makePrivateFolder } from "./staging.ts";

/** `fs.mkdir` → `{created}`: whether it had to be made. Makes parent folders. */
export function makeFolder({ target }: ProviderRequest): { created: boolean } {
  const info = lstat(target);
  if (info?.isDirectory) return { created: false };
  if (info !== undefined) throw new ProviderError("EXISTS", `There is a file already: ${target}`);
  makeParents(`${target}/.`);
  return { created: true };
}

/**
 * Makes the missing folders above the path, one by one, each in its place or not at all.
 *
 * @throws {ProviderError} There is a file where a folder is needed, or the way was swapped.
 */
export function makeParents(path: string): void {
  const missing: string[] = [];
  let at = dirname(path);
  let info;
  while (!isOutOfReach(at) && (info = lstat(at)) === undefined) {
    missing.unshift(at);
    at = dirname(at);
  }
  if (info !== undefined && !info.isDirectory && !info.isSymlink) throw notAFolder(at);
  for (const folder of missing) {
    if (isOutOfReach(dirname(folder))) {
      Deno.mkdirSync(folder);
      assertRealFolder(folder);
      continue;
    }
    const made = makePrivateFolder(folder);
    try {
      Deno.mkdirSync(made.slot);
      Deno.renameSync(made.slot, folder);
    } catch (error) {
      if (lstat(made.slot) !== undefined) Deno.removeSync(made.slot);
      throw isAbsence(error) ? new PathChangedError(folder) : error;
    } finally {
      made.remove();
    }
  }
}
