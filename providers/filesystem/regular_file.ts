/**
 * Opening a regular file without blocking on a named pipe.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";

/** To make a buffer takes longer than to read a small file. */
const BUFFER = new Uint8Array(64 * 1024);

/**
 * A file that is open for reading.
 *
 * It does not use `Deno.openSync`: somebody may replace a file that was looked at by a named pipe, and
 * opening that would block until its other end is opened, past every deadline.
 */
export class RegularFile implements Disposable {
  readonly #descriptor: number;
  #info: Stats | undefined;

  /**
   * Opens what is at the path. Deno resolves the path first, so that a link is followed.
   *
   * @param path Absolute.
   * @throws {NodeJS.ErrnoException} It cannot be opened.
   */
  constructor(path: string) {
    this.#descriptor = openSync(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
  }

  /** What was opened. Only where it is needed: it takes longer than to read a small file. */
  get info(): Stats {
    return this.#info ??= fstatSync(this.#descriptor);
  }

  /**
   * Reads bytes.
   *
   * @param offset Where to begin, in bytes.
   * @param length The most that is read, in bytes.
   * @returns Fewer bytes only at the end of the file. They are good until the next `read` of any file.
   */
  read(offset: number, length: number): Uint8Array {
    const bytes = length > BUFFER.length ? new Uint8Array(length) : BUFFER.subarray(0, length);
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
