/**
 * What canonicalisation may ask of the machine; everything else in `resource/` is pure.
 *
 * @module
 */

/** The few questions about the machine that a resource kind may ask. */
export interface World {
  /** Folder that relative paths are relative to; without it they are refused. */
  readonly base: string | undefined;
  /** Absolute folders in which bare command names are looked up, in order. */
  readonly searchPath: readonly string[];
  /**
   * The path with all symbolic links resolved.
   *
   * @returns `undefined` if there is nothing at the path.
   * @throws {CanonicalError} It cannot be resolved (a loop, no access).
   * @throws {NotReadableError} The process has no Deno permission to look there.
   */
  realPath(path: string): string | undefined;
  /** Where the symbolic link at the path points to; `undefined` if there is none. */
  readLink(path: string): string | undefined;
  /** The names in a folder; empty if it cannot be read. */
  list(folder: string): readonly string[];
  /** What is at the path after links are followed; `undefined` if nothing readable is. */
  typeOf(path: string): "file" | "executable" | "directory" | "other" | undefined;
}

/** A target that has no canonical form. */
export class CanonicalError extends Error {
  /** The name of this class. */
  override name = "CanonicalError";
}

/**
 * A target of which nothing can be found out, because the policy names nothing there that the process
 * would be permitted to look at. So no rule allows it, whatever it is.
 */
export class NotNamedError extends CanonicalError {}

/** The machine could not be asked, because this process lacks the Deno permission. */
export class NotReadableError extends CanonicalError {}

/** A pattern that is not of the kind's pattern language, or that could never match. */
export class PatternError extends SyntaxError {
  /** The name of this class. */
  override name = "PatternError";
}

/**
 * Calls what may find that there is no canonical form.
 *
 * @returns The error in that case; any other error is thrown.
 */
export function canonicalOrError<T>(find: () => T): T | CanonicalError {
  try {
    return find();
  } catch (error) {
    if (error instanceof CanonicalError) return error;
    throw error;
  }
}
