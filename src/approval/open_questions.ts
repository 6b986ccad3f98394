/**
 * Questions whose answer somebody waits for in this process: new ones, and those that were left.
 *
 * @module
 */
import type { StageRefusal } from "../core/admission.ts";
import type { Timer } from "../core/timer.ts";
import type { ApprovalAnswer, Approver } from "./approver.ts";
import { type ApprovalQuestion, questionOf } from "./question.ts";
import { refused } from "./refusal.ts";

/** A question that several equal requests may wait for. */
export interface SharedQuestion {
  readonly question: ApprovalQuestion;
  /** How long it can be waited for, in milliseconds. */
  readonly timeoutMs: number;
  /** `undefined` if the question was left, and another process has used its answer up. */
  readonly answer: Promise<ApprovalAnswer | undefined>;
  /** Resolves when it is left. */
  readonly left: Promise<StageRefusal>;
  /** Whether the answer is for this request too; if not, it has to be asked anew. */
  counts(answer: ApprovalAnswer | undefined): answer is ApprovalAnswer;
  /** One less waits. */
  leave(): void;
}

/** What open questions depend on. */
export interface OpenQuestionsOptions {
  readonly timer: Timer;
  /** Wall clock. */
  readonly clock: () => Date;
  /** How long it is waited before a question is left, in milliseconds; for its whole time if it is missing. */
  readonly patienceMs: number | undefined;
  /** Told of each question that is new. */
  readonly onQuestion: (question: ApprovalQuestion) => void;
  readonly abort: (controller: AbortController) => void;
}

interface Waiting extends SharedQuestion {
  count: number;
}

/** The open questions of one kernel. */
export class OpenQuestions {
  readonly #options: OpenQuestionsOptions;
  readonly #open = new Map<string, Waiting>();

  constructor(options: OpenQuestionsOptions) {
    this.#options = options;
  }

  /**
   * Asks, or waits for the answer to the same question that is asked already, here or before. Each request
   * is decided and recorded for itself.
   *
   * @param key What requests have in common that share a question.
   * @param fresh The question as it is asked if there is none.
   */
  join(key: string, fresh: ApprovalQuestion, approver: Approver): SharedQuestion {
    const open = this.#open.get(key);
    if (open !== undefined) {
      open.count++;
      return open;
    }
    const { keeper } = approver;
    const now = this.#options.clock().getTime();
    const found = keeper?.left().flatMap((one) => takenUp(one, fresh, now) ?? [])[0];
    const question = found ?? fresh;
    const over = new AbortController();
    const close = () => void (this.#open.get(key) === shared && this.#open.delete(key));
    const timeoutMs = Date.parse(question.expiresAt) - (found ? now : Date.parse(fresh.askedAt));
    const patience = this.#leaveLater(question, { approver, timeoutMs });
    let used = false;
    const shared: Waiting = {
      question,
      timeoutMs,
      count: 1,
      // What it throws at once is a rejection too.
      answer: (async () => {
        if (found === undefined || keeper === undefined) {
          return await approver.ask(question, over.signal);
        }
        const answer = await keeper.takeUp(found, over.signal);
        return answer && { ...answer };
      })(),
      left: patience.left,
      // INVARIANT: what was left passes once, however many wait for it here; a no is for all of them.
      counts: (answer): answer is ApprovalAnswer => {
        if (found === undefined) return true;
        if (answer?.approved !== true) return answer !== undefined;
        const isFirst = !used;
        used = true;
        return isFirst;
      },
      leave: () => {
        if (--shared.count > 0) return;
        close();
        patience.end();
        this.#options.abort(over);
      },
    };
    this.#open.set(key, shared);
    // INVARIANT: the first reaction to an answer: whoever comes after it is asked anew.
    shared.answer.then(close, close);
    // Whoever comes after it was left takes it up.
    shared.left.then(close, close);
    if (found === undefined) this.#options.onQuestion(question);
    return shared;
  }

  /** Leaves a question when nobody has the patience to wait any more: for all that wait at once. */
  #leaveLater(
    question: ApprovalQuestion,
    { approver: { keeper }, timeoutMs }: {
      readonly approver: Approver;
      readonly timeoutMs: number;
    },
  ): { readonly left: Promise<StageRefusal>; end(): void } {
    const { timer, patienceMs } = this.#options;
    const { promise: left, resolve, reject } = Promise.withResolvers<StageRefusal>();
    // Somebody may wait for the answer alone.
    left.catch(() => {});
    if (keeper === undefined || patienceMs === undefined || patienceMs >= timeoutMs) {
      return { left, end: () => {} };
    }
    const end = timer.schedule(() => {
      try {
        resolve(
          keeper.leave(question) ? pending(question, timeoutMs - patienceMs) : lost(question),
        );
      } catch (error) {
        reject(error);
      }
    }, patienceMs);
    return { left, end };
  }
}

/**
 * A question that was left, if it asks what is asked now.
 *
 * INVARIANT: it is made anew of the request in hand, and has to be the same byte for byte but for its id,
 * its times and how often the like was asked: what a file says besides counts for nothing.
 */
function takenUp(
  left: ApprovalQuestion,
  fresh: ApprovalQuestion,
  now: number,
): ApprovalQuestion | undefined {
  const { id, askedAt, expiresAt, before } = left;
  const { digest: _digest, before: _before, ...content } = fresh;
  const [from, until] = [Date.parse(askedAt), Date.parse(expiresAt)];
  const time = Date.parse(fresh.expiresAt) - Date.parse(fresh.askedAt);
  // Written like that, times can be compared as text.
  const isInTime = until - from === time && from <= now && now < until &&
    new Date(until).toISOString() === expiresAt;
  if (!isInTime) return undefined;
  const same = questionOf({
    ...content,
    ...{ id, askedAt, expiresAt },
    ...before !== undefined && { before },
  });
  return same.digest === left.digest ? same : undefined;
}

function pending({ id, askedAt, expiresAt }: ApprovalQuestion, leftMs: number): StageRefusal {
  const why =
    `waiting for a person (question ${id}); make the same request again after the answer, ` +
    `until ${expiresAt}`;
  return {
    ...refused("PENDING", why, { id, asked_at: askedAt }),
    details: { question: id, expires_at: expiresAt, left_ms: leftMs },
  };
}

function lost({ id, askedAt }: ApprovalQuestion): StageRefusal {
  return refused("UNAVAILABLE", "the question is gone", { id, asked_at: askedAt });
}
