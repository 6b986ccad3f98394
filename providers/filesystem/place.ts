/**
 * Making sure that a path still leads to where the policy allowed it to lead.
 *
 * Deno has no `openat`, and its permission checks are lexical: between the kernel's decision and the
 * system call somebody may swap a folder for a symbolic link. So what was opened is compared with
 * what is at the path, and what is changed is changed through names that exist only in the one
 * folder that was checked.
 *
 * @module
 */
import { dirname } from "@std/path";
import { ProviderError } from "../../src/worker/mod.ts";
import { stagingPath } from "../../src/core/isolation/worker_permissions.ts";

/** Deno tells `ctime` in whole seconds; a tick of the system's clock (at 100 Hz) comes on top. */
const CTIME_RESOLUTION_MS = 1000 + 20;
/** How often a path is looked at when its folders are changing under the eyes. */
const LOOKS = 32;

/** The path led somewhere else than it should. */
export class PlaceError extends ProviderError {
  /** The name of this class. */
  override name = "PlaceError";
  constructor(path: string) {
    super("PATH_CHANGED", `Refused: "${path}" was changed by somebody else while it was used`);
  }
}

/** A moment; what was done since then is proved by it. */
export type Moment = number;

/** Now, before something is done whose place is to be proved. */
export function now(): Moment {
  return Date.now();
}

/** Asserts that what was opened, or looked at, since then is what is at the path, reached through no link. */
export function assertInPlace(path: string, found: FileIdentity, since: Moment): void {
  if (isProved(path, found, since)) return;
  assertStable(path, () => isSame(lstat(path), found), { since });
  // Within the second that `ctime` is told in, a file can become another one that looks the same.
  if (found.ctime === null || found.ctime.getTime() > since - CTIME_RESOLUTION_MS) return;
  if (proved.size >= MAX_PROOFS) proved.clear();
  proved.set(path, { found, since });
}

/** What tells a file from another, or from itself at another time. */
export type FileIdentity = Pick<
  Deno.FileInfo,
  "dev" | "ino" | "size" | "birthtime" | "mtime" | "ctime"
>;

/** What was proved to be at a path, at some moment after the one given. */
const proved = new Map<string, { readonly found: FileIdentity; readonly since: Moment }>();
const MAX_PROOFS = 1000;
/** For how long what was proved need not be again: no longer than folders count as changed lately. */
const PROOF_MS = 1000;

/**
 * INVARIANT: what is told is what has been at the path, if not now, then a second ago. Only files are kept
 * that had been still for longer than `ctime` can tell, so that whatever is done to one later (its
 * content, its name, another file in its number) shows in its `ctime`, which nobody can set back.
 */
function isProved(path: string, found: FileIdentity, since: Moment): boolean {
  const proof = proved.get(path);
  if (proof === undefined || !(since - proof.since < PROOF_MS) || since < proof.since) return false;
  const before = proof.found;
  return isSame(before, found) && before.size === found.size && found.birthtime !== null &&
    isSameTime(before.birthtime, found.birthtime) && isSameTime(before.mtime, found.mtime) &&
    isSameTime(before.ctime, found.ctime);
}

function isSameTime(a: Date | null, b: Date | null): boolean {
  return a?.getTime() === b?.getTime();
}

/**
 * The same for a file with a unique name that was made since then, which changed its own folder. Only a
 * swap further up can have it lie elsewhere: one in its folder would replace what was made, and the
 * looks at the file tell.
 */
export function assertMadeInPlace(path: string, made: Deno.FileInfo, since: Moment): void {
  assertStable(path, () => isSame(lstat(path), made), { since, folder: dirname(dirname(path)) });
}

