/**
 * The explanation of a request with all that a policy says of it, and its JSON.
 *
 * @module
 */
import { type ActionRequest, CODES } from "../core/action.ts";
import { shownApproval } from "../approval/approval_rule.ts";
import type { Policy, Rule } from "../core/policy/policy.ts";
import { receive } from "../core/request.ts";
import { covers, type PolicyLimits } from "../limits/limit.ts";
import type { World } from "../core/resource/world.ts";
import { rehearse, type WrittenSession } from "../provenance/rehearsal.ts";
import { escape } from "../visible_text.ts";
import { ruledPartsOf } from "../stages/parts.ts";
import { approvalOf, type PolicyWithApprovals } from "./effect.ts";
import { explain, type Explanation } from "./explain.ts";
import type { PolicyWithExamples } from "./read.ts";

/** How a request would be decided, and what else the policy says of it. */
export interface ExplainedRequest {
  readonly explanation: Explanation;
  /** The policy that was asked: one that is only tried, if it is so. */
  readonly policy: Policy;
  /** Whether the policy is only tried (shadow mode). */
  readonly isTried: boolean;
  /** The limits that an allowed request is charged to, as the policy writes them. */
  readonly limits: readonly string[];
  /** Whose yes an allowed request needs, for people. */
  readonly approval: string | undefined;
  /** The code of a malformed request. */
  readonly invalidCode: string;
}

/**
 * Decides a request with the code of the gate, does nothing and records nothing.
 *
 * @param given Untrusted.
 * @param context The policy and the machine.
 */
export function explainRequest(
  given: ActionRequest,
  context: {
    readonly policy: PolicyWithExamples;
    readonly world: World;
    /** What the session of the request knows. @default it belongs to none */
    readonly session?: WrittenSession | undefined;
  },
): ExplainedRequest {
  const { request, problem } = receive(given);
  const { world, policy: written } = context;
  const { policy, limits, approvals, provenance } = written.tried ??
    { policy: written, ...written };
  const rehearsal = rehearse(context.session, { provenance, actions: policy.actions, world });
  const explanation = problem === undefined
    ? explain(request, { policy, world, ...rehearsal })
    : { invalid: problem, nearMisses: [] };
  return {
    explanation,
    policy,
    isTried: written.tried !== undefined,
    limits: limitsFor(explanation, limits, { policy, session: rehearsal.session }),
    approval: approvalFor(explanation, { policy, approvals, session: rehearsal.session }),
    invalidCode: problem === undefined ? CODES.INVALID_TARGET : CODES.INVALID_REQUEST,
  };
}

/** The same as `agent-kernel explain --json` prints it. */
export function explainedJson(
  { explanation, policy, isTried, limits, approval, invalidCode }: ExplainedRequest,
): object {
  const { authorized, invalid, rule, lacking, nearMisses } = explanation;
  return {
    decision: authorized?.decision.effect ?? "invalid",
    code: authorized?.decision.code ?? invalidCode,
    reason: authorized?.decision.reason ?? invalid,
    request: authorized?.request,
    rule: rule === undefined ? null : { id: rule.id, at: placeOf(rule, policy) },
    lacking: lacking === undefined
      ? null
      : { action: lacking.action, target: lacking.target, param: lacking.param ?? null },
    closest: nearMisses.map(({ rule, lacks }) => ({
      id: rule.id,
      at: placeOf(rule, policy),
      lacks,
    })),
    ...approval === undefined ? {} : { decision: "approve" },
    ...isTried ? { mode: "shadow" } : {},
    limits,
    ...approval === undefined ? {} : { approval },
  };
}

/** File and line of a rule. */
export function placeOf({ line, guard }: Rule, policy: Policy): string {
  if (guard) return "(built in: the kernel protects its own files)";
  return `${escape(policy.source)}${line === undefined ? "" : `:${line}`}`;
}

function limitsFor(
  { authorized }: Explanation,
  { rules, all, submits, programs }: PolicyLimits,
  context: Parameters<typeof ruledPartsOf>[1],
): string[] {
  if (authorized?.decision.effect !== "allow") return [];
  const { decision: { ruleId = "" }, request } = authorized;
  const { action } = request;
  const parts = ruledPartsOf(request, context).parts.filter(({ isCounted }) => isCounted);
  const charged = [{ rule: ruleId, action }, ...parts].flatMap((part) => [
    ...rules.get(part.rule) ?? [],
    ...all.filter((one) => covers(one, part.action)).flatMap(({ limits }) => limits),
  ]);
  return [
    ...[
      ...new Set(charged),
      ...submits.filter((one) => covers(one, action)),
    ].map(({ id, text }) => `${text} (${id})`),
    ...programs.get(ruleId)?.texts ?? [],
  ];
}

function approvalFor(
  { authorized }: Explanation,
  policy: PolicyWithApprovals,
): string | undefined {
  const needed = authorized && approvalOf(authorized, policy);
  return needed === undefined || "refusal" in needed ? undefined : shownApproval(needed);
}
