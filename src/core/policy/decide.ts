/**
 * The decision of a policy on one canonical resource.
 *
 * @module
 */
import { type CanonicalRequest, CODES } from "../action.ts";
import { messageOf } from "../errors.ts";
import { KINDS } from "../resource/table.ts";
import { type Asked, evaluate, type Truth } from "./constraint.ts";
import type { Policy, Rule } from "./policy.ts";

/** A decision, as a value. */
export interface Decision {
  readonly effect: "allow" | "deny";
  /** The rule that decided; missing for the default deny. */
  readonly ruleId?: string | undefined;
  /** One of {@linkcode CODES}; `"ALLOWED"` for an allow. */
  readonly code: string;
  /** What was decided and why; safe to show to the model. */
  readonly reason: string;
}

/** What of a request its decision depends on. */
export type DecidableRequest = Pick<CanonicalRequest, "action" | "target"> & Asked;

/**
 * Decides one canonical resource. Pure: the same policy and request give the same decision.
 *
 * A deny rule beats every allow; no allow means deny; a rule that cannot be evaluated denies. The
 * order of rules does not matter (among several allows, the first in the file is named).
 *
 * @param policy That decides.
 * @param request The target and all params in canonical form.
 * @returns Never throws: an error while deciding denies with `RULE_ERRORED`.
 */
export function decide(policy: Policy, request: DecidableRequest): Decision {
  const { action, target } = request;
  try {
    // INVARIANT: a deny rule that may hold denies, whatever else allows.
    const denial = denialOf(policy, request);
    if (denial !== undefined) return denial;
    const rules = policy.index.get(action);
    if (rules === undefined) return denied(CODES.NO_RULE, `no rule allows ${action}`);

    // INVARIANT: an allow rule allows only if its constraint certainly holds.
    const allow = byTruth(rules.allow.match(KINDS[rules.kind].segments(target)), request);
    const allowing = first(allow.holding);
    if (allowing !== undefined) {
      const { id: ruleId } = allowing;
      return { effect: "allow", ruleId, code: "ALLOWED", reason: `allowed by rule "${ruleId}"` };
    }
    const why = `no rule allows ${action} on "${target}"`;
    const near = [...allow.undecidable, ...allow.failing];
    if (near.length === 0) return denied(CODES.NO_RULE, why);
    const isForOthers = ({ constraint }: Rule) =>
      constraint?.conditions.some((one) => one.path.length === 0 && !one.condition(request.agent));
    const what = near.every(isForOthers) ? "for this agent" : "with these params";
    const lacks = request.session?.lacks(near.map(({ id }) => id), request) ?? "";
    return denied(CODES.CONSTRAINT_UNMET, `${why} ${what}${lacks}`);
  } catch (error) {
    return undecided(error);
  }
}

/**
 * The deny rule that holds for a resource, as a decision.
 *
 * @param policy That decides.
 * @param request The target and all params in canonical form.
 * @returns `undefined` if there is none, whether or not a rule allows it. Never throws.
 */
export function denialOf(policy: Policy, request: DecidableRequest): Decision | undefined {
  const { action, target } = request;
  try {
    const rules = policy.index.get(action);
    if (rules === undefined) return undefined;
    // INVARIANT: a deny rule denies unless its constraint certainly fails.
    const deny = byTruth(rules.deny.match(KINDS[rules.kind].segments(target)), request);
    const denying = first(deny.holding, deny.undecidable);
    return denying && deniedBy(denying, target);
  } catch (error) {
    return undecided(error);
  }
}

/** INVARIANT: an error never widens access. */
function undecided(error: unknown): Decision {
  return denied(CODES.RULE_ERRORED, `the policy could not be evaluated: ${messageOf(error)}`);
}

/** The stricter of two decisions. */
export function stricter(a: Decision, b: Decision | undefined): Decision {
  return a.effect === "allow" && b?.effect === "deny" ? b : a;
}

/** Rules that match a resource, by the truth of their constraint. */
interface Buckets {
  /** It holds, or there is none. */
  readonly holding: Rule[];
  /** It cannot be decided for these params. */
  readonly undecidable: Rule[];
  readonly failing: Rule[];
}

const NO_RULES: Buckets = { holding: [], undecidable: [], failing: [] };

function byTruth(rules: readonly Rule[], asked: Asked): Buckets {
  if (rules.length === 0) return NO_RULES;
  const buckets: Buckets = { holding: [], undecidable: [], failing: [] };
  for (const rule of rules) {
    const truth: Truth = rule.constraint === undefined || evaluate(rule.constraint, asked);
    buckets[truth === undefined ? "undecidable" : truth ? "holding" : "failing"].push(rule);
  }
  return buckets;
}

/** The first in the file. */
function first(...buckets: readonly (readonly Rule[])[]): Rule | undefined {
  let found: Rule | undefined;
  for (const rules of buckets) {
    for (const rule of rules) if (found === undefined || rule.index < found.index) found = rule;
  }
  return found;
}

/** The denial by a deny rule that holds for the target. */
export function deniedBy({ id, guard, reason }: Rule, target: string): Decision {
  if (guard) {
    return denied(CODES.GUARDED, `"${target}" belongs to the kernel itself: ${reason}`, id);
  }
  const why = reason === undefined ? "" : `: ${reason}`;
  return denied(CODES.DENY_RULE, `rule "${id}" denies it${why}`, id);
}

function denied(code: string, why: string, ruleId?: string): Decision {
  return { effect: "deny", ruleId, code, reason: `not permitted: ${why}` };
}
