/**
 * What is at a path, and whether the permissions let it be looked at.
 *
 * @module
 */

/**
 * What is at the path itself, links not followed.
 *
 * @returns `undefined` if nothing is there, or if it may not be looked at.
 */
export function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isAbsence(error) || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/**
 * Where the path leads, all links resolved.
 *
 * @returns `undefined` if nothing is there.
 */
export function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Whether the error says that nothing is at a path. */
export function isAbsence(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return true;
  }
  return ["ENOENT", "ENOTDIR"].includes((error as { readonly code?: string } | null)?.code ?? "");
}

/** Whether the permissions leave a folder out, so that no request of an agent reaches it either. */
export function isOutOfReach(folder: string): boolean {
  return !isGranted("read", folder);
}

/** Whether files may be made in the folder. */
export function canWrite(folder: string): boolean {
  return isGranted("write", folder);
}

const granted = { read: new Map<string, boolean>(), write: new Map<string, boolean>() };
const MAX_ANSWERS = 10_000;

/** Answers are kept: permissions do not grow while the provider runs, and each question is slow. */
function isGranted(name: "read" | "write", path: string): boolean {
  const answers = granted[name];
  let known = answers.get(path);
  if (known === undefined) {
    if (answers.size >= MAX_ANSWERS) answers.clear();
    known = Deno.permissions.querySync({ name, path }).state === "granted";
    answers.set(path, known);
  }
  return known;
}