function isSame(a: FileIdentity | undefined, b: FileIdentity): boolean {
  return a !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** How {@linkcode assertStable} proves it. */
export interface StabilityOptions {
  /** Taken before what is to be proved was done. */
  readonly since: Moment;
  /** From where on upwards no folder may have changed. @default the folder of the path */
  readonly folder?: string;
}

/**
 * Asserts that the path leads through no link and did not since the moment given; so what was done
 * to it since then was done to what is there.
 *
 * A swap changes the time stamp of the folder in which it happens, and nobody can set that back
 * (`ctime`). If no folder on the way has changed since then, one look at the path is proof.
 *
 * Otherwise the path, and whether something else holds of what is there, are looked at many times in
 * random order. While a swapper has the path lead elsewhere the one does not hold, while it is right
 * the other does not: whatever the swapper does at a moment, it is wrong for the look that it cannot
 * foresee with a chance of one half. To deceive all 32 it has a chance of 1 in 2^32.
 */
export function assertStable(
  path: string,
  holds: () => boolean,
  { since, folder = dirname(path) }: StabilityOptions,
): void {
  const leadsHere = () => realPath(path) === path;
  // The folders last: had one been swapped before, it would show.
  if (leadsHere() && isUnchanged(folder, since)) return;
  const coins = crypto.getRandomValues(new Uint8Array(LOOKS));
  for (const coin of coins) {
    if (!((coin & 1) === 0 ? leadsHere() : holds())) throw new PlaceError(path);
  }
}

/** Asserts that the folder is a real one, reached through no link. */
export function assertRealFolder(folder: string): void {
  if (isOutOfReach(folder)) return; // Not in the agent's reach; the file in it is checked by itself.
  const real = realPath(folder);
  if (real === undefined) throw new ProviderError("NOT_FOUND", `Folder not found: ${folder}`);
  if (real !== folder) throw new PlaceError(folder);
}

/** Whether no folder on the way has changed since then, or within the tick of the clock before. */
function isUnchanged(folder: string, since: Moment): boolean {
  const limit = since - CTIME_RESOLUTION_MS;
  for (let at = folder;; at = dirname(at)) {
    if (isOutOfReach(at)) return true;
    const info = lstat(at);
    if (info === undefined) return false;
    if (info.ctime === null || info.ctime.getTime() > limit) return false;
    if (at === "/") return true;
  }
}

/** Whether the permissions leave a folder out, so that it is not in the agent's reach either. */
export function isOutOfReach(folder: string): boolean {
  return !isGranted("read", folder);
}

function canWrite(folder: string): boolean {
  return isGranted("write", folder);
}

const granted = { read: new Map<string, boolean>(), write: new Map<string, boolean>() };

/** Permissions do not change while a Worker lives, and asking is dear. */
function isGranted(name: "read" | "write", path: string): boolean {
  const answers = granted[name];
  let known = answers.get(path);
  if (known === undefined) {
    if (answers.size > 10_000) answers.clear();
    known = Deno.permissions.querySync({ name, path }).state === "granted";
    answers.set(path, known);
  }
  return known;
}

/** What is at the path itself; `undefined` if nothing is, or if it may not be looked at. */
export function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isAbsence(error) || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** Where the path really leads; `undefined` if nothing is there. */
export function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Whether the error says that there is nothing at a path. */
export function isAbsence(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return true;
  }
  return ["ENOENT", "ENOTDIR"].includes((error as { readonly code?: string } | null)?.code ?? "");
}

/**
 * A name for something that is prepared beside a file. Where the folder is permitted it is unique;
 * where only the file is, it is the one name that is permitted with it.
 *
 * @throws {ProviderError} That name is taken by what an interrupted action left behind.
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

/** A file there is a part of a write, of no use to anybody. A folder may hold the only copy of a file. */
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
      `Refused: "${path}" holds what an interrupted action left behind; move it to where it belongs`,
      { cause: error },
    );
  }
}

/**
 * Removes things with unique names that were made in the wrong place, wherever they are now: while
 * somebody swaps the way there, it leads there again sooner or later.
 *
 * @param paths What is inside of something else comes first.
 */
export function removeStray(...paths: string[]): void {
  const left = new Set(paths);
  for (let attempt = 0; attempt < 10_000 && left.size > 0; attempt++) {
    for (const path of left) {
      try {
        Deno.removeSync(path);
        left.delete(path);
      } catch {
        // Not there at the moment, or not empty yet: the next attempt tells.
      }
    }
  }
}

/** A folder that only this user can look into, with a name in it that nobody else knows. */
export interface PrivateFolder {
  /** A path in it that is free. */
  readonly slot: string;
  /** Removes the folder, which has to be empty again. */
  remove(): void;
}

/**
 * Makes a private folder beside the path, in no other place.
 *
 * Everybody sees its outer name and may put something else in its place; but the inner name exists
 * in it alone, and cannot be read by others. Whatever is swapped later, on the way or here, a path
 * through the inner name leads here or nowhere.
 */
export function makePrivateFolder(beside: string): PrivateFolder {
  const since = now();
  const outer = stagingName(beside);
  const inner = `${outer}/${crypto.randomUUID()}`;
  assertRealFolder(dirname(beside));
  Deno.mkdirSync(outer, { mode: 0o700 });
  const made = [outer];
  try {
    Deno.mkdirSync(inner, { mode: 0o700 });
    made.unshift(inner);
    assertStable(inner, () => lstat(inner)?.isDirectory === true, { since });
  } catch (error) {
    removeStray(...made);
    throw error instanceof PlaceError || isAbsence(error) ? new PlaceError(beside) : error;
  }
  return {
    slot: `${inner}/${crypto.randomUUID()}`,
    remove() {
      Deno.removeSync(inner);
      Deno.removeSync(outer);
    },
  };
}
