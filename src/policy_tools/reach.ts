/**
 * Rules of a policy that change nothing.
 *
 * @module
 */
import type { Policy, Rule } from "../core/policy/policy.ts";
import { escape } from "../visible_text.ts";
import { conditionsImply, solve } from "./condition_solver.ts";
import { Cover } from "./cover.ts";
import { Budget, targetsOutside } from "./language.ts";
import { insert, type Ref, refsOf, type View, viewsOf } from "./policy_views.ts";
import { GRAMMARS } from "./target_grammar.ts";

/** Most states of automata in one search, and in all. */
const STATES = 5_000, ALL_STATES = 1_000_000;

/**
 * Finds rules without effect, over all requests: allow rules that are denied as a whole, or of which
 * earlier ones allow everything; deny rules of which others deny everything that is allowed; constraints
 * that no params meet. A rule of which that cannot be told is not among them.
 *
 * @param policy With or without the guards of the kernel's own files, which are not looked at.
 * @returns A sentence each.
 */
export function unreached(policy: Policy): string[] {
  const views = viewsOf(policy);
  const main = views.filter(({ as }) => as === undefined);
  const total = new Budget(ALL_STATES);
  const allow = policy.rules.filter(({ effect }) => effect === "allow");
  const deny = policy.rules.filter(({ effect, guard }) => effect === "deny" && guard === undefined);
  const sentences = new Map<Rule, string>();
  for (const rule of allow) {
    const own = main.filter(({ action }) => rule.actions.includes(action));
    const why = !isMeetable(rule, own)
      ? "no params meet its constraint: it allows nothing"
      : isCovered(rule, own, (other) => other.effect === "deny", { policy, total })
      ? "allows nothing: deny rules deny all of it"
      : isCovered(rule, own, (other) => other.effect === "allow" && other.index < rule.index, {
          policy,
          total,
        })
      ? "is never the rule that decides: rules before it allow all of it"
      : undefined;
    if (why !== undefined) sentences.set(rule, why);
  }
  // Of two equal rules the later one is superfluous, not both.
  const superfluous = new Set<Rule>();
  for (const rule of deny.toReversed()) {
    const own = views.filter(({ action, implied }) =>
      [action, ...implied].some((one) => rule.actions.includes(one))
    );
    const others = (other: Rule) =>
      other.effect === "deny" && other !== rule && !superfluous.has(other);
    if (own.length === 0 || !takes(rule, own, policy)) continue;
    if (!isCovered(rule, own, others, { policy, total })) continue;
    superfluous.add(rule);
    sentences.set(rule, "takes nothing away: other deny rules deny all of it that is allowed");
  }
  return policy.rules.flatMap((rule) => {
    const sentence = sentences.get(rule);
    return sentence === undefined ? [] : [escape(`${rule.id}: ${sentence}`)];
  });
}

/** Whether some params meet the constraint of a rule. */
function isMeetable({ constraint }: Rule, views: readonly View[]): boolean {
  if (constraint === undefined) return true;
  const wants = [{ conditions: constraint.conditions, is: "true" as const }];
  return views.length === 0 ||
    views.some(({ spec }) => solve(wants, { spec, check: () => true }) !== "none");
}

/** Whether a deny rule has something in common with an allow rule; the others are told elsewhere. */
function takes(rule: Rule, views: readonly View[], policy: Policy): boolean {
  return views.some((view) => {
    const refs = refsOf(policy, view, "gain");
    const allowed = refs.filter((ref) => ref.rule.effect === "allow");
    return refs.filter((ref) => ref.rule === rule).some((own) => meets(own, allowed, view));
  });
}

function meets({ patterns }: Ref, allowed: readonly Ref[], { kind }: View): boolean {
  const options = { grammar: GRAMMARS[kind], budget: new Budget(STATES) };
  return allowed.some((other) =>
    other.patterns.some((a) =>
      patterns.some((b) => targetsOutside([a, b], new Cover(), options).length > 0)
    )
  );
}

/** Whether other rules certainly hold wherever this one does. */
function isCovered(
  rule: Rule,
  views: readonly View[],
  counts: (other: Rule) => boolean,
  { policy, total }: { readonly policy: Policy; readonly total: Budget },
): boolean {
  return views.length > 0 && views.every((view) => {
    const refs = refsOf(policy, view, "gain");
    const own = refs.filter((ref) => ref.rule === rule);
    const others = refs.filter((ref) => counts(ref.rule));
    const allowed = refs.filter((ref) => ref.rule.effect === "allow");
    if (others.length === 0) return false;
    const cover = new Cover<Ref>();
    for (const other of others) insert(cover, other);
    return own.every(({ conditions, patterns }) => {
      const isWanted = (values: readonly Ref[]) =>
        !values.some((other) => conditionsImply(conditions, other.conditions));
      const isEmpty = (lefts: Ref["patterns"]) => {
        const budget = new Budget(STATES, total);
        const options = { grammar: GRAMMARS[view.kind], isWanted, budget };
        return targetsOutside(lefts, cover, options).length === 0 && !budget.spent;
      };
      // Of a deny rule only what some rule allows counts.
      return patterns.every((steps) =>
        rule.effect === "allow"
          ? isEmpty([steps])
          : allowed.every((other) => other.patterns.every((allowing) => isEmpty([steps, allowing])))
      );
    });
  });
}
