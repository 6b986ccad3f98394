/**
 * The intent journal: what a provider has been asked to do and what has no record yet.
 *
 * @module
 */
import { InFlight } from "../in_flight.ts";
import { GroupWriter, type WriterOptions } from "./writer.ts";
import { AuditLogBusyError, tryLock } from "./lock.ts";
import type { RecordBody } from "./record.ts";

/** An action that is about to be carried out. */
export interface Intent {
  /** The same as in the record to come. */
  readonly record_id: string;
  /** The file that was written then, by the number of its first record, ... */
  readonly segment: number;
  /** ... and its size: the record to come is not before that. */
  readonly at: number;
  readonly timestamp: string;
  readonly action: string;
  readonly target: string;
  readonly undoes?: string;
  readonly agent?: string;
  readonly rule?: string;
  readonly policy: string;
  readonly params: string | null;
  readonly target_digest?: string;
}

/** The first line: who holds the journal, and with it the log. */
interface Header {
  readonly pid: number;
}

/** How old a look at the journal may be, in milliseconds; the log itself is looked at before each action. */
const LOOK_MS = 1;
/** Size in bytes at which a journal without open intents is emptied. */
const EMPTY_AT = 256 * 1024;
/** Size in bytes at which it is written anew with its open intents. */
const COMPACT_AT = 8 * 1024 * 1024;

/**
 * The journal of one log, beside it as `<log>.journal`. An intent is on record before its provider
 * is called; when the record is written, the intent is settled. What is not settled when a kernel
 * ends is found by the next one.
 */
export class IntentJournal {
  readonly #path: string;
  readonly #open = new InFlight<string, Intent>();
  readonly #writer: GroupWriter;
  /** Makes a line of its own of the first intent behind a torn line. */
  #lead: string;
  #begun = false;
  /** Size in bytes after the last compaction. */
  #compacted = 0;

  private constructor(path: string, writer: GroupWriter, lead: string) {
    this.#path = path;
    this.#writer = writer;
    this.#lead = lead;
  }

