/**
 * The witness of an audit log that signs checkpoints: when they are due, and where they go.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { type PermissionSet, union } from "../core/isolation/permission_set.ts";
import type { GuardedPath } from "../core/policy/guard.ts";
import { AuditLogError } from "../core/record/audit_log_error.ts";
import type { Witness } from "../core/record/log.ts";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import { pruneAuditLog, type Retention } from "../log/prune.ts";
import { type Checkpoint, formatCheckpoint, loadSigner, readCheckpoints } from "./checkpoint.ts";
import { type Destination, parseDestination } from "./destination.ts";
import { appendNote, readNotesTail } from "./note_file.ts";
import { type NoteSigner, parseVerifierKey, signNote } from "./signed_note.ts";

/** How a log is signed, and where its checkpoints go besides `<log>.checkpoints`. */
export interface CheckpointOptions {
  /** File with the private key, as `agent-kernel keygen` makes it. */
  readonly key: string;
  /** A checkpoint after so many records. @default 1000 */
  readonly everyRecords?: number;
  /** A checkpoint so many seconds after a record that is in none yet. @default 60 */
  readonly everySeconds?: number;
  /**
   * Further destinations, best where nobody can reach them who could change the log: the path of a
   * file to append to, `command:/path/to/program args…` (the note on its standard input, an empty
   * environment, no shell), or an http(s) URL for a POST. @default none
   */
  readonly also?: string | readonly string[];
}

/** What signing and sending checkpoints takes. */
export interface CheckpointNeeds {
  /** What the process has to be permitted. */
  readonly permissions: Partial<PermissionSet>;
  /**
   * What no action may change; the key, that none may read either. The file of checkpoints belongs to
   * the log and is guarded with it, also when checkpoints are off.
   */
  readonly guards: readonly GuardedPath[];
  /** The further destinations. */
  readonly destinations: readonly Destination[];
}

/** The file of a log's checkpoints. */
export function checkpointFile(logPath: string): string {
  return `${logPath}.checkpoints`;
}

/**
 * Works out what checkpoints need, from one reading of their options.
 *
 * @param options The path of the key is absolute.
 * @param logPath The absolute path of the log.
 * @throws {RangeError} A destination is none.
 */
export function checkpointNeeds(
  { key, also = [] }: CheckpointOptions,
  logPath: string,
): CheckpointNeeds {
  const file = checkpointFile(logPath);
  const destinations = [also].flat().map(parseDestination);
  return {
    permissions: union(
      { read: [key, file], write: [file] },
      ...destinations.map(({ permissions }) => permissions),
    ),
    guards: [
      { path: key, what: "checkpoint key", secret: true },
      ...destinations.flatMap(({ guards }) => guards),
    ],
    destinations,
  };
}

/** What a {@linkcode CheckpointWitness} works with. */
export interface WitnessContext {
  /** The absolute path of the log. */
  readonly logPath: string;
  /**
   * Brings the log to the disk. Called before each signature, so that after a loss of power the log
   * is not shorter than a checkpoint says.
   */
  readonly syncLog: () => void;
  /** Gets a line for what could not be signed, written, sent or deleted. */
  readonly onWarning: (line: string) => void;
  /** Which segments to keep when a checkpoint was written. @default all */
  readonly retain?: Retention | undefined;
  /** @default the platform's */
  readonly timer?: Timer | undefined;
  /** Wall clock, for the age of segments. @default the system's */
  readonly clock?: (() => Date) | undefined;
}

/**
 * Signs checkpoints of one log when they are due, writes them to `<log>.checkpoints`, sends them to the
 * other destinations, and deletes the segments that are then covered and need not be kept.
 */
export class CheckpointWitness implements Witness {
  /** The newest checkpoint in the local file at the start; `undefined` if none has this key. */
  readonly newest: Checkpoint | undefined;
  readonly #context: WitnessContext;
  readonly #file: string;
  readonly #everyRecords: number;
  readonly #everySeconds: number;
  readonly #timer: Timer;
  readonly #signer: NoteSigner;
  readonly #outboxes: readonly Outbox[];
  /** Size at the last try to sign. */
  #tried: number;
  #note = "";
  #latest: { readonly size: number; readonly head: string } | undefined;
  #cancel: (() => void) | undefined;

