/**
 * Audit logs for tests.
 *
 * @module
 */
import { AuditLog } from "../../src/audit/log.ts";
import type { AuditRecord, RecordBody } from "../../src/audit/record.ts";
import type { Workspace } from "../workspace.ts";

/** Digest of the canonical JSON of `{}`. */
export const NO_PARAMS = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/** A body with a target that tells it from others. */
export function body(target: string, more: Partial<RecordBody> = {}): RecordBody {
  return {
    timestamp: "2026-01-31T12:00:00.000Z",
    action: "fs.read",
    target,
    status: "OK",
    policy: "p".repeat(64),
    params: NO_PARAMS,
    ...more,
  };
}

/** Writes a log of so many records and closes it. @returns Its path. */
export async function writeLog(
  ws: Workspace,
  bodies: number | readonly RecordBody[],
  name = "kernel.log",
): Promise<string> {
  const list = typeof bodies === "number"
    ? Array.from({ length: bodies }, (_, i) => body(`/data/${i}`))
    : bodies;
  const path = ws.path(name);
  const { log } = AuditLog.open(path);
  await Promise.all(list.map((one) => log.append(one)));
  log.close();
  return path;
}

/** The lines of a log, each with its line feed. */
export function linesOf(path: string): string[] {
  return Deno.readTextFileSync(path).split("\n").slice(0, -1).map((line) => `${line}\n`);
}

/** The records of a log, as any JSON reader would read them. */
export function recordsOf(path: string): AuditRecord[] {
  return linesOf(path).map((line) => JSON.parse(line));
}

/** Opens a log, appends one record, closes it. */
export async function appendOne(path: string, target: string): Promise<void> {
  const { log } = AuditLog.open(path);
  try {
    await log.append(body(target));
  } finally {
    log.close();
  }
}
