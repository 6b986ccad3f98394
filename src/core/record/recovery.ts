/**
 * Taking over the files of an audit log: locks, the end of the chain, what was left unfinished.
 *
 * @module
 */
import { asLogError, AuditLogError } from "./audit_log_error.ts";
import { type Intent, IntentJournal, intentsIn } from "./journal.ts";
import { linesFrom, readTail } from "./lines.ts";
import { openLocked, release } from "./lock.ts";
import { type AuditRecord, GENESIS, parseRecord } from "./record.ts";
import { segmentsOf } from "./segments.ts";
import { GroupWriter, writeAll, type WriterOptions } from "./writer.ts";

/** How a log is taken over. */
export interface AttachOptions<T> extends Omit<WriterOptions<T>, "what"> {
  /**
   * Asked before anything is changed, with the number of records, the hash of the last, and the bytes
   * of the file; throws to refuse the log.
   */
  readonly accept: (size: number, head: string, bytes: number) => void;
  /**
   * Intents of this kernel whose actions are under way, if it has had the log open before: then there
   * has to be one already.
   */
  readonly underWay?: ReadonlyMap<string, Intent> | undefined;
}

/** The files of a log, in the hands of this process, and where the log stands. */
export type LogFiles<T> = ReturnType<typeof attach<T>>;

/**
 * Opens, locks and checks the files of a log, and repairs its end.
 *
 * @throws {AuditLogBusyError} Another kernel has them.
 * @throws {AuditLogError} They cannot be opened, or the last record is damaged.
 */
export function attach<T>(path: string, options: AttachOptions<T>) {
  const { accept, underWay = new Map(), durability, now } = options;
  using opened = new DisposableStack();
  try {
    const journalFile = opened.adopt(openLocked(`${path}.journal`, { create: true }), release);
    const create = options.underWay === undefined;
    const file = opened.adopt(openLocked(path, { create }), release);
    const { lastLine, rest } = readTail(path);
    const isRecord = parseRecord(rest).ok;
    const lastOfFile = isRecord ? rest : lastLine;
    const last = lastOfFile ? recordIn(path, lastOfFile) : lastSegmentRecord(path);
    const end = { size: (last?.seq ?? -1) + 1, head: last?.hash ?? GENESIS };
    // INVARIANT: a log that is refused stays as it was, its journal as well: it may be the wrong file.
    accept(end.size, end.head, file.statSync().size);
    if (isRecord) writeAll(file, new Uint8Array([10]));
    const torn = isRecord || rest.length === 0 ? undefined : moveTorn(path, file, rest);
    const [firstLine] = linesFrom(path, 0);
    const first = file.statSync().size === 0 ? undefined : recordIn(path, firstLine);
    const firstSeq = first?.seq ?? end.size;
    const left = intentsIn(`${path}.journal`).map((intent) => [intent.record_id, intent] as const);
    const open = new Map([...left, ...underWay]);
    deleteRecorded(open, path, firstSeq);
    const writer = new GroupWriter(path, file, { ...options, what: `the audit log "${path}"` });
    const journal = new IntentJournal(`${path}.journal`, journalFile, {
      what: `the journal of the audit log "${path}"`,
      durability,
      now,
      // INVARIANT: a record that could not be written later is known before an action is executed.
      before: () => writer.assertInPlace(),
      open,
    });
    opened.move();
    return {
      /** Of the file that is written. */
      writer,
      /** Holds what is under way, and what an earlier kernel left without a record. */
      journal,
      /** What an earlier kernel left without a record. */
      unfinished: Array.from(open.values()).filter(({ record_id }) => !underWay.has(record_id)),
      /** A sentence about a torn last line that was moved away. */
      torn,
      /** Number of the first record in the file that is written, ... */
      firstSeq,
      /** ... and when it was made; `undefined` if there is none yet. */
      since: first?.timestamp,
      /** Number of all records, and hash of the last, also of those that are not written yet. */
      end,
      /** The same of those that are known to be written. */
      written: end,
    };
  } catch (error) {
    throw asLogError(error, `Cannot open the audit log "${path}"`);
  }
}

/** Moves a torn last line to `<log>.torn`. @returns A sentence about it. */
function moveTorn(path: string, file: Deno.FsFile, torn: Uint8Array): string {
  const movedTo = `${path}.torn`;
  using side = Deno.openSync(movedTo, { append: true, create: true, mode: 0o600 });
  writeAll(side, new Uint8Array([...torn, 10]));
  side.syncSync();
  file.truncateSync(file.statSync().size - torn.length);
  return `the last line was torn: its ${torn.length} bytes were moved to "${movedTo}"`;
}

function recordIn(path: string, line: Uint8Array | undefined): AuditRecord {
  const parsed = parseRecord(line ?? new Uint8Array());
  if (parsed.ok) return parsed.record;
  throw new AuditLogError(
    `Cannot continue the audit log "${path}": a line of it ${parsed.reason}; see "agent-kernel log verify", then move the file away`,
  );
}

function lastSegmentRecord(path: string): AuditRecord | undefined {
  const segment = segmentsOf(path).at(-1);
  if (segment === undefined) return undefined;
  const { lastLine, rest } = readTail(segment.path);
  return recordIn(segment.path, rest.length === 0 ? lastLine : undefined);
}

/** Deletes the intents whose id is in a record of the log. */
function deleteRecorded(open: Map<string, Intent>, path: string, firstSeq: number): void {
  const [first] = Array.from(open.values()).sort((a, b) => a.segment - b.segment || a.at - b.at);
  if (first === undefined) return;
  // The file that was written then may have become a segment, or have been archived.
  for (const file of [...segmentsOf(path), { path, firstSeq }]) {
    if (file.firstSeq < first.segment) continue;
    for (const line of linesFrom(file.path, file.firstSeq === first.segment ? first.at : 0)) {
      const parsed = parseRecord(line);
      if (parsed.ok) open.delete(parsed.record.record_id ?? "");
    }
  }
}
