/**
 * Files that belong to one process.
 *
 * @module
 */

/**
 * Locks an open file for this process (`flock`): the lock ends with the process, however it ends,
 * and holds for every path that leads to the file.
 *
 * @returns Whether it was free, and the path still leads to the locked file.
 */
export function tryLock(path: string, file: Deno.FsFile): boolean {
  if (!file.tryLockSync(true)) return false;
  const [locked, found] = [file.statSync(), Deno.lstatSync(path)];
  return locked.ino === found.ino && locked.dev === found.dev;
}

/** Makes a file for appending, that only its owner may read, and locks it. */
export function createLocked(path: string): Deno.FsFile {
  const file = Deno.openSync(path, { read: true, append: true, createNew: true, mode: 0o600 });
  file.lockSync(true);
  return file;
}
