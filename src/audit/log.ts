/**
 * The writing end of the audit log.
 *
 * @module
 */
import { dirname } from "@std/path";
import { readTail } from "./lines.ts";
import { GENESIS, open, type RecordBody, seal } from "./record.ts";

/** The log at the path is not one that this kernel could continue. */
export class AuditLogError extends Error {
  /** The name of this class. */
  override name = "AuditLogError";
  /** Stable code of this class of errors. */
  readonly code = "AUDIT_UNAVAILABLE";
}

interface Batch {
  readonly written: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * An append-only, hash-chained log. Records get their number in the order of `append`; those of
 * one tick reach the operating system in one write.
 */
export class AuditLog {
  readonly path: string;
  readonly #file: Deno.FsFile;
  #seq: number;
  #head: string;
  #lines: string[] = [];
  #batch: Batch | undefined;
  #failure: AuditLogError | undefined;

  private constructor(path: string, file: Deno.FsFile, seq: number, head: string) {
    this.path = path;
    this.#file = file;
    this.#seq = seq;
    this.#head = head;
  }

  /**
   * Opens a log, or makes a new one that only its owner may read. A torn last line, left by a crash
   * in the middle of a write, is moved to `<path>.torn`.
   *
   * @returns The log, and what was moved away, which the caller has to put on record.
   * @throws {AuditLogError} The log cannot be opened, or its last record is damaged.
   */
  static open(path: string): { log: AuditLog; torn?: { bytes: number; movedTo: string } } {
    const file = openFile(path);
    try {
      const { lastLine, torn, tornAt } = readTail(file);
      if (torn.length > 0 && open(torn).ok) {
        // Only the line feed is missing: the record itself is whole.
        writeAll(file, new Uint8Array([10]));
        return { log: continued(path, file, torn) };
      }
      const log = continued(path, file, tornAt === 0 ? undefined : lastLine);
      if (torn.length === 0) return { log };
      const movedTo = `${path}.torn`;
      moveTorn(torn, movedTo);
      file.truncateSync(tornAt);
      return { log, torn: { bytes: torn.length, movedTo } };
    } catch (error) {
      file.close();
      throw error;
    }

    function continued(
      path: string,
      file: Deno.FsFile,
      lastLine: Uint8Array | undefined,
    ): AuditLog {
      if (lastLine === undefined) return new AuditLog(path, file, 0, GENESIS);
      const opened = open(lastLine);
      if (!opened.ok) {
        throw new AuditLogError(
          `Cannot continue the audit log "${path}": its last line ${opened.reason}; see "agent-kernel log verify", then move the file away`,
        );
      }
      return new AuditLog(path, file, opened.record.seq + 1, opened.record.hash);
    }
  }

  /** Why the log cannot be written any more; `undefined` while it can. */
  get failure(): AuditLogError | undefined {
    return this.#failure;
  }

  /**
   * Adds a record.
   *
   * @returns Resolves when the operating system has it.
   * @throws {AuditLogError} (as a rejection) It could not be written.
   */
  append(body: RecordBody): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { line, hash } = seal(body, this.#seq, this.#head);
    this.#seq++;
    this.#head = hash;
    this.#lines.push(line);
    return (this.#batch ??= this.#startBatch()).written;
  }

  /** Writes what is under way and closes the file. */
  close(): void {
    this.#flush();
    this.#file.close();
  }

  #startBatch(): Batch {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    queueMicrotask(() => this.#flush());
    return { written: promise, resolve, reject };
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    const text = this.#lines.join("");
    this.#batch = undefined;
    this.#lines = [];
    try {
      writeAll(this.#file, new TextEncoder().encode(text));
      batch.resolve();
    } catch (error) {
      // INVARIANT: after a failed write nothing is appended, the chain on disk has no hole.
      const reason = error instanceof Error ? error.message : String(error);
      this.#failure = new AuditLogError(`Cannot write the audit log "${this.path}": ${reason}`, {
        cause: error,
      });
      batch.reject(this.#failure);
    }
  }
}

function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? `there is no folder "${dirname(path)}"`
      : error instanceof Error
      ? error.message
      : String(error);
    throw new AuditLogError(`Cannot open the audit log "${path}": ${reason}`, { cause: error });
  }
}

function moveTorn(torn: Uint8Array, path: string): void {
  using side = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  writeAll(side, torn);
  writeAll(side, new Uint8Array([10]));
  side.syncSync();
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
