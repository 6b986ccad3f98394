/**
 * The files that make up one log: rotated segments, and the one that is written.
 *
 * @module
 */
import { readTail } from "./lines.ts";
import { type AuditRecord, open } from "./record.ts";

/** The file that a log's path leads to: its kernel puts the other files beside that one. */
export function realLog(path: string): string {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.realPathSync(path) : path;
  } catch {
    return path; // Whoever opens it is told why it cannot be.
  }
}

/** The folder of a log's rotated segments. */
export function segmentFolder(log: string): string {
  return `${log}.segments`;
}

/** The path of a segment, named after the number of its first record. */
export function segmentPath(log: string, firstSeq: number): string {
  return `${segmentFolder(log)}/${String(firstSeq).padStart(12, "0")}.log`;
}

/** A rotated segment. */
export interface Segment {
  readonly path: string;
  /** Number of its first record. */
  readonly firstSeq: number;
}

/** The rotated segments of a log, the oldest first. */
export function segmentsOf(log: string): Segment[] {
  try {
    return Array.from(Deno.readDirSync(segmentFolder(log)))
      .filter(({ name, isFile }) => isFile && /^\d{12,}\.log$/.test(name))
      .map(({ name }) => ({
        path: `${segmentFolder(log)}/${name}`,
        firstSeq: Number(name.slice(0, -4)),
      }))
      .sort((a, b) => a.firstSeq - b.firstSeq);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Whether the log was ever rotated. */
export function hasSegmentFolder(log: string): boolean {
  try {
    return Deno.statSync(segmentFolder(log)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The last record of a segment. */
export function lastRecord(path: string): AuditRecord | undefined {
  using file = Deno.openSync(path);
  const { lastLine, torn } = readTail(file);
  const opened = lastLine.length === 0 || torn.length > 0 ? undefined : open(lastLine);
  return opened?.ok ? opened.record : undefined;
}
