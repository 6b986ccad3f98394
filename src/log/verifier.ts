/**
 * Whether an audit log is what the kernel wrote.
 *
 * @module
 */
import { GENESIS, parseRecord } from "../core/record/record.ts";
import { checkedLines } from "./checked_lines.ts";

/** Where a log stands: after how many records, and the hash of the last of them. */
export interface ChainState {
  /** Number of records. */
  readonly records: number;
  /** Hash of the last one; 64 zeros if there is none. */
  readonly head: string;
}

/** A line of a log that is not in order. */
export interface ChainProblem {
  /** Its number, from 1, over all segments. */
  readonly line: number;
  /** Goes on after "line …". */
  readonly reason: string;
}

/** The outcome of {@linkcode verifyAuditLog}. */
export interface Verification extends ChainState {
  /** Whether all lines are in order, and none is missing before them. */
  readonly ok: boolean;
  /** Number of records up to the last in order, those included to which a checkpoint attests. */
  readonly records: number;
  /** What the first line that is left follows, if the beginning of the log is missing. */
  readonly missing?: ChainState;
  /** The first line that is not in order, and why. */
  readonly problem?: ChainProblem;
}

/** Gets the number of records in order so far, and the hash of the last of them. */
export type ChainObserver = (size: number, hash: string) => void;

/**
 * Checks the chain of a log from its first line on, rotated segments included, in bounded memory.
 *
 * It finds every changed byte, and every line removed, inserted, moved or repeated. A chain alone
 * cannot show that whole lines are missing at the end, or that all of it was written anew. If the
 * beginning is missing, the log is not in order, and the result says how much of it: only a signed
 * checkpoint can show that what is left belongs to it, see `verifyWithCheckpoints`.
 *
 * @param path The log.
 * @param observe Called before the first record, and after each that is in order.
 * @throws {Deno.errors.NotFound} (as a rejection) There is no such file.
 */
export async function verifyAuditLog(
  path: string,
  observe: ChainObserver = () => {},
): Promise<Verification> {
  return verificationOf(await readChain(path, observe));
}

/** The outcome for a chain to which no checkpoint attests: then nothing after a missing beginning counts. */
export function verificationOf(chain: Omit<Verification, "ok">): Verification {
  const { missing, problem, records } = chain;
  if (missing === undefined) return { ok: problem === undefined, ...chain };
  const rest = problem === undefined
    ? `the ${records - missing.records} that are left are in order`
    : `of those that are left, line ${problem.line} ${problem.reason}`;
  const reason =
    `has the number ${missing.records}: the ${missing.records} records before it are missing, which only a signed checkpoint can attest to; ${rest}`;
  return { ok: false, records: 0, head: GENESIS, missing, problem: { line: 1, reason } };
}

/**
 * Reads the chain of a log. A missing beginning is in the result, and is no problem by itself.
 *
 * @throws {Deno.errors.NotFound} (as a rejection) There is no such file.
 */
export async function readChain(
  path: string,
  observe: ChainObserver,
): Promise<Omit<Verification, "ok">> {
  let state: ChainState | undefined;
  let missing: ChainState | undefined;
  let lines = 0;
  const found = () => ({
    ...state ?? { records: 0, head: GENESIS },
    ...(missing === undefined ? {} : { missing }),
  });
  for await (const batch of checkedLines(path)) {
    for (const { bytes, terminated, plain } of batch) {
      lines++;
      const broken = (reason: string) => ({ ...found(), problem: { line: lines, reason } });
      if (!terminated) return broken("is not complete");
      const parsed = plain === undefined
        ? parseRecord(bytes)
        : { ok: true, record: plain } as const;
      if (!parsed.ok) return broken(parsed.reason);
      const { seq, prev, hash } = parsed.record;
      if (state === undefined) {
        if (seq > 0) missing = { records: seq, head: prev };
        state = missing ?? { records: 0, head: GENESIS };
        observe(state.records, state.head);
      }
      if (seq !== state.records) {
        return broken(
          `has the number ${seq}, expected ${state.records}: lines were removed, added or moved`,
        );
      }
      if (prev !== state.head) return broken("does not follow the line before it");
      state = { records: seq + 1, head: hash };
      observe(state.records, state.head);
    }
  }
  if (state === undefined) observe(0, GENESIS);
  return found();
}
