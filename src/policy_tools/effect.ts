/**
 * What a policy does with a request, a person's yes included.
 *
 * @module
 */
import type { ApprovalRule } from "../approval/approval_rule.ts";
import { type NeededApproval, neededApproval } from "../approval/needed.ts";
import type { StageRefusal } from "../core/admission.ts";
import type { AuthorizedRequest } from "../core/policy/authorize.ts";
import type { Session } from "../core/policy/constraint.ts";
import type { Policy } from "../core/policy/policy.ts";
import { ruledPartsOf } from "../stages/parts.ts";

/** `approve`: allowed if a person says yes. */
export type Effect = "allow" | "deny" | "approve";

/** A policy, and which of its rules need a yes. */
export interface PolicyWithApprovals {
  readonly policy: Policy;
  readonly approvals: ReadonlyMap<string, ApprovalRule>;
  /** The session in which the request was decided. @default none */
  readonly session?: Session | undefined;
}

/** Whose yes a request needs, or why it is refused all the same; `undefined` if it needs none, or is denied. */
export function approvalOf(
  { decision, request }: AuthorizedRequest,
  context: PolicyWithApprovals,
): NeededApproval | StageRefusal | undefined {
  const { effect, ruleId } = decision;
  if (effect !== "allow" || ruleId === undefined || context.approvals.size === 0) return undefined;
  const { parts, refusal } = ruledPartsOf(request, context);
  return refusal ?? neededApproval(request, ruleId, { ...context, parts });
}

/** What a policy does with a request. */
export function effectOf(authorized: AuthorizedRequest, context: PolicyWithApprovals): Effect {
  const needed = approvalOf(authorized, context);
  if (needed === undefined) return authorized.decision.effect;
  return "refusal" in needed ? "deny" : "approve";
}
