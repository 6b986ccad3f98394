/**
 * What one policy allows that another one does not: over all requests, not over samples.
 *
 * @module
 */
import type { Decision } from "../core/policy/decide.ts";
import type { Policy, Rule } from "../core/policy/policy.ts";
import type { Step } from "../core/resource/pattern.ts";
import { KINDS } from "../core/resource/table.ts";
import { canonicalOrError, type World } from "../core/resource/world.ts";
import { isOwnCondition } from "../provenance/meaning.ts";
import {
  type Carried,
  conditionsImply,
  saysTheSame,
  solve,
  type Want,
} from "./condition_solver.ts";
import type { Representatives } from "./condition_values.ts";
import { Cover } from "./cover.ts";
import { Budget, type Found, targetsOutside } from "./language.ts";
import {
  insert,
  neededParams,
  type Ref,
  refsOf,
  verdictOf,
  type View,
  viewsOf,
} from "./policy_views.ts";
import { GRAMMARS, targetOf } from "./target_grammar.ts";

/** A policy that is compared. */
export interface ComparedPolicy {
  /** Without the guards of the kernel's own files, which are those of the process. */
  readonly policy: Policy;
  /** The rules that need a person's yes, by their id. @default none */
  readonly approvals?: ReadonlyMap<string, unknown>;
}

/** A request that shows a difference, in canonical form. */
export interface ExampleRequest {
  readonly action: string;
  readonly target: string;
  /** As the gate sees them: with defaults. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly agent?: string;
  /** The action with a param of this name that the target is: `cwd` of `proc.exec`. */
  readonly as?: { readonly action: string; readonly param: string };
}

/** Something that one policy allows and the other one does not. */
export interface PolicyDifference {
  /** Whether it is allowed without a yes now, or then. @default false: it is allowed at all */
  readonly asked: boolean;
  /** The actions for which it is so with the same example. */
  readonly actions: readonly string[];
  /** The rule that allows it. */
  readonly rule: Rule;
  /** What the other policy says. */
  readonly other: Decision;
  readonly example: ExampleRequest;
}

/** Something that cannot be told. */
export interface UntoldDifference {
  readonly actions: readonly string[];
  readonly rule: Rule;
  readonly why: string;
}

/** The answer of {@linkcode newlyAllowed}. */
export interface OneWay {
  readonly differences: readonly PolicyDifference[];
  readonly untold: readonly UntoldDifference[];
}

/** Most states of automata in one search, and in all. */
const STATES = 20_000, ALL_STATES = 5_000_000;

/**
 * Finds what one policy allows and another one does not. Every difference that is returned was decided by
 * the code of the gate under both; where there is none and nothing is untold, there is none.
 *
 * Compared is what `decide()` says of each resource of a request: the target, what params name, and for a
 * move also what it amounts to. What stages do further is not looked at, but for whether a yes is needed.
 *
 * @param gain The policy whose permissions are looked at.
 * @param base The one that they are compared with.
 * @param world For the canonical form of targets.
 */
export function newlyAllowed(gain: ComparedPolicy, base: ComparedPolicy, world: World): OneWay {
  const differences: PolicyDifference[] = [];
  const untold: UntoldDifference[] = [];
  const total = new Budget(ALL_STATES);
  const known = new Map<string, Comparison>();
  const values = new Map<string, Representatives>();
  const asks = (gain.approvals?.size ?? 0) + (base.approvals?.size ?? 0) > 0;
  for (const view of viewsOf(gain.policy)) {
    for (const asked of asks ? [false, true] : [false]) {
      const comparison = new Comparison(view, { gain, base, world, asked, total, values });
      const { key } = comparison;
      const same = key === undefined ? undefined : known.get(key);
      if (same === undefined || !comparison.repeat(same)) comparison.run();
      if (key !== undefined) known.set(key, comparison);
      // What is allowed at all now needs not be told again.
      const isNew = ({ rule }: PolicyDifference) =>
        !asked ||
        !differences.some((one) => one.rule === rule && one.actions.includes(view.action));
      differences.push(...comparison.differences.filter(isNew));
      untold.push(...comparison.untold);
    }
  }
  return { differences: merged(differences), untold: mergedUntold(untold) };
}

function merged(differences: readonly PolicyDifference[]): PolicyDifference[] {
  const groups = Map.groupBy(
    differences,
    ({ asked, rule, other, example }) =>
      JSON.stringify([asked, rule.id, other.code, other.ruleId, example.target, example.as?.param]),
  );
  return Array.from(groups.values(), (group) => ({
    ...group[0] as PolicyDifference,
    actions: Array.from(new Set(group.flatMap(({ actions }) => actions))),
  }));
}

function mergedUntold(untold: readonly UntoldDifference[]): UntoldDifference[] {
  const groups = Map.groupBy(untold, ({ rule, why }) => `${rule.id}\0${why}`);
  return Array.from(groups.values(), (group) => ({
    ...group[0] as UntoldDifference,
    actions: Array.from(new Set(group.flatMap(({ actions }) => actions))),
  }));
}

