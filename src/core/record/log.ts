/**
 * The writing end of the audit log.
 *
 * @module
 */
import { AuditLogError } from "./audit_log_error.ts";
import { type Intent, intentOf } from "./journal.ts";
import { type RecordBody, seal } from "./record.ts";
import { attach, type AttachOptions, type LogFiles } from "./recovery.ts";
import { createLocked } from "./lock.ts";
import { segmentFolder, segmentPath, segmentsOf } from "./segments.ts";
import type { Durability } from "./writer.ts";

/** When the log continues in a new file. */
export interface Rotation {
  /** When the file has reached so many bytes. @default never */
  readonly bytes?: number;
  /** With each new day (UTC). @default false */
  readonly daily?: boolean;
}

/**
 * A witness of a log: it sees each state, and can refuse a log that contradicts what it saw before.
 * `size` is the number of records, `head` the hash of the last one (64 zeros for an empty log).
 */
export interface Witness {
  /** Asked at the start, before anything is changed. Throws to refuse the log. */
  accept(size: number, head: string): void;
  /** Told after each write. If it throws, nothing more is written. */
  written(size: number, head: string): void;
  /** Called once, when all records are written and the log is still open. */
  close(): Promise<void>;
}

/** Options of {@linkcode AuditLog.open}. */
export interface AuditLogOptions {
  /** How far a record has to get before its submit resolves. @default "os" */
  readonly durability?: Durability | undefined;
  /** @default never */
  readonly rotate?: Rotation | undefined;
  /** Digest of the policy in force, for the records that the log writes itself. */
  readonly policy: string;
  /** Wall clock. @default the system's */
  readonly clock?: (() => Date) | undefined;
  /** A clock in milliseconds that never goes back. @default performance.now */
  readonly now?: (() => number) | undefined;
  /** Sees each state of the log, and can refuse it at the start. @default none */
  readonly witness?: Witness | undefined;
}

/** Error of a record whose action was under way when a kernel was killed. */
const UNKNOWN_OUTCOME =
  "the kernel ended before the provider's answer was on record: it may have been done, or not";

/** A record on its way to the file. */
interface Entry {
  readonly seq: number;
  readonly hash: string;
  readonly body: RecordBody;
}

/**
 * An append-only, hash-chained log with a journal of intents. Records get their number in the order
 * of `append`; those that come together are written, and synced, together.
 */
