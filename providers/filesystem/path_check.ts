/**
 * Detection of symbolic links that are swapped in (TOCTOU, CWE-367): whether a path still leads to
 * where the policy allowed it to lead.
 *
 * Deno has no `openat`, and its permission checks are lexical: between the kernel's decision and the
 * system call somebody may replace a folder by a symbolic link. So what was opened is compared with
 * what is at the path, and what is changed is changed through names that exist only in the one
 * folder that was checked.
 *
 * @module
 */
import { dirname } from "@std/path";
import { ProviderError } from "../../src/worker/mod.ts";
import { isOutOfReach, lstat, realPath } from "./file_info.ts";

/** Deno rounds `ctime` down to seconds; a tick of the system's clock (at 100 Hz) comes on top. */
const CTIME_RESOLUTION_MS = 1000 + 20;
/** How often a path is looked at when a folder above it was changed within that time. */
const LOOKS = 32;
/** How often it is looked at again, once the file has been proved to be in its folder. */
const LOOKS_AGAIN = 8;
/** For how many folders a proof is kept. */
const MAX_PROOFS = 1000;

/** The path led somewhere else than it should. */
export class PathChangedError extends ProviderError {
  /** The name of this class. */
  override name = "PathChangedError";

  /** @param path What the request named. */
  constructor(path: string) {
    super("PATH_CHANGED", `Refused: "${path}" was changed by somebody else while it was used`);
  }
}

/** A moment, in milliseconds of the system's clock; what was done since then can be proved. */
export type Moment = number;

/** The moment before something is done whose place is to be proved. */
export function now(): Moment {
  return Date.now();
}

/** What distinguishes a file from another one. */
export type FileIdentity = Pick<Deno.FileInfo, "dev" | "ino">;

/**
 * Whether a file had not been changed for longer than the resolution of `ctime`: each later change shows.
 *
 * @param at A moment before it was looked at.
 */
export function isOld({ ctime }: Pick<Deno.FileInfo, "ctime">, at: Moment): boolean {
  return ctime !== null && ctime.getTime() <= at - CTIME_RESOLUTION_MS;
}

/** How {@linkcode assertMadeInPlace} proves it. */
export interface MadeOptions {
  /** A moment before the file was made, or looked at last. */
  readonly since: Moment;
  /** Whether it has been proved before that the file was made in its folder. @default false */
  readonly again?: boolean;
}

/**
 * Asserts that a file with a unique name was made in its folder. Only a swap of a folder can have it lie
 * elsewhere, so what else happens in its own folder does not matter: as long as no folder above that
 * one has changed, the proof of the folder holds for all files that are made in it.
 *
 * @param made Gives the file that was made; it is not asked for where the folder is proved.
 * @throws {PathChangedError} It is not in that folder.
 */
export function assertMadeInPlace(
  path: string,
  made: () => Deno.FileInfo,
  { since, again = false }: MadeOptions,
): void {
  const folder = dirname(path);
  if (isProvedFolder(folder)) return;
  const found = made();
  const above = assertStable(path, () => isSame(lstat(path), found), {
    since,
    folder: dirname(folder),
    looks: again ? LOOKS_AGAIN : LOOKS,
  });
  if (above === undefined) return;
  if (provedFolders.size >= MAX_PROOFS) provedFolders.clear();
  provedFolders.set(folder, above);
}

/** Folders, and when each was changed last. */
type Changes = readonly { readonly folder: string; readonly ctime: number }[];

/** The folders above a folder that leads through no link, as they were when that was proved. */
const provedFolders = new Map<string, Changes>();

/**
 * INVARIANT: as long as the `ctime` of no folder above it is another one, the folder is the one that was
 * proved, reached through no link. Proofs are kept only with folders that had not been changed for longer
 * than the resolution of `ctime`, so that a later change shows.
 */
function isProvedFolder(folder: string): boolean {
  const above = provedFolders.get(folder);
  if (above === undefined) return false;
  // The innermost first: a folder that was swapped before it was looked at changed the one above it.
  if (above.every(({ folder, ctime }) => lstat(folder)?.ctime?.getTime() === ctime)) return true;
  provedFolders.delete(folder);
  return false;
}

/** How {@linkcode assertStable} proves it. */
export interface StabilityOptions {
  /** A moment before something was done to the path. */
  readonly since: Moment;
  /** From which folder upwards none may have changed. @default the folder of the path */
  readonly folder?: string;
  /** How often the path is looked at if one has. @default 32 */
  readonly looks?: number;
  /** Whether a symbolic link is at the path; then no other may be on the way to it. @default false */
  readonly isLink?: boolean;
}

/**
 * Asserts that the path leads through no link and did not since the moment given; so what was done to
 * the path since then was done to what is at the path now.
 *
 * A swap changes the `ctime` of the folder in which it happens, and nobody can set that back. If no
 * folder on the way has changed since then, one look at the path proves it.
 *
 * Otherwise two questions are asked many times in random order: does the path lead through no link, and
 * is what was acted on still at the path? If the action went elsewhere, a swapper has to make the way
 * right for the first question and wrong for the second. It cannot foresee which one is next, so that
 * it fails each time with a chance of one half, and passes all 32 with a chance of 1 in 2^32.
 *
 * @param holds Whether what was done was done to what is at the path now.
 * @returns The folders of which none has changed; `undefined` if one has.
 * @throws {PathChangedError} It cannot be proved.
 */
export function assertStable(
  path: string,
  holds: () => boolean,
  { since, folder = dirname(path), looks = LOOKS, isLink = false }: StabilityOptions,
): Changes | undefined {
  const way = isLink ? dirname(path) : path;
  const leadsHere = () => realPath(way) === way;
  if (leadsHere() && (!isLink || holds())) {
    // The folders after the path: had one been swapped before, it would show.
    const above = unchangedFolders(folder, since);
    if (above !== undefined) return above;
  }
  const coins = crypto.getRandomValues(new Uint8Array(looks));
  for (const coin of coins) {
    if (!((coin & 1) === 0 ? leadsHere() : holds())) throw new PathChangedError(path);
  }
  return undefined;
}

/** The folders from one upwards, if none has changed since then, or within the tick of the clock before. */
function unchangedFolders(folder: string, since: Moment): Changes | undefined {
  const limit = since - CTIME_RESOLUTION_MS;
  const folders: { folder: string; ctime: number }[] = [];
  for (let at = folder; !isOutOfReach(at); at = dirname(at)) {
    const ctime = lstat(at)?.ctime?.getTime();
    if (ctime === undefined || ctime > limit) return undefined;
    folders.push({ folder: at, ctime });
    if (at === "/") break;
  }
  return folders;
}

/**
 * Asserts that the folder is a real one, reached through no link. What is out of reach is not looked at:
 * the file in it is checked by itself.
 *
 * @throws {PathChangedError} A link leads to it, or it is one.
 * @throws {ProviderError} There is no such folder.
 */
export function assertRealFolder(folder: string): void {
  if (isOutOfReach(folder)) return;
  const real = realPath(folder);
  if (real === undefined) throw new ProviderError("NOT_FOUND", `Folder not found: ${folder}`);
  if (real !== folder) throw new PathChangedError(folder);
}

/** Whether two looks found the same file, whatever its content is. */
export function isSame(a: FileIdentity | undefined, b: FileIdentity): boolean {
  return a !== undefined && a.dev === b.dev && a.ino === b.ino;
}
