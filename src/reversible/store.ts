/**
 * The snapshot store: contents by digest, and an index of the actions that they belong to.
 *
 * @module
 */
import { isAbsolute } from "@std/path";
import { systemFailure } from "../core/errors.ts";
import { isSameFile, release } from "../core/record/lock.ts";
import { ActionIndex, type IndexEvent } from "./action_index.ts";
import { allEnded, Blobs } from "./blobs.ts";
import { lstat } from "./file_state.ts";
import { isLinkName, Links } from "./links.ts";
import { SnapshotError, SnapshotStoreBusyError } from "./snapshot_error.ts";
import type { SavedAction } from "./strategy.ts";

/** Options of {@linkcode SnapshotStore.open}. */
export interface SnapshotStoreOptions {
  /**
   * Absolute path of a folder for this store alone, reached through no symbolic link; it is made if it does
   * not exist. The same as `snapshots` of the filesystem provider.
   */
  readonly folder: string;
  /** How long an action can be undone, in milliseconds. @default 86400000, a day */
  readonly ttlMs?: number;
  /** The most that all contents may take together, in bytes. @default 1073741824, 1 GiB */
  readonly maxBytes?: number;
  /** The most actions that are kept. @default 10000 */
  readonly maxCount?: number;
  /** Wall clock, from which ages follow. @default the system's */
  readonly clock?: () => Date;
}

/** What {@linkcode SnapshotStore.gc} removed, and what is left. */
export interface Collected {
  /** Actions that can no longer be undone because they have expired. */
  readonly expired: number;
  /** Contents that belonged to no action. */
  readonly contents: number;
  /** Bytes of the contents that are left. */
  readonly bytes: number;
}

const DAY_MS = 86_400_000;
const GIB = 1024 ** 3;
/** Sorts after every time stamp. */
const NEVER = "~";

/**
 * Snapshots in a folder that only its owner may read: contents by their SHA-256, each once, and an index
 * of the actions that they belong to. Both are on the disk before the action runs, and stay good if the
 * process is killed at any moment.
 *
 * A folder is locked as long as its store is open.
 */
export class SnapshotStore implements Disposable {
  /** The real path of its folder. */
  readonly folder: string;
  /** How many lines of the index could not be read when it was opened. */
  readonly damaged: number;
  readonly #ttlMs: number;
  readonly #maxBytes: number;
  readonly #maxCount: number;
  readonly #clock: () => Date;
  readonly #lock: Deno.FsFile;
  readonly #blobs: Blobs;
  readonly #links: Links;
  readonly #index: ActionIndex;
  /** How many users each content has: actions, and captures under way. */
  readonly #uses = new Map<string, number>();
  /** Actions that are being carried out or rolled back. */
  readonly #held = new Set<string>();
  /** When the first action expires; before that there is no need to look. */
  #nextExpiry = NEVER;
  #closed = false;

