/**
 * The records of a log, for tests.
 *
 * @module
 */
import { assert } from "@std/assert";
import { type AuditRecord, readAuditLog } from "@agent-kernel/kernel";

/** All records of a log; none is damaged. */
export async function recordsOf(path: string): Promise<AuditRecord[]> {
  const found: AuditRecord[] = [];
  for await (const line of readAuditLog(path)) {
    assert("record" in line, "damaged line");
    found.push(line.record);
  }
  return found;
}
