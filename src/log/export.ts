/**
 * The audit log in the formats of other programs. Strings are redacted once more on their way out; only
 * the log itself can be verified.
 *
 * @module
 */
import type { RecordStatus } from "../core/action.ts";
import { VERSION } from "../version.ts";
import { type AuditRecord, FIELDS } from "../core/record/record.ts";
import { redactText } from "../redaction.ts";

const COLUMNS: readonly (keyof AuditRecord)[] = FIELDS.map(({ name }) => name);

/** The first row of a CSV file: the names of the columns, in the order of the log's fields. */
export const CSV_HEADER: string = COLUMNS.join(",");

/** Most records in one request of {@linkcode toOtlpJson}. */
const BATCH = 512;
const MAX_BODY = 256;

/** How a spreadsheet recognises a formula, full-width forms included. */
const FORMULA = /^[=+\-@\t\r\n\0＝＋－＠]/;

/**
 * A record as a row of CSV (RFC 4180), without its line break, which is CRLF. A text with which a
 * spreadsheet would begin a formula gets an apostrophe in front (OWASP, CSV injection).
 */
export function toCsv(record: AuditRecord): string {
  return COLUMNS.map((column) => cell(record[column])).join(",");
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  let text = textOf(value);
  if (typeof value !== "number" && FORMULA.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Values that are neither texts nor numbers are shown as JSON. */
function textOf(value: unknown): string {
  return redactText(typeof value === "string" ? value : JSON.stringify(value));
}

/** Severities of the OpenTelemetry log data model: INFO 9, WARN 13, ERROR 17. */
const SEVERITIES: Readonly<Record<RecordStatus, readonly [number, string]>> = {
  OK: [9, "INFO"],
  INVALID: [13, "WARN"],
  DENIED: [13, "WARN"],
  NO_PROVIDER: [17, "ERROR"],
  FAILED: [17, "ERROR"],
  INTERRUPTED: [17, "ERROR"],
  PERMITTED: [9, "INFO"],
  DONE: [9, "INFO"],
  UNREPORTED: [13, "WARN"],
};

/**
 * Records as bodies for `POST /v1/logs` of an OpenTelemetry collector: each text is one
 * `ExportLogsServiceRequest` of up to 512 records in the JSON encoding of OTLP 1, on one line.
 * Attributes have the names of the record's fields after `agent_kernel.`.
 */
export async function* toOtlpJson(
  records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>,
): AsyncGenerator<string> {
  let batch: unknown[] = [];
  for await (const record of records) {
    batch.push(logRecord(record));
    if (batch.length < BATCH) continue;
    yield requestOf(batch);
    batch = [];
  }
  if (batch.length > 0) yield requestOf(batch);
}

function requestOf(logRecords: readonly unknown[]): string {
  const scope = { name: "agent-kernel", version: VERSION };
  const resource = { attributes: [{ key: "service.name", value: { stringValue: scope.name } }] };
  return JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] });
}

function logRecord(record: AuditRecord): unknown {
  const { timestamp, status, action, target, error } = record;
  // 64-bit numbers are texts. `0` says that the time is not known.
  const ms = Date.parse(timestamp);
  const timeUnixNano = ms > 0 ? `${ms}000000` : "0";
  // A status of a later version has no severity here: 0, unspecified.
  const [severityNumber, severityText] = SEVERITIES[status] ?? [0, status];
  const body = `${status} ${action} ${target}${error === undefined ? "" : `: ${error}`}`;
  return {
    timeUnixNano,
    observedTimeUnixNano: timeUnixNano,
    severityNumber,
    severityText,
    body: { stringValue: redactText(body).slice(0, MAX_BODY).toWellFormed() },
    attributes: COLUMNS.flatMap((column) => attribute(column, record[column])),
  };
}

function attribute(name: keyof AuditRecord, value: unknown): unknown[] {
  if (name === "timestamp" || value === undefined || value === null) return [];
  const typed = typeof value !== "number"
    ? { stringValue: textOf(value).toWellFormed() } // Protobuf has no lone surrogates.
    : name === "seq"
    ? { intValue: String(value) }
    : { doubleValue: value };
  return [{ key: `agent_kernel.${name}`, value: typed }];
}
