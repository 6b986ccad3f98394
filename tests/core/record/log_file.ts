/**
 * Audit logs for tests.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { AuditLog, type AuditLogOptions } from "../../../src/core/record/log.ts";
import {
  type AuditRecord,
  GENESIS,
  parseRecord,
  type RecordBody,
} from "../../../src/core/record/record.ts";
import { segmentsOf } from "../../../src/core/record/segments.ts";
import { rotateWhen, type Rotation } from "../../../src/log/rotation.ts";
import type { Workspace } from "../../workspace.ts";

/** Digest of the canonical JSON of `{}`. */
export const NO_PARAMS = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/** Digest of a policy that nobody wrote. */
export const POLICY_DIGEST = "p".repeat(64);

/** A body with a target that tells it from others. */
export function body(target: string, more: Partial<RecordBody> = {}): RecordBody {
  return {
    timestamp: "2026-01-31T12:00:00.000Z",
    action: "fs.read",
    target,
    status: "OK",
    policy: POLICY_DIGEST,
    params: NO_PARAMS,
    ...more,
  };
}

/** What a test opens a log with. */
export type LogOptions = Partial<AuditLogOptions> & { readonly rotate?: Rotation };

/** Opens a log under that policy. */
export function openLog(path: string, { rotate, ...options }: LogOptions = {}): Promise<AuditLog> {
  const rotation = rotate && { rotateWhen: rotateWhen(rotate) };
  return AuditLog.open(path, {
    policy: POLICY_DIGEST,
    durability: "os",
    now: () => performance.now(),
    ...rotation,
    ...options,
  });
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
  const log = await openLog(path);
  await Promise.all(list.map((one) => log.append(one)));
  await log.close();
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
  const log = await openLog(path);
  try {
    await log.append(body(target));
  } finally {
    await log.close();
  }
}

/** All records of a log, each file checked by hand: the chain goes on from file to file. */
export function chainOf(path: string): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (const file of filesOf(path)) {
    const inFile = linesOf(file);
    assertEquals(Deno.readTextFileSync(file), inFile.join(""));
    for (const line of inFile) {
      const parsed = parseRecord(new TextEncoder().encode(line.slice(0, -1)));
      assert(parsed.ok, `${file}: ${line}`);
      assertEquals(parsed.record.seq, records.length);
      assertEquals(parsed.record.prev, records.at(-1)?.hash ?? GENESIS);
      records.push(parsed.record);
    }
  }
  return records;
}

/** What the log itself put on record about a failure or a torn line. */
export function notesOf(path: string): string[] {
  return recordsOf(path)
    .filter(({ action, status }) => action === "audit.recover" && status === "INTERRUPTED")
    .map(({ error = "" }) => error);
}

/** What a SIGKILL at this moment would leave: copies of the log's files, unlocked. @returns The log. */
export function afterCrash(path: string, to: string): string {
  Deno.mkdirSync(dirname(to), { recursive: true });
  for (const suffix of ["", ".journal", ".journal.new", ".torn"]) {
    if (exists(path + suffix)) Deno.copyFileSync(path + suffix, to + suffix);
  }
  if (exists(`${path}.segments`)) {
    Deno.mkdirSync(`${to}.segments`);
    for (const { name } of Deno.readDirSync(`${path}.segments`)) {
      Deno.copyFileSync(`${path}.segments/${name}`, `${to}.segments/${name}`);
    }
  }
  return to;
}

/** Whether something is there. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Opens a log and closes it. */
export async function openAndClose(path: string): Promise<void> {
  await (await openLog(path)).close();
}

/** All files of a log in the order of their records. */
export function filesOf(log: string): string[] {
  return [...segmentsOf(log).map(({ path }) => path), log];
}
