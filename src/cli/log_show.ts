/**
 * `agent-kernel log`: records as a table or as JSON lines.
 *
 * @module
 */
import type { AuditRecord } from "../core/record/record.ts";
import { readAuditLog, type ReadLine, type RecordFilter } from "../log/reader.ts";
import { readLastRecords } from "../log/tail.ts";
import { EXIT, type Values } from "./command.ts";
import { columns, cut, displayWidth } from "./table.ts";
import {
  colour,
  escape,
  escapedJson,
  LineBuffer,
  statusColour,
  terminalWidth,
  wantsJson,
} from "./terminal.ts";
import { localTime } from "./time.ts";

/** Columns of the longest status. */
const STATUS_WIDTH = 11;
/** The least room in which notes are shown. */
const LEAST_NOTES = 12;

/** What `log` shows. */
export interface ShowOptions {
  readonly filter: RecordFilter;
  /** The last so many records only. @default all */
  readonly limit?: number | undefined;
  /** Whether to go on with what is added. */
  readonly follow: boolean;
}

/**
 * `log`: prints records, as a table on a terminal, as JSON lines otherwise.
 *
 * @returns The exit code: 1 if a damaged line was met.
 */
export async function showLog(
  path: string,
  values: Values,
  { filter, limit, follow }: ShowOptions,
): Promise<number> {
  const out = new LineBuffer();
  const row = wantsJson(values) ? jsonRow : tableRow(terminalWidth());
  if (limit !== undefined && !follow) {
    const last = readLastRecords(path, limit, filter);
    if (last !== undefined) {
      for (const line of last) out.print(row(line));
      out.flush();
      return EXIT.OK;
    }
  }
  let damaged = false;
  let held: ReadLine[] = [];
  // With a limit, the last lines are held back until the end is reached for the first time.
  let holding = limit !== undefined;
  const atEnd = () => {
    holding = false;
    for (const line of held) out.print(row(line));
    held = [];
    out.flush();
  };
  for await (const line of readAuditLog(path, follow ? { ...filter, follow: atEnd } : filter)) {
    damaged ||= "damage" in line;
    if (!holding) out.print(row(line));
    else {
      held.push(line);
      if (held.length > (limit as number)) held.shift();
    }
  }
  atEnd();
  return damaged ? EXIT.FAILED : EXIT.OK;
}

function jsonRow(line: ReadLine): string {
  return escapedJson("record" in line ? line.record : line);
}

/** Rows of a table that is printed while it is read: a column grows when a cell needs it. */
function tableRow(width: number): (line: ReadLine) => string {
  let actionWidth = 8;
  return (line) => {
    if (!("record" in line)) {
      return `${colour("BROKEN", "red")}  line ${line.line} ${escape(line.damage)}`;
    }
    const { timestamp, status, action, target } = line.record;
    const shownAction = cut(escape(action), 24);
    actionWidth = Math.max(actionWidth, displayWidth(shownAction));
    const [head = ""] = columns([[
      escape(localTime(timestamp)),
      statusColour(escape(status)) + " ".repeat(Math.max(0, STATUS_WIDTH - status.length)),
      shownAction.padEnd(actionWidth),
      escape(target),
    ]], { width });
    const notes = notesOf(line.record);
    const room = width - displayWidth(head) - 2;
    return notes === "" || room < LEAST_NOTES
      ? head
      : `${head}  ${colour(cut(notes, room), "dim")}`;
  };
}

function notesOf({ agent, rule, error, duration_ms }: AuditRecord): string {
  return [
    agent === undefined ? "" : `by ${escape(agent)}`,
    rule === undefined ? "" : `rule ${escape(rule)}`,
    duration_ms === undefined ? "" : `${escape(String(duration_ms))} ms`,
    error === undefined ? "" : escape(error),
  ].filter((note) => note !== "").join(" · ");
}