  private constructor(options: SnapshotStoreOptions, lock: Deno.FsFile) {
    this.folder = options.folder;
    this.#lock = lock;
    this.#ttlMs = positive(options.ttlMs ?? DAY_MS, "ttlMs");
    this.#maxBytes = positive(options.maxBytes ?? GIB, "maxBytes");
    this.#maxCount = positive(options.maxCount ?? 10_000, "maxCount");
    this.#clock = options.clock ?? (() => new Date());
    this.#index = new ActionIndex(`${this.folder}/index`);
    this.damaged = this.#index.damaged;
    for (const { blobs, expires } of this.#index.actions) {
      for (const sha256 of blobs) this.#use(sha256, 1);
      this.#nextExpiry = least(this.#nextExpiry, expires);
    }
    this.#blobs = new Blobs(`${this.folder}/blobs`);
    this.#links = new Links(`${this.folder}/links`);
    this.gc();
    // After a loss of power, or if somebody cleaned up in the folder.
    const present = new Set([...this.#blobs.names, ...this.#links.names]);
    for (const { recordId, blobs } of this.list()) {
      if (blobs.some((name) => !present.has(name))) this.change(recordId, { state: "lost" });
    }
  }

  /**
   * Opens a store, and makes its folder if it does not exist. What a killed process left unfinished is
   * removed.
   *
   * @param options The folder and the limits.
   * @throws {SnapshotStoreBusyError} Another process, or another store of this one, has it open.
   * @throws {SnapshotError} The folder, or a file in it, is a link or something else.
   * @throws {RangeError} A limit is not positive.
   */
  static open(options: SnapshotStoreOptions): SnapshotStore {
    const { folder } = options;
    if (!isAbsolute(folder)) {
      throw new RangeError(`Cannot open the snapshot store "${folder}": expected an absolute path`);
    }
    for (const path of [folder, `${folder}/blobs`, `${folder}/links`]) makePrivate(path);
    const real = Deno.realPathSync(folder);
    if (real !== folder) {
      throw new SnapshotError(
        `Cannot open the snapshot store "${folder}": a symbolic link leads to "${real}", give that path`,
      );
    }
    const path = `${folder}/lock`;
    refuseLink(path);
    const lock = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    try {
      if (!lock.tryLockSync(true) || !isSameFile(lock.statSync(), Deno.lstatSync(path))) {
        throw new SnapshotStoreBusyError(folder);
      }
      return new SnapshotStore(options, lock);
    } catch (error) {
      release(lock);
      throw error;
    }
  }

  /**
   * Reads the actions of a store without opening it; also while another process has it open.
   *
   * @param folder The folder of the store.
   * @returns The oldest first; `undefined` if there is no store.
   */
  static list(folder: string): SavedAction[] | undefined {
    if (lstat(`${folder}/index`) === undefined) return undefined;
    const now = new Date().toISOString();
    return ActionIndex.read(`${folder}/index`).filter(({ expires }) => expires > now);
  }

  /** The actions that have not expired, the oldest first. */
  list(): SavedAction[] {
    return this.#index.actions.filter((one) => !this.#isExpired(one));
  }

  /** An action by the id of its record; `undefined` if there is none, or if it has expired. */
  get(recordId: string): SavedAction | undefined {
    const saved = this.#index.get(recordId);
    return saved === undefined || this.#isExpired(saved) ? undefined : saved;
  }

  /** Bytes of all contents. */
  get bytes(): number {
    return this.#blobs.bytes;
  }

  /**
   * Saves a content while an action is captured.
   *
   * @param content Bytes, or a file that is read from its position to its end.
   * @param evicted Gets the ids of actions whose snapshots were removed to make room.
   * @returns Its SHA-256, and when it is on the disk.
   * @throws {SnapshotError} It does not fit, whatever is removed.
   */
  async save(
    content: Uint8Array | Deno.FsFile,
    evicted: Set<string>,
  ): Promise<{ readonly name: string; readonly onDisk: Promise<unknown> }> {
    const held: string[] = [];
    try {
      return await this.#blobs.add(content, (sha256, bytes) => {
        // Before the rest, so that it is not itself removed to make room.
        this.#use(sha256, 1);
        held.push(sha256);
        this.#makeRoom(bytes, 0, evicted);
      });
    } catch (error) {
      this.release(held);
      throw error;
    }
  }

  /**
   * Saves a symbolic link while an action is captured.
   *
   * @param path Where the link is.
   * @returns The name by which a rollback restores it, and when it is on the disk.
   * @throws {SnapshotError} The link is on another file system than the store.
   */
  saveLink(path: string): { readonly name: string; readonly onDisk: Promise<unknown> } {
    try {
      const link = this.#links.add(path);
      this.#use(link.name, 1);
      return link;
    } catch (error) {
      if (systemFailure(error)?.code !== "OTHER_FILE_SYSTEM") throw error;
      throw new SnapshotError(
        `the symbolic link "${path}" is on another file system than the snapshot store "${this.folder}"`,
        { cause: error },
      );
    }
  }

  /** Gives up contents of a capture that failed. */
  release(blobs: Iterable<string>): void {
    for (const name of blobs) this.#use(name, -1);
  }

  /**
   * Reads a content and verifies its digest.
   *
   * @throws {Error} It is missing, or is not what was saved.
   */
  read(sha256: string): Promise<Uint8Array> {
    return this.#blobs.read(sha256);
  }

