/**
 * The verdict of a policy on one canonical request.
 *
 * @module
 */
import { type CanonicalRequest, CODES } from "../action.ts";
import { messageOf } from "../errors.ts";
import { KINDS } from "../resource/table.ts";
import { evaluate } from "./constraint.ts";
import type { Policy, Rule } from "./policy.ts";

/** A verdict, as a value. */
export interface Decision {
  readonly effect: "allow" | "deny";
  /** The rule that decided; missing for the default deny. */
  readonly ruleId?: string;
  /** One of {@linkcode CODES}; `"ALLOWED"` for an allow. */
  readonly code: string;
  /** What was decided and why; safe to show to the model. */
  readonly reason: string;
}

/**
 * Decides one canonical request. Pure: the same policy and request give the same verdict.
 *
 * A deny rule beats every allow; no allow means deny; a rule that cannot be evaluated denies. The
 * order of rules plays no part (among several allows, the first in the file is named).
 */
export function decide(
  policy: Policy,
  request: Pick<CanonicalRequest, "action" | "target" | "params">,
): Decision {
  const { action, target, params } = request;
  try {
    // INVARIANT: a deny rule that may hold denies, whatever else allows.
    const denial = denialOf(policy, request);
    if (denial !== undefined) return denial;
    const rules = policy.index.get(action);
    if (rules === undefined) return denied(CODES.NO_RULE, `no rule allows ${action}`);

    const candidates = rules.allow.match(KINDS[rules.kind].segments(target));
    const allowing = first(candidates, (holds) => holds === true, params);
    if (allowing !== undefined) return allowedBy(allowing);
    return candidates.length > 0
      ? denied(CODES.CONSTRAINT_UNMET, `no rule allows ${action} on "${target}" with these params`)
      : denied(CODES.NO_RULE, `no rule allows ${action} on "${target}"`);
  } catch (error) {
    // INVARIANT: an error never widens access.
    return denied(CODES.RULE_ERRORED, `the policy could not be evaluated: ${messageOf(error)}`);
  }
}

/**
 * The deny rule that speaks against a request, as a decision.
 *
 * @returns `undefined` if there is none, whether or not a rule allows it.
 */
export function denialOf(
  policy: Policy,
  { action, target, params }: Pick<CanonicalRequest, "action" | "target" | "params">,
): Decision | undefined {
  try {
    const rules = policy.index.get(action);
    if (rules === undefined) return undefined;
    const matching = rules.deny.match(KINDS[rules.kind].segments(target));
    const denying = first(matching, (holds) => holds !== false, params);
    return denying === undefined ? undefined : deniedBy(denying, target);
  } catch (error) {
    // INVARIANT: an error never widens access.
    return denied(CODES.RULE_ERRORED, `the policy could not be evaluated: ${messageOf(error)}`);
  }
}

/** The stricter of two verdicts. */
export function stricter(a: Decision, b: Decision | undefined): Decision {
  return a.effect === "allow" && b?.effect === "deny" ? b : a;
}

/** The first rule in the file without a constraint, or with one that is as it has to be. */
function first(
  rules: readonly Rule[],
  suits: (holds: boolean | undefined) => boolean,
  params: Readonly<Record<string, unknown>>,
): Rule | undefined {
  let found: Rule | undefined;
  for (const rule of rules) {
    if (found !== undefined && rule.index > found.index) continue;
    if (rule.constraint === undefined || suits(evaluate(rule.constraint, params))) found = rule;
  }
  return found;
}

function allowedBy(rule: Rule): Decision {
  const reason = `allowed by rule "${rule.id}"`;
  return { effect: "allow", ruleId: rule.id, code: "ALLOWED", reason };
}

function deniedBy(rule: Rule, target: string): Decision {
  if (rule.guard) {
    return denied(
      CODES.GUARDED,
      `"${target}" belongs to the kernel itself: ${rule.reason}`,
      rule.id,
    );
  }
  const why = rule.reason === undefined ? "" : `: ${rule.reason}`;
  return denied(CODES.DENY_RULE, `rule "${rule.id}" denies it${why}`, rule.id);
}

function denied(code: string, why: string, ruleId?: string): Decision {
  const reason = `not permitted: ${why}`;
  if (ruleId === undefined) return { effect: "deny", code, reason };
  return { effect: "deny", ruleId, code, reason };
}
