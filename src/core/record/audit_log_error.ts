/**
 * Why an audit log cannot be used.
 *
 * @module
 */
import { messageOf, systemFailure } from "../errors.ts";

/** The log cannot be written, or the file at its path is not one that this kernel could continue. */
export class AuditLogError extends Error {
  /** The name of this class. */
  override name = "AuditLogError";
  /** Stable code of this class of errors. */
  readonly code: "AUDIT_UNAVAILABLE" | "AUDIT_LOG_BUSY" = "AUDIT_UNAVAILABLE";
  /** Absolute path of the log, if it could not be opened. */
  path?: string;
}

/** Another kernel has the log open. */
export class AuditLogBusyError extends AuditLogError {
  /** The name of this class. */
  override name = "AuditLogBusyError";
  /** Stable code of this class of errors. */
  override readonly code = "AUDIT_LOG_BUSY";
  /** Process id of the holder; `undefined` if it is not known. */
  readonly pid: number | undefined;

  /** Made by the kernel. */
  constructor(path: string, pid: number | undefined) {
    const holder = `${pid === Deno.pid ? "this" : "a"} process (pid ${pid ?? "unknown"})`;
    super(
      `Cannot open the audit log "${path}": ${holder} has it open, and two writers would fork its chain`,
    );
    this.pid = pid;
  }
}

/**
 * Makes an error of the log from anything that was thrown; one that is one already stays.
 *
 * @param error What was thrown.
 * @param doing What failed, with the path of the log: `Cannot open the audit log "…"`.
 */
export function asLogError(error: unknown, doing: string): AuditLogError {
  if (error instanceof AuditLogError) return error;
  const { code } = systemFailure(error) ?? {};
  const reason = messageOf(error) + (code === undefined ? "" : ` (${code})`);
  return new AuditLogError(`${doing}: ${reason}`, { cause: error });
}
