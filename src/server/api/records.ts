/**
 * Routes of the audit log.
 *
 * @module
 */
import { RECORD_STATUSES } from "../../core/action.ts";
import type { AuditRecord } from "../../core/record/record.ts";
import { passes, type RecordFilter } from "../../log/reader.ts";
import { readLastRecords, readRecordsAfter } from "../../log/tail.ts";
import { type Call, ref, Refusal, type Route, type Schema } from "./route.ts";

const MAX_PAGE = 1000;
const DEFAULT_PAGE = 100;
/** Most records that a stream catches up on. */
const MAX_BACKLOG = 10_000;
const LOOK_MS = 200;
/** Proxies and clients give up on a stream that is silent. */
const BEAT_MS = 15_000;

const FILTER: Readonly<Record<string, Schema>> = {
  status: { type: "string", enum: [...RECORD_STATUSES] },
  action: { type: "string", description: "An action, or a pattern like fs.*" },
  agent: { type: "string" },
};

/** A page, and the stream. */
export const RECORD_ROUTES: readonly Route[] = [
  {
    ...{ method: "GET", path: "/v1/records", id: "listRecords", roles: ["look"] },
    summary: "The last records that pass the filter, in the order of the log; older ones by page.",
    query: {
      ...FILTER,
      since: { type: "string", format: "date-time", description: "Not before this time." },
      until: { type: "string", format: "date-time", description: "Before this time." },
      limit: { type: "integer", minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE },
      before: { type: "integer", minimum: 0, description: "Only records with a smaller seq." },
    },
    answer: { schema: ref("Records"), description: "A page." },
    refusals: [400, 409],
    handle({ query, parts: { logPath } }) {
      const limit = wholeNumber(query, "limit") ?? DEFAULT_PAGE;
      if (limit < 1 || limit > MAX_PAGE) throw invalid(`limit has to be from 1 to ${MAX_PAGE}`);
      const before = wholeNumber(query, "before");
      const since = timeOf(query, "since");
      const until = timeOf(query, "until");
      const lines = readLastRecords(logPath, limit, {
        ...filterOf(query),
        ...since && { since },
        ...until && { until },
        ...before !== undefined && { before },
      });
      if (lines === undefined) throw damaged();
      const records = lines.flatMap((line) => "record" in line ? [line.record] : []);
      const [oldest] = records;
      const isLast = records.length < limit || oldest === undefined || oldest.seq === 0;
      return { records, before: isLast ? null : oldest.seq };
    },
  },
  {
    ...{ method: "GET", path: "/v1/records/stream", id: "followRecords", roles: ["look"] },
    summary: "Records as they are written, as server-sent events: each has its seq as id.",
    query: {
      ...FILTER,
      after: {
        type: "integer",
        minimum: -1,
        description: "Begin after the record with this seq. Default: with the next one.",
      },
    },
    headers: {
      "Last-Event-ID": { type: "integer", description: "As after; sent by clients that go on." },
    },
    answer: {
      schema: { type: "string" },
      type: "text/event-stream",
      description:
        'Events "record" with a record as data; "gap" with {after, before} if there are more than ' +
        `${MAX_BACKLOG} to catch up on; "damaged" if a line is no record, which ends the stream.`,
    },
    refusals: [400, 409],
    handle: follow,
  },
];

function follow(call: Call): Response {
  const { query, headers, parts: { logPath, timer, onWarning }, signal, isStillAllowed } = call;
  const given = headers.get("last-event-id");
  if (given !== null && !/^\d{1,15}$/.test(given)) throw invalid("Last-Event-ID is no seq");
  const filter = filterOf(query);
  let after = given === null ? wholeNumber(query, "after", -1) ?? lastSeq(logPath) : Number(given);
  let cancel = () => {};
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      let silentMs = 0;
      const send = (text: string) => controller.enqueue(encoder.encode(text));
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        try {
          controller.close();
        } catch {
          // The client has ended it.
        }
      };
      const look = () => {
        if (signal.aborted || !isStillAllowed()) return end();
        // Who reads slowly is waited for; what comes meanwhile is in the log.
        if ((controller.desiredSize ?? 0) > 0) {
          try {
            const found = readRecordsAfter(logPath, after, MAX_BACKLOG);
            if (found === undefined) {
              send("event: damaged\ndata: {}\n\n");
              return end();
            }
            const { records, isCut } = found;
            const first = records[0];
            if (isCut && first !== undefined) {
              send(`event: gap\ndata: ${JSON.stringify({ after, before: first.seq })}\n\n`);
            }
            const shown = records.filter((record) => passes(record, filter));
            if (shown.length > 0) send(shown.map(eventOf).join(""));
            after = records.at(-1)?.seq ?? after;
            silentMs = shown.length > 0 ? 0 : silentMs + LOOK_MS;
            if (silentMs >= BEAT_MS) {
              send(": the stream goes on\n\n");
              silentMs = 0;
            }
          } catch (error) {
            // Between two system calls of a rotation there is no file.
            if (!(error instanceof Deno.errors.NotFound)) {
              onWarning(`agent-kernel: the stream of records ended: ${error}`);
              return end();
            }
          }
        }
        cancel = timer.schedule(look, LOOK_MS);
      };
      signal.addEventListener("abort", end);
      send(": records\n\n");
      look();
    },
    cancel: () => cancel(),
  }, { highWaterMark: 64 });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function eventOf(record: AuditRecord): string {
  // JSON has no line break in it.
  return `event: record\nid: ${record.seq}\ndata: ${JSON.stringify(record)}\n\n`;
}

function lastSeq(logPath: string): number {
  const last = readLastRecords(logPath, 1);
  if (last === undefined) throw damaged();
  const [line] = last;
  return line !== undefined && "record" in line ? line.record.seq : -1;
}

function filterOf(query: URLSearchParams): RecordFilter {
  const [status, action, agent] = ["status", "action", "agent"].map((name) => query.get(name));
  const known = RECORD_STATUSES.find((one) => one === status);
  if (status !== null && known === undefined) {
    throw invalid(`status has to be one of ${RECORD_STATUSES.join(", ")}`);
  }
  return {
    ...known && { status: known },
    ...typeof action === "string" && { action },
    ...typeof agent === "string" && { agent },
  };
}

function wholeNumber(query: URLSearchParams, name: string, least = 0): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const number = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= least) return number;
  throw invalid(`${name} has to be a whole number from ${least} on`);
}

function timeOf(query: URLSearchParams, name: string): Date | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime()) && /^\d{4}-\d\d-\d\dT/.test(text)) return time;
  throw invalid(`${name} has to be a time like 2026-01-31T12:00:00Z`);
}

function invalid(why: string): Refusal {
  return new Refusal(400, "INVALID_QUERY", why);
}

function damaged(): Refusal {
  return new Refusal(
    409,
    "LOG_DAMAGED",
    'the log has a line that is no record; "agent-kernel log verify" names it',
  );
}
