/**
 * Appending to a file in groups: one write, and at most one sync, for all that wait.
 *
 * @module
 */

/** How far a write has to get before it counts. `os`: to the operating system. `disk`: to the disk. */
export type Durability = "os" | "disk";

/** How a {@linkcode GroupWriter} writes. */
export interface WriterOptions {
  readonly durability: Durability;
  /** A clock in milliseconds that never goes back. @default performance.now */
  readonly now?: () => number;
}

/** The next microtask; half as dear as `queueMicrotask`. */
const NOW = Promise.resolve();

interface Batch {
  /** How old a look at the file may be, in milliseconds. */
  lookMs: number;
  readonly lines: string[];
  readonly written: Promise<number>;
  readonly resolve: (size: number) => void;
  readonly reject: (reason: unknown) => void;
}

/** The only writer of an append-only file. */
export class GroupWriter {
  readonly path: string;
  readonly #durability: Durability;
  readonly #now: () => number;
  #file: Deno.FsFile;
  #dev: number;
  #ino: number | null;
  #size: number;
  #waiting: Batch | undefined;
  #syncing: Promise<void> | undefined;
  #failure: Error | undefined;
  #closed = false;
  #lookedAt = -Infinity;
  #guard: (() => void) | undefined;
  readonly #flush = () => this.#writeBatch();

  /** Takes over a file that is open for appending. */
  constructor(path: string, file: Deno.FsFile, options: WriterOptions) {
    const { dev, ino, size } = file.statSync();
    this.path = path;
    this.#file = file;
    this.#durability = options.durability;
    this.#now = options.now ?? (() => performance.now());
    this.#dev = dev;
    this.#ino = ino;
    this.#size = size;
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Why nothing can be written any more. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Whether something is under way. */
  get busy(): boolean {
    return this.#waiting !== undefined || this.syncing;
  }

  /** Whether the disk is busy with what was written. */
  get syncing(): boolean {
    return this.#syncing !== undefined;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.busy) await (this.#syncing ?? this.#waiting?.written)?.catch(() => {});
  }

  /** Closes the file and goes on in another; what waits is written there. Not while it is syncing. */
  goOnIn(file: Deno.FsFile): void {
    const { dev, ino, size } = file.statSync();
    release(this.#file);
    this.#file = file;
    this.#dev = dev;
    this.#ino = ino;
    this.#size = size;
    this.#lookedAt = -Infinity;
  }

  /**
   * Appends lines.
   *
   * @param lookMs How old the last look at the file may be, in milliseconds: it costs more than to write.
   * @returns Resolves when they are as durable as promised, to the size of the file behind them and
   * all that were written with them. Rejects if they may not be there.
   */
  write(lines: string, lookMs = 0): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      this.#waiting = { lookMs, lines: [], written: promise, resolve, reject };
      // What comes within one tick, or while the disk is busy, goes together.
      if (this.#syncing === undefined) NOW.then(this.#flush);
    }
    const waiting = this.#waiting;
    waiting.lines.push(lines);
    if (lookMs < waiting.lookMs) waiting.lookMs = lookMs;
    return waiting.written;
  }

  /** Brings what is written to the disk. */
  sync(): void {
    this.#file.syncDataSync();
  }

  /** Cuts the file to nothing; only while nothing is under way. */
  truncate(): void {
    this.#file.truncateSync(0);
    this.#size = 0;
  }

  /** Has something else asserted, besides, before each write; if it throws, nothing is written any more. */
  guardBy(assert: () => void): void {
    this.#guard = assert;
  }

  /** Lets nothing be written any more. */
  fail(reason: Error): void {
    this.#failure ??= reason;
  }

  /** Waits for what is under way and closes the file; once is enough. */
  async close(): Promise<void> {
    await this.idle();
    if (!this.#closed) release(this.#file);
    this.#closed = true;
  }

  #writeBatch(): void {
    const batch = this.#waiting;
    if (batch === undefined) return;
    this.#waiting = undefined;
    try {
      // INVARIANT: after a failure nothing is appended, so that the file has no hole in the middle.
      if (this.#failure !== undefined) throw this.#failure;
      this.#guard?.();
      const age = this.#now() - this.#lookedAt;
      // By a clock that stands still nothing can be told.
      if (age === 0 || age >= batch.lookMs) this.assertInPlace();
      const bytes = encode(
        batch.lines.length === 1 ? batch.lines[0] as string : batch.lines.join(""),
      );
      for (let done = 0; done < bytes.length;) {
        const count = this.#file.writeSync(bytes.subarray(done));
        done += count;
        this.#size += count;
      }
    } catch (error) {
      return this.#fail(batch, error);
    }
    const size = this.#size;
    if (this.#durability === "os") return batch.resolve(size);
    this.#syncing = this.#file.syncData().then(() => {
      this.#syncing = undefined;
      batch.resolve(size);
    }, (error) => {
      this.#syncing = undefined;
      this.#fail(batch, error);
    }).then(() => this.#writeBatch());
  }

  #fail(batch: Batch, error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    batch.reject(this.#failure);
  }

  /**
   * A file that was removed, replaced or cut behind our back takes writes, and loses them.
   *
   * @throws {Error} It is not what was written.
   */
  assertInPlace(): void {
    const found = Deno.lstatSync(this.path);
    if (found.ino !== this.#ino || found.dev !== this.#dev) {
      throw new Error("another file is in its place");
    }
    if (found.size !== this.#size && found.isFile) {
      throw new Error(
        `it has ${found.size} bytes, expected ${this.#size}: somebody else changed it`,
      );
    }
    this.#lookedAt = this.#now();
  }
}

const encoder = new TextEncoder();
/** Used for one batch at a time, from the encoding to the end of the write. */
const buffer = new Uint8Array(256 * 1024);

/** The text in UTF-8, in the common buffer if it fits. */
function encode(text: string): Uint8Array {
  if (text.length * 3 > buffer.length) return encoder.encode(text);
  return buffer.subarray(0, encoder.encodeInto(text, buffer).written);
}

/** Closes a file and ends its lock at once: a sync that has just ended may hold it open a moment longer. */
function release(file: Deno.FsFile): void {
  file.unlockSync();
  file.close();
}
