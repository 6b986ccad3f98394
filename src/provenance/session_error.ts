/**
 * Sessions that cannot be opened or kept.
 *
 * @module
 */

/** Stable codes of refusals because of a session. */
export const SESSION_CODES = {
  /** The action is not a part of the task. */
  OUT_OF_SCOPE: "OUT_OF_SCOPE",
  /** The session was closed. */
  SESSION_CLOSED: "SESSION_CLOSED",
  /** Its time is over. */
  SESSION_EXPIRED: "SESSION_EXPIRED",
  /** What it knows could not be kept, so that it cannot go on. */
  SESSION_UNAVAILABLE: "SESSION_UNAVAILABLE",
  /** What is read has to be tracked, and only a session can. */
  SESSION_REQUIRED: "SESSION_REQUIRED",
  /** What was read from a secret source is in what would go out. */
  SECRET_DISCLOSED: "SECRET_DISCLOSED",
} as const;

/** A session cannot be opened. */
export class SessionError extends Error {
  /** The name of this class. */
  override name = "SessionError";
  /** One of {@linkcode SESSION_CODES}. */
  readonly code: string;

  /** Made by the kernel. */
  constructor(code: keyof typeof SESSION_CODES, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = SESSION_CODES[code];
  }
}
