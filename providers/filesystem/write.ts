/**
 * `fs.write`.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { dirname } from "@std/path";
import { type ProviderContext, ProviderError, type ProviderRequest } from "../../src/worker/mod.ts";
import { decodeBase64 } from "./base64.ts";
import { assertExpected, type Expected, preparationOf, putInPlace } from "./expectation.ts";
import { notAFile } from "./failures.ts";
import { isAbsence, isOutOfReach, lstat } from "./file_info.ts";
import { makeParents } from "./folders.ts";
import { encodingOf } from "./params.ts";
import { assertMadeInPlace, assertRealFolder, now, PathChangedError } from "./path_check.ts";
import { makePrivateFolder, removeMisplaced, stagingName } from "./staging.ts";

/** What a file is replaced by. */
interface Replacement {
  readonly bytes: Uint8Array;
  /** The mode of the file that is replaced. @default what the system gives to a new file */
  readonly mode: number | undefined;
  /** What a reversible layer saw there. */
  readonly expected: Expected | undefined;
}

/** `fs.write {content, encoding?}` → `{bytes_written}`. Atomic; makes parent folders. */
export function write(
  request: ProviderRequest,
  { config }: ProviderContext,
): { bytes_written: number } {
  const { target, params } = request;
  const expected = preparationOf(request, config)?.expect.target;
  const { content } = params;
  if (typeof content !== "string") {
    throw new ProviderError("INVALID_PARAMS", 'The param "content" has to be a text');
  }
  const bytes = encodingOf(params) === "base64"
    ? decodeBase64(content)
    : new TextEncoder().encode(content);
  // For most new files the answer is no, and an error that says so takes ten times as long.
  const before = existsSync(target) ? lstat(target) : undefined;
  if (before !== undefined && !before.isFile) throw notAFile(target, before);
  if (before === undefined) makeParents(target);
  const mode = before?.mode === null || before?.mode === undefined
    ? undefined
    : before.mode & 0o777;
  const replacement = { bytes, mode, expected };
  try {
    if (!replace(target, replacement)) replaceWithMode(target, replacement);
  } catch (error) {
    if (error instanceof PathChangedError) throw new PathChangedError(target);
    throw isAbsence(error) ? missingFolder(target) : error;
  }
  return { bytes_written: bytes.length };
}

/**
 * Fills a new file with a unique name in the folder of the target, and gives it the name of the target.
 *
 * The unique name exists in the checked folder only: if the way there is swapped now, the rename fails.
 * Not so if it is swapped within the rename, after the system has found the one name and before it has
 * found the other. So whether somebody is swapping is looked at last of all.
 *
 * @returns `false` if it would not have the mode that it should have, because of the umask: nothing was
 * done.
 */
function replace(target: string, { bytes, mode, expected }: Replacement): boolean {
  const since = now();
  assertRealFolder(dirname(target));
  const staged = stagingName(target);
  using file = Deno.openSync(staged, { write: true, createNew: true, mode: mode ?? 0o666 });
  // Only where it is needed: Deno resolves the path of the open file again for it.
  let info: Deno.FileInfo | undefined;
  const made = () => info ??= file.statSync();
  try {
    assertMadeInPlace(staged, made, { since });
    if (mode !== undefined && ((made().mode ?? 0) & 0o777) !== mode) {
      removeMisplaced(staged);
      return false;
    }
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    assertExpected(target, expected);
    assertMadeInPlace(staged, made, { since: now(), again: true });
    putInPlace(staged, target, expected);
    return true;
  } catch (error) {
    removeMisplaced(staged);
    throw error;
  }
}

/** The same where the mode has to be set by name, which follows links: in a private folder. */
function replaceWithMode(target: string, { bytes, mode, expected }: Replacement): void {
  const folder = makePrivateFolder(target);
  try {
    Deno.writeFileSync(folder.slot, bytes, { createNew: true });
    Deno.chmodSync(folder.slot, mode as number);
    assertExpected(target, expected);
    putInPlace(folder.slot, target, expected);
  } finally {
    if (lstat(folder.slot) !== undefined) Deno.removeSync(folder.slot);
    folder.remove();
  }
}

/** The file could not be made or renamed, because its folder is not there any more, or never was. */
function missingFolder(path: string): ProviderError {
  const folder = dirname(path);
  return isOutOfReach(folder)
    ? new ProviderError("NOT_FOUND", `Folder not found: ${folder}`)
    : new PathChangedError(path);
}
