/**
 * The few questions about real files that mounts follow from.
 *
 * @module
 */
import { ProviderError } from "../../src/provider/mod.ts";

/** What is at a path itself; a link is not followed. */
export type Kind = "file" | "folder" | "link" | "other";

/** What is at the path; `undefined` if there is nothing, or if it cannot be looked at. */
export function kindOf(path: string): Kind | undefined {
  return attempt(() => {
    const { isFile, isDirectory, isSymlink } = Deno.lstatSync(path);
    return isFile ? "file" : isDirectory ? "folder" : isSymlink ? "link" : "other";
  });
}

/** The path with all links resolved; `undefined` as of {@linkcode kindOf}. */
export function realPathOf(path: string): string | undefined {
  return attempt(() => Deno.realPathSync(path));
}

/** What a walk found. */
export interface Found {
  readonly path: string;
  readonly kind: Kind;
}

/** A bounded look at what is in folders, the same bound for all walks of a call. */
export class Walk {
  readonly #max: number;
  #left: number;

  constructor(maxEntries: number) {
    this.#max = maxEntries;
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
    const entries = attempt(() => Array.from(Deno.readDirSync(folder))) ?? [];
    this.#left -= entries.length;
    if (this.#left < 0) {
      throw new ProviderError(
        "SANDBOX_TOO_LARGE",
        `Cannot make the sandbox: more than ${this.#max} files would have to be asked about, the last ones in ` +
          `"${folder}"; name whole folders in the policy (D/**), or patterns with a longer beginning`,
      );
    }
    for (const { name, isFile, isDirectory, isSymlink } of entries) {
      const path = `${folder === "/" ? "" : folder}/${name}`;
      const kind = isFile ? "file" : isDirectory ? "folder" : isSymlink ? "link" : "other";
      const enter = await visit({ path, kind });
      if (enter && kind === "folder") await this.below(path, depth - 1, visit);
    }
  }
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { NotFound, NotADirectory, NotCapable, PermissionDenied, FilesystemLoop } = Deno.errors;
    for (const absence of [NotFound, NotADirectory, NotCapable, PermissionDenied, FilesystemLoop]) {
      if (error instanceof absence) return undefined;
    }
    throw error;
  }
}
