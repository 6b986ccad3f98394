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
import { canonicalJson } from "../core/json.ts";
import { sha256 } from "../core/request.ts";
import type { Stage, StageAnswer, StageContext, StagePass } from "../stages/stage.ts";
import { type ApprovalRule, type Remember, shownTime } from "./approval_rule.ts";
import { covers, type GrantStore, scopeOf } from "./grant.ts";
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
  /** Where it is kept what is remembered. */
  readonly grants: GrantStore;
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

/** The most agents whose questions are counted. */
const MAX_AGENTS = 10_000;

/** A request that needs a yes. */
interface Asking {
  readonly request: CanonicalRequest;
  readonly context: StageContext;
  readonly rule: NeededApproval;
  readonly policy: Policy;
}

/** A request of a plan. */
export interface PlannedRequest {
  /** Canonical, and allowed. */
  readonly request: CanonicalRequest;
  readonly rule: NeededApproval;
}

/** How a question about several requests ended. */
export type PlanAnswer =
  | {
    readonly approved: true;
    /** Appears in the record of each action as `plan`. */
    readonly id: string;
    readonly by: string;
    /** Until when the requests pass. */
    readonly expiresAt: string;
  }
  | {
    readonly approved: false;
    /** One of `APPROVAL_CODES`, or the code of a request that is denied anyhow. */
    readonly code: string;
    readonly error: string;
  };

interface PlannedYes {
  /** As it was shown. */
  readonly change: ShownChange | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly expiresAt: string;
}

/** A question that several equal requests may wait for. */
interface SharedQuestion {
  readonly question: ApprovalQuestion;
  readonly answer: Promise<ApprovalAnswer>;
  waiting: number;
  /** One less waits. */
  leave(): void;
}

