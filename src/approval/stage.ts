/**
 * Approvals as a stage: a person is asked, and the yes is for one action as it was shown.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { StageRefusal } from "../core/admission.ts";
import { messageOf } from "../core/errors.ts";
import type { Policy } from "../core/policy/policy.ts";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import type { Stage, StageAnswer, StageContext, StagePass } from "../stages/stage.ts";
import { type ApprovalRule, type Remember, shownTime } from "./approval_rule.ts";
import { covers, type GrantStore, scopeOf } from "./grant.ts";
import { abortSafely } from "../abort.ts";
import type { ApprovalAnswer, Approver } from "./approver.ts";
import { type NeededApproval, neededApproval } from "./needed.ts";
import { OpenQuestions } from "./open_questions.ts";
import { type ApprovalQuestion, questionOf } from "./question.ts";
import { type PlanAnswer, PlannedApprovals, type PlannedRequest, planOf, sameKey } from "./plan.ts";
import { refused } from "./refusal.ts";
import { type ShownChange, shownChange } from "./shown_change.ts";
import { understand } from "./understood.ts";
import { type Unanswered, unansweredOf } from "./unanswered.ts";
import { waitFor } from "./waiting.ts";
import { WriteGuard } from "./write_guard.ts";
import { Allowance } from "./allowance.ts";

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
  /** How long a submit itself waits. @default as long as the rule says */
  readonly patienceMs?: number | undefined;
  /** Told of each question. */
  readonly onQuestion?: ((question: ApprovalQuestion) => void) | undefined;
  readonly onWarning: (line: string) => void;
}

const WARNING = "agent-kernel: approvals: ";
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

/** The approvals of one open kernel. */
export class ApprovalDesk {
  readonly #options: ApprovalDeskOptions;
  readonly #closing = new AbortController();
  readonly #guard = new WriteGuard();
  readonly #allowance = new Allowance();
  readonly #plans: PlannedApprovals;
  readonly #questions: OpenQuestions;
  /** What became of questions, by rule, agent and action. */
  readonly #history = new Map<string, { readonly asked: number; readonly approved: number }>();