  /**
   * Opens and locks the journal. Nothing in it is changed before the first intent, or `begin`.
   *
   * @returns It, and the intents that an earlier kernel left in it.
   * @throws {AuditLogBusyError} Another kernel holds it.
   */
  static open(
    path: string,
    log: string,
    options: WriterOptions,
  ): { journal: IntentJournal; left: readonly Intent[] } {
    const file = openLocked(path, log);
    try {
      const text = Deno.readTextFileSync(path);
      const left = intentsIn(text);
      const lead = text === "" || text.endsWith("\n") ? "" : "\n";
      // What was left stays until it is settled: it is settled by records, then the file is emptied.
      const journal = new IntentJournal(path, new GroupWriter(path, file, options), lead);
      for (const intent of left) journal.#open.set(intent.record_id, intent);
      return { journal, left };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Why nothing can be journalled any more. */
  get failure(): Error | undefined {
    return this.#writer.failure;
  }

  /** Has something else asserted, besides, before intents are written. */
  guardBy(assert: () => void): void {
    this.#writer.guardBy(assert);
  }

  /** Puts an intent on record. */
  async add(intent: Intent): Promise<void> {
    this.#open.set(intent.record_id, intent);
    try {
      const written = this.#writer.write(`${this.#lead}${JSON.stringify(intent)}\n`, LOOK_MS);
      this.#lead = "";
      await written;
    } catch (error) {
      this.#open.delete(intent.record_id);
      throw error;
    }
  }

  /** Its record is written. */
  settle(recordId: string): void {
    this.#open.delete(recordId);
    if (this.#writer.busy || this.#writer.failure !== undefined) return;
    try {
      if (this.#open.size === 0 && this.#writer.size > EMPTY_AT) this.#empty();
      else if (this.#writer.size > Math.max(COMPACT_AT, 2 * this.#compacted)) this.#compact();
    } catch (error) {
      // The record is written, that stands; the next intent finds that there is no journal any more.
      this.#writer.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * Begins anew, once everything that was left has its record: says who holds the journal, and
   * holds the intents that are under way here.
   */
  async begin(underWay: () => Iterable<Intent>): Promise<void> {
    await this.#writer.idle();
    this.#begun = true;
    this.#lead = "";
    this.#open.clear();
    for (const intent of underWay()) this.#open.set(intent.record_id, intent);
    if (this.#open.size > 0) this.#compact();
    else await this.#empty();
  }

  #empty(): Promise<unknown> {
    this.#writer.truncate();
    const written = this.#writer.write(`${JSON.stringify({ pid: Deno.pid } satisfies Header)}\n`);
    // Should it fail, the failure stays with the writer, and the next intent meets it.
    written.catch(() => {});
    return written;
  }

  /** Closes it; an emptied one is the sign of a clean end. One that was not begun stays as it was. */
  async close(): Promise<void> {
    const idle = this.#writer.failure === undefined && !this.#writer.busy;
    if (this.#begun && this.#open.size === 0 && idle) this.#writer.truncate();
    await this.#writer.close();
  }

  /** Writes the open intents to a new journal that takes the place of this one. Not while it is syncing. */
  #compact(): void {
    const path = `${this.#path}.new`;
    removeStale(path);
    const file = Deno.openSync(path, { append: true, createNew: true, mode: 0o600 });
    file.lockSync(true);
    const lines = [{ pid: Deno.pid }, ...this.#open.values()].map((line) =>
      `${JSON.stringify(line)}\n`
    );
    const bytes = new TextEncoder().encode(lines.join(""));
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    file.syncDataSync();
    Deno.renameSync(path, this.#path);
    this.#writer.goOnIn(file);
    this.#compacted = bytes.length;
  }
}

/** The intent that belongs to a record. */
export function intentOf(
  body: RecordBody,
  recordId: string,
  { segment, at }: Pick<Intent, "segment" | "at">,
): Intent {
  const { timestamp, action, target, undoes, agent, rule, policy, params, target_digest } = body;
  return {
    ...{ record_id: recordId, segment, at, timestamp, action, target },
    ...(undoes === undefined ? {} : { undoes }),
    ...(agent === undefined ? {} : { agent }),
    ...(rule === undefined ? {} : { rule }),
    ...{ policy, params },
    ...(target_digest === undefined ? {} : { target_digest }),
  };
}

function openLocked(path: string, log: string): Deno.FsFile {
  for (;;) {
    const file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
    if (tryLock(path, file)) return file;
    const { pid } = readHeader(path);
    const moved = file.statSync().ino !== Deno.lstatSync(path).ino;
    file.close();
    // Compacted by its holder just now: look again.
    if (moved) continue;
    throw new AuditLogBusyError(log, pid);
  }
}

function readHeader(path: string): Partial<Header> {
  const [first = ""] = Deno.readTextFileSync(path).split("\n", 1);
  try {
    const header = JSON.parse(first);
    return Number.isSafeInteger(header?.pid) ? header : {};
  } catch {
    return {}; // Written just now, or torn: the holder is then not known by number.
  }
}

/** A torn last line is an intent whose provider was never called. */
function intentsIn(text: string): Intent[] {
  return text.split("\n").slice(0, -1).flatMap((line) => {
    try {
      const intent: unknown = JSON.parse(line);
      if (!isIntent(intent)) return [];
      const { timestamp, policy, params } = intent;
      const said = { timestamp: plain(timestamp), policy: plain(policy) };
      return [{ ...intent, ...said, params: params === null ? null : plain(params) }];
    } catch {
      return [];
    }
  });
}

/** INVARIANT: what a record is made of has its types, also in a journal that was edited. */
function isIntent(value: unknown): value is Intent {
  if (value === null || typeof value !== "object") return false;
  const intent = value as Readonly<Record<string, unknown>>;
  const texts = ["record_id", "timestamp", "action", "target", "policy"];
  const optional = ["undoes", "agent", "rule", "target_digest"];
  return texts.every((key) => typeof intent[key] === "string") &&
    optional.every((key) => intent[key] === undefined || typeof intent[key] === "string") &&
    (intent["params"] === null || typeof intent["params"] === "string") &&
    ["segment", "at"].every((key) => Number.isSafeInteger(intent[key]) && Number(intent[key]) >= 0);
}

/** INVARIANT: times and digests go into records unescaped, also those of a journal that was edited. */
function plain(text: string): string {
  return text.replace(/[^\w:.+-]/g, "?");
}

/** What a crash in the middle of a compaction left behind. */
function removeStale(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
