/**
 * The lines of a file, byte for byte.
 *
 * @module
 */

const CHUNK = 64 * 1024;
const LINE_FEED = 10;

/**
 * The lines of a file from an offset on, without their line feeds; the last is what follows the last
 * line feed, mostly nothing. Memory is bounded by the longest line.
 */
export function* linesFrom(path: string, offset: number): Generator<Uint8Array> {
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
  yield rest;
}

/**
 * Reads how a file ends: of a large one only as much as it takes.
 *
 * @returns The last complete line, without its line feed, if there is one, and what follows it.
 */
export function readTail(path: string): { lastLine: Uint8Array | undefined; rest: Uint8Array } {
  const { size } = Deno.statSync(path);
  for (let length = CHUNK;; length *= 4) {
    const start = Math.max(0, size - length);
    const [rest = new Uint8Array(0), lastLine, ...more] = [...linesFrom(path, start)].reverse();
    // The first one may lack its beginning.
    if (more.length > 0 || start === 0) return { lastLine, rest };
  }
}
