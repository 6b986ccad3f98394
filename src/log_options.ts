/**
 * What the options of a kernel mean for its log and its checkpoints.
 *
 * @module
 */
import { AuditLogError } from "./core/record/audit_log_error.ts";
import { CheckpointPublisher } from "./checkpoint/publisher.ts";
import type { AuditLogOptions } from "./core/record/log.ts";
import { warnerOf } from "./installation.ts";
import type { KernelOptions } from "./options.ts";

/** What publishes the checkpoints of the log, if it is to have any. */
export function publisherFor(
  options: KernelOptions,
  logPath: string,
  syncLog: () => void,
): CheckpointPublisher | undefined {
  const { checkpoints, timer } = options;
  const warn = warnerOf(options);
  if (checkpoints === undefined) return undefined;
  return new CheckpointPublisher({
    ...checkpoints,
    file: `${logPath}.checkpoints`,
    syncLog,
    onWarning: (line) => warn(`agent-kernel: ${line}`),
    ...(timer === undefined ? {} : { timer }),
  });
}

/** @throws {TypeError} The options contradict each other. */
export function auditOptions(
  { durability = "os", rotate = {}, retain, clock, timer }: KernelOptions,
  checkpoints: CheckpointPublisher | undefined,
): Omit<AuditLogOptions, "policy"> {
  if (retain !== undefined && checkpoints === undefined) {
    throw new TypeError(
      "Cannot open the kernel: retain needs checkpoints, only what they cover is deleted",
    );
  }
  return {
    durability,
    rotate,
    ...(clock === undefined ? {} : { clock }),
    ...(timer === undefined ? {} : { now: () => timer.now() }),
    ...(retain === undefined ? {} : { retain }),
    ...(checkpoints === undefined ? {} : {
      accept(size, head) {
        const contradiction = checkpoints.contradiction(size, head);
        if (contradiction === undefined) return;
        throw new AuditLogError(`Cannot open the kernel: ${contradiction}`);
      },
      covered: () => checkpoints.covered,
      onWritten: (size, head) => checkpoints.recordsWritten(size, head),
    }),
  };
}
