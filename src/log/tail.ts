/**
 * The end of an audit log, read from the end.
 *
 * @module
 */
import { type AuditRecord, parseRecord } from "../core/record/record.ts";
import { segmentsOf } from "../core/record/segments.ts";
import { joinedBytes } from "../joined_bytes.ts";
import { realLog } from "./log_lines.ts";
import { passes, type ReadLine, type RecordFilter } from "./reader.ts";

const CHUNK = 64 * 1024;
const LINE_FEED = 10;

/**
 * The last records of a log that pass the filter, in the order of the log. It reads backwards and
 * stops when it has enough, so a long log costs no more than a short one; rotated segments are read
 * only if the written file has too few.
 *
 * @param path The log.
 * @param count How many records, at most.
 * @param filter Which records count; `follow` is ignored.
 * @returns `undefined` if a damaged line was met: its number is known only to who reads from the start.
 * @throws {Deno.errors.NotFound} There is no such file.
 */
export function readLastRecords(
  path: string,
  count: number,
  filter: RecordFilter = {},
): ReadLine[] | undefined {
  const found: ReadLine[] = [];
  for (const bytes of linesBackwards(realLog(path))) {
    if (found.length >= count) break;
    const parsed = parseRecord(bytes);
    if (!parsed.ok) return undefined;
    const { record } = parsed;
    if (passes(record, filter)) found.push({ line: record.seq + 1, record });
  }
  return found.reverse();
}

/** What came to a log after a record. */
export interface NewRecords {
  /** In the order of the log. */
  readonly records: readonly AuditRecord[];
  /** Whether there are more between the record and these. */
  readonly isCut: boolean;
}

/**
 * The records after one that is known, read from the end: it costs what is new.
 *
 * @param path The log.
 * @param after The number (`seq`) of the known record; -1 for all.
 * @param most How many records, at most: the newest.
 * @returns `undefined` if a damaged line was met.
 * @throws {Deno.errors.NotFound} There is no such file.
 */
export function readRecordsAfter(
  path: string,
  after: number,
  most: number,
): NewRecords | undefined {
  const records: AuditRecord[] = [];
  for (const bytes of linesBackwards(realLog(path))) {
    const parsed = parseRecord(bytes);
    if (!parsed.ok) return undefined;
    if (parsed.record.seq <= after) break;
    if (records.length === most) return { records: records.reverse(), isCut: true };
    records.push(parsed.record);
  }
  return { records: records.reverse(), isCut: false };
}

/** Complete lines, without their line feeds, the last one first. */
export function* linesBackwards(path: string): Generator<Uint8Array> {
  using current = Deno.openSync(path);
  const { ino } = current.statSync();
  yield* linesOf(current);
  // Listed while the file is held open: what is rotated now is this file, known by its number (inode).
  for (const segment of segmentsOf(path).reverse()) {
    using file = Deno.openSync(segment.path);
    if (file.statSync().ino !== ino) yield* linesOf(file);
  }
}

function* linesOf(file: Deno.FsFile): Generator<Uint8Array> {
  let start = file.seekSync(0, Deno.SeekMode.End);
  // From the beginning of a line on, up to a line feed that is not part of it; a torn end is left out.
  let rest: Uint8Array[] | undefined;
  while (start > 0) {
    const length = Math.min(CHUNK, start);
    start -= length;
    const chunk = readAt(file, start, length);
    let end = chunk.length;
    for (
      let at = chunk.lastIndexOf(LINE_FEED);
      at !== -1;
      at = at === 0 ? -1 : chunk.lastIndexOf(LINE_FEED, at - 1)
    ) {
      if (rest !== undefined) yield joinedBytes([chunk.subarray(at + 1, end), ...rest]);
      rest = [];
      end = at;
    }
    rest?.unshift(chunk.subarray(0, end));
  }
  if (rest !== undefined) yield joinedBytes(rest);
}

function readAt(file: Deno.FsFile, offset: number, length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < length) {
    const count = file.readSync(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return buffer.subarray(0, filled);
}
