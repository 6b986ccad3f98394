/**
 * Deleting the oldest segments of a log that signed checkpoints cover.
 *
 * @module
 */
import { readTail } from "../core/record/lines.ts";
import { type AuditRecord, parseRecord } from "../core/record/record.ts";
import { segmentsOf } from "../core/record/segments.ts";

/** Which rotated segments are kept. Only those are deleted that a signed checkpoint covers. */
export interface Retention {
  /** So many of the newest, at least one. @default all */
  readonly segments?: number;
  /** Those whose last record is not older than so many days. @default all */
  readonly days?: number;
}

/** What {@linkcode pruneAuditLog} has to know besides the retention. */
export interface PruneOptions {
  /** Number of records that a signed checkpoint covers, counted from the beginning of the log. */
  readonly covered: number;
  /** When it is now. @default the system's time */
  readonly now?: Date;
}

const DAY_MS = 86_400_000;

/**
 * Deletes the oldest segments, as far as retention does not keep them and a checkpoint covers them. A
 * log without its beginning verifies with that checkpoint, or a later one, and not without.
 *
 * The newest segment always stays: the chain may have to continue from it. A segment with a damaged end
 * stays too, and all after it. It may run while a kernel writes the log.
 *
 * @param path The log.
 * @param retention Which segments to keep.
 * @returns The paths of the segments that were deleted, the oldest first.
 */
export function pruneAuditLog(
  path: string,
  { segments: keep = Infinity, days = Infinity }: Retention,
  { covered, now = new Date() }: PruneOptions,
): string[] {
  const segments = segmentsOf(path);
  const deleted: string[] = [];
  for (const [i, segment] of segments.slice(0, -1).entries()) {
    const last = lastRecord(segment.path);
    if (last === undefined || last.seq >= covered) break;
    const old = now.getTime() - Date.parse(last.timestamp) > days * DAY_MS;
    if (segments.length - i <= keep && !old) break;
    Deno.removeSync(segment.path);
    deleted.push(segment.path);
  }
  return deleted;
}

/** The last record of a segment; `undefined` if its end is damaged. */
function lastRecord(path: string): AuditRecord | undefined {
  const { lastLine, rest } = readTail(path);
  if (lastLine === undefined || rest.length > 0) return undefined;
  const parsed = parseRecord(lastLine);
  return parsed.ok ? parsed.record : undefined;
}
