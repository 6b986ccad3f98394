/**
 * What a request changes beside its target, like the goal of a move, and the rules that allow it.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import { decide } from "../core/policy/decide.ts";
import type { Policy } from "../core/policy/policy.ts";
import { specOf } from "../core/resource/kind.ts";

/**
 * Finds the rules whose limits a request is charged to beside those of the rule that allows its target.
 *
 * @param request Canonical, and allowed by the policy.
 * @returns Empty for most; resources that are only read are not counted.
 */
export function changedResources(
  { params, agent, action }: CanonicalRequest,
  policy: Policy,
): { readonly action: string; readonly rule: string }[] {
  const { resources = [] } = specOf(policy.actions, action);
  return resources.flatMap(({ param, action: other }) => {
    const target = params[param];
    const { effect, defaults = {} } = specOf(policy.actions, other);
    if (typeof target !== "string" || effect === "none") return [];
    // As the request was authorized: under another action, its defaults hold.
    const own = other === action ? params : defaults;
    const { ruleId } = decide(policy, { action: other, target, params: own, agent });
    return ruleId === undefined ? [] : [{ action: other, rule: ruleId }];
  });
}
