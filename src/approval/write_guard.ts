/**
 * Files that are written after a yes: what was shown of them has to be what is there.
 *
 * @module
 */
import type { ShownChange } from "./shown_change.ts";

/** Of the writes of one kernel. */
export class WriteGuard {
  /** The id of the record to come, by target. */
  readonly #writing = new Map<string, string>();

  /**
   * Asked right before a write.
   *
   * INVARIANT: of two writes that were shown the same file, the second is shown it again.
   *
   * @param target The file.
   * @param id Of the record to come.
   * @param change As it was shown; `undefined` for what is no write.
   * @returns Why it may not be done; `undefined` if it may, and then {@linkcode WriteGuard.end} has to follow.
   */
  begin(target: string, id: string, change: ShownChange | undefined): string | undefined {
    if (change === undefined) return undefined;
    if (this.#writing.has(target)) return `"${target}" is just being written by another request`;
    if (change.hasChanged()) return `"${target}" has changed since it was shown`;
    this.#writing.set(target, id);
    return undefined;
  }

  /** The write with this id has ended, or will not be done. */
  end(target: string, id: string): void {
    if (this.#writing.get(target) === id) this.#writing.delete(target);
  }
}
