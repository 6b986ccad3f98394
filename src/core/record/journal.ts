/**
 * The intent journal: which actions a provider was asked for that have no record yet.
 *
 * @module
 */
import { FIELDS, hasFields, pickFields, visibleJson } from "./record.ts";
import type { RecordBody, RecordField } from "./record.ts";
import { GroupWriter, writeAll, type WriterOptions } from "./writer.ts";

/** An action that is about to be executed: what its record will say, as far as that is known. */
export interface Intent extends Omit<RecordBody, "status"> {
  /** Of the record to come. */
  readonly record_id: string;
  /** Where the log ended: the number of the first record of the file that was written then, ... */
  readonly segment: number;
  /** ... and the size of that file in bytes. The record to come is not before that. */
  readonly at: number;
}

/** The fields of an intent. */
const INTENT_FIELDS: readonly RecordField[] = [
  ...FIELDS.filter((field: RecordField) => field.intent),
  { name: "record_id", type: "text" },
  { name: "segment", type: "whole number" },
  { name: "at", type: "whole number" },
];

/** Size in bytes from which the journal is written anew with its open intents only. */
const RENEW_BYTES = 256 * 1024;

/**
 * The journal of one log, in `<log>.journal`. An intent is in it before its provider is called, and is
 * settled when the record is written. What is not settled when a kernel ends is found by the next one.
 */
export class IntentJournal {
  /** The intents that are not settled, by their `record_id`, in the order in which they came. */
  open: Map<string, Intent>;
  readonly #writer: GroupWriter<Intent>;
  #renewAt = RENEW_BYTES;

  /**
   * Continues a journal with these intents, and no others.
   *
   * @param path The journal.
   * @param file The same, open for appending, and locked.
   */
  constructor(
    path: string,
    file: Deno.FsFile,
    options: WriterOptions<Intent> & Pick<IntentJournal, "open">,
  ) {
    this.open = options.open;
    this.#writer = new GroupWriter(path, file, {
      ...options,
      onWritten: () => this.#writer.size >= this.#renewAt && this.#renew(),
      // Their providers are not called.
      onLost: (intents) => intents.forEach(({ record_id }) => this.open.delete(record_id)),
    });
    this.#renew();
  }

  /**
   * Puts an intent on record.
   *
   * @returns Resolves when it is as durable as promised. Rejects if it may not be in the file.
   */
  add(values: Intent): Promise<void> {
    const intent = pickFields(values, INTENT_FIELDS);
    this.open.set(intent.record_id, intent);
    return this.#writer.write(`${visibleJson(intent)}\n`, intent);
  }

  /**
   * Waits for what is under way and closes the file.
   *
   * @param options Whether the kernel ends in order: an empty file is the sign of that.
   */
  async close({ clean }: { readonly clean: boolean }): Promise<void> {
    const settled = this.open.size === 0 && this.#writer.failure === undefined;
    await this.#writer.close({ empty: clean && settled });
  }

  /** Writes the open intents to a new file, which takes the place of this one. */
  #renew(): void {
    const lines = [{ pid: Deno.pid }, ...this.open.values()].map((line) => visibleJson(line));
    const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
    this.#writer.replace(`${this.#writer.path}.new`, (file) => writeAll(file, bytes));
    this.#renewAt = Math.max(RENEW_BYTES, 2 * this.#writer.size);
    // A map that lives long keeps all tables that it has outgrown, with what they refer to (V8).
    this.open = new Map(this.open);
  }
}

/** The intents in a journal. */
export function intentsIn(path: string): Intent[] {
  return Deno.readTextFileSync(path).split("\n").slice(0, -1).flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      // INVARIANT: what a record is made of has its types, also in a journal that was edited.
      return hasFields<Intent>(value, INTENT_FIELDS) ? [pickFields(value, INTENT_FIELDS)] : [];
    } catch {
      return []; // Torn: its provider was never called.
    }
  });
}