  /**
   * Adds an action to the index, as pending and held. It owns the contents that were saved for it from now
   * on; if this fails, they are given up.
   *
   * @param action What is known before it is carried out.
   * @param evicted Gets the ids of actions whose snapshots were removed to make room.
   * @param contents What has to be on the disk too. @default []
   * @returns When all of it is on the disk: at the same time, as each wait is about as long.
   */
  async add(
    action: Omit<SavedAction, "at" | "expires" | "state">,
    evicted: Set<string>,
    contents: readonly Promise<unknown>[] = [],
  ): Promise<void> {
    const now = this.#clock().getTime();
    const [at, expires] = [now, now + this.#ttlMs].map((time) => new Date(time).toISOString());
    const saved = { ...action, at, expires, state: "pending" } as SavedAction;
    try {
      this.#expire();
      this.#makeRoom(0, 1, evicted);
      this.#append({ type: "saved", saved });
    } catch (error) {
      await Promise.allSettled(contents);
      this.release(action.blobs);
      throw error;
    }
    this.#nextExpiry = least(this.#nextExpiry, expires as string);
    this.#held.add(saved.recordId);
    try {
      // INVARIANT: the action does not run before this.
      await allEnded([this.#index.sync(), ...contents]);
    } catch (error) {
      this.forget(saved.recordId);
      throw error;
    }
  }

  /** Changes what is known of an action. */
  change(recordId: string, to: Partial<Pick<SavedAction, "state" | "snapshot">>): void {
    const done = to.state === "rolled back" || to.state === "lost";
    this.#append({
      type: "changed",
      id: recordId,
      to: done ? { ...to, blobs: [], snapshot: null } : to,
    });
  }

  /** Forgets an action that was not carried out. */
  forget(recordId: string): void {
    this.#held.delete(recordId);
    if (this.#index.get(recordId) !== undefined) {
      this.#append({ type: "forgotten", ids: [recordId] });
    }
  }

  /** Protects the snapshot of an action from being removed to make room, or no longer. */
  hold(recordId: string, held: boolean): void {
    if (held) this.#held.add(recordId);
    else this.#held.delete(recordId);
  }

  /** Removes actions that have expired, and contents that belong to no action. */
  gc(): Collected {
    const expired = this.#expire();
    const orphans = this.#blobs.names.filter((sha256) => !this.#uses.has(sha256));
    for (const sha256 of orphans) this.#blobs.delete(sha256);
    for (const name of this.#links.names) if (!this.#uses.has(name)) this.#links.delete(name);
    return { expired, contents: orphans.length, bytes: this.#blobs.bytes };
  }

  /** Closes the store and releases its lock. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#index.close();
    release(this.#lock);
  }

  /** The same as {@linkcode SnapshotStore.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #isExpired({ expires }: SavedAction): boolean {
    return expires <= this.#clock().toISOString();
  }

  #expire(): number {
    const now = this.#clock().toISOString();
    if (now < this.#nextExpiry && this.#index.size <= 2 * this.#maxCount) return 0;
    const ids: string[] = [];
    this.#nextExpiry = NEVER;
    // Of actions that cannot be undone any more only the reason is kept, for a bounded number.
    let tooMany = this.#index.size - 2 * this.#maxCount;
    for (const { recordId: id, expires, state } of this.#index.actions) {
      const gone = isPast(state) && tooMany-- > 0;
      if ((expires <= now || gone) && !this.#held.has(id)) ids.push(id);
      else this.#nextExpiry = least(this.#nextExpiry, expires);
    }
    if (ids.length > 0) this.#append({ type: "forgotten", ids });
    return ids.length;
  }

  /**
   * Removes the snapshots of the oldest actions until there is room, never of one that is being carried
   * out or rolled back.
   */
  #makeRoom(bytes: number, count: number, evicted: Set<string>): void {
    // In most cases there is room, and the actions need not be listed.
    const { size } = this.#index;
    if (this.#blobs.bytes + bytes <= this.#maxBytes && size + count <= this.#maxCount) return;
    const actions = this.#index.actions.filter(({ state }) => !isPast(state));
    let kept = actions.length;
    const fits = () =>
      this.#blobs.bytes + bytes <= this.#maxBytes && kept + count <= this.#maxCount;
    // Nothing is removed for what can never fit.
    if (bytes > this.#maxBytes) throw this.#full(bytes);
    for (const { recordId } of actions) {
      if (fits()) return;
      if (this.#held.has(recordId)) continue;
      this.change(recordId, { state: "lost" });
      evicted.add(recordId);
      kept--;
    }
    if (!fits()) throw this.#full(bytes);
  }

  #full(bytes: number): SnapshotError {
    return new SnapshotError(
      `The snapshot store "${this.folder}" has no room: ${bytes} bytes more would be beyond its limits ` +
        `(${this.#maxBytes} bytes, ${this.#maxCount} actions)`,
    );
  }

  #append(event: IndexEvent): void {
    for (const name of this.#index.append(event)) this.#use(name, -1);
  }

  #use(name: string, by: 1 | -1): void {
    const uses = (this.#uses.get(name) ?? 0) + by;
    if (uses > 0) {
      this.#uses.set(name, uses);
      return;
    }
    this.#uses.delete(name);
    if (isLinkName(name)) this.#links.delete(name);
    else this.#blobs.delete(name);
  }
}

/** Whether an action can no longer be undone. */
function isPast(state: SavedAction["state"]): boolean {
  return state === "rolled back" || state === "lost";
}

function least(a: string, b: string): string {
  return a < b ? a : b;
}

function makePrivate(folder: string): void {
  const info = lstat(folder);
  if (info === undefined) Deno.mkdirSync(folder, { mode: 0o700 });
  else if (!info.isDirectory) {
    throw new SnapshotError(`Cannot open the snapshot store: "${folder}" is no folder`);
  }
  // Fails if the folder belongs to another user.
  if (((info?.mode ?? 0) & 0o777) !== 0o700) Deno.chmodSync(folder, 0o700);
}

function refuseLink(path: string): void {
  const info = lstat(path);
  if (info !== undefined && !info.isFile) {
    throw new SnapshotError(`Cannot open the snapshot store: "${path}" is no file`);
  }
}

function positive(value: number, what: string): number {
  if (value > 0) return value;
  throw new RangeError(
    `Cannot open the snapshot store: ${what} is ${value}, expected a positive number`,
  );
}