export class AuditLog {
  readonly path: string;
  readonly #options: AuditLogOptions;
  #files: LogFiles<Entry>;
  /** Records that may not be in the file. */
  #lost: Entry[] = [];
  #refused = 0;
  #recovering: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(path: string, options: AuditLogOptions) {
    this.path = path;
    this.#options = options;
    this.#files = this.#attach({
      exists: false,
      underWay: [],
      accept: (size, head) => options.witness?.accept(size, head),
    });
  }

  /**
   * Opens a log, or makes a new one that only its owner may read, and locks it. What an earlier
   * kernel left unfinished is put on record: an intent without a record becomes `INTERRUPTED`; a
   * torn last line is moved to `<path>.torn`.
   *
   * @throws {AuditLogBusyError} Another kernel has it open.
   * @throws {AuditLogError} It cannot be opened, its last record is damaged, or the witness refuses it.
   */
  static async open(path: string, options: AuditLogOptions): Promise<AuditLog> {
    const log = new AuditLog(path, options);
    try {
      await log.#appendUnfinished([], new Map());
      return log;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** Why the log cannot be written any more; `undefined` while it can. */
  get failure(): AuditLogError | undefined {
    return this.#files.writer.failure;
  }

  /** Number of records that are written, and the hash of the last; 64 zeros for an empty log. */
  get state(): { readonly size: number; readonly head: string } {
    return this.#files.written;
  }

  /**
   * Asked before an action is executed that has no intent. A failure is counted as a refused submit.
   *
   * @throws {AuditLogError} The log cannot be written: do not act.
   */
  assertWritable(): void {
    if (this.failure === undefined) return;
    this.#refused++;
    throw this.failure;
  }

  /**
   * Puts on record that an action is about to be executed.
   *
   * @param id By which the record will refer to it. @default a new UUID
   * @returns The id that its record has to have; resolves when the intent is durable.
   * @throws {AuditLogError} (as a rejection) It could not be written: do not act.
   */
  async intend(body: RecordBody, id: string = crypto.randomUUID()): Promise<string> {
    // Also if recover() replaces the files meanwhile, a failure is that of these.
    const { journal, writer, firstSeq: segment } = this.#files;
    try {
      if (writer.failure !== undefined) throw writer.failure;
      await journal.add(intentOf(body, { record_id: id, segment, at: writer.size }));
      return id;
    } catch (error) {
      this.#refused++;
      throw writer.fail(error);
    }
  }

  /**
   * Adds a record; if it has the id of an intent, that is settled with it.
   *
   * @returns Resolves when the record is as durable as promised.
   * @throws {AuditLogError} (as a rejection) It could not be written. The outcome of an action, a record
   * with a `record_id`, is kept for {@linkcode recover}.
   */
  append(body: RecordBody): Promise<void> {
    const { failure } = this;
    if (failure !== undefined && body.record_id === undefined) {
      this.#refused++;
      return Promise.reject(failure);
    }
    if (this.#options.rotate?.daily && failure === undefined) this.#rotateDaily(body.timestamp);
    const files = this.#files;
    const seq = files.seq++;
    const { line, hash } = seal(body, seq, files.head);
    files.head = hash;
    return files.writer.write(line, { seq, hash, body });
  }

  /**
   * Opens the log again after a failure and continues the same chain. What was executed but not
   * recorded is recorded first.
   *
   * @throws {AuditLogError} (as a rejection) The cause is still there, or the file is not the one that it
   * was. The log stays failed, and `recover` can be called again.
   */
  recover(): Promise<void> {
    return this.#recovering ??= this.#recover().finally(() => this.#recovering = undefined);
  }

  /** Brings what is written to the disk. */
  sync(): void {
    this.#files.writer.sync();
  }

  /** Waits for what is under way, closes the witness, then the files. Further calls do nothing more. */
  close(): Promise<void> {
    return this.#closed ??= (async () => {
      await this.#recovering?.catch(() => {/* Its caller is told. */});
      await this.#files.writer.idle();
      await this.#options.witness?.close();
      await this.#closeFiles({ clean: this.failure === undefined });
    })();
  }

  async #recover(): Promise<void> {
    const { failure } = this;
    // INVARIANT: the failure is that of the files. It stays until others can be written in their place.
    if (failure === undefined) return;
    await this.#closeFiles({ clean: false });
    const underWay = this.#files.journal.open;
    this.#files = this.#attach({
      exists: true,
      underWay,
      accept: (size, head, bytes) => this.#assertContinues(size, head, bytes),
    });
    const owed = this.#lost.filter(({ seq }) => seq >= this.#files.seq)
      .sort((a, b) => a.seq - b.seq).map(({ body }) => body);
    const note = `${failure.message}; ${this.#refused} submits were refused meanwhile`;
    owed.push(this.#interrupted(note));
    this.#lost = [];
    this.#refused = 0;
    await this.#appendUnfinished(owed, underWay);
  }

  #attach(
    options: Pick<AttachOptions<Entry>, "exists" | "underWay" | "accept">,
  ): LogFiles<Entry> {
    const { durability = "os", now = () => performance.now() } = this.#options;
    return attach<Entry>(this.path, {
      ...options,
      durability,
      now,
      onWritten: (entries) => this.#onWritten(entries),
      onLost: (entries) => this.#lost.push(...entries),
    });
  }

  /** The journal last: it shows whether every action got its record. */
  async #closeFiles(options: { readonly clean: boolean }): Promise<void> {
    await this.#files.writer.close();
    await this.#files.journal.close(options);
  }

  /**
   * The hash of the last record shows what all records before it are.
   *
   * @throws {AuditLogError} The file does not end with what was written, or was being written.
   */
  #assertContinues(size: number, head: string, bytes: number): void {
    const { written, writer } = this.#files;
    const expected = [{ seq: written.size - 1, hash: written.head }, ...this.#lost]
      .find(({ seq }) => seq === size - 1)?.hash;
    if (bytes >= writer.size && head === expected) return;
    throw new AuditLogError(
      `Cannot continue the audit log "${this.path}": its ${size} records, up to ${head}, are not those that were written; put the file back that ends with record ${
        written.size - 1
      }`,
    );
  }

  /** Appends what is owed, and what an earlier kernel left unfinished. */
  async #appendUnfinished(
    owed: readonly RecordBody[],
    underWay: ReadonlyMap<string, unknown>,
  ): Promise<void> {
    const { journal, torn } = this.#files;
    const bodies = [...owed];
    for (const [id, intent] of journal.open) {
      if (!underWay.has(id)) bodies.push(this.#interrupted(UNKNOWN_OUTCOME, intent));
    }
    if (torn !== undefined) bodies.push(this.#interrupted(torn));
    await Promise.all(bodies.map((body) => this.append(body)));
  }

  /** A record that the log writes itself: about an action that is known, or about the log. */
  #interrupted(error: string, known?: Intent): RecordBody {
    const { clock = () => new Date(), policy } = this.#options;
    const own = { action: "audit.recover", target: this.path, policy, params: null };
    return { ...own, ...known, timestamp: clock().toISOString(), status: "INTERRUPTED", error };
  }

  #onWritten(entries: readonly Entry[]): void {
    const files = this.#files;
    for (const { seq, hash, body: { record_id } } of entries) {
      files.written = { size: seq + 1, head: hash };
      if (record_id !== undefined) files.journal.settle(record_id);
    }
    this.#options.witness?.written(files.written.size, files.written.head);
    if (files.writer.size >= (this.#options.rotate?.bytes ?? Infinity)) this.#rotate();
  }

  /** A file holds one day. Only what is written together across midnight stays together. */
  #rotateDaily(timestamp: string): void {
    const files = this.#files;
    const day = timestamp.slice(0, 10);
    if (files.day !== undefined) {
      if (day <= files.day || files.written.size !== files.seq) return;
      if (files.writer.size > 0) this.#rotate();
    }
    files.day = day;
  }

  /** Moves the file to the segments and continues in a new one, with the same chain. */
  #rotate(): void {
    const { path } = this;
    const { writer, firstSeq, written } = this.#files;
    const segment = segmentPath(path, firstSeq);
    try {
      Deno.mkdirSync(segmentFolder(path), { recursive: true, mode: 0o700 });
      if (segmentsOf(path).some((other) => other.path === segment)) {
        throw new Error(`there is a segment "${segment}" already`);
      }
      writer.sync();
      Deno.renameSync(path, segment);
      try {
        writer.continueIn(createLocked(path));
      } catch (error) {
        // As it was: recover() finds the file that it knows.
        Deno.renameSync(segment, path);
        throw error;
      }
      this.#files.firstSeq = written.size;
    } catch (error) {
      writer.fail(error);
    }
  }
}
