/**
 * The lines of a file, byte for byte.
 *
 * @module
 */

const CHUNK = 64 * 1024;
const LINE_FEED = 10;

/**
 * The complete lines of a file from an offset on, without their line feeds. Memory is bounded by the
 * longest line.
 *
 * @returns What follows the last line feed.
 */
export function* linesFrom(path: string, offset: number): Generator<Uint8Array, Uint8Array> {
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  const buffer = new Uint8Array(CHUNK);
  let rest = new Uint8Array(0);
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    const bytes = new Uint8Array(rest.length + count);
    bytes.set(rest);
    bytes.set(buffer.subarray(0, count), rest.length);
    let start = 0;
    for (let end; (end = bytes.indexOf(LINE_FEED, start)) !== -1; start = end + 1) {
      yield bytes.subarray(start, end);
    }
    rest = bytes.subarray(start);
  }
  return rest;
}

/** How a file ends. */
export interface Tail {
  /** The last complete line, without its line feed; `undefined` if there is none. */
  readonly lastLine: Uint8Array | undefined;
  /** What follows the last line feed. */
  readonly rest: Uint8Array;
}

/** Reads how a file ends: of a large one only as much as it takes. */
export function readTail(path: string): Tail {
  const { size } = Deno.statSync(path);
  for (let length = CHUNK;; length *= 4) {
    const start = Math.max(0, size - length);
    const lines = linesFrom(path, start);
    let [count, lastLine, next] = [0, undefined as Uint8Array | undefined, lines.next()];
    for (; !next.done; next = lines.next()) [count, lastLine] = [count + 1, next.value];
    // The first one may lack its beginning.
    if (count > 1 || start === 0) return { lastLine, rest: next.value };
  }
}
