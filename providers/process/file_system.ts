/**
 * The few questions about real files that mounts follow from.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/mod.ts";

/** What is at a path itself; a link is not followed. */
export type Kind = "file" | "folder" | "link" | "other";

/**
 * What is at the path; `undefined` if there is nothing.
 *
 * @throws {ProviderError} It cannot be told.
 */
export function kindOf(path: string): Kind | undefined {
  try {
    return attempt(() => kindIn(Deno.lstatSync(path)));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
  // What is denied to be read is there all the same: the folder that it is in tells.
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1);
  const entry = entriesOf(path.slice(0, slash) || "/").find((one) => one.name === name);
  return entry === undefined ? undefined : kindIn(entry);
}

/** The path with all links resolved; `undefined` if there is nothing, or nothing for this Worker. */
export function realPathOf(path: string): string | undefined {
  try {
    return attempt(() => Deno.realPathSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function kindIn({ isFile, isDirectory, isSymlink }: Omit<Deno.DirEntry, "name">): Kind {
  return isFile ? "file" : isDirectory ? "folder" : isSymlink ? "link" : "other";
}

/** INVARIANT: what cannot be looked at is not taken for empty. */
function entriesOf(folder: string): readonly Deno.DirEntry[] {
  try {
    return attempt(() => Array.from(Deno.readDirSync(folder))) ?? [];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new ProviderError(
      "SANDBOX_CONFLICT",
      `Cannot make the sandbox: this process may not look into "${folder}", to hide what is denied there`,
      { cause: error },
    );
  }
}

/** What a walk found. */
export interface Found {
  readonly path: string;
  readonly kind: Kind;
}

/** A bounded look at what is in folders, the same bound for all walks of a call. */
export class Walk {
  readonly #max: number;
  readonly #signal: AbortSignal;
  #left: number;

  constructor(maxEntries: number, signal: AbortSignal) {
    this.#max = maxEntries;
    this.#signal = signal;
    this.#left = maxEntries;
  }

  /**
   * Shows everything below the folder. A visit that answers `false` keeps it out of that folder.
   *
   * @param depth How many levels.
   * @throws {ProviderError} There is too much.
   */
  async below(
    folder: string,
    depth: number,
    visit: (found: Found) => Promise<boolean>,
  ): Promise<void> {
    if (depth < 1) return;
    const entries = entriesOf(folder);
    this.#left -= entries.length;
    if (this.#left < 0) {
      throw new ProviderError(
        "SANDBOX_TOO_LARGE",
        `Cannot make the sandbox: more than ${this.#max} files would have to be asked about, the last ones in ` +
          `"${folder}"; name whole folders in the policy (D/**), or patterns with a longer beginning`,
      );
    }
    for (const entry of entries) {
      const path = `${folder === "/" ? "" : folder}/${entry.name}`;
      const kind = kindIn(entry);
      this.#signal.throwIfAborted();
      const enter = await visit({ path, kind });
      if (enter && kind === "folder") await this.below(path, depth - 1, visit);
    }
  }
}

/** What is not there, also behind a door that is closed to programs of this user too. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { NotFound, NotADirectory, PermissionDenied, FilesystemLoop } = Deno.errors;
    for (const absence of [NotFound, NotADirectory, PermissionDenied, FilesystemLoop]) {
      if (error instanceof absence) return undefined;
    }
    throw error;
  }
}
