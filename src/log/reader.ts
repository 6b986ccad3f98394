/**
 * Reading an audit log.
 *
 * @module
 */
import { matchesAction, type RecordStatus } from "../core/action.ts";
import { type CheckedLine, checkedLines } from "./checked_lines.ts";
import type { Line } from "./lines.ts";
import { logLines } from "./log_lines.ts";
import { type AuditRecord, parseRecord } from "../core/record/record.ts";

/** Which records to read; all conditions have to hold. */
export interface RecordFilter {
  /** How the submit ended. */
  readonly status?: RecordStatus;
  /** An action, or a pattern like `fs.*`. */
  readonly action?: string;
  /** Who asked. */
  readonly agent?: string;
  /** Not before this time. */
  readonly since?: Date;
  /** Before this time. */
  readonly until?: Date;
  /** Only records with a smaller number (`seq`). */
  readonly before?: number;
  /** Go on after the end with what is added, for ever; called each time the end is reached. */
  readonly follow?: () => void;
}

/** A line of the log as it was read. */
export type ReadLine =
  | { readonly line: number; readonly record: AuditRecord }
  | { readonly line: number; readonly damage: string };

/**
 * Streams a log, rotated segments included: records that pass the filter, and damaged lines always.
 * Memory does not grow with the log. Each record's own hash is checked; the chain is the verifier's
 * matter. Lines are counted over all segments.
 *
 * @throws {Deno.errors.NotFound} There is no such file.
 */
export async function* readAuditLog(
  path: string,
  filter: RecordFilter = {},
): AsyncGenerator<ReadLine> {
  let line = 0;
  for await (const lines of linesToPass(path, filter)) {
    for (const { bytes, terminated, plain } of lines) {
      if (!terminated) continue; // A record under way; the writer's business.
      line++;
      if (plain !== undefined && plain.status !== filter.status) continue;
      const parsed = parseRecord(bytes);
      if (!parsed.ok) yield { line, damage: parsed.reason };
      else if (passes(parsed.record, filter)) yield { line, record: parsed.record };
    }
  }
}

/** What is known without the parser is looked for only where it can spare the parser. */
async function* linesToPass(
  path: string,
  { status, follow }: RecordFilter,
): AsyncGenerator<readonly (Line & Partial<CheckedLine>)[]> {
  if (status !== undefined) return yield* checkedLines(path, follow);
  for await (const { lines } of logLines(path, follow)) yield lines;
}

/** Whether the record passes the filter. */
export function passes(record: AuditRecord, filter: RecordFilter): boolean {
  return (filter.status === undefined || record.status === filter.status) &&
    (filter.action === undefined || matchesAction(filter.action, record.action)) &&
    (filter.agent === undefined || record.agent === filter.agent) &&
    (filter.before === undefined || record.seq < filter.before) &&
    (filter.since === undefined || Date.parse(record.timestamp) >= filter.since.getTime()) &&
    (filter.until === undefined || Date.parse(record.timestamp) < filter.until.getTime());
}
