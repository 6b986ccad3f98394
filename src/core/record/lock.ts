/**
 * One kernel a log.
 *
 * @module
 */

/** Another kernel has the log open. */
export class AuditLogBusyError extends Error {
  /** The name of this class. */
  override name = "AuditLogBusyError";
  /** Stable code of this class of errors. */
  readonly code = "AUDIT_LOG_BUSY";
  /** Process id of the holder; `undefined` if it opened the log under another name. */
  readonly pid: number | undefined;

  /** Made by the kernel. */
  constructor(path: string, pid: number | undefined) {
    const holder = pid === undefined
      ? "another process"
      : pid === Deno.pid
      ? "this process"
      : "a process";
    super(
      `Cannot open the audit log "${path}": ${holder}${
        pid === undefined ? "" : ` (pid ${pid})`
      } has it open, and two writers would fork its chain`,
    );
    this.pid = pid;
  }
}

/**
 * Locks an open file for this process (`flock`): the lock ends with the process, however it ends,
 * and holds for every path that leads to the file.
 *
 * @returns Whether it was free, and the path still leads to the locked file.
 */
export function tryLock(path: string, file: Deno.FsFile): boolean {
  if (!file.tryLockSync(true)) return false;
  const [locked, found] = [file.statSync(), Deno.lstatSync(path)];
  return locked.ino === found.ino && locked.dev === found.dev;
}
