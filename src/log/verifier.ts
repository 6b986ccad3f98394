/**
 * Whether an audit log is what the kernel wrote.
 *
 * @module
 */
import { logLines } from "./log_lines.ts";
import { type AuditRecord, GENESIS, open } from "../core/record/record.ts";
import { tellsDeletion } from "./retention.ts";
import { hasSegmentFolder, realLog } from "../core/record/segments.ts";

/** The outcome of {@linkcode verifyAuditLog}. */
export interface Verification {
  /** Whether all lines are in order. */
  readonly ok: boolean;
  /** Number of records up to the last in order, with those that retention has deleted. */
  readonly records: number;
  /** Hash of the last record in order; 64 zeros for an empty log. */
  readonly head: string;
  /** The first line that is not in order, from 1, and why. */
  readonly problem?: { readonly line: number; readonly reason: string };
}

/** Told of the number of records in order so far, and the hash of the last of them. */
export type ChainObserver = (size: number, hash: string) => void;

/**
 * Checks the chain of a log from its first line on, rotated segments included, in bounded memory.
 *
 * It finds every changed byte, and every line removed, inserted, moved or repeated. A chain alone
 * cannot show that whole lines are missing at the end, or that all of it was written anew.
 * Where the oldest segments were deleted, a later record has to say so: of these or of more.
 *
 * @param observe Called before the first record, and after each that is in order.
 * @throws {Deno.errors.NotFound} There is no such file.
 */
export async function verifyAuditLog(
  path: string,
  observe: ChainObserver = () => {},
): Promise<Verification> {
  const chain = new Chain(hasSegmentFolder(realLog(path)), observe);
  for await (const lines of logLines(path)) {
    for (const line of lines) {
      const reason = line.terminated ? chain.add(line.bytes) : "is not complete";
      if (reason !== undefined) return chain.broken(reason);
    }
  }
  return chain.end();
}

/** A chain while it is read. */
class Chain {
  #lines = 0;
  #size = 0;
  #head = GENESIS;
  /** Records that are not there, until a record says that they were deleted. */
  #missing: { readonly size: number; readonly head: string } | undefined;
  readonly #mayStartLater: boolean;
  readonly #observe: ChainObserver;

  /** @param mayStartLater Whether the log was rotated, so that its oldest segments may be deleted. */
  constructor(mayStartLater: boolean, observe: ChainObserver) {
    this.#mayStartLater = mayStartLater;
    this.#observe = observe;
  }

  /** @returns Why the line is not in order. */
  add(bytes: Uint8Array): string | undefined {
    const opened = open(bytes);
    if (!opened.ok) return opened.reason;
    const { record } = opened;
    if (this.#lines === 0) this.#begin(record);
    if (record.seq !== this.#size) {
      return `has the number ${record.seq}, expected ${this.#size}: lines were removed, added or moved`;
    }
    if (record.prev !== this.#head) return "does not follow the line before it";
    this.#lines++;
    this.#size++;
    this.#head = record.hash;
    if (this.#missing !== undefined && tellsDeletion(record, this.#missing)) {
      this.#missing = undefined;
    }
    this.#observe(this.#size, this.#head);
    return undefined;
  }

  broken(reason: string): Verification {
    return { ok: false, ...this.#found(), problem: { line: this.#lines + 1, reason } };
  }

  end(): Verification {
    if (this.#lines === 0) this.#observe(0, GENESIS);
    if (this.#missing === undefined) return { ok: true, ...this.#found() };
    const reason =
      `has the number ${this.#missing.size}: the records before it are missing, and no record says that they were deleted`;
    return { ok: false, records: 0, head: GENESIS, problem: { line: 1, reason } };
  }

  #begin({ seq, prev }: AuditRecord): void {
    if (seq > 0 && this.#mayStartLater) {
      this.#missing = { size: seq, head: prev };
      this.#size = seq;
      this.#head = prev;
    }
    this.#observe(this.#size, this.#head);
  }

  #found(): Pick<Verification, "records" | "head"> {
    return { records: this.#size, head: this.#head };
  }
}
