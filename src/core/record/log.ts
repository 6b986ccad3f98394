/**
 * The writing end of the audit log.
 *
 * @module
 */
import { AuditLogError } from "./audit_log_error.ts";
import { FIELDS, pickFields, type RecordBody, seal } from "./record.ts";
import { attach, type AttachOptions, type LogFiles } from "./recovery.ts";
import { segmentFolder, segmentPath, segmentsOf } from "./segments.ts";
import type { WriterOptions } from "./writer.ts";

/** The file that a log is written to. */
export interface CurrentFile {
  /** Its size in bytes. */
  readonly size: number;
  /** `timestamp` of its first record; `undefined` if it has none. */
  readonly since: string | undefined;
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
export interface AuditLogOptions extends Pick<WriterOptions<unknown>, "durability" | "now"> {
  /**
   * Whether the log is to continue in a new file. Asked after each write, and, with the `timestamp` of the
   * record that comes next, before it.
   *
   * @default never
   */
  readonly rotateWhen?: ((file: CurrentFile, next?: string) => boolean) | undefined;
  /** Digest of the policy in force, for the records that the log writes itself. */
  readonly policy: string;
  /** Wall clock. @default the system's */
  readonly clock?: (() => Date) | undefined;
  /** Sees each state of the log, and can refuse it at the start. @default none */
  readonly witness?: Witness | undefined;
}

/** Error of a record whose action was under way when a kernel was killed. */
const UNKNOWN_OUTCOME =
  "the kernel ended before the provider's answer was on record: it may have been done, or not";

/** A record on its way to the file. */
interface Entry {
  /** Number of records with this one. */
  readonly size: number;
  /** Its hash. */
  readonly head: string;
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

  private constructor(path: string, options: AuditLogOptions) {
    this.path = path;
    this.#options = options;
    this.#files = this.#attach({ accept: (size, head) => options.witness?.accept(size, head) });
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
      await log.#appendUnfinished([]);
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
      await journal.add({ ...body, record_id: id, segment, at: writer.size });
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
  async append(body: RecordBody): Promise<void> {
    if (body.record_id === undefined) this.assertWritable();
    const files = this.#files;
    const { size, head } = files.end;
    const { line, hash } = seal(body, size, head);
    files.end = { size: size + 1, head: hash };
    await files.writer.write(line, { ...files.end, body });
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
  async close(): Promise<void> {
    await this.#recovering?.catch(() => {/* Its caller is told. */});
    await this.#files.writer.idle();
    await this.#options.witness?.close();
    await this.#closeFiles({ clean: this.failure === undefined });
  }

  async #recover(): Promise<void> {
    const { failure } = this;
    // INVARIANT: the failure is that of the files. It stays until others can be written in their place.
    if (failure === undefined) return;
    await this.#closeFiles({ clean: false });
    this.#files = this.#attach({
      accept: (size, head, bytes) => this.#assertContinues(size, head, bytes),
      underWay: this.#files.journal.open,
    });
    const owed = this.#lost.filter(({ size }) => size > this.#files.end.size)
      .sort((a, b) => a.size - b.size).map(({ body }) => body);
    const refused = `${failure.message}; ${this.#refused} submits were refused meanwhile`;
    owed.push(this.#interrupted(refused));
    this.#lost = [];
    this.#refused = 0;
    await this.#appendUnfinished(owed);
  }

  #attach(options: Pick<AttachOptions<Entry>, "accept" | "underWay">): LogFiles<Entry> {
    return attach<Entry>(this.path, {
      ...this.#options,
      ...options,
      before: ([next]) => this.#rotateIfDue(next?.body.timestamp),
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
    const isKnown = [written, ...this.#lost].some((known) => known.head === head);
    if (isKnown && bytes >= writer.size) return;
    throw new AuditLogError(
      `Cannot continue the audit log "${this.path}": its ${size} records, up to ${head}, are not those that were written; put the file back that ends with ${written.head}`,
    );
  }

  /** Appends what is owed, and what an earlier kernel left unfinished. */
  async #appendUnfinished(owed: readonly RecordBody[]): Promise<void> {
    const { unfinished, torn } = this.#files;
    const bodies = [...owed, ...unfinished.map((one) => this.#interrupted(UNKNOWN_OUTCOME, one))];
    if (torn !== undefined) bodies.push(this.#interrupted(torn));
    await Promise.all(bodies.map((body) => this.append(body)));
  }

  /** A record that the log writes itself: about an action that is known, or about the log. */
  #interrupted(error: string, known?: Partial<RecordBody>): RecordBody {
    const { clock = () => new Date(), policy } = this.#options;
    const own = { action: "audit.recover", target: this.path, policy, params: null };
    const timestamp = clock().toISOString();
    return pickFields({ ...own, ...known, timestamp, status: "INTERRUPTED", error }, FIELDS);
  }

  #onWritten(entries: readonly Entry[]): void {
    const files = this.#files;
    for (const entry of entries) {
      files.written = entry;
      files.since ??= entry.body.timestamp;
      files.journal.open.delete(entry.body.record_id ?? "");
    }
    this.#options.witness?.written(files.written.size, files.written.head);
    this.#rotateIfDue();
  }

  #rotateIfDue(next?: string): void {
    const { writer: { size }, since } = this.#files;
    if (size > 0 && this.#options.rotateWhen?.({ size, since }, next)) this.#rotate();
  }

  /** Moves the file to the segments and continues in a new one, with the same chain. */
  #rotate(): void {
    const { path } = this;
    const { writer, firstSeq, written } = this.#files;
    const folder = segmentFolder(path);
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (segmentsOf(path).some((segment) => segment.firstSeq === firstSeq)) {
      throw new Error(`there is a segment ${firstSeq} already`);
    }
    writer.assertInPlace();
    writer.sync();
    writer.replace(`${folder}/new`, () => Deno.renameSync(path, segmentPath(path, firstSeq)));
    this.#files = { ...this.#files, firstSeq: written.size, since: undefined };
  }
}
