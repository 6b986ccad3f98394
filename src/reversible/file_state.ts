/**
 * The state of a path: enough to restore it, and to detect a change.
 *
 * @module
 */
import { dirname } from "@std/path";
import { digestOf } from "./blobs.ts";
import type { SnapshotSaver } from "./strategy.ts";

/** What is at a path. `link` is a symbolic link itself, `other` a device, pipe or socket. */
export type FileState =
  | { readonly kind: "absent" | "other" }
  | { readonly kind: "folder" } & FileIdentity & Appearance
  | { readonly kind: "file"; readonly size: number; readonly sha256: string }
    & FileIdentity
    & Appearance
  | {
    readonly kind: "link";
    /** Where it leads, as it is written in the link. */
    readonly goal: string;
    /** Its name in the store; missing if it was not saved. */
    readonly saved?: string;
  } & FileIdentity;

/** What tells a file from every other that exists at the same time. */
interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** Mode and time, which are restored with a file or folder. */
export interface Appearance {
  /** The lower twelve bits. */
  readonly mode: number;
  /** In whole milliseconds: finer times Deno neither reads nor sets. */
  readonly mtime: number;
}

/** Within this time a file can be changed a second time and keep the same modification time. */
const CLOCK_RESOLUTION_MS = 2_000;

/**
 * Reads what is at a path.
 *
 * @param saver Where the content of a file, or a link, is saved. @default it is not saved
 * @throws {Error} It changed while it was read, or cannot be read.
 */
export async function stateOf(
  path: string,
  saver?: Pick<SnapshotSaver, "save" | "saveLink">,
): Promise<FileState> {
  const info = lstat(path);
  if (info === undefined) return { kind: "absent" };
  if (info.isDirectory) return { kind: "folder", ...identityOf(info), ...appearanceOf(info) };
  if (info.isSymlink) return await linkState(path, info, saver);
  if (!info.isFile) return { kind: "other" };
  // Asynchronous: if somebody puts a named pipe there now, other submits do not wait for it.
  using file = await Deno.open(path);
  const before = file.statSync();
  if (!before.isFile || Deno.realPathSync(path) !== path) throw changed(path);
  const sha256 = await (saver?.save ?? digestOf)(file);
  const after = file.statSync();
  const state: FileState = {
    kind: "file",
    ...identityOf(before),
    size: before.size,
    sha256,
    ...appearanceOf(before),
  };
  const same = after.size === state.size && after.mtime?.getTime() === state.mtime &&
    lstat(path)?.ino === state.ino;
  if (!same) throw changed(path);
  return state;
}

async function linkState(
  path: string,
  info: Deno.FileInfo,
  saver?: Pick<SnapshotSaver, "saveLink">,
): Promise<FileState> {
  const goal = Deno.readLinkSync(path);
  const saved = await saver?.saveLink(path);
  if (lstat(path)?.ino !== info.ino) throw changed(path);
  return { kind: "link", ...identityOf(info), goal, ...(saved === undefined ? {} : { saved }) };
}

function changed(path: string): Error {
  return new Error(`"${path}" was changed by somebody else while it was read`);
}

function identityOf({ dev, ino }: Deno.FileInfo): FileIdentity {
  return { dev, ino: ino ?? 0 };
}

function appearanceOf({ mode, mtime }: Deno.FileInfo): Appearance {
  return { mode: (mode ?? 0) & 0o7777, mtime: mtime?.getTime() ?? 0 };
}

/**
 * Whether two states are the same to the last byte. Of a folder the time does not count: it changes with
 * the entries.
 */
export function isSame(a: FileState, b: FileState): boolean {
  if (a.kind === "folder" && b.kind === "folder") return a.mode === b.mode;
  if (a.kind === "link" && b.kind === "link") return a.goal === b.goal;
  if (a.kind !== "file" || b.kind !== "file") return a.kind === b.kind;
  return a.sha256 === b.sha256 && a.mode === b.mode && a.mtime === b.mtime;
}

/** What the provider is to find at the path. A file that was changed lately is to be read again. */
export function expectation(state: FileState): Record<string, unknown> {
  if (state.kind === "link") return { kind: state.kind, dev: state.dev, ino: state.ino };
  if (state.kind !== "file") return { ...state };
  const { sha256, ...rest } = state;
  return Date.now() - state.mtime > CLOCK_RESOLUTION_MS ? rest : { ...rest, sha256 };
}

/** The folders above a path that do not exist, the innermost first. */
export function missingParents(path: string): string[] {
  const missing: string[] = [];
  for (let at = dirname(path); isMissing(at); at = dirname(at)) missing.push(at);
  return missing;
}

function isMissing(path: string): boolean {
  try {
    return lstat(path) === undefined;
  } catch (error) {
    // Above what the policy names, where a provider makes no folder either.
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}

/** What is at the path itself; `undefined` if nothing is. */
export function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}
