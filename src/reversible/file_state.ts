/**
 * What is at a path, so exactly that it can be brought back and that a change shows.
 *
 * @module
 */
import { dirname } from "@std/path";
import { digestOf } from "./blobs.ts";
import type { SnapshotSaver } from "./strategy.ts";

/** Times are in whole milliseconds: finer ones Deno neither tells nor sets. */
export type FileState =
  | { readonly kind: "absent" | "other" }
  | { readonly kind: "folder"; readonly dev: number; readonly ino: number } & Appearance
  | {
    readonly kind: "file";
    readonly dev: number;
    readonly ino: number;
    readonly size: number;
    readonly sha256: string;
  } & Appearance;

/** What is restored beside the content. */
export interface Appearance {
  /** The lower twelve bits. */
  readonly mode: number;
  readonly mtime: number;
}

/** A file that was changed within this time could be changed again without that its time tells. */
const CLOCK_RESOLUTION_MS = 2_000;

/**
 * Looks at what is at a path.
 *
 * @param save Gets the content of a file. @default it is only digested
 * @throws {Error} It changed while it was read, or cannot be read.
 */
export async function look(path: string, save?: SnapshotSaver["save"]): Promise<FileState> {
  const info = lstat(path);
  if (info === undefined) return { kind: "absent" };
  if (info.isDirectory) return { kind: "folder", ...identityOf(info), ...appearanceOf(info) };
  if (!info.isFile) return { kind: "other" };
  // Not in the way of other submits: if somebody puts a named pipe there now, this waits for it.
  using file = await Deno.open(path);
  const before = file.statSync();
  if (!before.isFile || Deno.realPathSync(path) !== path) throw changed(path);
  const sha256 = await (save ?? digestOf)(file);
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

function changed(path: string): Error {
  return new Error(`"${path}" was changed by somebody else while it was read`);
}

function identityOf({ dev, ino }: Deno.FileInfo): { dev: number; ino: number } {
  return { dev, ino: ino ?? 0 };
}

function appearanceOf({ mode, mtime }: Deno.FileInfo): Appearance {
  return { mode: (mode ?? 0) & 0o7777, mtime: mtime?.getTime() ?? 0 };
}

/** Whether one is what the other was, to the last byte. The time of a folder tells of its entries. */
export function isSame(a: FileState, b: FileState): boolean {
  if (a.kind === "folder" && b.kind === "folder") return a.mode === b.mode;
  if (a.kind !== "file" || b.kind !== "file") return a.kind === b.kind;
  return a.sha256 === b.sha256 && a.mode === b.mode && a.mtime === b.mtime;
}

/** What the provider is to find there. A file that is young is to be read again. */
export function expectation(state: FileState): Record<string, unknown> {
  if (state.kind !== "file") return { ...state };
  const { sha256, ...rest } = state;
  return Date.now() - state.mtime > CLOCK_RESOLUTION_MS ? rest : { ...rest, sha256 };
}

/** The folders above a path that are not there, the innermost first. */
export function missingParents(path: string): string[] {
  const missing: string[] = [];
  for (let at = dirname(path); isMissing(at); at = dirname(at)) missing.push(at);
  return missing;
}

function isMissing(path: string): boolean {
  try {
    return lstat(path) === undefined;
  } catch (error) {
    // Above what the policy names: a provider makes no folder there either.
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
