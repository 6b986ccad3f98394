/**
 * An inbox of questions in a folder, shared by the processes of a machine.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { release } from "../core/record/lock.ts";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import type { ApprovalAnswer, Approver } from "./approver.ts";
import { type ApprovalGrant, type GrantStore, isGrant } from "./grant.ts";
import { type ApprovalQuestion, isQuestion } from "./question.ts";

/** The inbox cannot be used. */
export class ApprovalInboxError extends Error {
  /** The name of this class. */
  override name = "ApprovalInboxError";
  /** Stable code of this class of errors. */
  readonly code = "APPROVAL_INBOX";
}

/** What became of an answer. */
export type Answered = "answered" | "unknown" | "already answered" | "expired";

/** How often the kernel looks for an answer, in milliseconds. */
const LOOK_MS = 200;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Larger files are no questions of a kernel. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Questions as files: `ID.question` is there while somebody waits, `ID.answer` is the answer, `ID.grant` what
 * is remembered.
 *
 * INVARIANT: an answer is linked to its name when it is complete, and only if there is none: of two
 * answers one counts, and none is seen by half.
 *
 * Whoever can write in the folder can answer. It is made for its owner alone (mode 0700), no action of a
 * kernel that uses it may read or change it, and programs of the same user are not kept out.
 */
export class ApprovalInbox implements Approver, GrantStore {
  /** For the record. */
  readonly method = "inbox";
  readonly #folder: string;
  readonly #timer: Timer;

  /**
   * Opens nothing yet.
   *
   * @param folder Absolute path. It is made with the first question; the folder above it has to exist.
   * @param timer @default the platform's
   */
  constructor(folder: string, timer: Timer = SYSTEM_TIMER) {
    this.#folder = folder;
    this.#timer = timer;
  }

  /** For whoever guards it. */
  get folders(): readonly string[] {
    return [this.#folder];
  }

  /**
   * Makes the folder if it is not there.
   *
   * @throws {ApprovalInboxError} It cannot be made.
   */
  open(): void {
    try {
      Deno.mkdirSync(this.#folder, { mode: 0o700 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw inboxError(this.#folder, error);
    }
  }

  /** Puts a question into the inbox and waits for its answer. */
  async ask(question: ApprovalQuestion, signal: AbortSignal): Promise<ApprovalAnswer> {
    const path = this.#path(question.id, "question");
    const answerPath = this.#path(question.id, "answer");
    let waiting: Deno.FsFile | undefined;
    try {
      this.open();
      this.#publish(path, question);
      waiting = Deno.openSync(path, { read: true });
      // Held for as long as this process waits, however it ends.
      waiting.lockSync(true);
      const owner = this.#assertOwn(path);
      for (;;) {
        signal.throwIfAborted();
        const answer = this.#read(answerPath) as
          | (ApprovalAnswer & { readonly digest: string })
          | undefined;
        if (answer !== undefined) {
          const { uid } = Deno.lstatSync(answerPath);
          if (uid !== owner && uid !== 0) {
            throw new ApprovalInboxError(`the answer is of another user (${uid})`);
          }
          // INVARIANT: an answer is for the question that was shown, byte for byte.
          if (answer.digest === question.digest) return answer;
          throw new ApprovalInboxError("the answer is for another question");
        }
        await this.#pause(signal);
      }
    } finally {
      remove(path);
      remove(answerPath);
      if (waiting !== undefined) release(waiting);
    }
  }

  /** Until the next look, or until nobody waits any more. */
  #pause(signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve) => {
      const wake = () => {
        cancel();
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const cancel = this.#timer.schedule(wake, LOOK_MS);
      signal.addEventListener("abort", wake);
    });
  }

  /**
   * INVARIANT: nobody else can write in the folder, so that an answer is of this user.
   *
   * @param path A file that this process has made in it.
   * @returns The user that this process runs as.
   */
  #assertOwn(path: string): number | null {
    const { uid } = Deno.lstatSync(path);
    const { uid: owner, mode, isDirectory } = Deno.lstatSync(this.#folder);
    if (isDirectory && owner === uid && ((mode ?? 0) & 0o077) === 0) return uid;
    throw new ApprovalInboxError(
      `the inbox "${this.#folder}" is not a folder of this user alone, expected mode 0700`,
    );
  }

