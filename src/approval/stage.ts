/**
 * Approvals as a stage: a person is asked, and the yes is for one action as it was shown.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { StageRefusal } from "../core/admission.ts";
import { messageOf } from "../core/errors.ts";
import { cutText } from "../core/isolation/answer.ts";
import type { Policy } from "../core/policy/policy.ts";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import type { Stage, StageAnswer, StageContext } from "../stages/stage.ts";
import type { ApprovalRule } from "./approval_rule.ts";
import { abortSafely } from "../abort.ts";
import { type ApprovalAnswer, type Approver, namesOf } from "./approver.ts";
import { type NeededApproval, neededApproval } from "./needed.ts";
import { type ApprovalQuestion, questionOf } from "./question.ts";
import { type ShownChange, shownChange } from "./shown_change.ts";

/** Codes of refusals. */
export const APPROVAL_CODES = {
  /** Somebody said no. */
  DENIED: "APPROVAL_DENIED",
  /** Nobody answered in time. */
  TIMEOUT: "APPROVAL_TIMEOUT",
  /** There was a yes, and what was shown has changed since. */
  STALE: "APPROVAL_STALE",
  /** There is nobody to ask, or asking failed. */
  UNAVAILABLE: "APPROVAL_UNAVAILABLE",
} as const;

/** What approvals depend on. */
export interface ApprovalDeskOptions {
  /** Who answers; `undefined` if nobody does. */
  readonly approver: Approver | undefined;
  /** Wall clock. */
  readonly clock: () => Date;
  /** @default the platform's */
  readonly timer?: Timer | undefined;
  /** Told of each question. */
  readonly onQuestion?: ((question: ApprovalQuestion) => void) | undefined;
  readonly onWarning: (line: string) => void;
}

/** Longest reason of an answer that is passed on, in bytes of UTF-8. */
const MAX_REASON_BYTES = 1024;
const WARNING = "agent-kernel: approvals: ";
/** How the waiting for an answer ends without one. */
const LATE = Symbol("late");
const CLOSING = Symbol("closing");
const CALL_ENDED = Symbol("call ended");
/** The stage itself waits for as long as its rules say. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The approvals of one open kernel. */
export class ApprovalDesk {
  readonly #options: ApprovalDeskOptions;
  readonly #closing = new AbortController();
  /** Files that are written after a yes: the id of the question, by target. */
  readonly #writing = new Map<string, string>();

  constructor(options: ApprovalDeskOptions) {
    this.#options = options;
  }

  /** The stages for a policy: none if none of its rules asks for approval. */
  stagesFor(policy: Policy, rules: ReadonlyMap<string, ApprovalRule>): Stage[] {
    if (rules.size === 0) return [];
    return [{
      name: "approval",
      timeoutMs: MAX_TIMEOUT_MS,
      enter: (request, context) => {
        const rule = neededApproval(request, context.rule, { policy, approvals: rules });
        // A part of the call that its own yes was about is not asked again.
        const isPart = context.askedBy !== undefined &&
          rule?.rules.every((id) => id === context.askedBy?.rule);
        return isPart ? undefined : rule && this.#ask({ request, context, rule, policy });
      },
    }];
  }

  /** Takes back all questions: what waits is refused. */
  close(): void {
    this.#abort(this.#closing);
  }

