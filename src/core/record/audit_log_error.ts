/** The log cannot be written, or the file at its path is not one that this kernel could continue. */
export class AuditLogError extends Error {
  /** The name of this class. */
  override name = "AuditLogError";
  /** Stable code of this class of errors. */
  readonly code = "AUDIT_UNAVAILABLE";
}
