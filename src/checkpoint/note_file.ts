/**
 * Files of signed notes, one after the other.
 *
 * @module
 */
import { SIGNATURE_MARK } from "./checkpoint.ts";

/** Holds several checkpoints, in bytes. */
const TAIL_BYTES = 4096;

/**
 * Appends a note to a file and waits for the disk. After one whose writing broke off it puts an empty
 * line; nothing is removed.
 */
export function appendNote(path: string, note: string): void {
  using file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
  const tail = readNotesTail(file);
  const isComplete = tail.endsWith("\n") && tail.split("\n").at(-2)?.startsWith(SIGNATURE_MARK);
  const separator = tail === "" || isComplete ? "" : tail.endsWith("\n") ? "\n" : "\n\n";
  const bytes = new TextEncoder().encode(`${separator}${note}`);
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
  file.syncDataSync();
}

/** The end of an open file, long enough for the newest notes in it. */
export function readNotesTail(file: Deno.FsFile): string {
  const size = file.seekSync(0, Deno.SeekMode.End);
  file.seekSync(Math.max(0, size - TAIL_BYTES), Deno.SeekMode.Start);
  const buffer = new Uint8Array(TAIL_BYTES);
  const length = file.readSync(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, length));
}
