/**
 * Appending to a file in groups: one write, and at most one sync, for all that wait.
 *
 * @module
 */

/** How far a write has to get before it counts. `os`: to the operating system. `disk`: to the disk. */
export type Durability = "os" | "disk";

interface Batch {
  readonly lines: string[];
  readonly written: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** The only writer of an append-only file. */
export class GroupWriter {
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #durability: Durability;
  readonly #dev: number;
  readonly #ino: number | null;
  #size: number;
  #waiting: Batch | undefined;
  #syncing: Promise<void> | undefined;
  #failure: Error | undefined;

  /** Takes over a file that is open for appending. */
  constructor(path: string, file: Deno.FsFile, durability: Durability) {
    const { dev, ino, size } = file.statSync();
    this.path = path;
    this.#file = file;
    this.#durability = durability;
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
    return this.#waiting !== undefined || this.#syncing !== undefined;
  }

  /** Appends lines; resolves when they are as durable as promised, rejects if they may not be. */
  write(lines: string): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#waiting = { lines: [], written: promise, resolve, reject };
      // What comes within one tick, or while the disk is busy, goes together.
      if (this.#syncing === undefined) queueMicrotask(() => this.#writeBatch());
    }
    this.#waiting.lines.push(lines);
    return this.#waiting.written;
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

  /** Waits for what is under way and closes the file. */
  async close(): Promise<void> {
    while (this.busy) await (this.#syncing ?? this.#waiting?.written)?.catch(() => {});
    this.#file.close();
  }

  #writeBatch(): void {
    const batch = this.#waiting;
    if (batch === undefined) return;
    this.#waiting = undefined;
    try {
      // INVARIANT: after a failure nothing is appended, so that the file has no hole in the middle.
      if (this.#failure !== undefined) throw this.#failure;
      this.#assertInPlace();
      const bytes = new TextEncoder().encode(batch.lines.join(""));
      for (let done = 0; done < bytes.length;) {
        const count = this.#file.writeSync(bytes.subarray(done));
        done += count;
        this.#size += count;
      }
    } catch (error) {
      return this.#fail(batch, error);
    }
    if (this.#durability === "os") return batch.resolve();
    this.#syncing = this.#file.syncData().then(batch.resolve, (error) => this.#fail(batch, error))
      .finally(() => {
        this.#syncing = undefined;
        this.#writeBatch();
      });
  }

  #fail(batch: Batch, error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    batch.reject(this.#failure);
  }

  /** A file that was removed, replaced or cut behind our back takes writes, and loses them. */
  #assertInPlace(): void {
    const found = Deno.lstatSync(this.path);
    if (found.ino !== this.#ino || found.dev !== this.#dev) {
      throw new Error("another file is in its place");
    }
    if (found.size !== this.#size && found.isFile) {
      throw new Error(
        `it has ${found.size} bytes, expected ${this.#size}: somebody else changed it`,
      );
    }
  }
}
