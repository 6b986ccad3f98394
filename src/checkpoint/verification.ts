/**
 * Whether an audit log is the one that its checkpoints were signed for.
 *
 * @module
 */
import { type Checkpoint, readCheckpoints } from "./checkpoint.ts";
import { realLog } from "../log/log_lines.ts";
import { type NoteVerifier, parseVerifierKey } from "./signed_note.ts";
import { readChain, type Verification, verificationOf } from "../log/verifier.ts";

/** Something that a log's checkpoints bring to light. */
export interface CheckpointProblem {
  /**
   * - `CUT`: the log is shorter than a checkpoint.
   * - `REWRITTEN`: it differs from a checkpoint, but not from one before.
   * - `REPLACED`: it differs from all that can be compared.
   * - `DAMAGED`: a checkpoint was changed.
   * - `WRONG_KEY`: all checkpoints are signed by other keys.
   * - `NOTHING_TO_COMPARE`: no checkpoint says anything about these records.
   */
  readonly code:
    | "CUT"
    | "REWRITTEN"
    | "REPLACED"
    | "DAMAGED"
    | "WRONG_KEY"
    | "NOTHING_TO_COMPARE";
  /** A sentence, which names lines of the file of checkpoints and numbers of records. */
  readonly reason: string;
}

/** The outcome of a {@linkcode CheckpointCheck}. */
export interface CheckpointFindings {
  /** Whether a checkpoint fits and nothing speaks against the log. */
  readonly ok: boolean;
  /** Checkpoints that fit. */
  readonly fitting: number;
  /** The newest checkpoint that fits says that so many records are as they were written. */
  readonly covered: number;
  /** At most one of each code. */
  readonly problems: readonly CheckpointProblem[];
  /** What else there is to know, and does not speak against the log. */
  readonly notes: readonly string[];
}

/** A checkpoint, and its line in the file. */
interface NumberedCheckpoint extends Checkpoint {
  readonly line: number;
}

/** A checkpoint that does not count; the reason continues "the checkpoint …". */
interface Refused {
  readonly line: number;
  readonly reason: string;
}

/**
 * Compares a log with its checkpoints while the log is read: every one of them, not the newest only.
 *
 * It finds a cut end and a log that was written anew, as far as checkpoints reach: records after the
 * newest one (at most as many as are written between two) can be taken away without a trace. With write
 * access to the log and to the checkpoints next to it both can be cut; not those that were sent to
 * another machine. With the private key anything can be signed.
 */
export class CheckpointCheck {
  readonly #bySize = new Map<number, NumberedCheckpoint[]>();
  readonly #refused = { torn: [] as Refused[], foreign: [] as Refused[], damaged: [] as Refused[] };
  readonly #fitting: NumberedCheckpoint[] = [];
  readonly #differing: NumberedCheckpoint[] = [];
  readonly #verifier: NoteVerifier;

  /** @param fileText A file of checkpoints, read before the log, which may still grow. */
  constructor(fileText: string, verifier: NoteVerifier) {
    this.#verifier = verifier;
    for (const read of readCheckpoints(fileText, verifier)) {
      if (read.found === "checkpoint") {
        const numbered = { ...read.checkpoint, line: read.line };
        const same = this.#bySize.get(numbered.size);
        if (same === undefined) this.#bySize.set(numbered.size, [numbered]);
        else same.push(numbered);
      } else this.#refused[read.found].push(read);
    }
  }

