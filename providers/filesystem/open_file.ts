/**
 * Opening a file for reading where the policy allowed it to be.
 *
 * @module
 */
import type { ProviderContext } from "../../src/worker/mod.ts";
import { notAFile, notFound } from "./failures.ts";
import { isAbsence, lstat } from "./file_info.ts";
import { assertStable, isOld, isSame, now, PathChangedError } from "./path_check.ts";
import { RegularFile } from "./regular_file.ts";

/** A file that is open, and was at its path. */
export interface OpenedFile extends Disposable {
  readonly file: RegularFile;
  /** In bytes, as of now. */
  readonly size: number;
}

/** What is asked of the context of a call. */
export type Closing = Pick<ProviderContext, "onClose">;

/** Files that were opened in their place and stay open, with what was at their path. */
const kept = new Map<string, { readonly file: RegularFile; readonly found: Deno.FileInfo }>();
/** How many files stay open. */
const MAX_KEPT = 32;
/** How long at most, in milliseconds. */
const KEEP_MS = 1000;
/** Closes them. */
let timer: ReturnType<typeof setTimeout> | undefined;

/**
 * Opens what is at the path. A file that has not been changed lately stays open for up to a second: to
 * read it again takes one look at its path.
 *
 * INVARIANT: what is opened has been at the path within the last second. A file stays open only if it had
 * not been changed for longer than the resolution of `ctime`: whatever is done to it later (new content,
 * another name, another file in its place) changes its `ctime`, which nobody can set back, or its number,
 * which no other file gets while it is open.
 *
 * @param path Absolute, without links.
 * @param context Tells when nothing may stay open any more.
 * @throws {PathChangedError} It came to be somewhere else.
 * @throws {ProviderError} There is no file.
 */
export function openInPlace(path: string, { onClose }: Closing): OpenedFile {
  const since = now();
  // Before it is opened: a process that waits at the other end of a named pipe would notice.
  const found = existing(path);
  if (found.isSymlink) throw new PathChangedError(path);
  if (!found.isFile) throw notAFile(path, found);
  const before = kept.get(path);
  if (before !== undefined && isUnchanged(before.found, found)) {
    return { file: before.file, size: found.size, [Symbol.dispose]() {} };
  }
  using opened = new DisposableStack();
  const file = opened.use(open(path));
  const isThere = () => file.info.isFile() && isSame(lstat(path), file.info);
  const isStable = assertStable(path, isThere, { since }) !== undefined;
  // Nothing has changed since it was looked at: that is what was opened.
  const { size } = isStable ? found : file.info;
  opened.move();
  if (!isStable || !isOld(found, since)) {
    return { file, size, [Symbol.dispose]: () => file[Symbol.dispose]() };
  }
  keep(path, { file, found });
  onClose(closeAll);
  return { file, size, [Symbol.dispose]() {} };
}

/** What is at the path. @throws {ProviderError} Nothing is. */
export function existing(path: string): Deno.FileInfo {
  const info = lstat(path);
  if (info === undefined) throw notFound(path);
  return info;
}

function open(path: string): RegularFile {
  try {
    return new RegularFile(path);
  } catch (error) {
    if (isAbsence(error)) throw notFound(path);
    // A link that was put there since (`O_NOFOLLOW`).
    if ((error as { readonly code?: unknown } | null)?.code !== "ELOOP") throw error;
    throw new PathChangedError(path);
  }
}

function isUnchanged(before: Deno.FileInfo, after: Deno.FileInfo): boolean {
  return isSame(before, after) && after.ctime !== null &&
    before.ctime?.getTime() === after.ctime.getTime();
}

function keep(path: string, one: { file: RegularFile; found: Deno.FileInfo }): void {
  if (kept.size >= MAX_KEPT || kept.has(path)) closeAll();
  if (timer === undefined) {
    timer = setTimeout(closeAll, KEEP_MS);
    // Holds no process up.
    Deno.unrefTimer(timer);
  }
  kept.set(path, one);
}

function closeAll(): void {
  clearTimeout(timer);
  timer = undefined;
  for (const { file } of kept.values()) file[Symbol.dispose]();
  kept.clear();
}
