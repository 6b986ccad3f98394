/**
 * The writing end of the audit log.
 *
 * @module
 */
import { assertContinues, attach, type Attached, openLog, type Written } from "./recovery.ts";
import { AuditLogError } from "./audit_log_error.ts";
import type { Durability, WriterOptions } from "./writer.ts";
import { InFlight } from "../in_flight.ts";
import { type Intent, intentOf } from "./journal.ts";
import { type RecordBody, seal } from "./record.ts";
import { expiredSegments, type Retention, RETENTION_ACTION } from "../../log/retention.ts";
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
  /** A clock in milliseconds that never goes back. @default performance.now */
  readonly now?: () => number;
  /** Which rotated segments are kept; needs `covered`. @default all */
  readonly retain?: Retention;
  /** Number of records that signed checkpoints cover. */
  readonly covered?: () => number;
  /**
   * Told at the start how many records the log has, and the hash of the last, before anything is
   * changed; throws to refuse the log. @default all are accepted
   */
  readonly accept?: (size: number, head: string) => void;
  /** Told after each write how many records the log has, and the hash of the last. */
  readonly onWritten?: (size: number, head: string) => void;
}

/**
 * How old a look at the file may be before the record of a refusal, in milliseconds. What is lost with a
 * file that is taken away in that time would be lost as well, had it been taken away behind it.
 * Before an action, and before the record of one, the look is never old.
 */
const REFUSAL_LOOK_MS = 0.05;

/** A record that is under way to the file. */
interface Unwritten {
  readonly seq: number;
  readonly hash: string;
  readonly body: RecordBody;
}

/** Records that are written together. */
interface Batch {
  /** As the writer gave it. */
  readonly raw: Promise<number>;
  /** The same, with its failure as that of the log. */
  readonly written: Promise<void>;
  readonly records: Unwritten[];
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
  /** What is known to be written: records, the hash of the last, and bytes of the file. */
  #written: Written;
  #batch: Batch | undefined;
  /** Records of failed writes. */
  #lost: Unwritten[] = [];
  /** Outcomes of actions that could not be written: they are, once the log can be again. */
  #owed: RecordBody[] = [];
  #refused = 0;
  #day: string | undefined;
  #failure: AuditLogError | undefined;
  readonly #inFlight = new InFlight<string, Intent>();
  #recovering: Promise<void> | undefined;

  private constructor(path: string, files: Attached, options: AuditLogOptions) {
    this.path = path;
    this.#options = options;
    this.#clock = options.clock ?? (() => new Date());
    this.#files = files;
    this.#seq = files.seq;
    this.#head = files.head;
    this.#day = files.day;
    this.#written = { seq: files.seq, head: files.head, size: files.writer.size };
  }

