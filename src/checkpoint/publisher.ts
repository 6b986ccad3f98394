/**
 * When checkpoints are signed, and where they go.
 *
 * @module
 */
import { SYSTEM_TIMER, type Timer } from "../core/timer.ts";
import { type Checkpoint, formatCheckpoint, loadSigner, readCheckpoints } from "./checkpoint.ts";
import { appendNote, messageOf, type Place, placeOf, readNotesTail } from "./destination.ts";
import { type NoteSigner, parseVerifierKey, signNote } from "./signed_note.ts";

/** How a log is signed, and where its checkpoints go beside `<log>.checkpoints`. */
export interface CheckpointOptions {
  /** File with the private key, as `agent-kernel keygen` makes it. */
  readonly key: string;
  /** A checkpoint after so many records. @default 1000 */
  readonly everyRecords?: number;
  /** A checkpoint so many seconds after a record that is in none yet. @default 60 */
  readonly everySeconds?: number;
  /**
   * Further places, best where whoever could change the log cannot reach: the path of a file to
   * append to, `command:/path/to/program args…` (the note on its standard input, an empty
   * environment, no shell), or an http(s) URL for a POST.
   */
  readonly also?: string | readonly string[];
}

/** Options of a {@linkcode CheckpointPublisher}. */
export interface CheckpointPublisherOptions extends CheckpointOptions {
  /** The local file of checkpoints: `<log>.checkpoints`. */
  readonly file: string;
  /**
   * Brings the log to the disk. Called before each signature, so that after a loss of power the log
   * is not shorter than a checkpoint says.
   */
  readonly syncLog?: () => void;
  /** Told of what could not be written or sent. */
  readonly onWarning: (line: string) => void;
  /** @default the platform's */
  readonly timer?: Timer;
}

/** Signs checkpoints of one log when they are due, writes them beside the log and sends them on. */
export class CheckpointPublisher {
  /** The newest checkpoint in the local file at the start; `undefined` if none has this key. */
  readonly newest: Checkpoint | undefined;
  readonly #options: CheckpointPublisherOptions;
  readonly #signer: NoteSigner;
  readonly #outboxes: readonly Outbox[];
  readonly #timer: Timer;
  /** Of the last try. */
  #published: number;
  /** Of the last that is in the local file. */
  #covered: number;
  #note = "";
  #latest: { readonly size: number; readonly head: string } | undefined;
  #cancel: (() => void) | undefined;

  /**
   * Reads the key and the end of the local file.
   *
   * @throws {KeyError} The key is refused.
   * @throws {RangeError} A number is no positive one, or a place no place.
   */
  constructor(options: CheckpointPublisherOptions) {
    const { key, file, everyRecords = 1000, everySeconds = 60, also = [] } = options;
    for (const [name, value] of Object.entries({ everyRecords, everySeconds })) {
      if (value > 0 && value <= 1e6) continue;
      throw new RangeError(
        `Cannot publish checkpoints: ${name} is ${value}, expected more than 0, up to 1000000`,
      );
    }
    this.#options = { ...options, everyRecords, everySeconds };
    this.#timer = options.timer ?? SYSTEM_TIMER;
    this.#signer = loadSigner(key);
    this.#outboxes = [also].flat().map((text) =>
      new Outbox(placeOf(text, this.#timer), options.onWarning)
    );
    this.newest = newestIn(file, this.#signer);
    this.#published = this.newest?.size ?? 0;
    this.#covered = this.#published;
  }

  /**
   * Whether a log that is about to be continued can be the one of the newest checkpoint.
   *
   * @returns Why it cannot; `undefined` if nothing speaks against it.
   */
  contradiction(size: number, head: string): string | undefined {
    if (this.newest === undefined) return undefined;
    const { file } = this.#options;
    if (size < this.newest.size) {
      return `The audit log has ${size} records, but "${file}" holds a signed checkpoint of ${this.newest.size}: its end is missing`;
    }
    return size === this.newest.size && head !== this.newest.head
      ? `The audit log differs from the signed checkpoint of ${size} records in "${file}": it was written anew`
      : undefined;
  }

  /** Number of records that the newest checkpoint in the local file covers. */
  get covered(): number {
    return this.#covered;
  }

  /** Told of the log's state after each write; signs a checkpoint when one is due. */
  recordsWritten(size: number, head: string): void {
    this.#latest = { size, head };
    const { everyRecords = 0, everySeconds = 0 } = this.#options;
    if (size - this.#published >= everyRecords) void this.publish(size, head);
    else {this.#cancel ??= this.#timer.schedule(() =>
        void this.#publishLatest(), everySeconds * 1e3);}
  }

  /**
   * Signs a checkpoint now. It is in the local file when this returns; what fails is told to
   * `onWarning`, and tried again with the next checkpoint.
   *
   * @returns Resolves when it arrived at the other places, or failed to.
   */
  async publish(size: number, head: string): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const { file, syncLog, onWarning } = this.#options;
    // Also if it fails: the next try is not due with each write.
    this.#published = size;
    let note: string;
    try {
      note = signNote(formatCheckpoint({ origin: this.#signer.name, size, head }), this.#signer);
      syncLog?.();
    } catch (error) {
      onWarning(`Cannot sign a checkpoint of ${size} records: ${messageOf(error)}`);
      return;
    }
    if (note !== this.#note) {
      try {
        appendNote(file, note);
        this.#note = note;
        this.#covered = size;
      } catch (error) {
        onWarning(
          `Cannot write the checkpoint of ${size} records to "${file}": ${messageOf(error)}`,
        );
      }
    }
    await Promise.all(this.#outboxes.map((outbox) => outbox.send(note, size)));
  }

  /** Publishes what is in no checkpoint yet. Waits for the other places, half a minute at most. */
  async close(): Promise<void> {
    await this.#publishLatest();
  }

  async #publishLatest(): Promise<void> {
    if (this.#latest !== undefined) await this.publish(this.#latest.size, this.#latest.head);
  }
}

/** Sends the notes of one place one after the other; of those that wait, the newest. */
class Outbox {
  readonly #place: Place;
  readonly #onWarning: (line: string) => void;
  #waiting: { readonly note: string; readonly size: number } | undefined;
  #sending: Promise<void> | undefined;
  #delivered = "";

  constructor(place: Place, onWarning: (line: string) => void) {
    this.#place = place;
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
        await this.#place.send(note);
        this.#delivered = note;
      } catch (error) {
        this.#onWarning(
          `Cannot send the checkpoint of ${size} records to "${this.#place.name}": ${
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
