/**
 * Reading an audit log.
 *
 * @module
 */
import type { RecordStatus } from "../action.ts";
import { readLines } from "./lines.ts";
import { type AuditRecord, open } from "./record.ts";

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
  /** Go on after the end with what is added, for ever; called when the end is reached first. */
  readonly follow?: () => void;
}

/** A line of the log as it was read. */
export type ReadLine =
  | { readonly line: number; readonly record: AuditRecord }
  | { readonly line: number; readonly damage: string };

/**
 * Streams a log: records that pass the filter, and damaged lines always. Memory does not grow with
 * the log. Each record's own hash is checked; the chain is the verifier's matter.
 *
 * @throws {Deno.errors.NotFound} There is no such file.
 */
export async function* readAuditLog(
  path: string,
  filter: RecordFilter = {},
): AsyncGenerator<ReadLine> {
  using file = Deno.openSync(path);
  let line = 0;
  for await (const lines of readLines(file, filter.follow)) {
    for (const { bytes, terminated } of lines) {
      line++;
      if (!terminated) continue; // A record under way; the writer's business.
      const opened = open(bytes);
      if (!opened.ok) yield { line, damage: opened.reason };
      else if (passes(opened.record, filter)) yield { line, record: opened.record };
    }
  }
}

/** Whether the record passes the filter. */
export function passes(record: AuditRecord, filter: RecordFilter): boolean {
  return (filter.status === undefined || record.status === filter.status) &&
    (filter.action === undefined || matchesAction(filter.action, record.action)) &&
    (filter.agent === undefined || record.agent === filter.agent) &&
    (filter.since === undefined || Date.parse(record.timestamp) >= filter.since.getTime());
}

function matchesAction(pattern: string, action: string): boolean {
  if (!pattern.includes("*")) return pattern === action;
  const names = action.split(".");
  const segments = pattern.split(".");
  return segments.length === names.length &&
    segments.every((segment, i) => segment === "*" || segment === names[i]);
}
