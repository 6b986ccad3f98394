/**
 * The state of a path when its snapshot was taken, compared with the state when the action is carried
 * out: the snapshot has to be of the very file that is replaced.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { ProviderError, type ProviderRequest } from "../../src/worker/mod.ts";
import { lstat } from "./file_info.ts";
import { RegularFile } from "./regular_file.ts";
import { removeMisplaced } from "./staging.ts";

/** What has to be at a path. Times are in milliseconds: Deno reads no finer ones. */
export interface Expected {
  readonly kind: "absent" | "file" | "folder" | "link" | "other";
  readonly dev?: number;
  readonly ino?: number;
  readonly size?: number;
  readonly mode?: number;
  readonly mtime?: number;
  /** Given if the file was changed so recently that another change could leave its time as it is. */
  readonly sha256?: string;
}

/** The preparation of a request by the layer. */
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

/**
 * The preparation of a request, if it came through a layer.
 *
 * @throws {ProviderError} This provider was made without the layer's store.
 */
export function preparationOf(
  { preparation }: ProviderRequest,
  config: unknown,
): FilePreparation | undefined {
  if (preparation?.["expect"] === undefined) return undefined;
  const prepared = preparation as unknown as FilePreparation;
  const { snapshots } = (config ?? {}) as { readonly snapshots?: string };
  if (snapshots === prepared.snapshots) return prepared;
  // INVARIANT: nothing is done that could not be restored later.
  throw new ProviderError(
    "SNAPSHOT_FAILED",
    `The filesystem provider does not know the snapshot store, expected new FilesystemProvider({ snapshots: "${prepared.snapshots}" })`,
  );
}

/**

 * Asserts that the target of the action is what its snapshot is of.
 *
 * @param at Where it is now, if it was moved aside. @default the path
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
  // The time of a folder changes with its entries; that it is empty is checked by the system.
  if (kind === "folder") return info.isDirectory;
  return kind === "file" && info.isFile && info.size === size &&
    info.mtime?.getTime() === mtime;
}

/** How many bytes are read at once. */
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
 * Gives a staged file its name, if what is at the target still looks as expected. Where nothing was,
 * that is one system call: `link` fails if there is something. A file is looked at right before it is
 * replaced; nothing else is done between the two system calls.
 *
 * @throws {TargetChangedError} Something else is there.
 */
export function putInPlace(staged: string, target: string, expected: Expected | undefined): void {
  if (expected?.kind === "absent") {
    try {
      Deno.linkSync(staged, target);
      removeMisplaced(staged);
      return;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) throw new TargetChangedError(target);
      // Safe: this file system has no hard links, and the look below decides.
    }
  }
  if (expected !== undefined && !looksAsExpected(target, expected)) {
    throw new TargetChangedError(target);
  }
  Deno.renameSync(staged, target);
}
