/**
 * The filesystem provider: `fs.read`, `fs.write`, `fs.delete`, `fs.list`, `fs.stat`, `fs.mkdir`,
 * `fs.move`.
 *
 * @module
 */
import { Provider, type ProviderLimits } from "../../src/worker/provider.ts";

/** Options of {@linkcode FilesystemProvider}. */
export interface FilesystemOptions extends ProviderLimits {
  /**
   * Absolute path of the folder of a `SnapshotStore`, from which rollbacks restore files. No action
   * may read or change what is in it. @default none: nothing can be restored
   */
  readonly snapshots?: string;
}

/**
 * Files and folders, in a Worker that may read and write only what the policy names.
 *
 * Writes are atomic: a reader sees the old content or the new, never a part. Nothing is followed out
 * of the allowed tree, also when somebody swaps symbolic links while an action runs; see
 * `docs/filesystem.md` for what that guarantee rests on.
 *
 * @example
 * ```ts
 * import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
 * import { assert } from "@std/assert";
 *
 * assert("fs.read" in new FilesystemProvider({ deadlineMs: 5_000 }).actions);
 * ```
 */
export class FilesystemProvider extends Provider {
  /**
   * A provider with the limits given.
   *
   * @throws {RangeError} A limit is not positive, or `snapshots` is not absolute.
   */
  constructor({ snapshots, ...limits }: FilesystemOptions = {}) {
    if (snapshots !== undefined && !snapshots.startsWith("/")) {
      throw new RangeError(
        `Cannot make provider "filesystem": snapshots is "${snapshots}", expected an absolute path`,
      );
    }
    const stored = snapshots === undefined
      ? {}
      : { config: { snapshots }, permissions: { read: [snapshots] }, stores: [snapshots] };
    super({
      ...limits,
      ...stored,
      name: "filesystem",
      module: new URL("./worker.ts", import.meta.url),
      actions: {
        "fs.read": {},
        "fs.write": {},
        "fs.delete": {},
        "fs.list": {},
        "fs.stat": {},
        "fs.mkdir": {},
        "fs.move": {},
      },
    });
  }
}
