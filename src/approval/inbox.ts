/**
 * An inbox of questions in a folder, shared by the processes of a machine.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { release } from "../core/record/lock.ts";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import type { ApprovalAnswer, Approver, QuestionKeeper } from "./approver.ts";
import { type ApprovalGrant, type GrantStore, isGrant } from "./grant.ts";
import {
  ApprovalInboxError,
  InboxFolder,
  infoOf,
  isAwaited,
  isId,
  isOf,
  lockIfFree,
  remove,
  removeIfPermitted,
} from "./inbox_folder.ts";
import { type ApprovalQuestion, isQuestion } from "./question.ts";

/** What became of an answer. */
export type Answered = "answered" | "unknown" | "already answered" | "expired";

/** How it stands with a question of an inbox. */
export type QuestionState = "waits" | "left" | "answered";

/** Options of {@linkcode ApprovalInbox}. */
export interface ApprovalInboxOptions {
  /** For the looks at the folder. @default the platform's */
  readonly timer?: Timer | undefined;
  /** Wall clock: what was left and has expired is removed. @default the system's */
  readonly clock?: (() => Date) | undefined;
}

/** How often the kernel looks for an answer, in milliseconds. */
const LOOK_MS = 200;

/**
 * Questions as files: `ID.question` is there while somebody waits, `ID.left` is a question that was left to be
 * answered, `ID.answer` is the answer, `ID.grant` what is remembered.
 *
 * INVARIANT: an answer is linked to its name when it is complete, and only if there is none: of two
 * answers one counts, and none is seen by half.
 *
 * Whoever can write in the folder can answer. It is made for its owner alone (mode 0700), no action of a
 * kernel that uses it may read or change it, and programs of the same user are not kept out.
 */
export class ApprovalInbox implements Approver, GrantStore, QuestionKeeper {
  /** For the record. */
  readonly method = "inbox";
  readonly #folder: InboxFolder;
  readonly #timer: Timer;
  readonly #clock: () => Date;
  #cleaned = false;

  /**
   * Opens nothing yet.
   *
   * @param folder Absolute path. It is made with the first question; the folder above it has to exist.
   */
  constructor(folder: string, options: ApprovalInboxOptions = {}) {
    this.#folder = new InboxFolder(folder);
    this.#timer = options.timer ?? SYSTEM_TIMER;
    this.#clock = options.clock ?? (() => new Date());
  }