/** Both policies, on one resource. */
class Comparison {
  readonly differences: PolicyDifference[] = [];
  readonly untold: UntoldDifference[] = [];
  readonly #view: View;
  readonly #options: ComparisonOptions;
  readonly #deny: readonly Ref[];
  readonly #lost: readonly Ref[];
  readonly #allow: readonly Ref[];
  readonly #base: readonly Ref[];
  /** What may stand against a gain: denials, earlier questions. */
  readonly #against = new Cover<Ref>();
  /** The same, and what the other policy allows. */
  readonly #known = new Cover<Ref>();

  constructor(view: View, options: ComparisonOptions) {
    this.#view = view;
    this.#options = options;
    const { gain, base, asked } = options;
    const allow = (side: Ref["side"], { policy, approvals }: ComparedPolicy, askedFor: boolean) =>
      refsOf(policy, view, side)
        .filter(({ rule }) =>
          rule.effect === "allow" && (approvals?.has(rule.id) ?? false) === askedFor
        );
    const deny = (side: Ref["side"], { policy }: ComparedPolicy) =>
      refsOf(policy, view, side).filter(({ rule }) => rule.effect === "deny");
    const all = (
      side: Ref["side"],
      one: ComparedPolicy,
    ) => [...allow(side, one, false), ...allow(side, one, true)];
    this.#allow = asked ? allow("gain", gain, false) : all("gain", gain);
    this.#base = asked ? allow("base", base, false) : all("base", base);
    this.#deny = [...deny("gain", gain), ...asked ? allow("gain", gain, true) : []];
    this.#lost = [...deny("base", base), ...asked ? allow("base", base, true) : []];
    for (const ref of this.#deny) {
      insert(this.#against, ref);
      insert(this.#known, ref);
    }
    for (const ref of this.#base) {
      insert(this.#known, ref);
      // An earlier rule that does not ask is the one that decides.
      if (asked) insert(this.#against, ref);
    }
  }

  /**
   * Equal for actions for which the same rules count alike, so that one comparison is enough;
   * `undefined` if conditions on params may tell them apart.
   */
  get key(): string | undefined {
    const refs = [...this.#allow, ...this.#deny, ...this.#base, ...this.#lost];
    if (refs.some(({ conditions }) => conditions.some(({ path }) => path.length > 0))) {
      return undefined;
    }
    const names = refs.map(({ rule, side }) => `${side} ${rule.index}`);
    return [this.#view.kind, this.#options.asked, ...new Set(names)].join();
  }

  /** Takes over what was found for another action. @returns Whether all of it is so for this one. */
  repeat({ differences, untold }: Comparison): boolean {
    const { action, spec, as, fixed } = this.#view;
    const own = differences.flatMap(({ example: { target, agent }, ...difference }) => {
      const params = fixed ?? { ...spec.defaults, ...neededParams(spec, target) };
      const carried = agent === undefined ? { params } : { params, agent };
      const other = this.#differs({ ...carried, target });
      const example = { action, target, ...carried, ...as === undefined ? {} : { as } };
      return other === undefined ? [] : [{ ...difference, actions: [action], other, example }];
    });
    if (own.length < differences.length) return false;
    this.differences.push(...own);
    this.untold.push(...untold.map((one) => ({ ...one, actions: [action] })));
    return true;
  }

  run(): void {
    for (const gain of this.#allow) {
      // What no rule of the other policy allows.
      this.#compare(gain, undefined);
    }
    for (const lost of this.#lost) {
      // What a rule of the other policy takes away: one example for each such rule.
      if (this.#isKept(lost)) continue;
      for (const gain of this.#allow) {
        if (this.#compare(gain, lost)) break;
      }
    }
  }

  /** Whether all that a rule denies is denied in the other policy as well, whoever allows it. */
  #isKept(lost: Ref): boolean {
    if (lost.rule.effect === "allow") return false;
    const isWanted = (values: readonly Ref[]) =>
      !values.some((ref) => ref.rule.effect === "deny" && keepsDenying(lost, ref));
    return lost.patterns.every((steps) =>
      this.#search([steps], this.#against, isWanted) === "none"
    );
  }

  #compare(gain: Ref, lost: Ref | undefined): boolean {
    const counts = (ref: Ref) =>
      ref.side === "gain"
        ? ref.rule.effect === "deny" || ref.rule.index < gain.rule.index
        : lost === undefined || (lost.rule.effect === "allow" && ref.rule.index < lost.rule.index);
    const known = new Map<Ref, boolean>();
    const covers = (ref: Ref) => {
      let answer = known.get(ref);
      if (answer === undefined) {
        answer = counts(ref) && conditionsImply(gain.conditions, ref.conditions);
        known.set(ref, answer);
      }
      return answer;
    };
    const isWanted = (values: readonly Ref[]) => !values.some(covers);
    const cover = lost === undefined ? this.#known : this.#against;
    let unknown: string | undefined;
    for (const steps of gain.patterns) {
      for (const others of lost === undefined ? [undefined] : lost.patterns) {
        if (others !== undefined && differAtOnce(steps, others)) continue;
        const lefts = others === undefined ? [steps] : [steps, others];
        const found = this.#search(lefts, cover, isWanted);
        if (found === "none") continue;
        if (found === "unknown") {
          unknown ??= "its patterns, together with those of other rules, are too many";
          continue;
        }
        for (const one of found) {
          const answer = this.#request(one, { gain, lost, counts });
          if (answer === "shown") return true;
          if (answer !== undefined) unknown ??= answer;
        }
      }
    }
    if (unknown !== undefined) {
      this.untold.push({ actions: [this.#view.action], rule: gain.rule, why: unknown });
    }
    return false;
  }

  #search(
    lefts: readonly (readonly Step[])[],
    cover: Cover<Ref>,
    isWanted: (values: readonly Ref[]) => boolean,
  ): readonly Found<Ref>[] | "none" | "unknown" {
    const { total } = this.#options;
    const budget = new Budget(total.spent ? 0 : STATES, total);
    const grammar = GRAMMARS[this.#view.kind];
    const found = targetsOutside(lefts, cover, { grammar, isWanted, budget });
    if (found.length > 0) return found;
    return budget.spent ? "unknown" : "none";
  }

  /** Looks for params with which a target is a difference. */
  #request(
    { word, values }: Found<Ref>,
    { gain, lost, counts }: {
      readonly gain: Ref;
      readonly lost: Ref | undefined;
      readonly counts: (ref: Ref) => boolean;
    },
  ): "shown" | undefined | string {
    const { kind, spec, fixed, action, as } = this.#view;
    const target = targetOf(kind, word);
    const canonical = canonicalOrError(() =>
      kind === "command" ? target : KINDS[kind].normalise(target, this.#options.world)
    );
    if (canonical !== target) return `what "${target}" stands for is written otherwise`;
    const wants: Want[] = [
      { conditions: gain.conditions, is: "true" },
      ...lost === undefined ? [] : [{
        conditions: lost.conditions,
        is: lost.rule.effect === "deny" ? "not false" as const : "true" as const,
      }],
      ...values.filter(counts).map(({ rule, conditions }) => ({
        conditions,
        is: rule.effect === "deny" ? "false" as const : "not true" as const,
      })),
    ];
    let other: Decision | undefined;
    const solution = solve(wants, {
      spec,
      fixed,
      given: neededParams(spec, target),
      budget: this.#options.total,
      known: this.#options.values,
      check: (carried) => {
        other = this.#differs({ ...carried, target });
        return other !== undefined;
      },
    });
    if (solution === "none") return undefined;
    if (solution === "unknown" || other === undefined) {
      return wants.some(({ conditions }) => conditions.some(isOwnCondition))
        ? "it asks where values come from, which only a session knows"
        : "its constraint can only be compared by trying values, and none of those tried differs";
    }
    const example = { action, target, ...solution, ...as === undefined ? {} : { as } };
    this.differences.push({
      asked: this.#options.asked,
      actions: [action],
      rule: gain.rule,
      other,
      example,
    });
    return "shown";
  }

  /** What the other policy says; `undefined` if that is no difference. */
  #differs(request: Carried & { readonly target: string }): Decision | undefined {
    const { gain, base, asked } = this.#options;
    const isAllowed = ({ effect, ruleId = "" }: Decision, { approvals }: ComparedPolicy) =>
      effect === "allow" && !(asked && approvals?.has(ruleId));
    const now = verdictOf(gain.policy, this.#view, request);
    const other = verdictOf(base.policy, this.#view, request);
    return isAllowed(now, gain) && !isAllowed(other, base) ? other : undefined;
  }
}

interface ComparisonOptions {
  readonly gain: ComparedPolicy;
  readonly base: ComparedPolicy;
  readonly world: World;
  /** Whether what needs a yes counts as not allowed. */
  readonly asked: boolean;
  /** For all searches together. */
  readonly total: Budget;
  /** Values for conditions, by these. */
  readonly values: Map<string, Representatives>;
}

/** Whether what cannot fail for one deny rule cannot fail for the other. Equal conditions are enough. */
function keepsDenying(lost: Ref, kept: Ref): boolean {
  return kept.conditions.every((one) => lost.conditions.some((own) => saysTheSame(own, one)));
}

/** Whether two patterns have no target in common because of what they begin with. */
function differAtOnce(a: readonly Step[], b: readonly Step[]): boolean {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a[i], b[i]];
    if (typeof x !== "string" || typeof y !== "string") return false;
    if (x !== y) return true;
  }
  return false;
}