  /**
   * Reads the key and the end of the local file.
   *
   * @throws {KeyError} The key is refused.
   * @throws {RangeError} A number is not positive or too large, or a destination is none.
   */
  constructor(options: CheckpointOptions, context: WitnessContext) {
    const { key, everyRecords = 1000, everySeconds = 60 } = options;
    for (const [name, value] of Object.entries({ everyRecords, everySeconds })) {
      if (value > 0 && value <= 1e6) continue;
      throw new RangeError(
        `Cannot publish checkpoints: ${name} is ${value}, expected more than 0, up to 1000000`,
      );
    }
    const { logPath, onWarning, timer = SYSTEM_TIMER } = context;
    this.#context = context;
    this.#file = checkpointFile(logPath);
    this.#everyRecords = everyRecords;
    this.#everySeconds = everySeconds;
    this.#timer = timer;
    this.#signer = loadSigner(key);
    this.#outboxes = checkpointNeeds(options, logPath).destinations
      .map((destination) => new Outbox(destination, timer, onWarning));
    this.newest = newestIn(this.#file, this.#signer);
    this.#tried = this.newest?.size ?? 0;
  }

  /**
   * Compares a log that is about to be continued with the newest checkpoint.
   *
   * @throws {AuditLogError} The log is shorter, or as long with another head.
   */
  accept(size: number, head: string): void {
    const { newest } = this;
    if (newest === undefined || size > newest.size) return;
    if (size < newest.size) {
      throw new AuditLogError(
        `Cannot open the audit log "${this.#context.logPath}": it has ${size} records, but "${this.#file}" holds a signed checkpoint of ${newest.size}: its end is missing`,
      );
    }
    if (head === newest.head) return;
    throw new AuditLogError(
      `Cannot open the audit log "${this.#context.logPath}": it differs from the signed checkpoint of ${size} records in "${this.#file}": it was written anew`,
    );
  }

  /** Signs a checkpoint if one is due with these records; else at the latest after `everySeconds`. */
  written(size: number, head: string): void {
    this.#latest = { size, head };
    if (size - this.#tried >= this.#everyRecords) {
      void this.publish(size, head);
      return;
    }
    this.#cancel ??= this.#timer.schedule(
      () => void this.#publishLatest(),
      this.#everySeconds * 1e3,
    );
  }

  /**
   * Signs a checkpoint now. It is in the local file when this returns. What fails is a warning, and is
   * tried again with the next checkpoint.
   *
   * @returns Resolves when it arrived at the other destinations, or failed to.
   */
  async publish(size: number, head: string): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const { syncLog, onWarning } = this.#context;
    // Also if it fails: the next try is not due with each write.
    this.#tried = size;
    let note: string;
    try {
      note = signNote(formatCheckpoint({ origin: this.#signer.name, size, head }), this.#signer);
      syncLog();
    } catch (error) {
      onWarning(`Cannot sign a checkpoint of ${size} records: ${messageOf(error)}`);
      return;
    }
    if (note !== this.#note) {
      try {
        appendNote(this.#file, note);
        this.#note = note;
        this.#prune(size);
      } catch (error) {
        onWarning(
          `Cannot write the checkpoint of ${size} records to "${this.#file}": ${messageOf(error)}`,
        );
      }
    }
    await Promise.all(this.#outboxes.map((outbox) => outbox.send(note, size)));
  }

  /** Publishes what is in no checkpoint yet. Waits for the destinations, half a minute at most. */
  async close(): Promise<void> {
    await this.#publishLatest();
  }

  async #publishLatest(): Promise<void> {
    if (this.#latest !== undefined) await this.publish(this.#latest.size, this.#latest.head);
  }

  #prune(covered: number): void {
    const { logPath, retain, clock = () => new Date(), onWarning } = this.#context;
    if (retain === undefined) return;
    try {
      pruneAuditLog(logPath, retain, { covered, now: clock() });
    } catch (error) {
      onWarning(`Cannot delete segments of the audit log "${logPath}": ${messageOf(error)}`);
    }
  }
}

/** Sends the notes to one destination one after the other; of those that wait, the newest. */
class Outbox {
  readonly #destination: Destination;
  readonly #timer: Timer;
  readonly #onWarning: (line: string) => void;
  #waiting: { readonly note: string; readonly size: number } | undefined;
  #sending: Promise<void> | undefined;
  #delivered = "";

  constructor(destination: Destination, timer: Timer, onWarning: (line: string) => void) {
    this.#destination = destination;
    this.#timer = timer;
    this.#onWarning = onWarning;
  }

  send(note: string, size: number): Promise<void> {
    this.#waiting = { note, size };
    return this.#sending ??= this.#run();
  }

  async #run(): Promise<void> {
    await null; // So that "#sending" is set before it is unset.
    while (this.#waiting !== undefined) {
      const { note, size } = this.#waiting;
      this.#waiting = undefined;
      if (note === this.#delivered) continue;
      try {
        await this.#destination.send(note, this.#timer);
        this.#delivered = note;
      } catch (error) {
        this.#onWarning(
          `Cannot send the checkpoint of ${size} records to "${this.#destination.name}": ${
            messageOf(error)
          }; the next one will be sent`,
        );
      }
    }
    this.#sending = undefined;
  }
}

function newestIn(path: string, { verifierKey }: NoteSigner): Checkpoint | undefined {
  let text: string;
  try {
    using file = Deno.openSync(path);
    text = readNotesTail(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // The first one may be cut by the limit of what is read: then it does not count.
  return Array.from(readCheckpoints(text, parseVerifierKey(verifierKey)))
    .findLast((read) => read.found === "checkpoint")?.checkpoint;
}