  /** For whoever guards it. */
  get folders(): readonly string[] {
    return [this.#folder.path];
  }

  /** Questions stay here when nobody waits. */
  get keeper(): QuestionKeeper {
    return this;
  }

  /**
   * Makes the folder if it is not there, and removes what processes left that were killed while they wrote.
   *
   * @throws {ApprovalInboxError} It cannot be made, or read.
   */
  open(): void {
    this.#folder.make();
    if (this.#cleaned) return;
    this.#cleaned = true;
    this.#folder.removeLeftDrafts();
  }

  /** Puts a question into the inbox and waits for its answer. */
  async ask(question: ApprovalQuestion, signal: AbortSignal): Promise<ApprovalAnswer> {
    const path = this.#folder.pathOf(question.id, "question");
    using waiting = new DisposableStack();
    this.open();
    waiting.adopt(this.#folder.publishLocked(path, question), release);
    waiting.defer(() => {
      // One that was left meanwhile keeps its answer.
      if (remove(path)) remove(this.#folder.pathOf(question.id, "answer"));
    });
    const owner = this.#folder.owner();
    for (;;) {
      signal.throwIfAborted();
      const answer = this.#take(question, owner);
      if (answer !== undefined) return answer;
      await this.#pause(signal);
    }
  }

  /** See {@linkcode QuestionKeeper}. */
  leave({ id }: ApprovalQuestion): boolean {
    const left = this.#folder.pathOf(id, "left");
    try {
      Deno.renameSync(this.#folder.pathOf(id, "question"), left);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return this.#folder.has(left);
      throw new ApprovalInboxError(`Cannot leave a question: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** See {@linkcode QuestionKeeper}. @throws {ApprovalInboxError} The folder is not one of this user alone. */
  left(): ApprovalQuestion[] {
    const ids = this.#folder.ids("left");
    if (ids.length === 0) return [];
    const owner = this.#folder.owner();
    const isAnswered = ({ id }: ApprovalQuestion) => {
      return this.#folder.has(this.#folder.pathOf(id, "answer"));
    };
    return ids.flatMap((id) => {
      const info = infoOf(this.#folder.pathOf(id, "left"));
      return info !== undefined && isOf(info, owner) ? this.#left(id) ?? [] : [];
    }).sort((a, b) =>
      Number(isAnswered(b)) - Number(isAnswered(a)) || (a.askedAt < b.askedAt ? -1 : 1)
    );
  }

  /** See {@linkcode QuestionKeeper}. */
  async takeUp(
    question: ApprovalQuestion,
    signal: AbortSignal,
  ): Promise<ApprovalAnswer | undefined> {
    const path = this.#folder.pathOf(question.id, "left");
    const owner = this.#folder.owner();
    using waiting = new DisposableStack();
    const held = lockIfFree(path);
    // For whoever looks: somebody waits. Who waits besides needs no lock.
    if (typeof held === "object") waiting.adopt(held, release);
    for (;;) {
      signal.throwIfAborted();
      const answer = this.#take(question, owner);
      if (answer !== undefined) return answer;
      if (!this.#folder.has(path)) return undefined;
      await this.#pause(signal);
    }
  }

  /** See {@linkcode QuestionKeeper}. */
  async clear(tell: (question: ApprovalQuestion) => Promise<void>): Promise<void> {
    for (const id of this.#folder.ids("question")) {
      const path = this.#folder.pathOf(id, "question");
      const held = lockIfFree(path);
      if (typeof held !== "object") continue;
      try {
        const question = this.#folder.read(path);
        // INVARIANT: removed when it has been told: a second kernel finds it locked until then.
        if (isQuestion(question) && question.id === id) await tell(question);
        remove(path);
      } finally {
        release(held);
      }
    }
    this.list();
    const known = this.#folder.ids("question", "left");
    for (const id of this.#folder.ids("answer")) {
      if (!known.includes(id)) remove(this.#folder.pathOf(id, "answer"));
    }
  }

  /** The answer to a question; whoever gets it has used it up. */
  #take({ id, digest }: ApprovalQuestion, owner: number | null): ApprovalAnswer | undefined {
    const path = this.#folder.pathOf(id, "answer");
    const answer = this.#folder.read(path) as
      | (ApprovalAnswer & { readonly digest: string })
      | undefined;
    const info = infoOf(path);
    if (answer === undefined || info === undefined) return undefined;
    const places = (["question", "left"] as const).map((kind) => this.#folder.pathOf(id, kind));
    // INVARIANT: the question goes first, so that nobody answers it again; then of several processes the one
    // that has removed the answer has it. What was taken and not used before a kill is asked anew.
    const isTaken = places.map(remove).includes(true) && remove(path);
    if (!isTaken) return undefined;
    if (!isOf(info, owner)) {
      throw new ApprovalInboxError(`the answer is of another user (${info.uid})`);
    }
    // INVARIANT: an answer is for the question that was shown, byte for byte.
    if (answer.digest === digest) return answer;
    throw new ApprovalInboxError("the answer is for another question");
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

  /** The questions that wait or were left, the oldest first. What is no question of a kernel is left out. */
  list(): ApprovalQuestion[] {
    return this.#folder.ids("question", "left").flatMap((id) => this.get(id) ?? []).sort((a, b) =>
      a.askedAt < b.askedAt ? -1 : a.askedAt > b.askedAt ? 1 : 0
    );
  }

  /** A question that waits or was left; `undefined` if there is none of this id, or it is not whole. */
  get(id: string): ApprovalQuestion | undefined {
    if (!isId(id)) return undefined;
    const path = this.#folder.pathOf(id, "question");
    const question = this.#folder.read(path);
    // It is left by a new name: looked for in this order, it is not missed.
    if (question === undefined) return this.#left(id);
    return isQuestion(question) && question.id === id && isAwaited(path)
      ? question
      : this.#left(id);
  }

  /**
   * How it stands with a question: somebody waits for its answer, it was `left` and nobody waits now, or it is
   * answered and waits for the same request.
   */
  stateOf({ id }: ApprovalQuestion): QuestionState {
    if (this.#folder.has(this.#folder.pathOf(id, "answer"))) return "answered";
    const path = this.#folder.pathOf(id, "left");
    return this.#folder.has(path) && !isAwaited(path) ? "left" : "waits";
  }

  /** A question that was left. One that has expired is removed. */
  #left(id: string): ApprovalQuestion | undefined {
    const path = this.#folder.pathOf(id, "left");
    const question = this.#folder.read(path);
    if (!isQuestion(question) || question.id !== id) return undefined;
    if (this.#clock().toISOString() < question.expiresAt) return question;
    removeIfPermitted(path);
    removeIfPermitted(this.#folder.pathOf(id, "answer"));
    return undefined;
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
      this.#folder.publish(this.#folder.pathOf(id, "answer"), { ...answer, digest });
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
    if (this.#folder.ids("grant").length === 0) return [];
    const owner = this.#folder.owner();
    return this.listGrants().filter(({ id }) => {
      const info = infoOf(this.#folder.pathOf(id, "grant"));
      return info !== undefined && isOf(info, owner); // Else revoked meanwhile.
    });
  }

  /** The same for whoever only looks: nothing is checked but the form. */
  listGrants(): ApprovalGrant[] {
    return this.#folder.ids("grant").flatMap((id) => {
      const grant = this.#folder.read(this.#folder.pathOf(id, "grant"));
      return isGrant(grant) && grant.id === id ? grant : [];
    });
  }

  /** Keeps what is to be remembered, for all kernels with this inbox. */
  grant(grant: ApprovalGrant): void {
    this.#folder.publish(this.#folder.pathOf(grant.id, "grant"), grant);
  }

  /** Takes back what was remembered. */
  revoke(id: string): boolean {
    if (!isId(id)) return false;
    const path = this.#folder.pathOf(id, "grant");
    if (this.#folder.read(path) === undefined) return false;
    Deno.removeSync(path);
    return true;
  }
}
