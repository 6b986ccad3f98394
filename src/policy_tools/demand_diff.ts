/**
 * What rules demand further: limits, the paths among arguments, and secrets. Compared from rule to rule.
 *
 * @module
 */
import type { Rule } from "../core/policy/policy.ts";
import type { Limit } from "../limits/limit.ts";
import type { SubmitLimit } from "../limits/submit_limit.ts";
import { decimalOf } from "../limits/decimal.ts";
import { comparable } from "./condition_solver.ts";
import { keyOf } from "./cover.ts";
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
export type DemandingPolicy = Pick<TriedPolicy, "policy" | "limits" | "provenance">;

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
  const all = ({ limits }: DemandingPolicy): ComparedLimit[] => [
    ...limits.all.flatMap(({ action, limits }) => limits.map((one) => ({ ...one, action }))),
    ...limits.submits.map(submitsOf),
  ];
  return [
    ...changes,
    ...limitChanges(all(from), all(to), "the whole policy"),
    ...foldChanges(from.limits.submits, to.limits.submits),
    ...secretChanges(from, to),
    ...goalChanges(from, to),
  ];
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

/** A limit of a rule, or of the whole policy. */
type ComparedLimit = Omit<Limit, "id" | "measure"> & {
  readonly measure: string;
  readonly action?: string;
};

function submitsOf({ action, burst, refillMs, shared, text }: SubmitLimit): ComparedLimit {
  const bucket = { max: decimalOf(burst), refillMs, period: undefined };
  return { measure: "submits", action, shared, text, ...bucket };
}

/** Whether what submits were refused is told in fewer records. */
function foldChanges(old: readonly SubmitLimit[], now: readonly SubmitLimit[]): DemandChange[] {
  const kindOf = ({ action, shared }: SubmitLimit) => JSON.stringify([action, shared]);
  const known = new Map(old.map((one) => [kindOf(one), one]));
  return now.flatMap((one): DemandChange[] => {
    const before = known.get(kindOf(one));
    const [was, is] = [before?.foldMs ?? 0, one.foldMs ?? 0];
    if (before === undefined || was === is) return [];
    const what = `records of refusals are gathered for ${is} ms instead of ${was} ms`;
    return [{ change: is > was ? "looser" : "tighter", id: one.id, what }];
  });
}

function secretsOf({ provenance }: DemandingPolicy): Map<string, string> {
  return new Map(
    provenance.sources.filter(({ isSecret }) => isSecret).map(({ id, key }) => [id, key]),
  );
}

/** What must not go out. */
function secretChanges(from: DemandingPolicy, to: DemandingPolicy): DemandChange[] {
  const [old, now] = [secretsOf(from), secretsOf(to)];
  return Array.from(new Set([...old.keys(), ...now.keys()])).flatMap((id): DemandChange[] => {
    if (old.get(id) === now.get(id)) return [];
    if (!now.has(id)) return [{ change: "looser", id, what: "the source is no secret any more" }];
    if (!old.has(id)) return [{ change: "tighter", id, what: "the source is a secret now" }];
    return [{ change: "untold", id, what: "the secret source is defined otherwise" }];
  });
}

/** Where secrets may go. */
function goalChanges(from: DemandingPolicy, to: DemandingPolicy): DemandChange[] {
  const goalsOf = (one: DemandingPolicy) =>
    Map.groupBy(
      allowing(one).map((rule) => ({ rule, to: one.provenance.rules.get(rule.id)?.to ?? [] })),
      ({ rule }) => signature(rule),
    );
  const [old, now] = [goalsOf(from), goalsOf(to)];
  const secrets = [secretsOf(from), secretsOf(to)] as const;
  // A source that is a secret in one of them alone is told already.
  const isSecret = (id: string) => secrets.every((one) => one.has(id));
  const changes = (change: "looser" | "tighter", a: typeof old, b: typeof old) =>
    Array.from(a).flatMap(([key, rules]) =>
      rules.flatMap(({ rule, to }) =>
        to.filter((id) => isSecret(id) && !b.get(key)?.some(({ to }) => to.includes(id)))
          .map((id): DemandChange => {
            const verb = change === "looser" ? "lets" : "no longer lets";
            const what = `${verb} values of the secret source "${id}" out`;
            return { change: b.has(key) ? change : "untold", id: rule.id, what };
          })
      )
    );
  return [...changes("looser", now, old), ...changes("tighter", old, now)];
}

/** What a rule is about, without its name and its place. */
function signature({ actions, patterns, constraint }: Rule): string {
  return JSON.stringify([
    actions.toSorted(),
    Array.from(patterns, ([kind, all]) => [kind, all.map(({ steps }) => keyOf(steps)).toSorted()]),
    constraint?.conditions.map((one) => [one.param, one.path.length, comparable(one)]),
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

function limitChanges(
  old: readonly ComparedLimit[],
  now: readonly ComparedLimit[],
  id: string,
): DemandChange[] {
  const kindOf = ({ measure, period, shared, zone, path, result, action }: ComparedLimit) =>
    JSON.stringify([
      measure,
      period,
      shared,
      zone,
      path,
      result,
      action,
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
