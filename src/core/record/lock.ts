/**
 * Files that belong to one process.
 *
 * @module
 */
import { AuditLogBusyError } from "./audit_log_error.ts";
import { linesFrom } from "./lines.ts";

/** Whether a path leads to this open file, and not by a symbolic link. */
export function leadsTo(path: string, file: Deno.FsFile): boolean {
  const [opened, found] = [file.statSync(), Deno.lstatSync(path)];
  return opened.ino === found.ino && opened.dev === found.dev;
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
    const file = Deno.openSync(path, { read: true, append: true, create, mode: 0o600 });
    try {
      if (!Deno.lstatSync(path).isFile) throw new Error(`"${path}" is not a regular file`);
      const isFree = file.tryLockSync(true);
      // Its holder may have put another file in its place just now: then look again.
      const isInPlace = leadsTo(path, file);
      if (isFree && isInPlace) return file;
      if (isInPlace) throw new AuditLogBusyError(path.replace(/\.journal$/, ""), pidIn(path));
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
