/**
 * Opening a file without waiting for anybody.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";

/**
 * A file that is open for reading.
 *
 * Not `Deno.openSync`: in the moment before it, somebody may put a named pipe in the place of a file that
 * was looked at, and opening that would wait for its other end, for ever, and no deadline could end it.
 */
export class RegularFile implements Disposable {
  readonly #descriptor: number;
  /** What was opened. */
  readonly info: Stats;

  /**
   * Opens what is at the path. Deno finds its real path first, so a link there is followed.
   *
   * @throws {NodeJS.ErrnoException} It cannot be opened.
   */
  constructor(path: string) {
    this.#descriptor = openSync(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      this.info = fstatSync(this.#descriptor);
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** Up to so many bytes, from a place on. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const rest = length - filled;
      const count = readSync(this.#descriptor, bytes, filled, rest, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
