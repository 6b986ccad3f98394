/**
 * All lines of a log, in the order of its records, whatever its kernel does meanwhile.
 *
 * @module
 */
import { segmentsOf } from "../core/record/segments.ts";
import { type LineBatch, readLines } from "./lines.ts";

/** The file that a log's path leads to; its kernel keeps the other files of the log next to that one. */
export function realLog(path: string): string {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.realPathSync(path) : path;
  } catch {
    return path; // Opening it says why it cannot be read.
  }
}

/**
 * The lines of all segments and of the file that is written, in batches; the bytes of a batch are
 * good until the next is asked for.
 *
 * The kernel may rotate the log at any moment. So a file is known by its number (inode): what was
 * read as the written file is not read again as a segment, and before the written file is read, all
 * that has become a segment is.
 *
 * @param follow Go on after the end, for ever; called each time the end is reached.
 * @throws {Deno.errors.NotFound} There is no such log.
 */
export async function* logLines(log: string, follow?: () => void): AsyncGenerator<LineBatch> {
  const path = realLog(log);
  const done = new Set<number | null>();
  for (;;) {
    using current = Deno.openSync(path);
    const { ino } = current.statSync();
    // The file is held open from here on: what is rotated now is either among these, or it is this.
    for (const segment of segmentsOf(path)) {
      using file = Deno.openSync(segment.path);
      const number = file.statSync().ino;
      if (number === ino || done.has(number)) continue;
      done.add(number);
      yield* readLines(file);
    }
    done.add(ino);
    let rotated = false;
    yield* readLines(
      current,
      follow === undefined ? undefined : () => {
        follow();
        // Once more after it was rotated: for what was written before.
        if (rotated) return false;
        rotated = inodeOf(path) !== ino;
        return true;
      },
    );
    if (!rotated) return;
  }
}

function inodeOf(path: string): number | null {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    // Between two system calls of a rotation there is no file.
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
