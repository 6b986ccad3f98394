/**
 * The lines of a file while it is read, and while it grows.
 *
 * @module
 */

const CHUNK = 512 * 1024;
const LINE_FEED = 10;
/** How often a followed file is looked at, in milliseconds. */
const POLL_MS = 200;

/** A line without its line feed, and whether it had one. */
export interface Line {
  readonly bytes: Uint8Array;
  readonly terminated: boolean;
}

/** Lines that one read brought. */
export interface LineBatch {
  readonly lines: readonly Line[];
  /** All of them, with their line feeds. */
  readonly bytes: Uint8Array;
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
): AsyncGenerator<LineBatch> {
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
    if (lines.length > 0) yield { lines, bytes: chunk.subarray(0, start) };
    buffer.copyWithin(0, start, filled);
    filled -= start;
  }
  const bytes = buffer.subarray(0, filled);
  if (filled > 0) yield { lines: [{ bytes, terminated: false }], bytes };
}
