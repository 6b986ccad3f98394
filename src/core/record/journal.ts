/**
 * The intent journal: which actions a provider was asked for that have no record yet.
 *
 * @module
 */
import { AuditLogBusyError } from "./audit_log_error.ts";
import { createLocked, tryLock } from "./lock.ts";
import { type FIELDS, hasFields, INTENT_FIELDS, type RecordBody } from "./record.ts";
import { type Durability, GroupWriter, writeAll, type WriterOptions } from "./writer.ts";

type IntentField = Extract<(typeof FIELDS)[number], { readonly intent: true }>["name"];

/** An action that is about to be executed: what its record will say, as far as that is known. */
export interface Intent extends Pick<RecordBody, IntentField> {
  /** Of the record to come. */
  readonly record_id: string;
  /** Where the log ended: the number of the first record of the file that was written then, ... */
  readonly segment: number;
  /** ... and the size of that file in bytes. The record to come is not before that. */
  readonly at: number;
}

/** What an intent has besides the fields of its record. */
type Place = Pick<Intent, "record_id" | "segment" | "at">;

/** The intent that belongs to a record. */
export function intentOf(body: RecordBody, place: Place): Intent {
  const known = INTENT_FIELDS.map(({ name }) => [name, body[name]]);
  return { ...Object.fromEntries(known), ...place };
}

/** Intents by their `record_id`, in the order in which they came. */
export type OpenIntents = Map<string, Intent>;

/** Size in bytes from which the journal is written anew with its open intents only. */
const RENEW_BYTES = 256 * 1024;

/**
 * The journal of one log, in `<log>.journal`. An intent is in it before its provider is called, and is
 * settled when the record is written. What is not settled when a kernel ends is found by the next one.
 */
export class IntentJournal {
  readonly #path: string;
  readonly #durability: Durability;
  readonly #writer: GroupWriter<Intent>;
  #open: OpenIntents;
  #renewAt = RENEW_BYTES;

  /**
   * Continues a journal with these intents, and no others.
   *
   * @param file Locked and open for appending, as {@linkcode openJournal} gives it.
   */
  constructor(path: string, file: Deno.FsFile, options: WriterOptions<Intent>, open: OpenIntents) {
    this.#path = path;
    this.#durability = options.durability;
    this.#open = open;
    this.#writer = new GroupWriter(path, file, {
      ...options,
      onWritten: () => this.#writer.size >= this.#renewAt && this.#renew(),
      // Their providers are not called.
      onLost: (intents) => intents.forEach(({ record_id }) => this.settle(record_id)),
    });
    this.#renew();
  }

  /** The intents that are not settled. */
  get open(): ReadonlyMap<string, Intent> {
    return this.#open;
  }

  /**
   * Puts an intent on record.
   *
   * @returns Resolves when it is as durable as promised. Rejects if it may not be in the file.
   */
  add(intent: Intent): Promise<void> {
    this.#open.set(intent.record_id, intent);
    return this.#writer.write(`${JSON.stringify(intent)}\n`, intent);
  }

  /** The action has its record. */
  settle(recordId: string): void {
    this.#open.delete(recordId);
  }

  /**
   * Waits for what is under way and closes the file.
   *
   * @param options Whether the kernel ends in order: an empty file is the sign of that.
   */
  async close({ clean }: { readonly clean: boolean }): Promise<void> {
    await this.#writer.idle();
    const settled = this.#open.size === 0 && this.#writer.failure === undefined;
    await this.#writer.close({ empty: clean && settled });
  }

  /** Writes the open intents to a new file, which takes the place of this one. */
  #renew(): void {
    const path = `${this.#path}.new`;
    try {
      Deno.removeSync(path);
    } catch {
      // There is none, unless a kernel was killed right here. What cannot be removed fails below.
    }
    const file = createLocked(path);
    try {
      const lines = [{ pid: Deno.pid }, ...this.#open.values()].map((line) => JSON.stringify(line));
      writeAll(file, new TextEncoder().encode(`${lines.join("\n")}\n`));
      if (this.#durability === "disk") file.syncDataSync();
      Deno.renameSync(path, this.#path);
    } catch (error) {
      file.close();
      throw error;
    }
    this.#writer.continueIn(file);
    this.#renewAt = Math.max(RENEW_BYTES, 2 * this.#writer.size);
    // A map that lives long keeps all tables that it has outgrown, with what they refer to (V8).
    this.#open = new Map(this.#open);
  }
}

/**
 * Opens and locks a journal, and reads what an earlier kernel left in it. Changes nothing.
 *
 * @param path The journal; it is made if it does not exist.
 * @param log The log, for messages.
 * @throws {AuditLogBusyError} Another kernel holds it.
 */
export function openJournal(path: string, log: string): { file: Deno.FsFile; left: Intent[] } {
  for (;;) {
    const file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
    const locked = tryLock(path, file);
    // A torn last line is an intent whose provider was never called.
    const lines = Deno.readTextFileSync(path).split("\n").slice(0, -1).map(parseJson);
    if (locked) return { file, left: lines.filter(isIntent) };
    // Its holder may have written it anew just now: then look again.
    const moved = file.statSync().ino !== Deno.lstatSync(path).ino;
    file.close();
    const { pid } = Object(lines[0]);
    if (!moved) throw new AuditLogBusyError(log, Number.isSafeInteger(pid) ? pid : undefined);
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Torn: it is no intent.
  }
}

/** INVARIANT: what a record is made of has its types, also in a journal that was edited. */
function isIntent(value: unknown): value is Intent {
  return hasFields(value, [
    ...INTENT_FIELDS,
    { name: "record_id", type: "text" },
    { name: "segment", type: "whole number" },
    { name: "at", type: "whole number" },
  ]);
}
