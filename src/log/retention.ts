/**
 * How long segments of a log are kept.
 *
 * @module
 */
import type { AuditRecord } from "../core/record/record.ts";
import { lastRecord, segmentsOf } from "../core/record/segments.ts";

/** Which rotated segments are kept. Only those are deleted that a signed checkpoint covers. */
export interface Retention {
  /** So many of the newest. @default all */
  readonly segments?: number;
  /** Those whose last record is not older than so many days. @default all */
  readonly days?: number;
}

/** The action of the record that says what was deleted. */
export const RETENTION_ACTION = "audit.retain";
const TOLD = /^the first (\d{1,15}) records, up to ([0-9a-f]{64})$/;
const DAY_MS = 86_400_000;

/** Segments that may be deleted, and the target of the record that says that they were. */
export interface Expired {
  readonly paths: readonly string[];
  readonly target: string;
}

/**
 * The oldest segments, as far as they are neither kept nor uncovered.
 *
 * @param covered Number of records that a checkpoint covers.
 */
export function expiredSegments(
  log: string,
  { segments: keep = Infinity, days = Infinity }: Retention,
  { covered, now }: { readonly covered: number; readonly now: Date },
): Expired | undefined {
  const segments = segmentsOf(log);
  const paths: string[] = [];
  let newest: AuditRecord | undefined;
  for (const [i, { path }] of segments.entries()) {
    const last = lastRecord(path);
    if (last === undefined || last.seq >= covered) break;
    const old = now.getTime() - Date.parse(last.timestamp) > days * DAY_MS;
    if (segments.length - i <= keep && !old) break;
    paths.push(path);
    newest = last;
  }
  return newest === undefined ? undefined : { paths, target: told(newest.seq + 1, newest.hash) };
}

/**
 * Whether the record says that the first records of the log, up to this state, were deleted. It may
 * name more: a kernel that is killed while it deletes leaves some of what it named.
 */
export function tellsDeletion(
  { action, target, status, record_id, seq }: AuditRecord,
  { size, head }: { readonly size: number; readonly head: string },
): boolean {
  // INVARIANT: a record of what a provider did says nothing about the log, whatever its target is.
  if (action !== RETENTION_ACTION || status !== "OK" || record_id !== undefined) return false;
  const [, count, upTo] = TOLD.exec(target) ?? [];
  const deleted = Number(count);
  return deleted === size ? upTo === head : deleted > size && deleted <= seq;
}

function told(size: number, head: string): string {
  return `the first ${size} records, up to ${head}`;
}
