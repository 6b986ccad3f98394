/**
 * Who answers: the interface, and how several are joined.
 *
 * @module
 */
import { abortSafely } from "../abort.ts";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import type { ApprovalQuestion } from "./question.ts";

const MAX_NAME = 256;

/** What was answered. */
export interface ApprovalAnswer {
  /** Only `true` is a yes. */
  readonly approved: boolean;
  /** Who answered: appears in the record. Each has to be among the `approvers` of the rule. */
  readonly by: string | readonly string[];
  /** Why, for the caller and the record. @default none */
  readonly reason?: string;
  /** How, for the record: `inbox`, `function`, … @default the approver's */
  readonly method?: string;
  /** Whether a yes is to be remembered, as the question says. @default false */
  readonly remember?: boolean;
}

/**
 * Asks a person, or a program that stands for one.
 *
 * It answers for exactly the question that it gets. What it throws, and everything that is no answer, is
 * a no.
 */
export interface Approver {
  /** For the record: letters, digits, `_`, at most 32. */
  readonly method: string;
  /** Absolute paths of folders that it uses: no action may read or change them. @default none */
  readonly folders?: readonly string[];
  /** Hosts, `host:port`, that it connects to or listens on; no Worker gets them. @default none */
  readonly net?: readonly string[];
  /**
   * Asks.
   *
   * @param question What is shown has to come from it: that is what will be done.
   * @param signal Aborted when nobody waits for the answer any more.
   */
  ask(question: ApprovalQuestion, signal: AbortSignal): Promise<ApprovalAnswer>;
  /** Keeps questions when nobody waits for them. @default none: they end with the wait */
  readonly keeper?: QuestionKeeper;
}

/** Keeps questions beyond the wait for their answer, and beyond the process that asked. */
export interface QuestionKeeper {
  /**
   * Leaves a question that is asked now, until its `expiresAt`; what {@linkcode Approver.ask} waits for is
   * aborted afterwards.
   *
   * @returns Whether it is kept.
   */
  leave(question: ApprovalQuestion): boolean;
  /** What was left and has not expired. It is data: a kernel compares it with its own request. */
  left(): readonly ApprovalQuestion[];
  /**
   * Waits for the answer to a question that was left.
   *
   * @returns The answer, to one caller alone; `undefined` if another one has it, or the question is gone.
   */
  takeUp(question: ApprovalQuestion, signal: AbortSignal): Promise<ApprovalAnswer | undefined>;
  /**
   * Removes what nobody waits for and nobody has left: the process that asked has ended.
   *
   * @param tell Told of each question before it is removed. If it rejects, the question stays.
   */
  clear(tell: (question: ApprovalQuestion) => Promise<void>): Promise<void>;
}

/** Makes an approver of a function. */
export function approverOf(
  ask: (
    question: ApprovalQuestion,
    signal: AbortSignal,
  ) => Promise<ApprovalAnswer> | ApprovalAnswer,
): Approver {
  return { method: "function", ask: async (question, signal) => await ask(question, signal) };
}

/**
 * Asks all at once; the first answer counts, a yes or a no. Who fails is passed over, unless all fail.
 *
 * @throws {AggregateError} (as a rejection) All have failed.
 */
export function firstOf(...approvers: readonly Approver[]): Approver {
  return joined(approvers, (asked) => Promise.any(asked));
}

/** Asks all at once; a yes needs a yes of each, of different people. The first no, or failure, ends it. */
export function allOf(...approvers: readonly Approver[]): Approver {
  return atLeast(approvers.length, ...approvers);
}

/**
 * Asks one, and a second one too if the first has not answered after a time, or has failed; the first answer
 * counts.
 *
 * @param first Who is asked at once.
 * @param afterMs How long it is waited for, in milliseconds.
 * @param then Who is asked then.
 * @throws {AggregateError} (as a rejection) Both have failed.
 */
