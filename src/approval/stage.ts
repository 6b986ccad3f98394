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
import { SYSTEM_TIMER, type Timer } from "../core/timer.ts";
import type { Stage, StageAnswer, StageContext } from "../stages/stage.ts";
import type { ApprovalRule } from "./approval_rule.ts";
import type { ApprovalAnswer, Approver } from "./approver.ts";
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
}

/** Longest reason of an answer that is passed on, in bytes of UTF-8. */
const MAX_REASON_BYTES = 1024;
const MAX_NAME = 256;
/** The stage itself waits for as long as its rules say. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The approvals of one open kernel. */
export class ApprovalDesk {
  readonly #options: ApprovalDeskOptions;
  readonly #closing = new AbortController();

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
        const rule = rules.get(context.rule);
        return rule && this.#ask({ request, context, rule, policy });
      },
    }];
  }

  /** Takes back all questions: what waits is refused. */
  close(): void {
    this.#closing.abort();
  }

  async #ask({ request, context, rule, policy }: {
    readonly request: CanonicalRequest;
    readonly context: StageContext;
    readonly rule: ApprovalRule;
    readonly policy: Policy;
  }): Promise<StageAnswer> {
    const { approver, clock, timer = SYSTEM_TIMER } = this.#options;
    if (approver === undefined) {
      return refused(
        "UNAVAILABLE",
        `rule "${context.rule}" needs approval, and nobody can be asked`,
      );
    }
    if (this.#closing.signal.aborted) return refused("UNAVAILABLE", "the kernel is closing");
    const change = shownChange(request);
    const askedAt = clock();
    const question = questionFor({ request, context, rule, policy, change, askedAt });
    this.#options.onQuestion?.(question);
    const over = new AbortController();
    const late = Promise.withResolvers<"late">();
    const cancel = timer.schedule(() => late.resolve("late"), rule.timeoutMs);
    const closed = Promise.withResolvers<"closed">();
    const close = () => closed.resolve("closed");
    this.#closing.signal.addEventListener("abort", close, { once: true });
    const facts = { id: question.id, asked_at: question.askedAt };
    try {
      const signal = AbortSignal.any([over.signal, context.signal]);
      const answer = await Promise.race([
        approver.ask(question, signal),
        late.promise,
        closed.promise,
      ]);
      if (answer === "late") {
        return refused("TIMEOUT", `nobody answered ${shownTime(rule.timeoutMs)}`, facts);
      }
      if (answer === "closed") return refused("UNAVAILABLE", "the kernel is closing", facts);
      return this.#passes(answer, { approver, rule, question, change });
    } catch (error) {
      return refused("UNAVAILABLE", `asking failed: ${messageOf(error)}`, facts);
    } finally {
      cancel();
      this.#closing.signal.removeEventListener("abort", close);
      over.abort();
    }
  }

  #passes(answer: ApprovalAnswer, { approver, rule, question, change }: {
    readonly approver: Approver;
    readonly rule: ApprovalRule;
    readonly question: ApprovalQuestion;
    readonly change: ShownChange | undefined;
  }): StageAnswer {
    const { clock } = this.#options;
    // INVARIANT: each is read once, and only `true` is a yes.
    const { approved, by, reason, method = approver.method } = answer;
    const { id, askedAt: asked_at, expiresAt } = question;
    const facts = { id, asked_at, answered_at: clock().toISOString() };
    if (typeof by !== "string" || by === "" || by.length > MAX_NAME) {
      return refused("UNAVAILABLE", "the answer does not say who gave it", facts);
    }
    const fields = { ...facts, by, method: String(method).slice(0, 32) };
    const why = typeof reason === "string" && reason !== ""
      ? cutText(reason, MAX_REASON_BYTES)
      : undefined;
    const said = why === undefined ? fields : { ...fields, reason: why };
    if (rule.approvers !== undefined && !rule.approvers.includes(by)) {
      const who = rule.approvers.join(" or ");
      return refused("DENIED", `"${by}" answered, and may not: expected ${who}`, said);
    }
    if (approved !== true) {
      return refused("DENIED", `${by} said no${why === undefined ? "" : `: ${why}`}`, said);
    }
    return {
      fields: said,
      // INVARIANT: asked again right before the intent: a yes is for what was shown.
      confirm: ({ policy }) => {
        const stale = policy !== question.policy
          ? "the policy was replaced since"
          : clock().toISOString() >= expiresAt
          ? "it has expired"
          : change?.hasChanged()
          ? `"${question.target}" has changed since it was shown`
          : undefined;
        return stale === undefined ? undefined : refused("STALE", `${by} said yes, but ${stale}`);
      },
    };
  }
}

function questionFor({ request, context, rule, policy, change, askedAt }: {
  readonly request: CanonicalRequest;
  readonly context: StageContext;
  readonly rule: ApprovalRule;
  readonly policy: Policy;
  readonly change: ShownChange | undefined;
  readonly askedAt: Date;
}): ApprovalQuestion {
  const { action, target, params, agent } = request;
  const { recordId, rule: id, policy: digest, askedBy } = context;
  const reason = policy.rules.find((one) => one.id === id)?.reason;
  return questionOf({
    id: recordId,
    action,
    target,
    params,
    ...agent !== undefined && { agent },
    ...askedBy !== undefined && { askedBy: askedBy.action },
    rule: id,
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
