/**
 * Whether an audit log is what the kernel wrote.
 *
 * @module
 */
import { readLines } from "./lines.ts";
import { GENESIS, open } from "./record.ts";

/** The outcome of {@linkcode verifyAuditLog}. */
export interface Verification {
  /** Whether all lines are in order. */
  readonly ok: boolean;
  /** Records that were found to be in order. */
  readonly records: number;
  /** Hash of the last record in order; 64 zeros for an empty log. */
  readonly head: string;
  /** The first line that is not in order, from 1, and why. */
  readonly problem?: { readonly line: number; readonly reason: string };
}

/** Told of the number of records in order so far, and the hash of the last of them. */
export type ChainObserver = (size: number, hash: string) => void;

/**
 * Checks the chain of a log from its first line on, in bounded memory.
 *
 * It finds every changed byte, and every line removed, inserted, moved or repeated. A chain alone
 * cannot show that whole lines are missing at the end, or that all of it was written anew.
 *
 * @param observe Called before the first record, and after each that is in order.
 * @throws {Deno.errors.NotFound} There is no such file.
 */
export async function verifyAuditLog(
  path: string,
  observe: ChainObserver = () => {},
): Promise<Verification> {
  using file = Deno.openSync(path);
  let records = 0;
  let head = GENESIS;
  observe(records, head);
  for await (const lines of readLines(file)) {
    for (const line of lines) {
      const reason = line.terminated ? problemOf(line.bytes, records, head) : "is not complete";
      if (typeof reason === "string") {
        return { ok: false, records, head, problem: { line: records + 1, reason } };
      }
      head = reason.hash;
      records++;
      observe(records, head);
    }
  }
  return { ok: true, records, head };
}

function problemOf(bytes: Uint8Array, seq: number, head: string): string | { hash: string } {
  const opened = open(bytes);
  if (!opened.ok) return opened.reason;
  const { record } = opened;
  if (record.seq !== seq) {
    return `has the number ${record.seq}, expected ${seq}: lines were removed, added or moved`;
  }
  if (record.prev !== head) return "does not follow the line before it";
  return record;
}