/** The approvals of one open kernel. */
export class ApprovalDesk {
  readonly #options: ApprovalDeskOptions;
  readonly #closing = new AbortController();
  /** Files that are written after a yes: the id of the question, by target. */
  readonly #writing = new Map<string, string>();
  /** Questions that wait for their answer. */
  readonly #open = new Map<string, SharedQuestion>();
  /** When what was done without a question, by rule and agent. */
  readonly #times = new Map<string, number[]>();
  /** What plans have a yes for, each to be used once. */
  readonly #plans = new Map<string, PlannedYes[]>();
  /** What became of questions, by rule, agent and action. */
  readonly #history = new Map<string, { readonly asked: number; readonly approved: number }>();

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
        const { askedBy } = context;
        const isPart = askedBy !== undefined && askedBy.target === request.target &&
          rule?.rules.every((id) => id === askedBy.rule);
        if (isPart || rule === undefined) return undefined;
        const asking = { request, context, rule, policy };
        return this.#planned(asking) ?? this.#granted(asking) ?? this.#unasked(asking) ??
          this.#ask(asking);
      },
    }];
  }

  /** Takes back all questions: what waits is refused. */
  close(): void {
    this.#abort(this.#closing);
  }

  /**
   * Asks about several requests at once. After a yes each of them, as it was shown, passes once without a
   * question of its own, within the time of its rule.
   *
   * @param asked Those that need a yes, with the params as they would be done.
   * @param policy That allows them.
   */
  async plan(asked: readonly PlannedRequest[], policy: Policy): Promise<PlanAnswer> {
    const { approver, clock, timer = SYSTEM_TIMER } = this.#options;
    if (approver === undefined) return planRefused("UNAVAILABLE", "nobody can be asked");
    const changes = asked.map(({ request }) => shownChange(request));
    const rules = Array.from(new Set(asked.flatMap(({ rule }) => rule.rules)));
    const reasons = policy.rules.flatMap((one) => rules.includes(one.id) ? one.reason ?? [] : []);
    const timeoutMs = Math.min(...asked.map(({ rule }) => rule.timeoutMs));
    const lists = asked.flatMap(({ rule: { approvers } }) =>
      approvers === undefined ? [] : [approvers]
    );
    const approvers = lists[0]?.filter((name) => lists.every((list) => list.includes(name)));
    if (approvers?.length === 0) {
      return planRefused("UNAVAILABLE", "the rules have no approver in common");
    }
    const askedAt = clock();
    const question = questionOf({
      id: crypto.randomUUID(),
      action: "plan",
      target: `${asked.length} actions`,
      params: Object.fromEntries(asked.map(({ request, rule }, i) => [
        `${i + 1}`,
        {
          ...{ action: request.action, target: request.target, params: request.params },
          ...{ agent: request.agent ?? null, rule: rule.rules.join(", ") },
        },
      ])),
      rule: rules.join(", "),
      ...reasons.length > 0 && { reason: reasons.join("; ") },
      ...approvers !== undefined && { approvers },
      ...changes.some((change) => change !== undefined) && {
        change: changes.flatMap((change, i) =>
          change === undefined ? [] : [`(${i + 1})`, change.text]
        ).join("\n"),
      },
      policy: policy.digest,
      askedAt: askedAt.toISOString(),
      expiresAt: new Date(askedAt.getTime() + timeoutMs).toISOString(),
    });
    const over = new AbortController();
    const ended = Promise.withResolvers<typeof LATE | typeof CLOSING>();
    const cancel = timer.schedule(() => ended.resolve(LATE), timeoutMs);
    const closing = () => ended.resolve(CLOSING);
    if (this.#closing.signal.aborted) closing();
    this.#closing.signal.addEventListener("abort", closing);
    try {
      this.#tell(question);
      const answer = await Promise.race([ended.promise, approver.ask(question, over.signal)]);
      if (answer === LATE) {
        return planRefused("TIMEOUT", `nobody answered within ${shownTime(timeoutMs)}`);
      }
      if (answer === CLOSING) return planRefused("UNAVAILABLE", "the kernel is closing");
      const { approved, by, reason, method = approver.method } = answer;
      const names = namesOf({ by });
      const stranger = names.find((name) => approvers?.includes(name) === false);
      if (names.length === 0 || stranger !== undefined) {
        return planRefused("DENIED", "whoever answered may not, or has no name");
      }
      const who = names.join(", ");
      if (approved !== true) {
        const why = typeof reason === "string" && reason !== "" ? `: ${reason}` : "";
        return planRefused("DENIED", cutText(`${who} said no${why}`, MAX_REASON_BYTES));
      }
      const fields = {
        ...{ plan: question.id, by: who, method: String(method).slice(0, 32) },
        ...{ asked_at: question.askedAt, answered_at: clock().toISOString() },
      };
      for (const [i, { request, rule }] of asked.entries()) {
        const key = keyOf({ request, rule, policy: policy.digest, change: changes[i] });
        const yes = { fields, expiresAt: question.expiresAt, change: changes[i] };
        this.#plans.set(key, [...this.#plans.get(key) ?? [], yes]);
      }
      return { approved: true, id: question.id, by: who, expiresAt: question.expiresAt };
    } catch (error) {
      return planRefused("UNAVAILABLE", `asking failed: ${messageOf(error)}`);
    } finally {
      cancel();
      this.#closing.signal.removeEventListener("abort", closing);
      this.#abort(over);
    }
  }

  /** A yes to a plan, which this request is a part of. INVARIANT: it is used once. */
  #planned({ request, context, rule }: Asking): StagePass | undefined {
    if (this.#plans.size === 0 || context.askedBy !== undefined) return undefined;
    const { clock } = this.#options;
    const change = shownChange(request);
    const key = keyOf({ request, rule, policy: context.policy, change });
    const now = clock().toISOString();
    for (const [other, yeses] of this.#plans) {
      if (yeses.every(({ expiresAt }) => now >= expiresAt)) this.#plans.delete(other);
    }
    const left = this.#plans.get(key)?.filter(({ expiresAt }) => now < expiresAt) ?? [];
    const yes = left.shift();
    if (left.length === 0) this.#plans.delete(key);
    else this.#plans.set(key, left);
    if (yes === undefined) return undefined;
    const { target } = request;
    // INVARIANT: compared with what was shown when the plan was asked about, not with what is there now.
    const shown = yes.change;
    return {
      fields: yes.fields,
      confirm: ({ policy }) => {
        const isFresh = policy === context.policy && clock().toISOString() < yes.expiresAt &&
          (shown === undefined || !this.#writing.has(target) && !shown.hasChanged());
        if (!isFresh) {
          return refused(
            "STALE",
            "there was a yes to the plan, and what was shown has changed since",
          );
        }
        if (shown !== undefined) this.#writing.set(target, context.recordId);
        return undefined;
      },
      settle: () => {
        if (this.#writing.get(target) === context.recordId) this.#writing.delete(target);
      },
    };
  }

  /** A yes that was remembered. */
  #granted({ request, context, rule }: Asking): StagePass | undefined {
    const { remember } = rule;
    if (remember === undefined) return undefined;
    const { grants, clock } = this.#options;
    const { action, target, agent } = request;
    const asked = {
      ...{ action, target, rule: rule.rules.join(", "), policy: context.policy },
      ...agent === undefined ? {} : { agent },
    };
    const find = () =>
      grants.grants().find((grant) => covers(grant, asked, { now: clock(), remember }));
    try {
      const grant = find();
      if (grant === undefined) return undefined;
      return {
        fields: { grant: grant.id, by: grant.by, method: "grant", answered_at: grant.grantedAt },
        // INVARIANT: asked again right before the intent: it may have been revoked, or have expired.
        confirm: ({ policy }) =>
          policy === context.policy && find() !== undefined ? undefined : refused(
            "STALE",
            `the yes of ${grant.by} that was remembered is gone since`,
          ),
      };
    } catch (error) {
      this.#options.onWarning(`${WARNING}grants: ${messageOf(error)}`);
      return undefined; // Then somebody is asked.
    }
  }

  /** What a rule lets an agent do before it asks. */
  #unasked({ request: { agent }, rule: { rules, after } }: Asking): StagePass | undefined {
    if (after === undefined) return undefined;
    const { timer = SYSTEM_TIMER } = this.#options;
    const now = timer.now();
    const key = JSON.stringify([rules, agent]);
    const times = (this.#times.get(key) ?? []).filter((time) => now - time < after.perMs);
    // INVARIANT: whoever invents names of agents is asked, sooner or later.
    const isFull = this.#times.size >= MAX_AGENTS && !this.#times.has(key);
    if (isFull || times.length >= after.count) return undefined;
    times.push(now);
    this.#times.set(key, times);
    return { fields: { method: "after", unasked: times.length } };
  }

  async #ask(asking: Asking): Promise<StageAnswer> {
    const { request, context, rule } = asking;
    const { approver, timer = SYSTEM_TIMER } = this.#options;
    const names = rule.rules.join(", ");
    if (approver === undefined) {
      return refused("UNAVAILABLE", `rule "${names}" needs approval, and nobody can be asked`);
    }
    if (rule.approvers?.length === 0) {
      return refused("UNAVAILABLE", `rules "${names}" have no approver in common`);
    }
    const change = shownChange(request);
    const shared = this.#join(approver, asking, change);
    const { question } = shared;
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
      const answer = await Promise.race([ended.promise, shared.answer]);
      if (answer === LATE) {
        return refused("TIMEOUT", `nobody answered within ${shownTime(rule.timeoutMs)}`, facts);
      }
      if (answer === CLOSING) return refused("UNAVAILABLE", "the kernel is closing", facts);
      if (answer === CALL_ENDED) return refused("UNAVAILABLE", "the call has ended", facts);
      return this.#passes(answer, { approver, rule, question, change });
    } catch (error) {
      return refused("UNAVAILABLE", `asking failed: ${messageOf(error)}`, facts);
    } finally {
      cancel();
      for (const remove of listeners) remove();
      shared.leave();
    }
  }

  /**
   * Asks, or waits for the answer to the same question that is asked already. Each request is decided and
   * recorded for itself.
   */
  #join(approver: Approver, asking: Asking, change: ShownChange | undefined): SharedQuestion {
    const { request, context, rule } = asking;
    const same = keyOf({ request, rule, policy: context.policy, change });
    const key = `${same} ${context.askedBy?.action ?? ""}`;
    const open = this.#open.get(key);
    if (open !== undefined) {
      open.waiting++;
      return open;
    }
    const over = new AbortController();
    const question = this.#questionFor(asking, change);
    this.#tell(question);
    const shared: SharedQuestion = {
      question,
      waiting: 1,
      // What it throws at once is a rejection too.
      answer: (async () => await approver.ask(question, over.signal))(),
      leave: () => {
        if (this.#open.get(key) === shared && shared.waiting === 1) this.#open.delete(key);
        if (--shared.waiting === 0) this.#abort(over);
      },
    };
    this.#open.set(key, shared);
    // INVARIANT: the first reaction to an answer: whoever comes after it is asked anew.
    const close = () => void (this.#open.get(key) === shared && this.#open.delete(key));
    shared.answer.then(close, close);
    return shared;
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

  #questionFor(
    { request, context, rule, policy }: Asking,
    change: ShownChange | undefined,
  ): ApprovalQuestion {
    const { action, target, params, agent } = request;
    const { recordId, policy: digest, askedBy } = context;
    const askedAt = this.#options.clock();
    const reasons = policy.rules.flatMap((one) =>
      rule.rules.includes(one.id) ? one.reason ?? [] : []
    );
    const reason = reasons.length === 0 ? undefined : reasons.join("; ");
    const { remember } = rule;
    const before = this.#history.get(historyKey({ rule, action, agent }));
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
      ...remember !== undefined && {
        remember: { ...scopeOf(remember.as, target), for: shownTime(remember.forMs) },
      },
      ...before !== undefined && { before },
      policy: digest,
      askedAt: askedAt.toISOString(),
      expiresAt: new Date(askedAt.getTime() + rule.timeoutMs).toISOString(),
    });
  }

  /** For the next question of the kind. */
  #count(key: string, approved: boolean): void {
    if (this.#history.size >= MAX_AGENTS) this.#history.clear();
    const { asked, approved: yes } = this.#history.get(key) ?? { asked: 0, approved: 0 };
    this.#history.set(key, { asked: asked + 1, approved: yes + (approved ? 1 : 0) });
  }

  /** Keeps what a yes is to be remembered for; it counts for its own action in any case. */
  #remember(question: ApprovalQuestion, by: string, { forMs }: Remember): string | undefined {
    const { clock, grants, onWarning } = this.#options;
    const { remember, rule, agent, action, policy } = question;
    if (remember === undefined) return undefined;
    const id = crypto.randomUUID();
    const now = clock();
    try {
      grants.grant({
        ...{ id, rule, action, policy, by, as: remember.as, target: remember.target },
        ...agent === undefined ? {} : { agent },
        grantedAt: now.toISOString(),
        expiresAt: new Date(now.getTime() + forMs).toISOString(),
      });
      return id;
    } catch (error) {
      onWarning(`${WARNING}a yes could not be remembered: ${messageOf(error)}`);
      return undefined;
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
    const { approved, by, reason, remember, method = approver.method } = answer;
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
    this.#count(historyKey({ ...question, rule }), approved === true);
    if (approved !== true) {
      return refused("DENIED", `${who} said no${why === undefined ? "" : `: ${why}`}`, said);
    }
    const grant = remember === true && rule.remember !== undefined
      ? this.#remember(question, who, rule.remember)
      : undefined;
    return {
      fields: grant === undefined ? said : { ...said, remembered: grant },
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

function planRefused(code: keyof typeof APPROVAL_CODES, error: string): PlanAnswer {
  return { approved: false, code: APPROVAL_CODES[code], error: `not permitted: ${error}` };
}

/** Everything that a yes is about. */
function keyOf({ request, rule, policy, change }: {
  readonly request: CanonicalRequest;
  readonly rule: NeededApproval;
  readonly policy: string;
  readonly change: ShownChange | undefined;
}): string {
  const { action, target, params, agent = null } = request;
  const all = [action, target, params, agent, rule.rules, policy, change?.text ?? null];
  return sha256(canonicalJson(all));
}

function historyKey({ rule, action, agent }: {
  readonly rule: NeededApproval;
  readonly action: string;
  readonly agent?: string | undefined;
}): string {
  return JSON.stringify([rule.rules, action, agent]);
}

function refused(
  code: keyof typeof APPROVAL_CODES,
  why: string,
  fields?: Readonly<Record<string, unknown>>,
): StageRefusal {
  const refusal = { refusal: `not permitted: ${why}`, code: APPROVAL_CODES[code] };
  return fields === undefined ? refusal : { ...refusal, fields };
}
