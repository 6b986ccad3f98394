/**
 * The writing end of the audit log.
 *
 * @module
 */
import { attach, type Attached, openLog } from "./attach.ts";
import { AuditLogError } from "./audit_log_error.ts";
import type { Durability } from "./group_writer.ts";
import { type Intent, intentOf } from "./journal.ts";
import { type RecordBody, seal } from "./record.ts";
import { GroupWriter } from "./group_writer.ts";
import { deleteOldSegments, type Retention, RETENTION_ACTION } from "./retention.ts";
import { segmentFolder, segmentPath } from "./segments.ts";

/** When the log goes on in a new file. */
export interface Rotation {
  /** When the file has reached so many bytes. @default never */
  readonly bytes?: number;
  /** With each new day (UTC). @default false */
  readonly daily?: boolean;
}

/** Options of {@linkcode AuditLog.open}. */
export interface AuditLogOptions {
  /** How far a record has to get before its submit resolves. @default "os" */
  readonly durability?: Durability;
  /** @default never */
  readonly rotate?: Rotation;
  /** Digest of the policy in force, for the records that the log writes itself. */
  readonly policy: string;
  /** Wall clock. @default the system's */
  readonly clock?: () => Date;
  /** Which rotated segments are kept; needs `covered`. @default all */
  readonly retain?: Retention;
  /** Number of records that signed checkpoints cover. */
  readonly covered?: () => number;
  /** Told after each write how many records the log has, and the hash of the last. */
  readonly onWritten?: (size: number, head: string) => void;
}

/** A record that is under way to the file. */
interface Unwritten {
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
  readonly #clock: () => Date;
  #files: Attached;
  #seq: number;
  #head: string;
  /** What is known to be in the file. */
  #written: { seq: number; head: string };
  #batch: Promise<void> | undefined;
  #unwritten: Unwritten[] = [];
  /** Outcomes of actions that could not be written: they are, once the log can be again. */
  #owed: RecordBody[] = [];
  #refused = 0;
  #day: string | undefined;
  #failure: AuditLogError | undefined;
  readonly #inFlight = new Set<string>();

  private constructor(path: string, files: Attached, options: AuditLogOptions) {
    this.path = path;
    this.#options = options;
    this.#clock = options.clock ?? (() => new Date());
    this.#files = files;
    this.#seq = files.seq;
    this.#head = files.head;
    this.#day = files.day;
    this.#written = { seq: files.seq, head: files.head };
  }

  /**
   * Opens a log, or makes a new one that only its owner may read, and locks it. What an earlier
   * kernel left unfinished is put on record: an intent without a record becomes `INTERRUPTED`; a
   * torn last line is moved to `<path>.torn`.
   *
   * @throws {AuditLogBusyError} Another kernel has it open.
   * @throws {AuditLogError} It cannot be opened, or its last record is damaged.
   */
  static async open(path: string, options: AuditLogOptions): Promise<AuditLog> {
    const log = new AuditLog(path, attach(path, options.durability ?? "os"), options);
    try {
      await log.#settle(undefined);
      return log;
    } catch (error) {
      await log.#files.close();
      throw error;
    }
  }

  /** Why the log cannot be written any more; `undefined` while it can. */
  get failure(): AuditLogError | undefined {
    return this.#failure;
  }

