/**
 * Taking over the files of an audit log: locks, the end of the chain, what was left unfinished.
 *
 * @module
 */
import { AuditLogError } from "./audit_log_error.ts";
import { GroupWriter, type WriterOptions } from "./writer.ts";
import { type Intent, IntentJournal } from "./journal.ts";
import { readTail } from "./lines.ts";
import { AuditLogBusyError, tryLock } from "./lock.ts";
import { type AuditRecord, GENESIS, open } from "./record.ts";
import { lastRecord, segmentsOf } from "./segments.ts";

/** The files of a log, in the hands of this process. */
export interface Attached {
  readonly journal: IntentJournal;
  /** Of the file that is written. */
  readonly writer: GroupWriter;
  /** Number of the first record in that file. */
  firstSeq: number;
  /** Number of the next record. */
  readonly seq: number;
  /** Hash of the last one. */
  readonly head: string;
  /** Day (UTC) of the last record in that file. */
  readonly day?: string;
  /** A torn last line that was moved away. */
  readonly torn?: { readonly bytes: number; readonly movedTo: string };
  /** Intents that have no record. */
  readonly left: readonly Intent[];
  close(): Promise<void>;
}

/** How a log is taken over. */
export interface AttachOptions extends WriterOptions {
  /** Told of the number of records and the hash of the last; throws to refuse the log. */
  readonly accept?: ((size: number, head: string) => void) | undefined;
}

/**
 * Opens, locks and checks the files of a log, and mends its end.
 *
 * @throws {AuditLogBusyError} Another kernel has them.
 * @throws {AuditLogError} They cannot be opened, or the last record is damaged.
 */
export function attach(path: string, options: AttachOptions): Attached {
  const opened: { close(): unknown }[] = [];
  try {
    const { journal, left } = openFile(
      path,
      () => IntentJournal.open(`${path}.journal`, path, options),
    );
    opened.push(journal);
    const file = openLog(path);
    opened.push(file);
    if (!tryLock(path, file)) throw new AuditLogBusyError(path, undefined);
    const tail = findTail(path, file);
    const last = tail.last ?? lastSegmentRecord(path);
    const seq = (last?.seq ?? -1) + 1;
    const head = last?.hash ?? GENESIS;
    // INVARIANT: a log that is refused stays as it was, its journal as well: it may be the wrong file.
    options.accept?.(seq, head);
    const torn = repairTail(path, file, tail);
    const firstSeq = tail.last === undefined ? seq : firstRecord(path).seq;
    const writer = new GroupWriter(path, file, options);
    // INVARIANT: a record that could not be written later is known before anything is done.
    journal.guardBy(() => {
      if (writer.failure !== undefined) throw writer.failure;
      writer.assertInPlace();
    });
    return {
      journal,
      writer,
      firstSeq,
      seq,
      head,
      ...(tail.last === undefined ? {} : { day: tail.last.timestamp.slice(0, 10) }),
      ...(torn === undefined ? {} : { torn }),
      left: withoutRecord(path, left, firstSeq),
      async close() {
        // The journal last: it tells whether everything got its record.
        await writer.close();
        await journal.close();
      },
    };
  } catch (error) {
    for (const one of opened) one.close();
    throw asAuditLogError(path, error);
  }
}

/** What is known to be written of a log. */
export interface Written {
  /** Number of records. */
  readonly seq: number;
  /** Hash of the last. */
  readonly head: string;
  /** Bytes of the file that is written. */
  readonly size: number;
}

/**
 * Asserts that the file at the path is the one that was written, and that behind what is known to be
 * written there is at most what was being written as it failed. Changes nothing.
 *
 * @param lost Hashes of the records that were being written.
 * @throws {AuditLogError} It is another one, or there is none.
 */
export function assertContinues(
  path: string,
  { seq, head, size }: Written,
  lost: readonly string[],
): void {
  const refused = (why: string) =>
    new AuditLogError(
      `Cannot go on with the audit log "${path}": ${why}; put the file back that ends with record ${
        seq - 1
      }`,
    );
  let file: Deno.FileInfo;
  try {
    file = Deno.lstatSync(path);
  } catch (error) {
    throw asAuditLogError(path, error);
  }
  if (!file.isFile) throw refused("there is no file in its place");
  if (file.size < size) throw refused(`it has ${file.size} bytes, expected ${size}`);
  let end = 0;
  let hash = GENESIS;
  const behind: string[] = [];
  for (const line of linesFrom(path, 0)) {
    end += line.length + 1;
    if (end < size) continue;
    const opened = open(line);
    const found = opened.ok ? opened.record.hash : "";
    if (end === size) hash = found;
    else behind.push(found);
  }
  if (size > 0 && hash !== head) throw refused("it is another one");
  if (behind.some((found, i) => found !== lost[i])) throw refused("somebody else wrote to it");
}