  /**
   * Takes note of the state of the log after so many records.
   *
   * The first call says where the log starts: 0 records and 64 zeros, or, if its first segments were
   * deleted, how many records they had and the `prev` of the first record that is left.
   */
  observe(size: number, hash: string): void {
    const signed = this.#bySize.get(size);
    if (signed === undefined) return;
    this.#bySize.delete(size);
    for (const one of signed) (one.head === hash ? this.#fitting : this.#differing).push(one);
  }

  /**
   * Ends the comparison.
   *
   * @param size Number of records of the log.
   * @param complete Whether the log was read to its end: if its chain is broken, what follows the
   * break was not compared and is not missing.
   */
  finish(size: number, complete = true): CheckpointFindings {
    const left = Array.from(this.#bySize.values()).flat().sort(bySize);
    const beyond = left.filter((one) => one.size > size);
    const newest = this.#fitting.toSorted(bySize).at(-1);
    const problems = [
      ...damage(this.#refused.damaged),
      ...complete ? cut(beyond, size) : [],
      ...differences(this.#differing, this.#fitting),
    ];
    if (problems.length === 0 && newest === undefined) problems.push(this.#nothing(left.length));
    const notes: readonly (readonly [number, string])[] = [
      [newest === undefined ? 0 : size - newest.size, "records are newer than the last checkpoint"],
      [left.length - beyond.length, "checkpoints are older than the first record that is left"],
      [complete ? 0 : beyond.length, "checkpoints lie after the break of the chain"],
      [this.#refused.torn.length, "checkpoints are not complete and do not count"],
      [this.#refused.foreign.length, "checkpoints are signed by other keys and do not count"],
    ];
    return {
      ok: problems.length === 0,
      fitting: this.#fitting.length,
      covered: newest?.size ?? 0,
      problems,
      notes: notes.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
    };
  }

  /** @param left Checkpoints that were not compared. */
  #nothing(left: number): CheckpointProblem {
    const { name, keyId } = this.#verifier;
    const foreign = this.#refused.foreign[0];
    if (left > 0) {
      const reason = `None of the ${left} checkpoints is of a size that was read`;
      return { code: "NOTHING_TO_COMPARE", reason };
    }
    return foreign === undefined
      ? { code: "NOTHING_TO_COMPARE", reason: `There is no checkpoint of ${name}+${keyId}` }
      : { code: "WRONG_KEY", reason: `Line ${foreign.line}: the checkpoint ${foreign.reason}` };
  }
}

/** The chain and the checkpoints of a log. */
export interface CheckedVerification extends Verification {
  /** What the checkpoints say. `ok` of the whole includes theirs. */
  readonly checkpoints: CheckpointFindings;
}

/**
 * Checks the chain of a log and compares it with its checkpoints.
 *
 * A log whose beginning is missing is in order if a checkpoint fits what is left of it: the signed hash
 * covers all records before. `missing` then says how many there were. Whether they were deleted by
 * retention or by somebody else, nothing can show.
 *
 * @param path The log.
 * @param checkpointFile Its checkpoints, best a copy from another machine; `undefined` for those next to it.
 * @param verifierKeyText The public key, as in the `.pub` file.
 * @throws {SyntaxError} (as a rejection) The key is none.
 * @throws {Deno.errors.NotFound} (as a rejection) There is no such file.
 */
export async function verifyWithCheckpoints(
  path: string,
  checkpointFile: string | undefined,
  verifierKeyText: string,
): Promise<CheckedVerification> {
  const verifier = parseVerifierKey(verifierKeyText.trim());
  const file = checkpointFile ?? `${realLog(path)}.checkpoints`;
  const check = new CheckpointCheck(Deno.readTextFileSync(file), verifier);
  const chain = await readChain(path, (size, hash) => check.observe(size, hash));
  const checkpoints = check.finish(chain.records, chain.problem === undefined);
  // INVARIANT: only a signed checkpoint that fits what is left says that its beginning belonged to it.
  if (chain.missing === undefined || checkpoints.fitting === 0) {
    const verification = verificationOf(chain);
    return { ...verification, ok: verification.ok && checkpoints.ok, checkpoints };
  }
  const note =
    `the first ${chain.missing.records} records are missing; a checkpoint of ${checkpoints.covered} records attests to them`;
  return {
    ...chain,
    ok: chain.problem === undefined && checkpoints.ok,
    checkpoints: { ...checkpoints, notes: [note, ...checkpoints.notes] },
  };
}

function damage(damaged: readonly Refused[]): CheckpointProblem[] {
  const [first, ...more] = damaged;
  if (first === undefined) return [];
  const others = more.length === 0 ? "" : `, and so are ${more.length} others`;
  return [{
    code: "DAMAGED",
    reason: `Line ${first.line}: the checkpoint ${first.reason}${others}`,
  }];
}

function cut(beyond: readonly NumberedCheckpoint[], size: number): CheckpointProblem[] {
  const longest = beyond.at(-1);
  return longest === undefined ? [] : [{
    code: "CUT",
    reason:
      `Line ${longest.line}: a checkpoint of ${longest.size} records, but the log has ${size}: at least ${
        longest.size - size
      } are missing at its end`,
  }];
}

function differences(
  differing: readonly NumberedCheckpoint[],
  fitting: readonly NumberedCheckpoint[],
): CheckpointProblem[] {
  const first = differing.toSorted(bySize)[0];
  if (first === undefined) return [];
  const before = fitting.filter((one) => one.size <= first.size && one.size > 0).sort(bySize).at(
    -1,
  );
  const differs =
    `Line ${first.line}: after ${first.size} records the log differs from the checkpoint`;
  return [
    before === undefined
      ? {
        code: "REPLACED",
        reason: `${differs}, and no older one fits: it was written anew, or is another log`,
      }
      : {
        code: "REWRITTEN",
        reason:
          `${differs}, but not after ${before.size} records (line ${before.line}): it was written anew in between`,
      },
  ];
}

function bySize(a: NumberedCheckpoint, b: NumberedCheckpoint): number {
  return a.size - b.size;
}
