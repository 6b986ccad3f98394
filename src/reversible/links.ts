/**
 * Symbolic links that were deleted or overwritten, kept as second names (hard links) of the links
 * themselves: Deno lets no process with scoped permissions make a symbolic link.
 *
 * @module
 */
import { type Kept, kept, syncFolder } from "./blobs.ts";

const NAME = /^link-[0-9a-f-]{36}$/;

/** Whether a name in the list of contents of an action is one of a link. */
export function isLinkName(name: string): boolean {
  return NAME.test(name);
}

/** The links of a store. */
export class Links {
  readonly #folder: string;
  readonly #names = new Set<string>();

  /** Takes over a folder that only this process and the Worker of the filesystem provider write. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const { name, isSymlink } of Deno.readDirSync(folder)) {
      if (isSymlink && isLinkName(name)) this.#names.add(name);
      else Deno.removeSync(`${folder}/${name}`, { recursive: true });
    }
  }

  /** The names of all links. */
  get names(): readonly string[] {
    return Array.from(this.#names);
  }

  /**
   * Keeps a link.
   *
   * @returns Its name, and when it is on the disk.
   * @throws {Error} There is no link at the path, or it is on another file system.
   */
  add(path: string): Kept {
    const name = `link-${crypto.randomUUID()}`;
    const second = `${this.#folder}/${name}`;
    Deno.linkSync(path, second);
    this.#names.add(name);
    try {
      if (!Deno.lstatSync(second).isSymlink) {
        throw new Error(`"${path}" is no symbolic link any more`);
      }
      return kept(name, syncFolder(this.#folder));
    } catch (error) {
      this.delete(name);
      throw error;
    }
  }

  /** Forgets a link. */
  delete(name: string): void {
    if (!this.#names.delete(name)) return;
    try {
      Deno.removeSync(`${this.#folder}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
