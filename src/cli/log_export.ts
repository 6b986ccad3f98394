/**
 * `agent-kernel log export`: records in the forms of other programs.
 *
 * @module
 */
import { CSV_HEADER, toCsv, toOtlpJson } from "../log/export.ts";
import type { ReadLine } from "../log/reader.ts";
import type { AuditRecord } from "../core/record/record.ts";
import { EXIT, optional, UsageError, type Values } from "./command.ts";
import { Progress } from "./progress.ts";
import { complain, escape, isTerminal, LineBuffer } from "./terminal.ts";

type Format = (records: AsyncIterable<AuditRecord>) => AsyncIterable<string>;

/** By the value of `--format`. */
const FORMATS: Readonly<Record<string, Format>> = { csv, "otlp-json": toOtlpJson };

/**
 * `log export --format csv|otlp-json`: prints the records in the form of another program. Damaged
 * lines are left out, and named on standard error.
 *
 * @returns The exit code: 1 if there are damaged lines.
 * @throws {UsageError} There is no such format.
 */
export async function exportLog(lines: AsyncIterable<ReadLine>, values: Values): Promise<number> {
  const name = optional(values, "format") ?? "csv";
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (format === undefined) {
    throw new UsageError(
      `--format ${name} is unknown, expected ${Object.keys(FORMATS).join(" or ")}`,
    );
  }
  let damaged = false;
  using progress = new Progress("records exported");
  async function* records(): AsyncGenerator<AuditRecord> {
    for await (const line of lines) {
      // On a terminal that shows the export itself, progress would be written into it.
      if (!isTerminal()) progress.step();
      if ("record" in line) yield line.record;
      else {
        damaged = true;
        complain(`line ${line.line} ${escape(line.damage)}, it is left out`);
      }
    }
  }
  // For a file, as it is; for a person, without what would act on the terminal.
  const shown = isTerminal() ? escape : (row: string) => row;
  const out = new LineBuffer();
  for await (const row of format(records())) out.print(shown(row));
  out.flush();
  return damaged ? EXIT.FAILED : EXIT.OK;
}

async function* csv(records: AsyncIterable<AuditRecord>): AsyncGenerator<string> {
  yield `${CSV_HEADER}\r`;
  for await (const record of records) yield `${toCsv(record)}\r`;
}
