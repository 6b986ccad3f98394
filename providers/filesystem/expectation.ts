/**
 * What a reversible layer saw before an action, held against what is there when it is carried out:
 * the snapshot has to be one of the very file that is replaced.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { ProviderError, type ProviderRequest } from "../../src/worker/mod.ts";
import { lstat } from "./file_info.ts";
import { RegularFile } from "./regular_file.ts";
import { removeMisplaced } from "./staging.ts";

/** What has to be at a path. Times are in milliseconds, finer ones Deno does not tell. */
export interface Expected {
  readonly kind: "absent" | "file" | "folder" | "link" | "other";
  readonly dev?: number;
  readonly ino?: number;
  readonly size?: number;
  readonly mode?: number;
  readonly mtime?: number;
  /** Given if the file was changed so lately that its time would not tell another change. */
  readonly sha256?: string;
}

/** What the layer told beside the request. */
export interface FilePreparation {
  /** The folder of its snapshot store. */
  readonly snapshots: string;
  /** What has to be at the target, and at the path in the param `to`. */
  readonly expect: { readonly target?: Expected; readonly to?: Expected };
  /** Whether it is a rollback that may restore from the store. */
  readonly restore?: true;
}

/** Somebody changed the file after the snapshot of it was taken. */
export class TargetChangedError extends ProviderError {
  /** The name of this class. */
  override name = "TargetChangedError";
  constructor(path: string) {
    super("TARGET_CHANGED", `Refused: "${path}" was changed after its snapshot was taken`);
  }
}

/** What the request was prepared with, if it came through a layer. */
export function preparationOf(
  { preparation }: ProviderRequest,
  config: unknown,
): FilePreparation | undefined {
  if (preparation?.["expect"] === undefined) return undefined;
  const prepared = preparation as unknown as FilePreparation;
  const { snapshots } = (config ?? {}) as { readonly snapshots?: string };
  if (snapshots === prepared.snapshots) return prepared;
  // Nothing that could not be restored later is to be done now.
  throw new ProviderError(
    "SNAPSHOT_FAILED",
    `The filesystem provider was not told of the snapshot store: new FilesystemProvider({ snapshots: "${prepared.snapshots}" })`,
  );
}

/**
 * @param at Where it is now, if it was taken aside.
 * @throws {TargetChangedError} It is not what was expected.
 */
export function assertExpected(path: string, expected: Expected | undefined, at = path): void {
  if (expected !== undefined && !isAsExpected(at, expected)) throw new TargetChangedError(path);
}

function isAsExpected(path: string, expected: Expected): boolean {
  const { sha256 } = expected;
  return looksAsExpected(path, expected) && (sha256 === undefined || digestOf(path) === sha256);
}

function looksAsExpected(path: string, expected: Expected): boolean {
  const info = lstat(path);
  if (info === undefined) return expected.kind === "absent";
  const { kind, dev, ino, size, mode, mtime } = expected;
  if (kind === "other") return !info.isFile && !info.isDirectory && !info.isSymlink;
  if (info.dev !== dev || info.ino !== ino) return false;
  // Nobody can change a link: another goal is another link.
  if (kind === "link") return info.isSymlink;
  if (((info.mode ?? 0) & 0o7777) !== mode) return false;
  // The time of a folder tells of its entries; whether there are any is the system's to say.
  if (kind === "folder") return info.isDirectory;
  return kind === "file" && info.isFile && info.size === size &&
    info.mtime?.getTime() === mtime;
}

/** How much is read at once. */
const PIECE_BYTES = 256 * 1024;

function digestOf(path: string): string {
  using file = new RegularFile(path);
  const hash = createHash("sha256");
  for (let at = 0;;) {
    const bytes = file.read(at, PIECE_BYTES);
    if (bytes.length === 0) return hash.digest("hex");
    hash.update(bytes);
    at += bytes.length;
  }
}

/**
 * Gives a staged file its name, if what is there now still looks as expected. Where nothing was, that
 * is one step: a second name is only made where there is none. A file is looked at right before it
 * is replaced; between the two system calls nothing else is done.
 */
export function putInPlace(staged: string, target: string, expected: Expected | undefined): void {
  if (expected?.kind === "absent") {
    try {
      Deno.linkSync(staged, target);
      removeMisplaced(staged);
      return;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) throw new TargetChangedError(target);
      // This file system has no second names: the look has to do.
    }
  }
  if (expected !== undefined && !looksAsExpected(target, expected)) {
    throw new TargetChangedError(target);
  }
  Deno.renameSync(staged, target);
}