  /**
   * Opens a log, or makes a new one that only its owner may read, and locks it. What an earlier
   * kernel left unfinished is put on record: an intent without a record becomes `INTERRUPTED`; a
   * torn last line is moved to `<path>.torn`.
   *
   * @throws {AuditLogBusyError} Another kernel has it open.
   * @throws {AuditLogError} It cannot be opened, its last record is damaged, or `accept` refuses it.
   */
  static async open(path: string, options: AuditLogOptions): Promise<AuditLog> {
    const { accept } = options;
    const log = new AuditLog(path, attach(path, { ...writerOptions(options), accept }), options);
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
  async intend(body: RecordBody, id: string = crypto.randomUUID()): Promise<string> {
    if (this.#failure !== undefined) throw this.#refuse();
    const files = this.#files;
    const { journal, firstSeq } = files;
    const intent = intentOf(body, id, { segment: firstSeq, at: this.#written.size });
    this.#inFlight.set(id, intent);
    try {
      await journal.add(intent);
    } catch (error) {
      this.#inFlight.delete(id);
      // A late failure of files that recover() has replaced meanwhile is none of the new ones.
      if (files === this.#files) this.#fail(error);
      this.#refused++;
      throw this.#failure ?? this.#asError(error);
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
    if (this.#failure !== undefined) {
      if (record_id === undefined) return Promise.reject(this.#refuse());
      this.#owed.push(body);
      return Promise.reject(this.#failure);
    }
    if (this.#options.rotate?.daily) this.#rotateDaily(body.timestamp);
    if (this.#failure !== undefined) return this.append(body);
    const seq = this.#seq;
    const { line, hash } = seal(body, seq, this.#head);
    this.#seq = seq + 1;
    this.#head = hash;
    const raw = this.#files.writer.write(line, record_id === undefined ? REFUSAL_LOOK_MS : 0);
    if (this.#batch?.raw !== raw) this.#batch = this.#batchOf(raw);
    this.#batch.records.push({ seq, hash, body });
    return this.#batch.written;
  }

  /**
   * Opens the log again after a failure and goes on with the same chain. What was carried out but
   * not recorded is recorded first.
   *
   * @throws {AuditLogError} The cause is still there, or the file is not the one that it was.
   */
  recover(): Promise<void> {
    return this.#recovering ??= this.#recover().finally(() => this.#recovering = undefined);
  }

  async #recover(): Promise<void> {
    const failure = this.#failure;
    if (failure === undefined) return;
    await this.#files.writer.idle();
    // Looks first: should the cause be there still, nothing is changed.
    assertContinues(this.path, this.#written, this.#lost.map(({ hash }) => hash));
    await this.#files.close();
    const files = attach(this.path, writerOptions(this.#options));
    this.#files = files;
    this.#owed.unshift(...this.#lost.filter((one) => one.seq >= files.seq).map(({ body }) => body));
    this.#lost = [];
    this.#batch = undefined;
    this.#seq = files.seq;
    this.#head = files.head;
    this.#written = { seq: files.seq, head: files.head, size: files.writer.size };
    this.#failure = undefined;
    await this.#settle(failure);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Brings what is written to the disk. */
  sync(): void {
    this.#files.writer.sync();
  }

  /** Waits for what is under way and closes the files. */
  async close(): Promise<void> {
    await this.#batch?.written.catch(() => {/* Whoever waits for a record of it is told. */});
    await this.#files.close();
  }

  /** Puts on record what was left unfinished, here or by an earlier kernel. */
  async #settle(failure: AuditLogError | undefined): Promise<void> {
    const { torn, left, journal } = this.#files;
    const owed = this.#owed;
    this.#owed = [];
    const known = new Set([
      ...owed.map(({ record_id }) => record_id),
      ...this.#inFlight.values().map(({ record_id }) => record_id),
    ]);
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
    await journal.begin(() => this.#inFlight.values());
  }

  #interrupted(intent: Intent): RecordBody {
    const { record_id, action, target, undoes, agent, rule, policy, params, target_digest } =
      intent;
    return {
      timestamp: this.#clock().toISOString(),
      status: "INTERRUPTED",
      error:
        "the kernel ended before the provider's answer was on record: it may have been done, or not",
      ...{ record_id, action, target, undoes, agent, rule, policy, params, target_digest },
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

  #batchOf(raw: Promise<number>): Batch {
    const records: Unwritten[] = [];
    const written = raw.then((size) => this.#succeed(records, size), (error) => {
      this.#lost.push(...records);
      this.#fail(error);
      throw this.#failure;
    });
    return { raw, written, records };
  }

  #succeed(records: readonly Unwritten[], size: number): void {
    const { journal, writer } = this.#files;
    for (const { body: { record_id } } of records) {
      if (record_id === undefined) continue;
      this.#inFlight.delete(record_id);
      journal.settle(record_id);
    }
    const last = records.at(-1);
    if (last === undefined) return;
    this.#written = { seq: last.seq + 1, head: last.hash, size };
    this.#options.onWritten?.(this.#written.seq, this.#written.head);
    // More is in the file already: then what follows finds it due.
    if (writer.size !== size) return;
    if (size >= (this.#options.rotate?.bytes ?? Infinity)) this.#rotate();
  }

  /** A file holds one day; only what is written together across midnight stays together. */
  #rotateDaily(timestamp: string): void {
    const day = timestamp.slice(0, 10);
    if (this.#day !== undefined && day <= this.#day) return;
    const { writer } = this.#files;
    // Records are under way that are counted when they are written.
    if (this.#day !== undefined && (writer.busy || this.#written.seq !== this.#seq)) return;
    if (this.#day !== undefined && writer.size > 0) this.#rotate();
    this.#day = day;
  }

  /** Puts the file among the segments and goes on in a new one; the chain goes on as well. */
  #rotate(): void {
    const { writer, firstSeq } = this.#files;
    // Then the next write finds it due.
    if (writer.syncing) return;
    try {
      const segment = segmentPath(this.path, firstSeq);
      Deno.mkdirSync(segmentFolder(this.path), { recursive: true, mode: 0o700 });
      if (exists(segment)) throw new Error(`there is a segment "${segment}" already`);
      writer.sync();
      Deno.renameSync(this.path, segment);
      try {
        const file = openLog(this.path);
        file.lockSync(true);
        writer.goOnIn(file);
      } catch (error) {
        // As it was: recover() finds the file that it knows.
        Deno.renameSync(segment, this.path);
        throw error;
      }
      this.#files.firstSeq = this.#written.seq;
      this.#written = { ...this.#written, size: 0 };
      this.#retain();
    } catch (error) {
      this.#fail(error);
    }
  }

  #retain(): void {
    const { retain, covered, policy } = this.#options;
    if (retain === undefined || covered === undefined) return;
    const now = this.#clock();
    const expired = expiredSegments(this.path, retain, { covered: covered(), now });
    if (expired === undefined) return;
    const timestamp = now.toISOString();
    const { target, paths } = expired;
    // The record first: a log that says more was deleted than was is in order, the other way round not.
    this.append({ timestamp, action: RETENTION_ACTION, target, status: "OK", policy, params: null })
      .then(() => paths.forEach((path) => Deno.removeSync(path)))
      .catch((error) => this.#fail(error));
  }

  #refuse(): AuditLogError {
    this.#refused++;
    return this.#failure as AuditLogError;
  }

  #asError(cause: unknown): AuditLogError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new AuditLogError(`Cannot write the audit log "${this.path}": ${reason}`, { cause });
  }

  #fail(error: unknown): void {
    // INVARIANT: after a failure nothing is written until recover(): the chain on disk has no hole.
    this.#failure ??= this.#asError(error);
  }
}

function writerOptions({ durability = "os", now }: AuditLogOptions): WriterOptions {
  return { durability, ...(now === undefined ? {} : { now }) };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
