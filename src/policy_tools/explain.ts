/**
 * Why a request was decided as it was, and what would have been needed.
 *
 * @module
 */
import type { ActionRequest } from "../core/action.ts";
import { KINDS } from "../core/resource/table.ts";
import { PatternTrie } from "../core/resource/trie.ts";
import { specOf } from "../core/resource/kind.ts";
import type { AuthorizedRequest } from "../core/policy/authorize.ts";
import { authorizeWithPaths, type PathContext } from "../argument_paths/decision.ts";
import { evaluate, NO_CONTAINER, valueAt } from "../core/policy/constraint.ts";
import type { Policy, Rule } from "../core/policy/policy.ts";
import type { Rehearsal } from "../provenance/rehearsal.ts";
import { withRefusal } from "./examples.ts";
import { type LackingResource, lackingResource } from "./lacking_resource.ts";

/** A rule that nearly allowed a request. */
export interface NearMiss {
  readonly rule: Rule;
  /** What it lacked, a sentence each. */
  readonly lacks: readonly string[];
}

/** The outcome of {@linkcode explain}. */
export interface Explanation {
  /** The decision of the gate; missing if the request is malformed. */
  readonly authorized?: AuthorizedRequest;
  /** Why the request is malformed: its target has no canonical form. */
  readonly invalid?: string;
  /** The rule that decided. */
  readonly rule?: Rule;
  /** For a denial by default: what no rule allows, the target or what a param names. */
  readonly lacking?: LackingResource;
  /** For a denial by default: the rules that came closest to it, the closest first. */
  readonly nearMisses: readonly NearMiss[];
}

/** Most rules that are shown as near misses. */
const MAX_NEAR_MISSES = 3;

/**
 * Decides a request with the code of the gate and says why.
 *
 * @param request Validated, as by `receive`.
 * @param context The policy and the machine.
 * @returns The decision, with the rule that decided or those that nearly allowed it.
 */
export function explain(
  request: ActionRequest,
  context: PathContext & { readonly refusal?: Rehearsal["refusal"] },
): Explanation {
  const { refusal = () => undefined, session } = context;
  const authorized = withRefusal(authorizeWithPaths(request, context), { ...context, refusal });
  const { decision, cause } = authorized;
  if (cause !== undefined) {
    return { invalid: `malformed request: ${decision.reason}`, nearMisses: [] };
  }
  const { policy } = context;
  const rule = policy.rules.find(({ id }) => id === decision.ruleId);
  if (rule !== undefined) return { authorized, rule, nearMisses: [] };
  const lacking = lackingResource(policy, authorized.request);
  const misses = policy.rules.filter(({ effect }) => effect === "allow")
    .map((rule) => nearMiss(rule, policy, { ...lacking, session }))
    .filter(({ closeness }) => closeness > 0)
    .sort((a, b) => b.closeness - a.closeness || a.rule.index - b.rule.index);
  return { authorized, lacking, nearMisses: misses.slice(0, MAX_NEAR_MISSES) };
}

/** How near: sharing the action counts for more than any number of shared segments. */
function nearMiss(
  rule: Rule,
  policy: Policy,
  { action, target, params, agent, session }: LackingResource & Pick<PathContext, "session">,
): NearMiss & { closeness: number } {
  const { kind } = specOf(policy.actions, action);
  const patterns = rule.patterns.get(kind) ?? [];
  const segments = KINDS[kind].segments(target);
  const lacks: string[] = [];
  const sameAction = rule.actions.includes(action);
  if (!sameAction) lacks.push(`its action is ${rule.actions.join(", ")}, not ${action}`);
  const trie = new PatternTrie<true>();
  for (const { steps } of patterns) trie.insert(steps, true);
  const matches = trie.match(segments).length > 0;
  const shared = Math.max(
    0,
    ...patterns.map(({ steps }) => {
      const differs = steps.findIndex((step, i) => step !== segments[i]);
      return differs === -1 ? steps.length : differs;
    }),
  );
  if (!matches) {
    // `D/**` matches all that is below D.
    const isAbove = trie.match([...segments, "a"]).length > 0 &&
      trie.match([...segments, "a", "a"]).length > 0;
    const why = isAbove
      ? `is what lies below ${target}, not ${target} itself`
      : `does not match ${target}`;
    lacks.push(`its resource ${rule.resources.join(", ")} ${why}`);
  }
  // Conditions that are compiled elsewhere may look at the target too.
  const asked = { params, agent, session, target };
  const unmet =
    rule.constraint?.conditions.filter((condition) =>
      evaluate({ conditions: [condition] }, asked) !== true
    ) ?? [];
  for (const { param, path, source } of unmet) {
    if (path.length === 0) {
      const asked = agent === undefined ? "the request names none" : `"${agent}" asks`;
      lacks.push(`it is for the agent ${JSON.stringify(source)}, and ${asked}`);
      continue;
    }
    const value = valueAt(params, path);
    const given = value === undefined || value === NO_CONTAINER ? "nothing" : JSON.stringify(value);
    lacks.push(`its constraint wants ${param} ${JSON.stringify(source)}, given is ${given}`);
  }
  const closeness = sameAction ? 1000 + (matches ? 1000 : shared) : matches ? 500 : 0;
  return { rule, lacks, closeness };
}
