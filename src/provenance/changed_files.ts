/**
 * The files that agents have changed: what is read from them later is not more to be trusted than what was written.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import { type ActionTable, specOf } from "../core/resource/kind.ts";

/** Most paths that are kept; beyond it every file counts as changed. */
const MAX_PATHS = 10_000;

/** Paths that actions of any session have changed. */
export class ChangedFiles {
  readonly #paths = new Set<string>();
  /** The folders above them. */
  readonly #above = new Set<string>();
  readonly #append: (path: string) => void;

  /** @param known From before. @param append Keeps one more. */
  constructor(known: readonly string[], append: (path: string) => void) {
    for (const path of known) this.#remember(path);
    this.#append = append;
  }

  /** Notes what a request changes. */
  note({ action, target, params }: CanonicalRequest, actions: ActionTable): void {
    const { kind, effect, access, resources = [] } = specOf(actions, action);
    if (effect === "none") return;
    if (kind === "path" && access?.includes("write")) this.#add(target);
    for (const { param, kind } of resources) {
      const path = params[param];
      if (kind === "path" && typeof path === "string") this.#add(path);
    }
  }

  /** Whether a path, something in it, or a folder that it is in was changed. */
  has(path: string): boolean {
    if (this.#paths.size >= MAX_PATHS || this.#paths.has(path) || this.#above.has(path)) {
      return true;
    }
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      if (this.#paths.has(path.slice(0, end))) return true;
    }
    return false;
  }

  #add(path: string): void {
    if (this.#paths.has(path) || this.#paths.size >= MAX_PATHS) return;
    this.#append(path);
    this.#remember(path);
  }

  #remember(path: string): void {
    this.#paths.add(path);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      this.#above.add(path.slice(0, end));
    }
  }
}