  /** Number of records in the log, and the hash of the last. */
  get state(): { readonly size: number; readonly head: string } {
    return { size: this.#written.seq, head: this.#written.head };
  }

  /**
   * Puts on record that an action is about to be carried out.
   *
   * @returns The id that its record has to bear; resolves when the intent is durable.
   * @throws {AuditLogError} (as a rejection) It could not be written: do not act.
   */
  async intend(body: RecordBody): Promise<string> {
    if (this.#failure !== undefined) throw this.#refuse();
    const id = crypto.randomUUID();
    const { journal, writer, firstSeq } = this.#files;
    this.#inFlight.add(id);
    try {
      await journal.add(intentOf(body, id, { segment: firstSeq, at: writer.size }));
    } catch (error) {
      this.#inFlight.delete(id);
      this.#fail(error);
      throw this.#refuse();
    }
    return id;
  }

  /**
   * Adds a record; if it bears the id of an intent, that is settled with it.
   *
   * @returns Resolves when the record is as durable as promised.
   * @throws {AuditLogError} (as a rejection) It could not be written.
   */
  append(body: RecordBody): Promise<void> {
    const { record_id } = body;
    if (record_id !== undefined) this.#inFlight.delete(record_id);
    if (this.#failure !== undefined) {
      if (record_id === undefined) return Promise.reject(this.#refuse());
      this.#owed.push(body);
      return Promise.reject(this.#failure);
    }
    const seq = this.#seq;
    const { line, hash } = seal(body, seq, this.#head);
    this.#seq = seq + 1;
    this.#head = hash;
    const written = this.#files.writer.write(line);
    if (written !== this.#batch) this.#startBatch(written);
    this.#unwritten.push({ seq, hash, body });
    return this.#batch as Promise<void>;
  }

  /**
   * Opens the log again after a failure and goes on with the same chain. What was carried out but
   * not recorded is recorded first.
   *
   * @throws {AuditLogError} The cause is still there, or the file is not the one that it was.
   */
  async recover(): Promise<void> {
    const failure = this.#failure;
    if (failure === undefined) return;
    await this.#files.close();
    const files = attach(this.path, this.#options.durability ?? "os");
    const { seq, head } = this.#written;
    if (files.seq < seq || (files.seq === seq && files.head !== head)) {
      await files.close();
      throw new AuditLogError(
        `Cannot go on with the audit log "${this.path}": it does not end with record ${
          seq - 1
        } as it did; put the file back`,
      );
    }
    this.#files = files;
    // Of a failed write, whole lines may have got through.
    this.#owed.unshift(
      ...this.#unwritten.filter((one) => one.seq >= files.seq).map(({ body }) => body),
    );
    this.#unwritten = [];
    this.#batch = undefined;
    this.#seq = files.seq;
    this.#head = files.head;
    this.#failure = undefined;
    await this.#settle(failure);
  }

  /** Brings what is written to the disk. */
  sync(): void {
    this.#files.writer.sync();
  }

  /** Waits for what is under way and closes the files. */
  async close(): Promise<void> {
    await this.#batch?.catch(() => {/* Whoever waits for a record of it is told. */});
    await this.#files.close();
  }

  /** Puts on record what was left unfinished, here or by an earlier kernel. */
  async #settle(failure: AuditLogError | undefined): Promise<void> {
    const { torn, left, journal } = this.#files;
    const owed = this.#owed;
    this.#owed = [];
    const known = new Set([...owed.map(({ record_id }) => record_id), ...this.#inFlight]);
    const records = [
      ...owed,
      ...left.filter(({ record_id }) => !known.has(record_id)).map((intent) =>
        this.#interrupted(intent)
      ),
    ];
    if (torn !== undefined) {
      records.push(
        this.#note(
          `the last line was torn: its ${torn.bytes} bytes were moved to "${torn.movedTo}"`,
        ),
      );
    }
    if (failure !== undefined) {
      records.push(
        this.#note(`${failure.message}; ${this.#refused} submits were refused meanwhile`),
      );
      this.#refused = 0;
    }
    await Promise.all(records.map((body) => this.append(body)));
    await journal.begin(this.#inFlight);
  }

  #interrupted({ record_id, action, target, agent, rule, policy, params }: Intent): RecordBody {
    return {
      ...{
        timestamp: this.#clock().toISOString(),
        action,
        target,
        status: "INTERRUPTED",
        record_id,
      },
      error:
        "the kernel ended before the provider's answer was on record: it may have been done, or not",
      ...(agent === undefined ? {} : { agent }),
      ...(rule === undefined ? {} : { rule }),
      ...{ policy, params },
    };
  }

  #note(error: string): RecordBody {
    const timestamp = this.#clock().toISOString();
    const { policy } = this.#options;
    return {
      timestamp,
      action: "audit.recover",
      target: this.path,
      status: "INTERRUPTED",
      error,
      policy,
      params: null,
    };
  }

  #startBatch(written: Promise<void>): void {
    const unwritten: Unwritten[] = this.#unwritten = [];
    this.#batch = written.then(() => this.#succeed(unwritten), (error) => {
      this.#fail(error);
      throw this.#failure;
    });
  }

  #succeed(unwritten: Unwritten[]): void {
    const { journal, writer } = this.#files;
    for (const { body } of unwritten) {
      if (body.record_id !== undefined) journal.settle(body.record_id);
    }
    const last = unwritten.at(-1);
    if (last === undefined) return;
    this.#written = { seq: last.seq + 1, head: last.hash };
    this.#options.onWritten?.(this.#written.seq, this.#written.head);
    if (!writer.busy && this.#isRotationDue(last.body.timestamp)) this.#rotate();
  }

  #isRotationDue(timestamp: string): boolean {
    const { bytes = Infinity, daily = false } = this.#options.rotate ?? {};
    if (this.#files.writer.size >= bytes) return true;
    if (!daily) return false;
    const day = timestamp.slice(0, 10);
    const due = this.#day !== undefined && day !== this.#day;
    this.#day = day;
    return due;
  }

  /** Puts the file among the segments and goes on in a new one; the chain goes on as well. */
  #rotate(): void {
    const { writer, firstSeq } = this.#files;
    try {
      Deno.mkdirSync(segmentFolder(this.path), { recursive: true, mode: 0o700 });
      writer.sync();
      Deno.renameSync(this.path, segmentPath(this.path, firstSeq));
      const file = openLog(this.path);
      file.lockSync(true);
      this.#files.replaceWriter(
        new GroupWriter(this.path, file, this.#options.durability ?? "os"),
        this.#seq,
      );
      void writer.close();
      this.#retain();
    } catch (error) {
      this.#fail(error);
    }
  }

  #retain(): void {
    const { retain, covered, policy } = this.#options;
    if (retain === undefined || covered === undefined) return;
    const now = this.#clock();
    const target = deleteOldSegments(this.path, retain, { covered: covered(), now });
    if (target === undefined) return;
    const timestamp = now.toISOString();
    this.append({ timestamp, action: RETENTION_ACTION, target, status: "OK", policy, params: null })
      .catch(() => {/* The failure is the log's, and each submit meets it. */});
  }

  #refuse(): AuditLogError {
    this.#refused++;
    return this.#failure as AuditLogError;
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    // INVARIANT: after a failure nothing is written until recover(): the chain on disk has no hole.
    this.#failure ??= new AuditLogError(`Cannot write the audit log "${this.path}": ${reason}`, {
      cause: error,
    });
  }
}
