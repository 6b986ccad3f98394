/**
 * The log of a kernel, as its options say: opened, with what rotates it and what signs it.
 *
 * @module
 */
import { dirname } from "@std/path";
import { CheckpointWitness } from "./checkpoint/witness.ts";
import { AuditLogError } from "./core/record/audit_log_error.ts";
import { AuditLog } from "./core/record/log.ts";
import { SYSTEM_TIMER } from "./system_timer.ts";
import { rotateWhen } from "./log/rotation.ts";
import type { KernelOptions } from "./options.ts";

/**
 * Opens the log, with the witness that signs its checkpoints.
 *
 * @throws {TypeError} The options contradict each other.
 */
export async function openLog(
  options: KernelOptions,
  { logPath, policy, warn }: {
    readonly logPath: string;
    /** Digest of the policy. */
    readonly policy: string;
    readonly warn: (line: string) => void;
  },
): Promise<AuditLog> {
  const { checkpoints, durability = "os", rotate, retain, clock, timer } = options;
  if (retain !== undefined && checkpoints === undefined) {
    throw new TypeError(
      "Cannot open the kernel: retain needs checkpoints, only what they cover is deleted",
    );
  }
  let log: AuditLog | undefined;
  const witness = checkpoints && new CheckpointWitness(checkpoints, {
    logPath,
    syncLog: () => log?.sync(),
    onWarning: (line) => warn(`agent-kernel: ${line}`),
    retain,
    timer,
    clock,
  });
  const now = () => (timer ?? SYSTEM_TIMER).now();
  const when = rotate && rotateWhen(rotate);
  try {
    log = await AuditLog.open(logPath, {
      durability,
      rotateWhen: when,
      clock,
      now,
      witness,
      policy,
    });
    return log;
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error;
    const { message, cause } = error;
    const told = cause instanceof Deno.errors.NotFound
      ? new AuditLogError(`${message}; the folder "${dirname(logPath)}" has to exist`, { cause })
      : error;
    told.path = logPath;
    throw told;
  }
}

/** Whether the kernel before this one left its journal: it did not end in order. */
export function hasJournal(logPath: string): boolean {
  try {
    return Deno.statSync(`${logPath}.journal`).size > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The wall clock as text. Formatting is slow, and many records share a millisecond. */
export function timestamps(clock: () => Date): () => string {
  let lastTime = NaN;
  let lastText = "";
  return () => {
    const now = clock();
    if (now.getTime() !== lastTime) {
      lastTime = now.getTime();
      lastText = now.toISOString();
    }
    return lastText;
  };
}