  /** The questions that wait, the oldest first. What is no question of a kernel is left out. */
  list(): ApprovalQuestion[] {
    return this.#ids("question").flatMap((id) => this.get(id) ?? []).sort((a, b) =>
      a.askedAt < b.askedAt ? -1 : a.askedAt > b.askedAt ? 1 : 0
    );
  }

  /** A question that waits; `undefined` if there is none of this id, or it is not whole. */
  get(id: string): ApprovalQuestion | undefined {
    if (!ID.test(id)) return undefined;
    const path = this.#path(id, "question");
    const question = this.#read(path);
    return isQuestion(question) && question.id === id && isAwaited(path) ? question : undefined;
  }

  /**
   * Answers a question.
   *
   * @param question As it was shown to whoever answers.
   * @param now Wall clock.
   */
  answer(question: ApprovalQuestion, answer: ApprovalAnswer, now: Date): Answered {
    const { id, digest, expiresAt } = question;
    if (this.get(id)?.digest !== digest) return "unknown";
    if (now.toISOString() >= expiresAt) return "expired";
    try {
      this.#publish(this.#path(id, "answer"), { ...answer, digest });
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return "already answered";
      throw error;
    }
    return "answered";
  }

  /**
   * What is remembered, for a kernel. What is no grant, or is of another user, is left out.
   *
   * @throws {ApprovalInboxError} The folder is not one of this user alone.
   */
  grants(): ApprovalGrant[] {
    if (this.#ids("grant").length === 0) return [];
    const owner = this.#owner();
    return this.listGrants().filter(({ id }) => {
      try {
        const { uid } = Deno.lstatSync(this.#path(id, "grant"));
        return uid === owner || uid === 0;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false; // Revoked meanwhile.
        throw error;
      }
    });
  }

  /** The same for whoever only looks: nothing is checked but the form. */
  listGrants(): ApprovalGrant[] {
    return this.#ids("grant").flatMap((id) => {
      const grant = this.#read(this.#path(id, "grant"));
      return isGrant(grant) && grant.id === id ? grant : [];
    });
  }

  /** The user that this process runs as: the owner of what it makes. */
  #owner(): number | null {
    const path = `${this.#folder}/${crypto.randomUUID()}.draft`;
    Deno.writeTextFileSync(path, "", { createNew: true, mode: 0o600 });
    try {
      return this.#assertOwn(path);
    } finally {
      remove(path);
    }
  }

  /** Keeps what is to be remembered, for all kernels with this inbox. */
  grant(grant: ApprovalGrant): void {
    this.#publish(this.#path(grant.id, "grant"), grant);
  }

  /** Takes back what was remembered. */
  revoke(id: string): boolean {
    if (!ID.test(id) || this.#read(this.#path(id, "grant")) === undefined) return false;
    Deno.removeSync(this.#path(id, "grant"));
    return true;
  }

  /** The ids of which there are files of a kind. */
  #ids(what: "question" | "grant"): string[] {
    try {
      return Array.from(Deno.readDirSync(this.#folder), ({ name }) => name)
        .filter((name) => name.endsWith(`.${what}`))
        .map((name) => name.slice(0, -1 - what.length))
        .filter((id) => ID.test(id));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw inboxError(this.#folder, error);
    }
  }

  #path(id: string, what: "question" | "answer" | "grant"): string {
    return `${this.#folder}/${id}.${what}`;
  }

  /** Writes a file that is there as a whole or not at all, and replaces none. */
  #publish(path: string, content: object): void {
    const draft = `${path}.${crypto.randomUUID()}.draft`;
    try {
      Deno.writeTextFileSync(draft, JSON.stringify(content), { createNew: true, mode: 0o600 });
      Deno.linkSync(draft, path);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) throw error;
      throw inboxError(path, error);
    } finally {
      remove(draft);
    }
  }

  #read(path: string): unknown {
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
}

/** Whether whoever asked still waits: it holds a lock, which ends with its process. */
function isAwaited(path: string): boolean {
  try {
    using opened = new DisposableStack();
    const file = opened.adopt(Deno.openSync(path, { read: true }), release);
    return !file.tryLockSync(true);
  } catch {
    return false; // Gone meanwhile.
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    // Not there, or it stays: it expires, and its id is never used again.
    if (error instanceof Deno.errors.NotCapable) throw error;
  }
}

function inboxError(path: string, error: unknown): ApprovalInboxError {
  const hint = error instanceof Deno.errors.NotFound ? "; the folder above it has to exist" : "";
  return new ApprovalInboxError(
    `Cannot use the inbox of approvals "${path}": ${messageOf(error)}${hint}`,
    { cause: error },
  );
}
