/**
 * Which resource of a denied request no rule allows: the target, or what a param names.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import { decide } from "../core/policy/decide.ts";
import type { Policy } from "../core/policy/policy.ts";

/** A resource of a request that no rule allows: the target, or one that a param names. */
export interface LackingResource {
  /** The action under which it is decided: `cwd` of `proc.exec` under `fs.read`. */
  readonly action: string;
  readonly target: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Who asks; missing if the request does not say. */
  readonly agent?: string | undefined;
  /** The param that names it; missing for the target. */
  readonly param?: string;
}

/**
 * The first resource of a request that is denied because no rule allows it.
 *
 * @param request As the gate decided it.
 * @returns The target itself, if none is.
 */
export function lackingResource(policy: Policy, request: CanonicalRequest): LackingResource {
  const { action, target, params = {}, agent } = request;
  const main: LackingResource = { action, target, params, agent };
  const declared = Object.hasOwn(policy.actions, action) ? policy.actions[action]?.resources : [];
  const others = (declared ?? []).flatMap((one): LackingResource[] => {
    const value = params[one.param];
    if (typeof value !== "string") return [];
    // Params belong to the action they came with; under another action, its defaults hold.
    const own = one.action === action ? params : policy.actions[one.action]?.defaults ?? {};
    return [{ action: one.action, target: value, params: own, agent, param: one.param }];
  });
  return [main, ...others].find((one) => {
    const { effect, ruleId } = decide(policy, one);
    return effect === "deny" && ruleId === undefined;
  }) ?? main;
}
