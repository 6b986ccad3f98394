/**
 * Plans: one question about several requests, each of which then passes once.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import { canonicalJson } from "../core/json.ts";
import type { Policy } from "../core/policy/policy.ts";
import { sha256 } from "../core/request.ts";
import type { StageContext, StagePass } from "../stages/stage.ts";
import type { NeededApproval } from "./needed.ts";
import { type ApprovalQuestion, questionOf } from "./question.ts";
import { refused } from "./refusal.ts";
import { type ShownChange, shownChange } from "./shown_change.ts";
import type { WriteGuard } from "./write_guard.ts";

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

/** A plan that somebody is asked about. */
export interface Plan {
  readonly question: ApprovalQuestion;
  /** What everybody who is asked has to be among; empty if nobody can be. */
  readonly approvers: readonly string[] | undefined;
  readonly timeoutMs: number;
  /** Its requests, with what was shown of their files. */
  readonly parts: readonly (PlannedRequest & { readonly change: ShownChange | undefined })[];
}

/** Makes the question of a plan. Each part is shown with its agent, its params whole, and its rule. */
export function planOf(asked: readonly PlannedRequest[], policy: Policy, askedAt: Date): Plan {
  const parts = asked.map((one) => ({ ...one, change: shownChange(one.request) }));
  const rules = Array.from(new Set(asked.flatMap(({ rule }) => rule.rules)));
  const reasons = policy.rules.flatMap((one) => rules.includes(one.id) ? one.reason ?? [] : []);
  const timeoutMs = Math.min(...asked.map(({ rule }) => rule.timeoutMs));
  const lists = asked.flatMap(({ rule: { approvers } }) =>
    approvers === undefined ? [] : [approvers]
  );
  const approvers = lists[0]?.filter((name) => lists.every((list) => list.includes(name)));
  const changes = parts.flatMap(({ change }, i) =>
    change === undefined ? [] : [`(${i + 1})`, change.text]
  );
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
    ...changes.length > 0 && { change: changes.join("\n") },
    policy: policy.digest,
    askedAt: askedAt.toISOString(),
    expiresAt: new Date(askedAt.getTime() + timeoutMs).toISOString(),
  });
  return { question, approvers, timeoutMs, parts };
}

/** A yes for one request of a plan. */
interface PlannedYes {
  /** As it was shown. */
  readonly change: ShownChange | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly expiresAt: string;
}

/** What plans have a yes for. */
export class PlannedApprovals {
  readonly #yeses = new Map<string, PlannedYes[]>();
  readonly #clock: () => Date;
  readonly #guard: WriteGuard;

  /** @param guard Of the writes of the kernel. */
  constructor(clock: () => Date, guard: WriteGuard) {
    this.#clock = clock;
    this.#guard = guard;
  }

  /** Keeps the yes to a plan, for each of its requests once. */
  keep({ question, parts }: Plan, fields: PlannedYes["fields"]): void {
    for (const { request, rule, change } of parts) {
      const key = sameKey({ request, rule, policy: question.policy, change });
      const yes = { fields, expiresAt: question.expiresAt, change };
      this.#yeses.set(key, [...this.#yeses.get(key) ?? [], yes]);
    }
  }

  /** Uses up a yes for a request. INVARIANT: each lets one request pass, exactly as it was shown. */
  pass(
    { request, rule }: PlannedRequest,
    { policy, recordId, askedBy }: StageContext,
  ): StagePass | undefined {
    if (this.#yeses.size === 0 || askedBy !== undefined) return undefined;
    const yes = this.#take(sameKey({ request, rule, policy, change: shownChange(request) }));
    if (yes === undefined) return undefined;
    const { target } = request;
    return {
      fields: yes.fields,
      confirm: ({ policy: current }) => {
        const stale = current !== policy
          ? "the policy was replaced since"
          : this.#now() >= yes.expiresAt
          ? "it has expired"
          // INVARIANT: compared with what was shown when the plan was asked about.
          : this.#guard.begin(target, recordId, yes.change);
        return stale === undefined
          ? undefined
          : refused("STALE", `there was a yes to the plan, but ${stale}`);
      },
      settle: () => this.#guard.end(target, recordId),
    };
  }

  #take(key: string): PlannedYes | undefined {
    const now = this.#now();
    for (const [other, yeses] of this.#yeses) {
      const left = yeses.filter(({ expiresAt }) => now < expiresAt);
      if (left.length === 0) this.#yeses.delete(other);
      else this.#yeses.set(other, left);
    }
    const [yes, ...left] = this.#yeses.get(key) ?? [];
    if (left.length === 0) this.#yeses.delete(key);
    else this.#yeses.set(key, left);
    return yes;
  }

  #now(): string {
    return this.#clock().toISOString();
  }
}

/** Everything that a yes is about: two requests with the same key are the same. */
export function sameKey({ request, rule, policy, change }: PlannedRequest & {
  readonly policy: string;
  readonly change: ShownChange | undefined;
}): string {
  const { action, target, params, agent = null } = request;
  const all = [action, target, params, agent, rule.rules, policy, change?.text ?? null];
  return sha256(canonicalJson(all));
}
