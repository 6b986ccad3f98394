/**
 * What the filesystem provider does, an action a function.
 *
 * @module
 */
import { dirname } from "@std/path";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { decodeText } from "./content.ts";
import { assertExpected, type Expected, preparationOf, putInPlace } from "./expectation.ts";
import { type ProviderContext, ProviderError, type ProviderRequest } from "../../src/worker/mod.ts";
import {
  assertInPlace,
  assertMadeInPlace,
  assertRealFolder,
  assertStable,
  isAbsence,
  isOutOfReach,
  lstat,
  makePrivateFolder,
  now,
  PlaceError,
  type PrivateFolder,
  removeStray,
  stagingName,
} from "./place.ts";
import { RegularFile } from "./regular_file.ts";

/** Most entries in the answer of `fs.list`. */
const MAX_ENTRIES = 10_000;

/**
 * `fs.read {encoding?, offset?, length?, max_bytes?}` → the content, as text (UTF-8) or base64.
 * What is longer than `max_bytes` (default and most: what a result may hold) is cut.
 */
export function read({ target, params }: ProviderRequest, context: ProviderContext): string {
  const encoding = encodingOf(params);
  const offset = count(params, "offset") ?? 0;
  const ceiling = encoding === "base64"
    ? Math.floor(context.maxOutputBytes / 4) * 3
    : context.maxOutputBytes;
  const bound = Math.min(count(params, "max_bytes") ?? ceiling, ceiling);
  const wanted = count(params, "length") ?? Infinity;

  const since = now();
  using file = openRegular(target);
  const { info } = file;
  assertInPlace(target, info, since);
  const available = Math.max(info.size - offset, 0);
  const length = Math.min(available, wanted, bound);
  if (length < Math.min(available, wanted)) context.markTruncated();
  const bytes = file.read(offset, length);
  if (encoding === "base64") return encodeBase64(bytes);
  return decodeText(bytes, target, length < available || offset > 0);
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
  const before = lstat(target);
  if (before !== undefined && !before.isFile) throw notAFile(target, before);
  if (before === undefined) makeParents(target);
  const mode = before?.mode === null || before?.mode === undefined
    ? undefined
    : before.mode & 0o777;
  try {
    const staged = stage(target, bytes, mode);
    if (staged === undefined) writeWithMode(target, bytes, mode as number, expected);
    else replaceBy(staged, target, expected);
  } catch (error) {
    throw isAbsence(error) ? missingFolder(target) : error;
  }
  return { bytes_written: bytes.length };
}

/**
 * The staged name exists in the checked folder only: if the way there is swapped now, this fails. Not
 * so if it is swapped within the rename, after the system has found the one name and before it has
 * found the other. So whether somebody is swapping is looked at last of all.
 */
function replaceBy(
  { path, info }: StagedFile,
  target: string,
  expected: Expected | undefined,
): void {
  try {
    assertExpected(target, expected);
    assertMadeInPlace(path, info, now());
    putInPlace(path, target, expected);
  } catch (error) {
    removeStray(path);
    throw error;
  }
}

/** `fs.delete` → `{deleted: true}`. A file, or an empty folder. */
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

/** `fs.list` → the entries of a folder, sorted by name: `{name, type}`. */
export function list({ target }: ProviderRequest, context: ProviderContext): unknown {
  const since = now();
  const info = existing(target);
  if (!info.isDirectory) throw new ProviderError("NOT_A_FOLDER", `Not a folder: ${target}`);
  const entries = entriesOf(target);
  // A folder cannot be listed by an open handle: what was listed has to be what is there.
  const listed = JSON.stringify(entries);
  assertStable(target, () => JSON.stringify(entriesOf(target)) === listed, { since });
  if (entries.length > MAX_ENTRIES) context.markTruncated();
  return entries.slice(0, MAX_ENTRIES);
}

