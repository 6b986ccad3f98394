/**
 * The rotated segments of a log.
 *
 * @module
 */
import { readTail } from "./lines.ts";
import { type AuditRecord, parseRecord } from "./record.ts";

/** A rotated segment. */
export interface Segment {
  readonly path: string;
  /** Number of its first record. */
  readonly firstSeq: number;
}

/** The folder of a log's rotated segments. */
export function segmentFolder(log: string): string {
  return `${log}.segments`;
}

/** The path of a segment, named after the number of its first record. */
export function segmentPath(log: string, firstSeq: number): string {
  return `${segmentFolder(log)}/${String(firstSeq).padStart(12, "0")}.log`;
}

/** The rotated segments of a log, the oldest first. */
export function segmentsOf(log: string): Segment[] {
  const folder = segmentFolder(log);
  try {
    return Array.from(Deno.readDirSync(folder))
      .filter(({ name, isFile }) => isFile && /^\d{12,}\.log$/.test(name))
      .map(({ name }) => ({ path: `${folder}/${name}`, firstSeq: Number(name.slice(0, -4)) }))
      .sort((a, b) => a.firstSeq - b.firstSeq);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The last record of a segment; `undefined` if its end is damaged. */
export function lastRecord(path: string): AuditRecord | undefined {
  const { lastLine, rest } = readTail(path);
  if (lastLine === undefined || rest.length > 0) return undefined;
  const parsed = parseRecord(lastLine);
  return parsed.ok ? parsed.record : undefined;
}