export function escalating(
  first: Approver,
  { afterMs, then, timer = SYSTEM_TIMER }: {
    readonly afterMs: number;
    readonly then: Approver;
    /** @default the platform's */
    readonly timer?: Timer;
  },
): Approver {
  if (!(afterMs > 0)) throw new RangeError(`Cannot escalate after ${afterMs} ms`);
  const later: Approver = {
    ...describing(then),
    async ask(question, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = timer.schedule(resolve, afterMs);
      signal.addEventListener("abort", () => resolve());
      failed.get(question.id)?.then(resolve);
      await promise;
      cancel();
      signal.throwIfAborted();
      return await then.ask(question, signal);
    },
  };
  const failed = new Map<string, Promise<void>>();
  const sooner: Approver = {
    ...describing(first),
    async ask(question, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      failed.set(question.id, promise);
      try {
        return await first.ask(question, signal);
      } catch (error) {
        resolve();
        throw error;
      } finally {
        failed.delete(question.id);
      }
    },
  };
  return firstOf(sooner, later);
}

/**
 * Asks all at once; a yes needs so many of them, by different people. It is a no as soon as they cannot
 * come together any more.
 *
 * @param count How many; at least 1.
 * @throws {RangeError} There are not so many approvers.
 */
export function atLeast(count: number, ...approvers: readonly Approver[]): Approver {
  if (!Number.isSafeInteger(count) || count < 1 || count > approvers.length) {
    throw new RangeError(`Cannot ask for ${count} of ${approvers.length} approvers`);
  }
  return joined(approvers, async (asked) => {
    const yes = new Set<string>();
    let left = asked.length;
    let remember = true;
    const { promise, resolve } = Promise.withResolvers<ApprovalAnswer>();
    const settle = (answer: ApprovalAnswer) => {
      left--;
      if (answer.approved === true) {
        namesOf(answer).forEach((name) => yes.add(name));
        remember &&= answer.remember === true;
      }
      if (yes.size >= count) resolve({ approved: true, by: Array.from(yes), remember });
      else if (yes.size + left < count) {
        const { by, reason } = answer;
        const why = `only ${yes.size} of ${count} said yes`;
        resolve({ approved: false, by, reason: reason === undefined ? why : `${why}: ${reason}` });
      }
    };
    for (const one of asked) {
      one.then(settle, (error) => settle({ approved: false, by: "nobody", reason: String(error) }));
    }
    return await promise;
  });
}

/** Asks several about one question, and takes back what is no longer needed. */
function joined(
  approvers: readonly Approver[],
  join: (asked: readonly Promise<ApprovalAnswer>[]) => Promise<ApprovalAnswer>,
): Approver {
  return {
    method: "several",
    folders: approvers.flatMap(({ folders = [] }) => folders),
    net: approvers.flatMap(({ net = [] }) => net),
    async ask(question, signal) {
      const over = new AbortController();
      const both = AbortSignal.any([signal, over.signal]);
      const asked = approvers.map(async (one) => {
        const { approved, by, reason, remember, method = one.method } = await one.ask(
          question,
          both,
        );
        const answer = { approved: approved === true, by, method, remember: remember === true };
        const names = namesOf(answer);
        const stranger = names.find((name) => question.approvers?.includes(name) === false);
        // Who may not answer has not answered: the others still can.
        if (names.length === 0) throw new TypeError("the answer does not say who gave it");
        if (stranger !== undefined) throw new TypeError(`"${stranger}" may not answer`);
        return reason === undefined ? answer : { ...answer, reason };
      });
      try {
        return await join(asked);
      } finally {
        // What a listener throws is no reason to end the process.
        abortSafely(over, new DOMException("the question is answered", "AbortError"), () => {});
      }
    },
  };
}

/** What an approver says of itself. INVARIANT: read one by one: those of a class are not its own properties. */
function describing(
  { method, folders = [], net = [] }: Approver,
): Omit<Approver, "ask" | "keeper"> {
  return { method, folders, net };
}

/** The names of who answered; none if one is no name. Names that look alike are one. */
export function namesOf({ by }: Pick<ApprovalAnswer, "by">): string[] {
  const names: readonly unknown[] = Array.isArray(by) ? by : [by];
  const isName = (name: unknown): name is string =>
    typeof name === "string" && name !== "" && name.length <= MAX_NAME && name.trim() === name;
  return names.every(isName)
    ? Array.from(new Set(names.map((name) => name.normalize("NFKC"))))
    : [];
}
