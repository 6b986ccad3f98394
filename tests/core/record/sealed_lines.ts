/**
 * Audit records and logs for tests, made without the writer.
 *
 * @module
 */
import {
  type AuditRecord,
  GENESIS,
  type RecordBody,
  seal,
} from "../../../src/core/record/record.ts";
import type { Workspace } from "../../workspace.ts";

/** The records that a log of these bodies would hold; what is left out is of no matter. */
export function sealedRecords(bodies: readonly Partial<RecordBody>[]): AuditRecord[] {
  let prev = GENESIS;
  return bodies.map((body, seq) => {
    const full = {
      timestamp: "2026-01-31T12:00:00.000Z",
      action: "fs.read",
      target: `/data/${seq}`,
      status: "OK" as const,
      policy: "ab".repeat(32),
      params: null,
      ...body,
    };
    const { line, hash } = seal(full, seq, prev);
    prev = hash;
    return JSON.parse(line);
  });
}

/** Writes a log of these bodies; a text among them becomes a line that is no record. @returns Its path. */
export function writeSealed(
  ws: Workspace,
  bodies: readonly (Partial<RecordBody> | string)[],
): string {
  const records = sealedRecords(bodies.map((body) => typeof body === "string" ? {} : body));
  const lines = bodies.map((body, i) =>
    typeof body === "string" ? body : JSON.stringify(records[i])
  );
  return ws.file("sealed.log", lines.map((line) => `${line}\n`).join(""));
}
