/**
 * Taking over the files of an audit log: locks, the end of the chain, what was left unfinished.
 *
 * @module
 */
import { asLogError, AuditLogBusyError, AuditLogError } from "./audit_log_error.ts";
import { type Intent, IntentJournal, type OpenIntents, openJournal } from "./journal.ts";
import { linesFrom, readTail } from "./lines.ts";
import { tryLock } from "./lock.ts";
import { type AuditRecord, GENESIS, parseRecord } from "./record.ts";
import { lastRecord, segmentsOf } from "./segments.ts";
import { GroupWriter, writeAll, type WriterOptions } from "./writer.ts";

/** The files of a log, in the hands of this process, and where the log stands. */
export interface LogFiles<T> {
  /** Holds what is under way, and what an earlier kernel left without a record. */
  readonly journal: IntentJournal;
  /** Of the file that is written. */
  readonly writer: GroupWriter<T>;
  /** A sentence about a torn last line that was moved away. */
  readonly torn: string | undefined;
  /** Number of the first record in the file that is written. */
  firstSeq: number;
  /** Day (UTC) of the last record in that file; `undefined` if it has none. */
  day: string | undefined;
  /** Number of the next record, ... */
  seq: number;
  /** ... and hash of the last one, also of one that is not written yet. */
  head: string;
  /** What is known to be written: number of records, hash of the last. */
  written: { readonly size: number; readonly head: string };
}

/** How a log is taken over. */
export interface AttachOptions<T> extends Omit<WriterOptions<T>, "what"> {
  /**
   * Asked before anything is changed, with the number of records, the hash of the last, and the bytes
   * of the file; throws to refuse the log.
   */
  readonly accept: (size: number, head: string, bytes: number) => void;
  /** Whether there has to be a log already. @default false */
  readonly exists: boolean;
  /** Intents of this kernel whose actions are under way. */
  readonly underWay: Iterable<readonly [string, Intent]>;
}

/**
 * Opens, locks and checks the files of a log, and repairs its end.
 *
 * @throws {AuditLogBusyError} Another kernel has them.
 * @throws {AuditLogError} They cannot be opened, or the last record is damaged.
 */
export function attach<T>(path: string, options: AttachOptions<T>): LogFiles<T> {
  const opened: Deno.FsFile[] = [];
  try {
    const { file: journalFile, left } = openJournal(`${path}.journal`, path);
    opened.push(journalFile);
    const create = !options.exists;
    const file = Deno.openSync(path, { read: true, append: true, create, mode: 0o600 });
    opened.push(file);
    if (!Deno.lstatSync(path).isFile) throw new Error("it is not a regular file");
    if (!tryLock(path, file)) throw new AuditLogBusyError(path, undefined);
    const { lastLine, rest } = readTail(path);
    const unterminated = parseRecord(rest);
    const last = unterminated.ok
      ? unterminated.record
      : lastLine === undefined
      ? lastSegmentRecord(path)
      : recordIn(path, lastLine);
    const end = { size: (last?.seq ?? -1) + 1, head: last?.hash ?? GENESIS };
    // INVARIANT: a log that is refused stays as it was, its journal as well: it may be the wrong file.
    options.accept(end.size, end.head, file.statSync().size);
    if (unterminated.ok) writeAll(file, new Uint8Array([10]));
    const torn = unterminated.ok || rest.length === 0 ? undefined : moveTorn(path, file, rest);
    const firstSeq = firstSeqIn(path) ?? end.size;
    const writer = new GroupWriter(path, file, { ...options, what: `the audit log "${path}"` });
    const open = new Map([
      ...left.map((intent) => [intent.record_id, intent] as const),
      ...options.underWay,
    ]);
    deleteRecorded(open, path, firstSeq);
    const journal = new IntentJournal(`${path}.journal`, journalFile, {
      what: `the journal of the audit log "${path}"`,
      durability: options.durability,
      now: options.now,
      // INVARIANT: a record that could not be written later is known before an action is executed.
      before: () => writer.assertInPlace(),
    }, open);
    const day = firstSeq < end.size ? last?.timestamp.slice(0, 10) : undefined;
    return { journal, writer, torn, firstSeq, day, seq: end.size, head: end.head, written: end };
  } catch (error) {
    for (const file of opened) file.close();
    if (error instanceof AuditLogBusyError) throw error;
    throw asLogError(error, `Cannot open the audit log "${path}"`);
  }
}

/** Moves a torn last line to `<log>.torn`. @returns A sentence about it. */
function moveTorn(path: string, file: Deno.FsFile, torn: Uint8Array): string {
  const movedTo = `${path}.torn`;
  using side = Deno.openSync(movedTo, { append: true, create: true, mode: 0o600 });
  writeAll(side, torn);
  writeAll(side, new Uint8Array([10]));
  side.syncSync();
  file.truncateSync(file.statSync().size - torn.length);
  return `the last line was torn: its ${torn.length} bytes were moved to "${movedTo}"`;
}

function recordIn(path: string, line: Uint8Array): AuditRecord {
  const parsed = parseRecord(line);
  if (parsed.ok) return parsed.record;
  throw new AuditLogError(
    `Cannot continue the audit log "${path}": its last line ${parsed.reason}; see "agent-kernel log verify", then move the file away`,
  );
}

function lastSegmentRecord(path: string): AuditRecord | undefined {
  const segment = segmentsOf(path).at(-1);
  const record = segment && lastRecord(segment.path);
  if (segment === undefined || record !== undefined) return record;
  throw new AuditLogError(
    `Cannot continue the audit log "${path}": the end of its segment "${segment.path}" is damaged`,
  );
}

function firstSeqIn(path: string): number | undefined {
  for (const line of linesFrom(path, 0)) return recordIn(path, line).seq;
  return undefined;
}

/** Deletes the intents whose id is in a record of the log. */
function deleteRecorded(open: OpenIntents, path: string, firstSeq: number): void {
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
