/**
 * Appending to a file in groups: one write, and at most one sync, for all that wait.
 *
 * @module
 */
import { asLogError, type AuditLogError } from "./audit_log_error.ts";
import { isSameFile, openLocked, release } from "./lock.ts";

/** How far a write has to get before it counts. `os`: to the operating system. `disk`: to the disk. */
export type Durability = "os" | "disk";

/** Options of a {@linkcode GroupWriter}. */
export interface WriterOptions<T> {
  /** What is written, for messages: `the audit log "/path"`. */
  readonly what: string;
  readonly durability: Durability;
  /** A clock in milliseconds that never goes back. */
  readonly now: () => number;
  /** Runs before lines are written. If it throws, nothing is written any more. */
  readonly before?: (items: readonly T[]) => unknown;
  /**
   * Runs when lines are as durable as promised, before their `write` resolves. If it throws, they stand,
   * and nothing is written any more.
   */
  readonly onWritten?: (items: readonly T[]) => unknown;
  /** Runs when lines may not be in the file, before their `write` rejects. Must not throw. */
  readonly onLost?: (items: readonly T[]) => unknown;
}

/** How long it counts that the file was found in its place, in milliseconds. */
const IN_PLACE_MS = 10;

const encoder = new TextEncoder();
/** For one text after the other. */
const BUFFER = new Uint8Array(64 * 1024);

/** The only writer of an append-only file. Each line comes with an item that stands for it. */
export class GroupWriter<T> {
  readonly path: string;
  /** Why nothing can be written any more; see {@linkcode GroupWriter.fail}. */
  failure: AuditLogError | undefined;
  readonly #options: WriterOptions<T>;
  #file: Deno.FsFile;
  /** Which file it is, and its size: what was written is counted in. */
  #info: Deno.FileInfo;
  /** What is written together next. */
  #waiting: { text: string; items: T[]; written: PromiseWithResolvers<void> } | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  #seenAt = -Infinity;

  /** Takes over a file that is open for appending, and locked. */
  constructor(path: string, file: Deno.FsFile, options: WriterOptions<T>) {
    this.path = path;
    this.#options = options;
    this.#file = file;
    this.#info = file.statSync();
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#info.size;
  }

  /**
   * Appends a line, after all that were given before.
   *
   * @returns Resolves when it is as durable as promised. Rejects if it may not be in the file.
   */
  write(line: string, item: T): Promise<void> {
    if (this.failure !== undefined) {
      this.#options.onLost?.([item]);
      return Promise.reject(this.failure);
    }
    const batch = this.#waiting ??= { text: "", items: [], written: Promise.withResolvers() };
    batch.text += line;
    batch.items.push(item);
    this.#running ??= this.#run();
    return batch.written.promise;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Brings what is written to the disk. */
  sync(): void {
    this.#file.syncDataSync();
  }

  /**
   * Continues in a new file, which takes the place of this one. Not while the disk is busy with this one.
   *
   * @param path Where the new file is made, in the same file system.
   * @param prepare Runs before it takes the place.
   * @throws {Error} It could not be made; then this one is still written.
   */
  replace(path: string, prepare: (file: Deno.FsFile) => void): void {
    using opened = new DisposableStack();
    const file = opened.adopt(openLocked(path, { create: true }), release);
    // A process that was killed right here has left one.
    file.truncateSync();
    prepare(file);
    if (this.#options.durability === "disk") file.syncDataSync();
    Deno.renameSync(path, this.path);
    this.#info = file.statSync();
    opened.move();
    release(this.#file);
    this.#file = file;
  }

  /** Lets nothing be written any more. The first failure stays. */
  fail(error: unknown): AuditLogError {
    return this.failure ??= asLogError(error, `Cannot write ${this.#options.what}`);
  }

  /**
   * Waits for what is under way and closes the file. Further calls do nothing.
   *
   * @param options Whether the file is cut to nothing before.
   */
  async close({ empty = false }: { readonly empty?: boolean } = {}): Promise<void> {
    await this.idle();
    if (this.#closed) return;
    this.#closed = true;
    if (empty) this.#file.truncateSync(0);
    release(this.#file);
  }

  /**
   * A file that was removed, replaced or cut by somebody else takes writes, and loses them.
   *
   * @throws {Error} The file at the path is not the one that was written, or nothing can be written.
   */
  assertInPlace(): void {
    if (this.failure !== undefined) throw this.failure;
    const found = Deno.lstatSync(this.path);
    if (!isSameFile(found, this.#info)) throw new Error("another file is in its place");
    if (found.size !== this.size) {
      throw new Error(`somebody else changed it: ${found.size} bytes, expected ${this.size}`);
    }
    this.#seenAt = this.#options.now();
  }

  async #run(): Promise<void> {
    // What is given in the same tick, or while the disk is busy, is written together.
    await undefined;
    for (let batch = this.#waiting; batch !== undefined; batch = this.#waiting) {
      this.#waiting = undefined;
      try {
        await this.#writeNow(batch.text, batch.items);
        batch.written.resolve();
      } catch (error) {
        const failure = this.fail(error);
        this.#options.onLost?.(batch.items);
        batch.written.reject(failure);
      }
    }
    this.#running = undefined;
  }

  async #writeNow(text: string, items: readonly T[]): Promise<void> {
    const { before, durability, now, onWritten } = this.#options;
    // INVARIANT: after a failure nothing is appended, so that the file has no hole in the middle.
    if (this.failure !== undefined) throw this.failure;
    before?.(items);
    const age = now() - this.#seenAt;
    // A clock that stands still says nothing about the age.
    if (!(age > 0 && age < IN_PLACE_MS)) this.assertInPlace();
    const bytes = text.length * 3 > BUFFER.length
      ? encoder.encode(text)
      : BUFFER.subarray(0, encoder.encodeInto(text, BUFFER).written);
    writeAll(this.#file, bytes);
    this.#info.size += bytes.length;
    if (durability === "disk") await this.#file.syncData();
    try {
      onWritten?.(items);
    } catch (error) {
      this.fail(error); // The lines stand.
    }
  }
}

/** Writes all of the bytes, however few a single write takes. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