/** Opens a file for appending, that only its owner may read. */
export function openLog(path: string): Deno.FsFile {
  return openFile(
    path,
    () => Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 }),
  );
}

function openFile<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw asAuditLogError(path, error);
  }
}

function asAuditLogError(path: string, error: unknown): Error {
  if (error instanceof AuditLogBusyError || error instanceof AuditLogError) return error;
  const reason = error instanceof Deno.errors.NotFound
    ? "there is no such file or folder"
    : error instanceof Error
    ? error.message
    : String(error);
  return new AuditLogError(`Cannot open the audit log "${path}": ${reason}`, { cause: error });
}

/** How a file ends. */
interface Tail {
  readonly last: AuditRecord | undefined;
  /** What is behind the last line feed, ... */
  readonly rest: Uint8Array;
  /** ... and where it begins. */
  readonly restAt: number;
  /** Whether that is the last record, which lacks its line feed; else it is torn. */
  readonly whole: boolean;
}

/** Finds the last record. Changes nothing. */
function findTail(path: string, file: Deno.FsFile): Tail {
  const { lastLine, torn: rest, tornAt: restAt } = readTail(file);
  const opened = rest.length > 0 ? open(rest) : undefined;
  if (opened?.ok) return { last: opened.record, rest, restAt, whole: true };
  const last = restAt === 0 ? undefined : recordIn(path, lastLine);
  return { last, rest, restAt, whole: false };
}

/** Moves a torn line away, and completes one that lacks its line feed. */
function repairTail(
  path: string,
  file: Deno.FsFile,
  { rest, restAt, whole }: Tail,
): Attached["torn"] {
  if (whole) writeAll(file, new Uint8Array([10]));
  if (whole || rest.length === 0) return undefined;
  const movedTo = `${path}.torn`;
  moveTorn(rest, movedTo);
  file.truncateSync(restAt);
  return { bytes: rest.length, movedTo };
}

function recordIn(path: string, line: Uint8Array): AuditRecord {
  const opened = open(line);
  if (opened.ok) return opened.record;
  throw new AuditLogError(
    `Cannot continue the audit log "${path}": its last line ${opened.reason}; see "agent-kernel log verify", then move the file away`,
  );
}

function lastSegmentRecord(path: string): AuditRecord | undefined {
  const segment = segmentsOf(path).at(-1);
  if (segment === undefined) return undefined;
  const record = lastRecord(segment.path);
  if (record !== undefined) return record;
  throw new AuditLogError(
    `Cannot continue the audit log "${path}": the end of its segment "${segment.path}" is damaged`,
  );
}

function firstRecord(path: string): AuditRecord {
  for (const line of linesFrom(path, 0)) return recordIn(path, line);
  throw new AuditLogError(`Cannot continue the audit log "${path}": it has no first record`);
}

/** The intents that no record of the log bears the id of. */
function withoutRecord(
  path: string,
  intents: readonly Intent[],
  current: number,
): readonly Intent[] {
  if (intents.length === 0) return [];
  const unrecorded = new Map(intents.map((intent) => [intent.record_id, intent]));
  const earliest = intents.reduce((a, b) =>
    a.segment < b.segment || (a.segment === b.segment && a.at < b.at) ? a : b
  );
  // The file that was written then may have become a segment meanwhile, or have been taken away.
  const files = [...segmentsOf(path), { path, firstSeq: current }]
    .filter(({ firstSeq }) => firstSeq >= earliest.segment);
  for (const file of files) {
    for (const line of linesFrom(file.path, file.firstSeq === earliest.segment ? earliest.at : 0)) {
      const opened = open(line);
      const id = opened.ok ? opened.record.record_id : undefined;
      if (id !== undefined) unrecorded.delete(id);
    }
  }
  return Array.from(unrecorded.values());
}

/** The complete lines of a file from an offset on. */
function* linesFrom(path: string, offset: number): Generator<Uint8Array> {
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  let rest = new Uint8Array(0);
  const buffer = new Uint8Array(256 * 1024);
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    const chunk = new Uint8Array(rest.length + count);
    chunk.set(rest);
    chunk.set(buffer.subarray(0, count), rest.length);
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      yield chunk.subarray(start, end);
      start = end + 1;
    }
    rest = chunk.subarray(start);
  }
}

function moveTorn(torn: Uint8Array, path: string): void {
  using side = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  writeAll(side, torn);
  writeAll(side, new Uint8Array([10]));
  side.syncSync();
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
