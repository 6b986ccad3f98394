/**
 * The folder of the socket: whoever could write there could answer in the kernel's place. The program of the hooks
 * imports this: without an import map.
 *
 * @module
 */

const MODE = 0o700;

/**
 * Makes the folder, or takes one that is there if only this user can enter it; never changes it.
 *
 * @param folder Absolute path.
 * @throws {Error} It is a link, no folder, somebody else's, or open to others.
 */
export function makeServerFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { mode: MODE });
    return;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const { uid, problem } = stateOf(folder);
  if (problem !== undefined) throw refusal(folder, problem);
  if (Deno.build.os !== "windows" && uid !== ownUid(folder)) {
    throw refusal(folder, "belongs to another user");
  }
}

/**
 * Makes sure that nobody else can have put a socket where it is.
 *
 * @param socket Absolute path.
 * @param uid The user of this process; `null` on a system without.
 * @throws {Error} It is no socket of this user in a folder that only this user can enter.
 */
export function checkSocket(socket: string, uid: number | null): void {
  const folder = socket.slice(0, socket.lastIndexOf("/"));
  const { problem, uid: owner } = stateOf(folder);
  if (problem !== undefined) throw refusal(folder, problem);
  if (owner !== uid) throw refusal(folder, "belongs to another user");
  const info = Deno.lstatSync(socket);
  if (info.isSocket === false) throw refusal(socket, "is no socket");
  if (info.uid !== uid) throw refusal(socket, "belongs to another user");
}

function stateOf(folder: string): { uid: number | null; problem?: string } {
  const { isDirectory, isSymlink, mode, uid } = Deno.lstatSync(folder);
  if (isSymlink) return { uid, problem: "is a link" };
  if (!isDirectory) return { uid, problem: "is no folder" };
  return mode !== null && (mode & 0o777) !== MODE
    ? { uid, problem: `is open to others (mode ${(mode & 0o777).toString(8)})` }
    : { uid };
}

/** The user of this process, as the owner of a new file: asking the system takes a permission. */
function ownUid(folder: string): number | null {
  const path = `${folder}/owner.tmp`;
  try {
    Deno.removeSync(path);
  } catch {
    // None was left. If it cannot be removed, it cannot be made either.
  }
  try {
    using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    return file.statSync().uid;
  } catch {
    return null;
  } finally {
    try {
      Deno.removeSync(path);
    } catch {
      // It was not made.
    }
  }
}

function refusal(path: string, problem: string): Error {
  return new Error(
    `"${path}" ${problem}: it has to be a folder with mode 700 of the user that runs the kernel, and the socket in it that user's, or another user could answer in the kernel's place`,
  );
}
