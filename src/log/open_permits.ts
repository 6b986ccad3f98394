/**
 * Permits of a kernel that was killed: they have no end on record.
 *
 * @module
 */
import { type AuditRecord, parseRecord } from "../core/record/record.ts";
import { realLog } from "./log_lines.ts";
import { linesBackwards } from "./tail.ts";

/**
 * The records `PERMITTED` without a `DONE` or `UNREPORTED`, the oldest first. Read from the end, as far back as a
 * report is waited for before the last record: what is older had its end.
 *
 * @param path The log.
 * @param withinMs How long reports are waited for, in milliseconds.
 * @returns Those before the first damaged line, from the end.
 */
export function openPermits(path: string, withinMs: number): AuditRecord[] {
  const ended = new Set<string>();
  const open: AuditRecord[] = [];
  let oldest: number | undefined;
  for (const bytes of linesBackwards(realLog(path))) {
    const parsed = parseRecord(bytes);
    if (!parsed.ok) break;
    const { record } = parsed;
    const at = Date.parse(record.timestamp);
    oldest ??= at - withinMs - SLACK_MS;
    if (at < oldest) break;
    if (record.permit !== undefined) ended.add(record.permit);
    else if (record.status === "PERMITTED" && !ended.has(record.record_id ?? "")) open.push(record);
  }
  return open.reverse();
}

/** Ends come a little late. */
const SLACK_MS = 60_000;
