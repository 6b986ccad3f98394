/**
 * What rules demand further: limits, and the paths among arguments. Compared from rule to rule.
 *
 * @module
 */
import type { Rule } from "../core/policy/policy.ts";
import type { Limit } from "../limits/limit.ts";
import { keyOf } from "./language.ts";
import { overlap } from "./overlap.ts";
import type { TriedPolicy } from "./read.ts";

/** A demand that is another one now. */
export interface DemandChange {
  /** Whether less is demanded, more, or it cannot be told. */
  readonly change: "looser" | "tighter" | "untold";
  /** Of the rule, or of the limit of the whole policy. */
  readonly id: string;
  readonly what: string;
}

/** A policy with what its rules demand. */
export type DemandingPolicy = Pick<TriedPolicy, "policy" | "limits">;

/**
 * Compares what two policies demand of what both allow. Rules are the same if they have the same actions,
 * patterns and conditions, wherever they stand.
 */
export function demandChanges(from: DemandingPolicy, to: DemandingPolicy): DemandChange[] {
  const [old, now] = [demandsOf(from), demandsOf(to)];
  const changes: DemandChange[] = [];
  for (const [key, { rule, limits, fixed }] of old) {
    const other = now.get(key);
    if (other === undefined) {
      if (limits.length === 0 && fixed === NOTHING) continue;
      // What replaces it demands something else, or is no longer allowed.
      const heirs = allowing(to).filter((one) => !old.has(signature(one)) && meet(one, rule));
      changes.push(...heirs.map(({ id }): DemandChange => ({
        change: "untold",
        id,
        what: `limits or paths of the former rule "${rule.id}", of which it allows some`,
      })));
      continue;
    }
    changes.push(...limitChanges(limits, other.limits, other.rule.id));
    if (fixed !== other.fixed) {
      const change = fixed === NOTHING ? "tighter" : other.fixed === NOTHING ? "looser" : "untold";
      changes.push({ change, id: other.rule.id, what: "paths, or limits of each program" });
    }
    const demanding = limits.length > 0 || fixed !== NOTHING;
    const before = allowing(to).find((one) =>
      one.index < other.rule.index && !old.has(signature(one)) && meet(one, rule)
    );
    if (demanding && before !== undefined) {
      const what = `limits or paths of "${other.rule.id}", of which it allows some before that`;
      changes.push({ change: "untold", id: before.id, what });
    }
  }
  const all = ({ limits }: DemandingPolicy) =>
    limits.all.flatMap(({ action, limits }) => limits.map((one) => ({ ...one, action })));
  return [...changes, ...limitChanges(all(from), all(to), "the whole policy")];
}

const NOTHING = "{}";

interface Demands {
  readonly rule: Rule;
  readonly limits: readonly Limit[];
  /** The paths and the bounds of each program, as a text. */
  readonly fixed: string;
}

function allowing({ policy }: DemandingPolicy): Rule[] {
  return policy.rules.filter(({ effect }) => effect === "allow");
}

function demandsOf(one: DemandingPolicy): Map<string, Demands> {
  return new Map(
    allowing(one).map((rule) => {
      const paths = one.policy.argumentPaths?.get(rule.id);
      const program = one.limits.programs.get(rule.id)?.values;
      const fixed = JSON.stringify({
        paths: paths && { ...paths, after: Array.from(paths.after) },
        program,
      });
      return [signature(rule), { rule, limits: one.limits.rules.get(rule.id) ?? [], fixed }];
    }),
  );
}

/** What a rule is about, without its name and its place. */
function signature({ actions, patterns, constraint }: Rule): string {
  return JSON.stringify([
    actions.toSorted(),
    Array.from(patterns, ([kind, all]) => [kind, all.map(({ steps }) => keyOf(steps)).toSorted()]),
    constraint?.conditions.map(({ param, path, source }) => [param, path.length, source]),
  ]);
}

function meet(a: Rule, b: Rule): boolean {
  return a.actions.some((action) => b.actions.includes(action)) &&
    Array.from(a.patterns).some(([kind, patterns]) =>
      patterns.some(({ steps }) =>
        b.patterns.get(kind)?.some((other) => overlap(steps, other.steps)) ?? false
      )
    );
}

function limitChanges(old: readonly Limit[], now: readonly Limit[], id: string): DemandChange[] {
  const kindOf = ({ measure, period, shared, zone, path, result, ...more }: Limit) =>
    JSON.stringify([
      measure,
      period,
      shared,
      zone,
      path,
      result,
      "action" in more ? more.action : undefined,
    ]);
  const byKind = new Map(now.map((one) => [kindOf(one), one]));
  const known = new Set(old.map(kindOf));
  const changes = old.flatMap((one): DemandChange[] => {
    const other = byKind.get(kindOf(one));
    if (other === undefined) return [{ change: "looser", id, what: `no limit ${one.text}` }];
    const looser = other.max > one.max || (other.refillMs ?? 0) < (one.refillMs ?? 0);
    const tighter = other.max < one.max || (other.refillMs ?? 0) > (one.refillMs ?? 0);
    if (!looser && !tighter) return [];
    const what = `${other.text} instead of ${one.text}`;
    return [{ change: looser ? "looser" : "tighter", id, what }];
  });
  const added = now.filter((one) => !known.has(kindOf(one)));
  return [
    ...changes,
    ...added.map(({ text }): DemandChange => ({ change: "tighter", id, what: `a limit ${text}` })),
  ];
}
