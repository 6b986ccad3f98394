/**
 * What a policy does with a request, a person's yes included.
 *
 * @module
 */
import type { ApprovalRule } from "../approval/approval_rule.ts";
import { type NeededApproval, neededApproval } from "../approval/needed.ts";
import type { AuthorizedRequest } from "../core/policy/authorize.ts";
import type { Policy } from "../core/policy/policy.ts";

/** `approve`: allowed if a person says yes. */
export type Effect = "allow" | "deny" | "approve";

/** A policy, and which of its rules need a yes. */
export interface PolicyWithApprovals {
  readonly policy: Policy;
  readonly approvals: ReadonlyMap<string, ApprovalRule>;
}

/** Whose yes a request needs; `undefined` if none, or if it is denied. */
export function approvalOf(
  { decision, request }: AuthorizedRequest,
  context: PolicyWithApprovals,
): NeededApproval | undefined {
  const { effect, ruleId } = decision;
  if (effect !== "allow" || ruleId === undefined || context.approvals.size === 0) return undefined;
  return neededApproval(request, ruleId, context);
}

/** What a policy does with a request. */
export function effectOf(authorized: AuthorizedRequest, context: PolicyWithApprovals): Effect {
  return approvalOf(authorized, context) === undefined ? authorized.decision.effect : "approve";
}
