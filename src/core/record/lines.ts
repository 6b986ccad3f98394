/**
 * Files as sequences of lines, byte for byte.
 *
 * @module
 */

const CHUNK = 256 * 1024;
const LINE_FEED = 10;
/** How often a followed file is looked at, in milliseconds. */
const POLL_MS = 200;

/** A line without its line feed, and whether it had one. */
export interface Line {
  readonly bytes: Uint8Array;
  readonly terminated: boolean;
}

/**
 * The lines of an open file from its current position on, in batches of what one read brought.
 * Memory is bounded by the longest line; the bytes of a batch are good until the next is asked for.
 *
 * @param atEnd Called each time the end is reached; whether to go on looking for more.
 */
export async function* readLines(
  file: Deno.FsFile,
  atEnd?: () => boolean,
): AsyncGenerator<Line[]> {
  let buffer = new Uint8Array(CHUNK);
  let filled = 0;
  for (;;) {
    if (filled === buffer.length) {
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
    const count = await file.read(buffer.subarray(filled));
    if (count === null) {
      if (atEnd === undefined || !atEnd()) break;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      continue;
    }
    const searched = filled;
    filled += count;
    const chunk = buffer.subarray(0, filled);
    const lines: Line[] = [];
    let start = 0;
    // What was there before holds no line feed.
    for (
      let end = chunk.indexOf(LINE_FEED, searched);
      end !== -1;
      end = chunk.indexOf(LINE_FEED, start)
    ) {
      lines.push({ bytes: chunk.subarray(start, end), terminated: true });
      start = end + 1;
    }
    if (lines.length > 0) yield lines;
    buffer.copyWithin(0, start, filled);
    filled -= start;
  }
  if (filled > 0) yield [{ bytes: buffer.subarray(0, filled), terminated: false }];
}

/** The last line feed in the file and what is behind it, reading backwards. */
export function readTail(
  file: Deno.FsFile,
): { lastLine: Uint8Array; torn: Uint8Array; tornAt: number } {
  const size = file.seekSync(0, Deno.SeekMode.End);
  let tail: Uint8Array = new Uint8Array(0);
  let start = size;
  // Back to the line feed before the last complete line.
  while (start > 0 && feeds(tail) < 2) {
    const from = Math.max(0, start - CHUNK);
    tail = concat(readAt(file, from, start - from), tail);
    start = from;
  }
  const last = tail.lastIndexOf(LINE_FEED);
  const before = last <= 0 ? -1 : tail.lastIndexOf(LINE_FEED, last - 1);
  return {
    lastLine: last === -1 ? new Uint8Array(0) : tail.subarray(before + 1, last),
    torn: tail.subarray(last + 1),
    tornAt: start + last + 1,
  };
}

function feeds(bytes: Uint8Array): number {
  let count = 0;
  for (
    let at = bytes.indexOf(LINE_FEED);
    at !== -1 && count < 2;
    at = bytes.indexOf(LINE_FEED, at + 1)
  ) {
    count++;
  }
  return count;
}

function readAt(file: Deno.FsFile, offset: number, length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < length) {
    const count = file.readSync(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return buffer.subarray(0, filled);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