function entriesOf(folder: string): { name: string; type: string }[] {
  return Array.from(
    Deno.readDirSync(folder),
    (entry) => ({ name: entry.name, type: typeOf(entry) }),
  )
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

function typeOf(entry: { isFile: boolean; isDirectory: boolean; isSymlink: boolean }): string {
  return entry.isFile
    ? "file"
    : entry.isDirectory
    ? "directory"
    : entry.isSymlink
    ? "symlink"
    : "other";
}

/** `fs.stat` → type, size in bytes, mode, times. */
export function stat({ target }: ProviderRequest): unknown {
  const since = now();
  const info = existing(target);
  assertInPlace(target, info, since);
  return {
    type: typeOf(info),
    size: info.size,
    mode: info.mode === null ? null : (info.mode & 0o7777).toString(8).padStart(4, "0"),
    modified: info.mtime?.toISOString() ?? null,
    created: info.birthtime?.toISOString() ?? null,
  };
}

/** `fs.mkdir` → `{created}`: whether it had to be made. Makes parent folders. */
export function makeFolder({ target }: ProviderRequest): { created: boolean } {
  const info = lstat(target);
  if (info?.isDirectory) return { created: false };
  if (info !== undefined) throw new ProviderError("EXISTS", `There is a file already: ${target}`);
  makeParents(`${target}/.`);
  return { created: true };
}

/** `fs.move {to, overwrite?}` → `{moved: true}`. A file, within one file system. */
export function move(request: ProviderRequest, { config }: ProviderContext): { moved: true } {
  const { target, params } = request;
  const expect = preparationOf(request, config)?.expect;
  const to = params["to"] as string;
  const info = existing(target);
  if (!info.isFile) throw notAFile(target, info);
  if (to === target) throw new ProviderError("SAME_FILE", `The file is there already: ${to}`);
  const there = lstat(to);
  if (there !== undefined && params["overwrite"] !== true) {
    throw new ProviderError(
      "EXISTS",
      `There is a file already: ${to} (overwrite: true replaces it)`,
    );
  }
  if (there !== undefined && !there.isFile) throw notAFile(to, there);
  makeParents(to);
  const arrival = makePrivateFolder(to);
  try {
    const { aside, folder } = takeAside(target, info);
    try {
      // Each step names something that exists in one folder only; a swapped way leads nowhere.
      Deno.renameSync(aside, arrival.slot);
      assertExpected(target, expect?.target, arrival.slot);
      assertExpected(to, expect?.to);
      assertMadeInPlace(arrival.slot, info, now());
      putInPlace(arrival.slot, to, expect?.to);
    } catch (error) {
      for (const path of [arrival.slot, aside]) {
        if (lstat(path) !== undefined) Deno.renameSync(path, target);
      }
      throw isAbsence(error) ? new PlaceError(to) : error;
    } finally {
      folder.remove();
    }
  } finally {
    arrival.remove();
  }
  return { moved: true };
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
    if (taken?.ino === expected.ino && taken.dev === expected.dev) return { aside, folder };
    Deno.renameSync(aside, path);
  } catch (error) {
    folder.remove();
    throw isAbsence(error) ? new PlaceError(path) : error;
  }
  folder.remove();
  throw new PlaceError(path);
}

function existing(path: string): Deno.FileInfo {
  const info = lstat(path);
  if (info === undefined) throw notFound(path);
  return info;
}

/** The staged file could not be made or moved, because its folder is not there any more, or never was. */
function missingFolder(path: string): ProviderError {
  const folder = dirname(path);
  return isOutOfReach(folder)
    ? new ProviderError("NOT_FOUND", `Folder not found: ${folder}`)
    : new PlaceError(path);
}

function notFound(path: string): ProviderError {
  return new ProviderError("NOT_FOUND", `File not found: ${path}`);
}

function notAFile(path: string, info: Deno.FileInfo): ProviderError {
  const what = info.isDirectory
    ? "a folder"
    : info.isSymlink
    ? "a symbolic link"
    : "a device, pipe or socket";
  return new ProviderError("NOT_A_FILE", `Not a file but ${what}: ${path}`);
}

function openRegular(path: string): RegularFile {
  // Looked at before it is opened: who waits at the other end of a named pipe would notice.
  const info = existing(path);
  if (info.isSymlink) throw new PlaceError(path);
  if (!info.isFile) throw notAFile(path, info);
  try {
    const file = new RegularFile(path);
    if (file.info.isFile()) return file;
    file[Symbol.dispose]();
  } catch (error) {
    throw isAbsence(error) ? notFound(path) : error;
  }
  throw new PlaceError(path);
}

/** A file that was prepared beside the one that it is to replace. */
interface StagedFile {
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/**
 * Writes a new file with a unique name beside the target, and makes sure that it is there.
 *
 * @returns `undefined` if it would not have the mode that it should have: the system takes
 * away what the umask forbids.
 */
function stage(
  target: string,
  bytes: Uint8Array,
  mode: number | undefined,
): StagedFile | undefined {
  const since = now();
  assertRealFolder(dirname(target));
  const staged = stagingName(target);
  using file = Deno.openSync(staged, { write: true, createNew: true, mode: mode ?? 0o666 });
  try {
    const info = file.statSync();
    assertMadeInPlace(staged, info, since);
    if (mode !== undefined && ((info.mode ?? 0) & 0o777) !== mode) {
      removeStray(staged);
      return undefined;
    }
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    return { path: staged, info };
  } catch (error) {
    removeStray(staged);
    throw error;
  }
}

/** The same where the mode has to be set by name, which follows links: out of everybody's reach. */
function writeWithMode(
  target: string,
  bytes: Uint8Array,
  mode: number,
  expected: Expected | undefined,
): void {
  const folder = makePrivateFolder(target);
  try {
    Deno.writeFileSync(folder.slot, bytes, { createNew: true });
    Deno.chmodSync(folder.slot, mode);
    assertExpected(target, expected);
    putInPlace(folder.slot, target, expected);
  } finally {
    if (lstat(folder.slot) !== undefined) Deno.removeSync(folder.slot);
    folder.remove();
  }
}

/** Makes the folders above the path, one by one, each in its place or not at all. */
export function makeParents(path: string): void {
  const missing: string[] = [];
  let at = dirname(path);
  while (!isOutOfReach(at) && lstat(at) === undefined) {
    missing.unshift(at);
    at = dirname(at);
  }
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
      throw isAbsence(error) ? new PlaceError(folder) : error;
    } finally {
      made.remove();
    }
  }
}

function encodingOf(params: Readonly<Record<string, unknown>>): "utf-8" | "base64" {
  const { encoding } = params;
  if (encoding === "utf-8" || encoding === "base64") return encoding;
  throw new ProviderError("INVALID_PARAMS", 'The param "encoding" has to be "utf-8" or "base64"');
}

function count(params: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = params[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ProviderError("INVALID_PARAMS", `The param "${name}" has to be a whole number from 0`);
}
