/**
 * The files of an inbox.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { isSameFile, release } from "../core/record/lock.ts";
import { writeAll } from "../core/record/writer.ts";

/** The inbox cannot be used. */
export class ApprovalInboxError extends Error {
  /** The name of this class. */
  override name = "ApprovalInboxError";
  /** Stable code of this class of errors. */
  readonly code = "APPROVAL_INBOX";
}

/**
 * `question`: somebody waits for the answer, with a lock on the file. `left`: a question that was left to be
 * answered. `answer`: to one of these. `grant`: what is remembered.
 */
export type FileKind = "question" | "left" | "answer" | "grant";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A file that is being made. */
const DRAFT = /^[0-9a-f-]{36}(\.[a-z]+\.[0-9a-f-]{36})?\.draft$/;
/** Larger files are no questions of a kernel. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Whether a text can be the id of a file here. */
export function isId(text: string): boolean {
  return ID.test(text);
}

/** A folder of files that are named `ID.KIND`. */
export class InboxFolder {
  /** Absolute. */
  readonly path: string;

  /** Opens nothing yet. */
  constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes the folder if it is not there.
   *
   * @throws {ApprovalInboxError} It cannot be made.
   */
  make(): void {
    try {
      Deno.mkdirSync(this.path, { mode: 0o700 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw inboxError(this.path, error);
    }
  }

  /**
   * Removes drafts whose process was killed.
   *
   * INVARIANT: a draft of a process that lives is locked by it, or found missing by it and made anew.
   */
  removeLeftDrafts(): void {
    for (const { name } of this.#entries()) {
      if (!DRAFT.test(name)) continue;
      const path = `${this.path}/${name}`;
      const held = lockIfFree(path);
      if (typeof held !== "object") continue;
      removeIfPermitted(path);
      release(held);
    }
  }

  /** INVARIANT: no file outside of the folder has a path here. */
  pathOf(id: string, kind: FileKind): string {
    if (!isId(id)) throw new ApprovalInboxError(`"${id}" is no id of the inbox`);
    return `${this.path}/${id}.${kind}`;
  }

  /** The ids of which there are files of one of the kinds, each once. */
  ids(...kinds: readonly FileKind[]): string[] {
    const names = this.#entries().map(({ name }) => name.split("."));
    const found = names.flatMap(([id = "", kind, ...more]) =>
      more.length === 0 && isId(id) && kinds.some((one) => one === kind) ? id : []
    );
    return Array.from(new Set(found));
  }

  #entries(): Deno.DirEntry[] {
    try {
      return Array.from(Deno.readDirSync(this.path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw inboxError(this.path, error);
    }
  }

  /** Writes a file that is there as a whole or not at all, and replaces none. */
  publish(path: string, content: object): void {
    release(this.publishLocked(path, content));
  }

  /**
   * The same, with a lock of this process from the first moment on: it ends with the process, however that
   * ends.
   */
  publishLocked(path: string, content: object): Deno.FsFile {
    using opened = new DisposableStack();
    try {
      const { draft, file } = newDraft(`${path}.`);
      opened.adopt(file, release);
      opened.defer(() => remove(draft));
      writeAll(file, new TextEncoder().encode(JSON.stringify(content)));
      Deno.linkSync(draft, path);
      opened.move();
      remove(draft);
      return file;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) throw error;
      throw inboxError(path, error);
    }
  }

  /** The object in a file; `undefined` if there is no file, or none of a kernel. */
  read(path: string): object | undefined {
    try {
      const { isFile, size } = Deno.lstatSync(path);
      if (!isFile || size > MAX_BYTES) return undefined;
      const value: unknown = JSON.parse(Deno.readTextFileSync(path));
      return value !== null && typeof value === "object" ? value : undefined;
    } catch (error) {
      // What is no JSON, or nested without end, is no file of a kernel.
      const isNone = error instanceof Deno.errors.NotFound || error instanceof SyntaxError ||
        error instanceof RangeError;
      if (isNone) return undefined;
      throw inboxError(path, error);
    }
  }

  /** Whether there is such a file. */
  has(path: string): boolean {
    return infoOf(path) !== undefined;
  }

  /**
   * INVARIANT: nobody else can write in the folder, so that an answer is of this user.
   *
   * @returns The user that this process runs as: the owner of what it makes.
   * @throws {ApprovalInboxError} The folder is not one of this user alone.
   */
  owner(): number | null {
    using opened = new DisposableStack();
    try {
      const { draft, file } = newDraft(`${this.path}/`);
      opened.adopt(file, release);
      opened.defer(() => remove(draft));
      const { uid } = file.statSync();
      const { uid: owner, mode, isDirectory } = Deno.lstatSync(this.path);
      if (isDirectory && owner === uid && ((mode ?? 0) & 0o077) === 0) return uid;
    } catch (error) {
      throw inboxError(this.path, error);
    }
    throw new ApprovalInboxError(
      `the inbox "${this.path}" is not a folder of this user alone, expected mode 0700`,
    );
  }
}

/**
 * Makes an empty file under a name of its own, locked by this process.
 *
 * @param beginning Of its path.
 */
function newDraft(beginning: string): { readonly draft: string; readonly file: Deno.FsFile } {
  for (;;) {
    const draft = `${beginning}${crypto.randomUUID()}.draft`;
    using opened = new DisposableStack();
    const file = opened.adopt(
      Deno.openSync(draft, { read: true, write: true, createNew: true, mode: 0o600 }),
      release,
    );
    file.lockSync(true);
    const there = infoOf(draft);
    // Somebody who removes what was left may have taken it before it was locked.
    if (there === undefined || !isSameFile(file.statSync(), there)) continue;
    opened.move();
    return { draft, file };
  }
}

/** What is at a path; `undefined` if nothing is. */
export function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw inboxError(path, error);
  }
}

/** Whether a file is of this user, or of root. */
export function isOf({ uid }: Deno.FileInfo, owner: number | null): boolean {
  return uid === owner || uid === 0;
}

/** Whether somebody waits with a file: it holds a lock, which ends with its process. */
export function isAwaited(path: string): boolean {
  const file = lockIfFree(path);
  if (file === "busy") return true;
  if (file !== undefined) release(file);
  return false;
}

/**
 * Locks a file that no process holds.
 *
 * @returns The file, to be released; `"busy"` if somebody holds it, `undefined` if it is gone.
 */
export function lockIfFree(path: string): Deno.FsFile | "busy" | undefined {
  try {
    using opened = new DisposableStack();
    const file = opened.adopt(Deno.openSync(path, { read: true }), release);
    if (!file.tryLockSync(true)) return "busy";
    // Another one may have taken the file away meanwhile.
    if (!isSameFile(file.statSync(), Deno.lstatSync(path))) return undefined;
    opened.move();
    return file;
  } catch {
    return undefined; // Gone meanwhile, or nothing that can be opened.
  }
}

/** Removes a file. @returns Whether it was this call that did it: of several at once one does. */
export function remove(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    // Not there, or it stays: it expires, and its id is never used again.
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}

/** The same for whoever only looks, and may have no permission to write: then it stays for the next one. */
export function removeIfPermitted(path: string): void {
  try {
    remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}

function inboxError(path: string, error: unknown): ApprovalInboxError {
  const hint = error instanceof Deno.errors.NotFound ? "; the folder above it has to exist" : "";
  return new ApprovalInboxError(
    `Cannot use the inbox of approvals "${path}": ${messageOf(error)}${hint}`,
    { cause: error },
  );
}
