/**
 * Files that belong to one process.
 *
 * @module
 */
import { AuditLogBusyError } from "./audit_log_error.ts";
import { linesFrom } from "./lines.ts";

/** Whether two files are one. */
export function isSameFile(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/**
 * Opens a file of a log for appending, and locks it for this process (`flock`): the lock ends with the
 * process, however it ends, and holds for every path that leads to the file.
 *
 * @param options Whether it is made, for its owner only, if it does not exist.
 * @throws {AuditLogBusyError} Another kernel has it.
 */
export function openLocked(path: string, { create }: { readonly create: boolean }): Deno.FsFile {
  for (;;) {
    using opened = new DisposableStack();
    const options = { read: true, append: true, create, mode: 0o600 };
    const file = opened.adopt(Deno.openSync(path, options), release);
    const isFree = file.tryLockSync(true);
    const found = Deno.lstatSync(path);
    if (!found.isFile) throw new Error(`"${path}" is not a regular file`);
    // Its holder may have put another file in its place just now: then look again.
    const isInPlace = isSameFile(file.statSync(), found);
    if (isFree && isInPlace) {
      opened.move();
      return file;
    }
    if (isInPlace) throw new AuditLogBusyError(path.replace(/\.journal$/, ""), pidIn(path));
  }
}

/**
 * Closes a file and ends its lock at once. Without that, a sync that has just ended may hold it open a
 * moment longer, and so may a program that another thread starts: from its fork to its exec.
 */
export function release(file: Deno.FsFile): void {
  file.unlockSync();
  file.close();
}

/** The process id that a journal names in its first line; the log itself names none. */
function pidIn(path: string): number | undefined {
  const [line] = linesFrom(path, 0);
  const pid = /^\{"pid":(\d+)\}$/.exec(new TextDecoder().decode(line))?.[1];
  return pid === undefined ? undefined : Number(pid);
}
