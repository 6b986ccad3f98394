/**
 * `fs.delete` and `fs.move`. Like `unlink` and `rename` they act on a symbolic link itself, and never on
 * what it leads to.
 *
 * @module
 */
import { dirname } from "@std/path";
import { type ProviderContext, ProviderError, type ProviderRequest } from "../../src/worker/mod.ts";
import { assertExpected, preparationOf, putInPlace } from "./expectation.ts";
import { notAFile } from "./failures.ts";
import { isAbsence, lstat, realPath } from "./file_info.ts";
import { makeParents } from "./folders.ts";
import { assertStable, isSame, now, PathChangedError } from "./path_check.ts";
import { existing } from "./open_file.ts";
import { makePrivateFolder, type PrivateFolder } from "./staging.ts";

/** `fs.delete` → `{deleted: true}`. A file, a symbolic link, or an empty folder. */
export function remove(request: ProviderRequest, { config }: ProviderContext): { deleted: true } {
  const { target } = request;
  const expected = preparationOf(request, config)?.expect.target;
  const info = existing(target);
  if (info.isDirectory && !Deno.readDirSync(target)[Symbol.iterator]().next().done) {
    throw new ProviderError("NOT_EMPTY", `Folder not empty: ${target}`);
  }
  const { aside, folder } = takeAside(target, info);
  try {
    assertExpected(target, expected, aside);
    Deno.removeSync(aside);
  } catch (error) {
    Deno.renameSync(aside, target);
    throw error;
  } finally {
    folder.remove();
  }
  return { deleted: true };
}

/** `fs.move {to, overwrite?}` → `{moved: true}`. A file or a symbolic link, within one file system. */
export function move(request: ProviderRequest, { config }: ProviderContext): { moved: true } {
  const { target, params } = request;
  const expect = preparationOf(request, config)?.expect;
  const to = params["to"] as string;
  const info = existing(target);
  if (!canBeMoved(info)) throw notAFile(target, info);
  // As `mv` does: a file and a link to it are the same, and one of them would be lost.
  if (to === target || leadsTo(to, target) || leadsTo(target, to)) {
    throw new ProviderError("SAME_FILE", `The file is there already: ${to}`);
  }
  const replaced = lstat(to);
  if (replaced !== undefined && params["overwrite"] !== true) {
    throw new ProviderError(
      "EXISTS",
      `There is a file already: ${to} (overwrite: true replaces it)`,
    );
  }
  if (replaced !== undefined && !canBeMoved(replaced)) throw notAFile(to, replaced);
  makeParents(to);
  const arrival = makePrivateFolder(to);
  try {
    const { aside, folder } = takeAside(target, info);
    try {
      // Each step names something that exists in one folder only; a swapped way leads nowhere.
      Deno.renameSync(aside, arrival.slot);
      assertExpected(target, expect?.target, arrival.slot);
      assertExpected(to, expect?.to);
      assertStable(arrival.slot, () => isSame(lstat(arrival.slot), info), {
        since: now(),
        folder: dirname(dirname(arrival.slot)),
        isLink: info.isSymlink,
      });
      putInPlace(arrival.slot, to, expect?.to);
    } catch (error) {
      for (const path of [arrival.slot, aside]) {
        if (lstat(path) !== undefined) Deno.renameSync(path, target);
      }
      throw isAbsence(error) || error instanceof PathChangedError
        ? new PathChangedError(to)
        : error;
    } finally {
      folder.remove();
    }
  } finally {
    arrival.remove();
  }
  return { moved: true };
}

function leadsTo(link: string, path: string): boolean {
  return lstat(link)?.isSymlink === true && realPathOrNone(link) === path;
}

/** The real path of a link; `undefined` also if it leads in a circle. */
function realPathOrNone(link: string): string | undefined {
  try {
    return realPath(link);
  } catch {
    return undefined; // Safe: it leads to no file that could be lost.
  }
}

function canBeMoved({ isFile, isSymlink }: Deno.FileInfo): boolean {
  return isFile || isSymlink;
}

/**
 * Takes a file out of its folder under its name, to where nobody else can reach it, and makes sure
 * that it is the one that was looked at.
 */
function takeAside(
  path: string,
  expected: Deno.FileInfo,
): { aside: string; folder: PrivateFolder } {
  const folder = makePrivateFolder(path);
  const aside = folder.slot;
  try {
    Deno.renameSync(path, aside);
    const taken = lstat(aside);
    if (isSame(taken, expected)) return { aside, folder };
    Deno.renameSync(aside, path);
  } catch (error) {
    folder.remove();
    throw isAbsence(error) ? new PathChangedError(path) : error;
  }
  folder.remove();
  throw new PathChangedError(path);
}