  constructor(options: ApprovalDeskOptions) {
    this.#options = options;
    this.#plans = new PlannedApprovals(options.clock, this.#guard);
    const { clock, patienceMs } = options;
    this.#questions = new OpenQuestions({
      ...{ timer: this.#timer, clock, patienceMs },
      onQuestion: (question) => this.#tell(question),
      abort: (controller) => this.#abort(controller),
    });
  }

  /** The stages for a policy: none if none of its rules asks for approval. */
  stagesFor(policy: Policy, rules: ReadonlyMap<string, ApprovalRule>): Stage[] {
    if (rules.size === 0) return [];
    return [{
      name: "approval",
      timeoutMs: MAX_TIMEOUT_MS,
      enter: (request, context) => {
        const { parts } = context;
        const rule = neededApproval(request, context.rule, { policy, parts, approvals: rules });
        // A part of the call that its own yes was about is not asked again.
        const { askedBy } = context;
        const isPart = askedBy !== undefined && askedBy.target === request.target &&
          rule?.rules.every((id) => id === askedBy.rule);
        if (isPart || rule === undefined) return undefined;
        const asking = { request, context, rule, policy };
        const now = this.#timer.now();
        return this.#plans.pass(asking, context) ?? this.#granted(asking) ??
          this.#allowance.pass(rule, request.agent, now) ?? this.#ask(asking);
      },
    }];
  }

  /** Takes back all questions: what waits is refused. */
  close(): void {
    this.#abort(this.#closing);
  }

  /**
   * Finds what nobody waits for any more, because the process that asked has ended.
   *
   * @param tell Puts it on record. If it rejects, it is found again.
   */
  async clear(tell: (one: Unanswered) => Promise<void>): Promise<void> {
    try {
      await this.#options.approver?.keeper?.clear(async (question) => {
        for (const one of unansweredOf(question)) await tell(one);
      });
    } catch (error) {
      this.#options.onWarning(`${WARNING}what was asked before: ${messageOf(error)}`);
    }
  }

  /**
   * Asks about several requests at once. After a yes each of them, as it was shown, passes once without a
   * question of its own, until the time of the question is over.
   *
   * @param asked Those that need a yes, with the params as they would be done.
   * @param policy That allows them.
   * @returns With a no, how each of them is to be refused.
   */
  async plan(
    asked: readonly PlannedRequest[],
    policy: Policy,
  ): Promise<{ readonly answer: PlanAnswer; readonly refusal?: StageRefusal }> {
    const { approver, clock } = this.#options;
    const plan = planOf(asked, policy, clock());
    const { question, approvers, timeoutMs } = plan;
    const no = ({ refusal, code, fields = {} }: StageRefusal) => {
      const { id: plan = question.id, ...facts } = { asked_at: question.askedAt, ...fields };
      return {
        answer: { approved: false, code, error: refusal } as const,
        refusal: { refusal, code, fields: { plan, ...facts } },
      };
    };
    if (approver === undefined) return no(refused("UNAVAILABLE", "nobody can be asked"));
    if (approvers?.length === 0) {
      return no(refused("UNAVAILABLE", "the rules have no approver in common"));
    }
    const over = new AbortController();
    try {
      this.#tell(question);
      const asking = (async () => await approver.ask(question, over.signal))();
      const ended = await waitFor(asking, {
        ...{ timer: this.#timer, timeoutMs, closing: this.#closing.signal },
        late: `nobody answered within ${shownTime(timeoutMs)}`,
      });
      if ("refusal" in ended) return no(ended);
      const said = understand(ended.answer, { approver, approvers, question, now: clock() });
      if ("refusal" in said) return no(said);
      const { id, ...fields } = said.fields;
      this.#plans.keep(plan, { ...fields, plan: id });
      const { expiresAt } = question;
      return { answer: { approved: true, id: question.id, by: said.who, expiresAt } };
    } catch (error) {
      return no(refused("UNAVAILABLE", `asking failed: ${messageOf(error)}`));
    } finally {
      this.#abort(over);
    }
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

  async #ask(asking: Asking): Promise<StageAnswer> {
    const { request, context, rule } = asking;
    const { approver } = this.#options;
    const names = rule.rules.join(", ");
    if (approver === undefined) {
      return refused("UNAVAILABLE", `rule "${names}" needs approval, and nobody can be asked`);
    }
    if (rule.approvers?.length === 0) {
      return refused("UNAVAILABLE", `rules "${names}" have no approver in common`);
    }
    const change = shownChange(request);
    const same = sameKey({ request, rule, policy: context.policy, change });
    const notes = context.notes?.(request) ?? null;
    const key = JSON.stringify([same, change?.state, context.askedBy?.action, notes]);
    for (;;) {
      const passes = await this.#askOnce(asking, { approver, change, key });
      if (passes !== "used up") return passes;
    }
  }

  /** `"used up"`: the question was left before, and its yes is for another request that is equal. */
  async #askOnce(asking: Asking, { approver, change, key }: {
    readonly approver: Approver;
    readonly change: ShownChange | undefined;
    readonly key: string;
  }): Promise<StageAnswer | "used up"> {
    const { context, rule } = asking;
    const fresh = this.#questionFor(asking, change);
    using waiting = new DisposableStack();
    let fields = { id: fresh.id, asked_at: fresh.askedAt };
    try {
      const shared = this.#questions.join(key, fresh, approver);
      waiting.defer(() => shared.leave());
      const { question, timeoutMs, left } = shared;
      fields = { id: question.id, asked_at: question.askedAt };
      const ended = await waitFor(shared.answer, {
        ...{ timer: this.#timer, timeoutMs, left, fields },
        late: `nobody answered within ${shownTime(rule.timeoutMs)}`,
        closing: this.#closing.signal,
        call: context.askedBy?.signal,
      });
      if ("refusal" in ended) return ended;
      const { answer } = ended;
      if (!shared.counts(answer)) return "used up";
      return this.#passes(answer, { approver, asking, question, change });
    } catch (error) {
      return refused("UNAVAILABLE", `asking failed: ${messageOf(error)}`, fields);
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
    const notes = context.notes?.(request);
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
      ...change !== undefined && {
        change: change.state === undefined ? change.text : `${change.text} (${change.state})`,
      },
      ...notes !== undefined && { notes },
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

  #passes(answer: ApprovalAnswer, { approver, asking, question, change }: {
    readonly approver: Approver;
    readonly asking: Asking;
    readonly question: ApprovalQuestion;
    readonly change: ShownChange | undefined;
  }): StageAnswer {
    const { rule, context: { recordId } } = asking;
    const { approvers } = rule;
    const now = this.#options.clock();
    const said = understand(answer, { approver, approvers, question, now });
    this.#count(historyKey({ ...question, rule }), !("refusal" in said));
    if ("refusal" in said) return said;
    const { who, fields } = said;
    const grant = said.remember && rule.remember !== undefined
      ? this.#remember(question, who, rule.remember)
      : undefined;
    const { target, expiresAt } = question;
    return {
      fields: grant === undefined ? fields : { ...fields, remembered: grant },
      // INVARIANT: asked again right before the intent: a yes is for what was shown.
      confirm: ({ policy }) => {
        const stale = policy !== question.policy
          ? "the policy was replaced since"
          : this.#options.clock().toISOString() >= expiresAt
          ? "it has expired"
          : this.#guard.begin(target, recordId, change);
        return stale === undefined ? undefined : refused("STALE", `${who} said yes, but ${stale}`);
      },
      settle: () => this.#guard.end(target, recordId),
    };
  }

  get #timer(): Timer {
    return this.#options.timer ?? SYSTEM_TIMER;
  }
}

function historyKey({ rule, action, agent }: {
  readonly rule: NeededApproval;
  readonly action: string;
  readonly agent?: string | undefined;
}): string {
  return JSON.stringify([rule.rules, action, agent]);
}