  async #ask({ request, context, rule, policy }: {
    readonly request: CanonicalRequest;
    readonly context: StageContext;
    readonly rule: NeededApproval;
    readonly policy: Policy;
  }): Promise<StageAnswer> {
    const { approver, clock, timer = SYSTEM_TIMER } = this.#options;
    const names = rule.rules.join(", ");
    if (approver === undefined) {
      return refused("UNAVAILABLE", `rule "${names}" needs approval, and nobody can be asked`);
    }
    if (rule.approvers?.length === 0) {
      return refused("UNAVAILABLE", `rules "${names}" have no approver in common`);
    }
    const change = shownChange(request);
    const askedAt = clock();
    const question = questionFor({ request, context, rule, policy, change, askedAt });
    const over = new AbortController();
    const ended = Promise.withResolvers<typeof LATE | typeof CLOSING | typeof CALL_ENDED>();
    const cancel = timer.schedule(() => ended.resolve(LATE), rule.timeoutMs);
    const ends = [
      [this.#closing.signal, CLOSING],
      ...context.askedBy === undefined ? [] : [[context.askedBy.signal, CALL_ENDED] as const],
    ] as const;
    const listeners = ends.map(([signal, why]) => {
      const listener = () => ended.resolve(why);
      if (signal.aborted) listener();
      signal.addEventListener("abort", listener);
      return () => signal.removeEventListener("abort", listener);
    });
    const facts = { id: question.id, asked_at: question.askedAt };
    try {
      this.#tell(question);
      const answer = await Promise.race([ended.promise, approver.ask(question, over.signal)]);
      if (answer === LATE) {
        return refused("TIMEOUT", `nobody answered ${shownTime(rule.timeoutMs)}`, facts);
      }
      if (answer === CLOSING) return refused("UNAVAILABLE", "the kernel is closing", facts);
      if (answer === CALL_ENDED) return refused("UNAVAILABLE", "the call has ended", facts);
      return this.#passes(answer, { approver, rule, question, change });
    } catch (error) {
      return refused("UNAVAILABLE", `asking failed: ${messageOf(error)}`, facts);
    } finally {
      cancel();
      for (const remove of listeners) remove();
      this.#abort(over);
    }
  }

  /** What listeners of others throw is a warning. */
  #abort(controller: AbortController): void {
    const reason = new DOMException("the question is over", "AbortError");
    abortSafely(controller, reason, (message) => this.#options.onWarning(WARNING + message));
  }

  /** That nobody can be told is no reason not to ask. */
  #tell(question: ApprovalQuestion): void {
    const { onQuestion, onWarning } = this.#options;
    const warn = (error: unknown) => onWarning(`${WARNING}onQuestion: ${messageOf(error)}`);
    try {
      Promise.resolve(onQuestion?.(question)).catch(warn);
    } catch (error) {
      warn(error);
    }
  }

  #passes(answer: ApprovalAnswer, { approver, rule, question, change }: {
    readonly approver: Approver;
    readonly rule: NeededApproval;
    readonly question: ApprovalQuestion;
    readonly change: ShownChange | undefined;
  }): StageAnswer {
    const { clock } = this.#options;
    // INVARIANT: each is read once, and only `true` is a yes.
    const { approved, by, reason, method = approver.method } = answer;
    const { id, askedAt: asked_at, expiresAt } = question;
    const facts = { id, asked_at, answered_at: clock().toISOString() };
    const names = namesOf({ by });
    if (names.length === 0) {
      return refused("UNAVAILABLE", "the answer does not say who gave it", facts);
    }
    const who = names.join(", ");
    const fields = { ...facts, by: who, method: String(method).slice(0, 32) };
    const why = typeof reason === "string" && reason !== ""
      ? cutText(reason, MAX_REASON_BYTES)
      : undefined;
    const said = why === undefined ? fields : { ...fields, reason: why };
    const stranger = names.find((name) => rule.approvers?.includes(name) === false);
    if (stranger !== undefined) {
      const expected = rule.approvers?.join(" or ");
      return refused("DENIED", `"${stranger}" answered, and may not: expected ${expected}`, said);
    }
    if (approved !== true) {
      return refused("DENIED", `${who} said no${why === undefined ? "" : `: ${why}`}`, said);
    }
    return {
      fields: said,
      // INVARIANT: asked again right before the intent: a yes is for what was shown.
      confirm: ({ policy }) => {
        const stale = policy !== question.policy
          ? "the policy was replaced since"
          : clock().toISOString() >= expiresAt
          ? "it has expired"
          : change !== undefined && this.#writing.has(question.target)
          ? `"${question.target}" is just being written by another request`
          : change?.hasChanged()
          ? `"${question.target}" has changed since it was shown`
          : undefined;
        if (stale !== undefined) return refused("STALE", `${who} said yes, but ${stale}`);
        // INVARIANT: of two writes that were shown the same file, the second is shown it again.
        if (change !== undefined) this.#writing.set(question.target, id);
        return undefined;
      },
      settle: () => {
        if (this.#writing.get(question.target) === id) this.#writing.delete(question.target);
      },
    };
  }
}

function questionFor({ request, context, rule, policy, change, askedAt }: {
  readonly request: CanonicalRequest;
  readonly context: StageContext;
  readonly rule: NeededApproval;
  readonly policy: Policy;
  readonly change: ShownChange | undefined;
  readonly askedAt: Date;
}): ApprovalQuestion {
  const { action, target, params, agent } = request;
  const { recordId, policy: digest, askedBy } = context;
  const reasons = policy.rules.flatMap((one) =>
    rule.rules.includes(one.id) ? one.reason ?? [] : []
  );
  const reason = reasons.length === 0 ? undefined : reasons.join("; ");
  return questionOf({
    id: recordId,
    action,
    target,
    params,
    ...agent !== undefined && { agent },
    ...askedBy !== undefined && { askedBy: askedBy.action },
    rule: rule.rules.join(", "),
    ...reason !== undefined && { reason },
    ...rule.approvers !== undefined && { approvers: rule.approvers },
    ...change !== undefined && { change: change.text },
    policy: digest,
    askedAt: askedAt.toISOString(),
    expiresAt: new Date(askedAt.getTime() + rule.timeoutMs).toISOString(),
  });
}

function shownTime(ms: number): string {
  return ms < 120_000 ? `within ${ms / 1000} s` : `within ${ms / 60_000} min`;
}

function refused(
  code: keyof typeof APPROVAL_CODES,
  why: string,
  fields?: Readonly<Record<string, unknown>>,
): StageRefusal {
  const refusal = { refusal: `not permitted: ${why}`, code: APPROVAL_CODES[code] };
  return fields === undefined ? refusal : { ...refusal, fields };
}
