/**
 * The filesystem provider: `fs.read`, `fs.write`, `fs.delete`, `fs.list`, `fs.stat`, `fs.mkdir`,
 * `fs.move`.
 *
 * @module
 */
import { Provider, type ProviderLimits } from "../../src/worker/provider.ts";
import { execute } from "./execute.ts";

/** Options of {@linkcode FilesystemProvider}. */
export interface FilesystemOptions extends ProviderLimits {
  /**
   * Absolute path of the folder of a `SnapshotStore`, from which rollbacks restore files. No action
   * may read or change what is in it. @default none: nothing can be restored
   */
  readonly snapshots?: string;
  /**
   * Where it runs. `"worker"`: in a Worker that may read and write only what the policy names.
   * `"none"`: in this process, which is faster. Decisions and the checks of links are the same, but there
   * is no second line of defence: a fault in the provider has all permissions of the process, and a call
   * holds up everything else in the process until it has ended. @default "worker"
   */
  readonly isolation?: "worker" | "none";
}

/**
 * Files and folders; by default in a Worker that may read and write only what the policy names.
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
   * @param options All of them may be left out.
   * @throws {RangeError} A limit is not positive, `snapshots` is not absolute, or `isolation` is neither
   * `"worker"` nor `"none"`.
   */
  constructor(options: FilesystemOptions = {}) {
    const { snapshots, isolation = "worker", ...limits } = options;
    if (isolation !== "worker" && isolation !== "none") {
      throw new RangeError(
        `Cannot make provider "filesystem": isolation is "${isolation}", expected "worker" or "none"`,
      );
    }
    if (snapshots !== undefined && !snapshots.startsWith("/")) {
      throw new RangeError(
        `Cannot make provider "filesystem": snapshots is "${snapshots}", expected an absolute path`,
      );
    }
    const stored = snapshots === undefined ? {} : {
      config: { snapshots },
      // A link is restored as a second name of the one in the store, which takes `write` for both.
      permissions: { read: [snapshots], write: [`${snapshots}/links`] },
      stores: [snapshots],
    };
    const place = isolation === "none"
      ? { isolation, execute }
      : { module: new URL("./worker.ts", import.meta.url) };
    super({
      ...limits,
      ...stored,
      ...place,
      name: "filesystem",
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
