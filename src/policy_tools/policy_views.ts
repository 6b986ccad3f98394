/**
 * What a policy decides about: the target of an action, and what its params name; with the rules that
 * count for it.
 *
 * @module
 */
import { decide, type Decision, denialOf, stricter } from "../core/policy/decide.ts";
import type { Policy, Rule } from "../core/policy/policy.ts";
import { type ActionSpec, type KindName, specOf } from "../core/resource/kind.ts";
import type { Step } from "../core/resource/pattern.ts";
import type { Carried, OneCondition } from "./condition_solver.ts";
import type { Cover } from "./cover.ts";

/** What is decided about one resource of a request. */
export interface View {
  readonly action: string;
  readonly kind: KindName;
  readonly spec: ActionSpec;
  /** The action with a param of this name that it is: `cwd` of `proc.exec`. */
  readonly as?: { readonly action: string; readonly param: string };
  /** The params, if they are not those of the request. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  /** Actions whose deny rules deny it, whatever their conditions on params say. */
  readonly implied: readonly string[];
}

/** A rule, as it counts for one view. */
export interface Ref {
  readonly rule: Rule;
  readonly side: "gain" | "base";
  readonly conditions: readonly OneCondition[];
  readonly patterns: readonly (readonly Step[])[];
}

/** Everything that requests which a policy allows are decided by. */
export function viewsOf(policy: Policy): View[] {
  const actions = new Set(
    policy.rules.filter(({ effect }) => effect === "allow").flatMap(({ actions }) => actions),
  );
  return Array.from(actions).flatMap((action) => {
    const spec = specOf(policy.actions, action);
    const { kind, resources = [], implies = [] } = spec;
    const impliedBy = (param?: string) =>
      implies.filter((one) => one.param === param).map((one) => one.action);
    return [
      { action, kind, spec, implied: impliedBy() },
      ...resources.map((resource): View => {
        const own = specOf(policy.actions, resource.action);
        const isOwn = resource.action === action;
        return {
          action: resource.action,
          kind: resource.kind,
          spec: own,
          as: { action, param: resource.param },
          ...isOwn ? {} : { fixed: own.defaults ?? {} },
          implied: [...impliedBy(resource.param), ...isOwn ? [] : [resource.action]],
        };
      }),
    ];
  });
}

/** The verdict of the gate on one resource. */
export function verdictOf(
  policy: Policy,
  { action, implied }: View,
  { target, params, agent }: Carried & { readonly target: string },
): Decision {
  const decision = decide(policy, { action, target, params, agent });
  return implied.map((one) => denialOf(policy, { action: one, target, agent }))
    .reduce(stricter, decision);
}

/** The rules that count for a view. The same one may count twice, once whatever its params are. */
export function refsOf(policy: Policy, { action, kind, implied }: View, side: Ref["side"]): Ref[] {
  return policy.rules.filter(({ guard }) => guard === undefined).flatMap((rule) => {
    const patterns = (rule.patterns.get(kind) ?? []).map((one) =>
      rule.effect === "deny" ? one.denySteps : one.steps
    );
    const conditions = rule.constraint?.conditions ?? [];
    const own = rule.actions.includes(action) ? [{ rule, side, conditions, patterns }] : [];
    if (rule.effect === "allow" || !implied.some((one) => rule.actions.includes(one))) return own;
    // Nobody knows the params: conditions on them never fail.
    const stripped = conditions.filter(({ path }) => path.length === 0);
    return [...own, { rule, side, conditions: stripped, patterns }];
  });
}

/** Adds all patterns of a rule. */
export function insert(cover: Cover<Ref>, ref: Ref): void {
  for (const steps of ref.patterns) cover.insert(steps, ref);
}

/** Params without which there is no such request. */
export function neededParams(
  { resources = [] }: ActionSpec,
  target: string,
): Record<string, unknown> {
  return Object.fromEntries(
    resources.filter(({ required }) => required).map(({ param }) => [param, target]),
  );
}
