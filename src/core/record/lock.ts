/**
 * Files that belong to one process.
 *
 * @module
 */
import { AuditLogBusyError } from "./audit_log_error.ts";
import { linesFrom } from "./lines.ts";

/**
 * Locks an open file for this process (`flock`): the lock ends with the process, however it ends,
 * and holds for every path that leads to the file.
 *
 * @returns Whether it was free, and the path still leads to the locked file.
 */
export function tryLock(path: string, file: Deno.FsFile): boolean {
  return file.tryLockSync(true) && leadsTo(path, file);
}

function leadsTo(path: string, file: Deno.FsFile): boolean {
  const [opened, found] = [file.statSync(), Deno.lstatSync(path)];
  return opened.ino === found.ino && opened.dev === found.dev;
}

/**
 * Opens a file of a log for appending, and locks it. A new one can be read by its owner only.
 *
 * @param options Whether it is made if it does not exist, and the path of the log, if that is another.
 * @throws {AuditLogBusyError} Another kernel has it.
 */
export function openLocked(
  path: string,
  { create, log = path }: { readonly create: boolean; readonly log?: string },
): Deno.FsFile {
  for (;;) {
    const file = Deno.openSync(path, { read: true, append: true, create, mode: 0o600 });
    try {
      if (!Deno.lstatSync(path).isFile) throw new Error(`"${path}" is not a regular file`);
      if (tryLock(path, file)) return file;
      // Its holder may have put another file in its place just now: then look again.
      if (leadsTo(path, file)) throw new AuditLogBusyError(log, pidIn(path));
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

/** The process id that a journal names in its first line; the log itself names none. */
function pidIn(path: string): number | undefined {
  const [line] = linesFrom(path, 0);
  const pid = /^\{"pid":(\d+)\}$/.exec(new TextDecoder().decode(line))?.[1];
  return pid === undefined ? undefined : Number(pid);
}
