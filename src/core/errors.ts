/**
 * What an error says: system errors as codes and sentences, anything that was thrown as a message.
 *
 * @module
 */

/** A failure of the operating system or of Deno's permissions, in words. */
export interface SystemFailure {
  /** Stable code in upper case, for example `NO_SPACE`. */
  readonly code: string;
  /** What is wrong, to be put behind a colon: `the disk is full`. */
  readonly reason: string;
}

/** INVARIANT: the only table from system errors to codes and sentences. Keys are the `code` of errno. */
const FAILURES: Readonly<Record<string, readonly [code: string, reason: string]>> = {
  ENOENT: ["NOT_FOUND", "there is no such file or folder"],
  EEXIST: ["ALREADY_EXISTS", "there is a file or folder of that name already"],
  EACCES: ["ACCESS_DENIED", "the user of this process lacks the rights of the file system"],
  EPERM: ["ACCESS_DENIED", "the operating system does not permit it"],
  ENOSPC: ["NO_SPACE", "the disk is full"],
  EDQUOT: ["NO_SPACE", "the disk quota is used up"],
  EFBIG: ["TOO_LARGE", "the file would be larger than the system or its limits permit"],
  EROFS: ["READ_ONLY", "the file system is mounted read-only"],
  EIO: ["IO_ERROR", "the disk reports an error"],
  EMFILE: ["TOO_MANY_FILES", "this process has too many files open"],
  ENFILE: ["TOO_MANY_FILES", "the system has too many files open"],
  ENOTDIR: ["NOT_A_FOLDER", "a part of the path is a file, expected a folder"],
  EISDIR: ["IS_A_FOLDER", "it is a folder, expected a file"],
  ENOTEMPTY: ["NOT_EMPTY", "the folder is not empty"],
  ELOOP: ["TOO_MANY_LINKS", "its symbolic links lead in a circle, or are too many"],
  ENAMETOOLONG: ["NAME_TOO_LONG", "its name is longer than the file system permits"],
  EXDEV: ["OTHER_FILE_SYSTEM", "source and goal are on different file systems"],
  EBUSY: ["BUSY", "it is in use"],
  ETXTBSY: ["BUSY", "it is a program that is running"],
  EINTR: ["INTERRUPTED", "the call was interrupted"],
  EINVAL: ["NOT_SUPPORTED", "the file system does not support it"],
  ECONNREFUSED: ["CONNECTION_REFUSED", "nothing listens at that address"],
  ECONNRESET: ["CONNECTION_LOST", "the other side closed the connection"],
  EPIPE: ["CONNECTION_LOST", "the other side closed the connection"],
  ETIMEDOUT: ["TIMED_OUT", "the other side did not answer in time"],
  EADDRINUSE: ["ADDRESS_IN_USE", "another process listens at that address"],
};

/**
 * What a system error means.
 *
 * @param error Anything that was thrown.
 * @returns `undefined` if it is no error of the operating system, or one without an entry.
 */
export function systemFailure(error: unknown): SystemFailure | undefined {
  try {
    if (!(error instanceof Error)) return undefined;
    // Deno says itself what is lacking: `Requires read access to "/x", …`.
    if (error.name === "NotCapable") return { code: "NO_PERMISSION", reason: error.message };
    const { code } = error as { readonly code?: unknown };
    const known = typeof code === "string" && Object.hasOwn(FAILURES, code)
      ? FAILURES[code]
      : undefined;
    return known && { code: known[0], reason: known[1] };
  } catch {
    return undefined; // A proxy that was revoked: nothing is known of it.
  }
}

/** `instanceof` for what was thrown: also a proxy that was revoked can be. */
export function isInstance<T>(error: unknown, type: new (...args: never[]) => T): error is T {
  try {
    return error instanceof type;
  } catch {
    return false;
  }
}

/**
 * What an error says, for a message of our own: a system error in words, else its own message.
 *
 * @param error Anything that was thrown, also what throws when it is looked at.
 * @returns Never empty.
 */
export function messageOf(error: unknown): string {
  const failure = systemFailure(error);
  if (failure !== undefined) return failure.reason;
  try {
    const message = error instanceof Error ? error.message || error.name : String(error);
    return String(message) || "an error without a message";
  } catch {
    return "what was thrown cannot be read";
  }
}
