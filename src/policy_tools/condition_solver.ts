/**
 * Params with which some constraints hold and others do not.
 *
 * @module
 */
import { canonicalJson } from "../core/json.ts";
import { type Constraint, evaluate, type Truth, valueAt } from "../core/policy/constraint.ts";
import type { ActionSpec } from "../core/resource/kind.ts";
import { CanonicalError } from "../core/resource/world.ts";
import { isOwnCondition, WHOLE_PARAM } from "../provenance/meaning.ts";
import { implies, type Representatives, representatives } from "./condition_values.ts";
import type { Budget } from "./language.ts";

/** One condition of a constraint; with an empty path, on the agent. */
export type OneCondition = Constraint["conditions"][number];

/** What the conditions of a rule are to be. */
export interface Want {
  readonly conditions: readonly OneCondition[];
  /** All true; none false; one not true; one false. */
  readonly is: "true" | "not false" | "not true" | "false";
}

/** What a request carries besides action and target. */
export interface Carried {
  readonly params: Readonly<Record<string, unknown>>;
  readonly agent?: string;
}

/** Params that were found; `none`: there are none; `unknown`: it cannot be told. */
export type Solution = Carried | "none" | "unknown";

/** What params are looked for. */
export interface SolveOptions {
  readonly spec: ActionSpec;
  /** The params, if nobody can choose them. @default any */
  readonly fixed?: Readonly<Record<string, unknown>> | undefined;
  /** Params that are there anyhow. */
  readonly given?: Readonly<Record<string, unknown>>;
  /** Combinations of values are taken from it as well. @default a bound for this search alone */
  readonly budget?: Budget;
  /** Values that were found for the same conditions before. */
  readonly known?: Map<string, Representatives>;
  /** Looks at what was found with the code of the gate. */
  readonly check: (carried: Carried) => boolean;
}

/** Most combinations of values that are looked at. */
const MAX_COMBINATIONS = 20_000;

/** Whether the conditions of one rule certainly hold where those of another one do. */
export function conditionsImply(
  given: readonly OneCondition[],
  wanted: readonly OneCondition[],
): boolean {
  return wanted.every((one) => given.some((own) => oneImplies(own, one)));
}

function oneImplies(given: OneCondition, wanted: OneCondition): boolean {
  if (given.path.join("\0") !== wanted.path.join("\0")) return false;
  if (!isOwnCondition(given)) {
    return !isOwnCondition(wanted) && implies(given.source, wanted.source);
  }
  const { key, isRelaxed, value, remembered } = given.meaning;
  // What the rule asks beside the origin; in another form than the one that is given it says nothing.
  if (!isOwnCondition(wanted)) {
    return key === "constraint" && !isRelaxed && implies(value, wanted.source);
  }
  if (saysTheSame(given, wanted)) return true;
  const { meaning } = wanted;
  if (
    isRelaxed || meaning.isRelaxed || key !== meaning.key ||
    remembered !== undefined && remembered !== meaning.remembered
  ) return false;
  if (key === "params") {
    const [own, others] = [value, meaning.value] as { names: string[]; defaults: string }[];
    return own?.defaults === others?.defaults &&
      (own?.names.every((name) => others?.names.includes(name)) ?? false);
  }
  return key !== "together" && implies(value, meaning.value);
}

/** Whether two conditions on the same param hold for the same requests. */
export function saysTheSame(a: OneCondition, b: OneCondition): boolean {
  if (a.path.join("\0") !== b.path.join("\0")) return false;
  if (isOwnCondition(a) || isOwnCondition(b)) {
    return isOwnCondition(a) && isOwnCondition(b) &&
      canonicalJson(comparable(a)) === canonicalJson(comparable(b));
  }
  return JSON.stringify(a.source) === JSON.stringify(b.source);
}

/** What a condition says, to be compared as a text. */
export function comparable(condition: OneCondition): unknown {
  if (!isOwnCondition(condition)) return condition.source;
  const { key, value, isRelaxed, remembered = null } = condition.meaning;
  return { key, value, isRelaxed, remembered };
}

/** The values of one param, or of the agent, one for each outcome of the conditions on it. */
interface Choice {
  readonly path: readonly string[];
  readonly classes: readonly {
    readonly value: unknown;
    readonly truths: ReadonlyMap<OneCondition, Truth>;
  }[];
}

/** Finds params. */
export function solve(wants: readonly Want[], options: SolveOptions): Solution {
  const { check } = options;
  if (contradict(wants)) return "none";
  const every = Array.from(new Set(wants.flatMap(({ conditions }) => conditions)));
  // INVARIANT: whether one of these holds depends on the session: it may be anything until the gate has spoken.
  const own = every.filter(isOwnCondition);
  const all = every.filter(({ path }) => !isWhole(path));
  const byPath = Map.groupBy(all, ({ path }) => path.join("\0"));
  const paths = Array.from(byPath.values(), ([first]) => (first as OneCondition).path)
    .sort((a, b) => a.length - b.length);
  // Of a value and of what is in it, values cannot be chosen on their own.
  let complete = !paths.some((a) => paths.some((b) => a !== b && isInside(b, a)));
  const choices = paths.map((path): Choice => {
    const conditions = byPath.get(path.join("\0")) ?? [];
    const found = valuesFor(path, conditions, options);
    complete &&= found.complete;
    const classes = new Map<string, Choice["classes"][number]>();
    for (const value of found.values) {
      const truths = new Map(conditions.map((one) => [one, one.condition(value, {})] as const));
      const key = Array.from(truths.values(), String).join();
      if (!classes.has(key) && mayBe(truths, wants)) classes.set(key, { value, truths });
    }
    return { path, classes: Array.from(classes.values()) };
  });
  let left = MAX_COMBINATIONS;
  let refuted = false;
  const truths = new Map<OneCondition, Truth | "any">();
  const values = new Map<readonly string[], unknown>();
  const choose = (i: number): Carried | undefined => {
    const choice = choices[i];
    if (choice === undefined) {
      for (const one of own) truths.set(one, "any");
      if (!wants.every((want) => isMet(want, truths))) return undefined;
      const carried = carriedOf(values, options);
      if (carried !== undefined && check(carried)) return carried;
      refuted = true;
      return undefined;
    }
    for (const one of choice.classes) {
      if (--left < 0 || options.budget?.take() === false) return undefined;
      values.set(choice.path, one.value);
      for (const [condition, truth] of one.truths) truths.set(condition, truth);
      const found = choose(i + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const found = choose(0);
  if (found !== undefined) return found;
  return complete && !refuted && left >= 0 && !options.budget?.spent ? "none" : "unknown";
}

/** Whether the form of the conditions alone shows that they cannot be met together. */
function contradict(wants: readonly Want[]): boolean {
  const holding = wants.filter(({ is }) => is === "true").flatMap(({ conditions }) => conditions);
  return wants.some(({ conditions, is }) =>
    is === "not true" ? conditionsImply(holding, conditions) : is === "false" &&
      (conditionsImply(holding, conditions) ||
        wants.some((one) => one.is === "not false" && neverFails(conditions, one.conditions)))
  );
}

/** A condition on all params, or on the target, stands at no param. */
function isWhole(path: readonly string[]): boolean {
  return path.length === 1 && path[0] === WHOLE_PARAM;
}

/** Whether each condition is one of those that do not fail. */
function neverFails(
  conditions: readonly OneCondition[],
  standing: readonly OneCondition[],
): boolean {
  return conditions.every((one) => standing.some((own) => saysTheSame(own, one)));
}

function isInside(path: readonly string[], other: readonly string[]): boolean {
  return other.length > 0 && other.length < path.length && other.every((key, i) => key === path[i]);
}

/** Whether what has to hold by itself does. */
function mayBe(truths: ReadonlyMap<OneCondition, Truth>, wants: readonly Want[]): boolean {
  return wants.every(({ conditions, is }) =>
    conditions.every((one) =>
      !truths.has(one) || isOwnCondition(one) || is.startsWith("not t") || is === "false" ||
      (is === "true" ? truths.get(one) === true : truths.get(one) !== false)
    )
  );
}

function isMet(
  { conditions, is }: Want,
  truths: ReadonlyMap<OneCondition, Truth | "any">,
): boolean {
  const may = (one: OneCondition, test: (truth: Truth) => boolean) => {
    const truth = truths.get(one);
    return truth === "any" || test(truth);
  };
  switch (is) {
    case "true":
      return conditions.every((one) => may(one, (truth) => truth === true));
    case "not false":
      return conditions.every((one) => may(one, (truth) => truth !== false));
    case "not true":
      return conditions.some((one) => may(one, (truth) => truth !== true));
    case "false":
      return conditions.some((one) => may(one, (truth) => truth === false));
  }
}

function valuesFor(
  path: readonly string[],
  conditions: readonly OneCondition[],
  options: SolveOptions,
): { readonly values: readonly unknown[]; readonly complete: boolean } {
  const { fixed, spec } = options;
  const [first = ""] = path;
  if (path.length > 0 && fixed !== undefined) {
    return { values: [valueAt(fixed, path)], complete: true };
  }
  // Each value that is named may make a difference; of the others, those that the core tells apart.
  const sources = conditions.flatMap((one) =>
    isOwnCondition(one)
      ? [one.source, ...one.samples.flatMap((sample) => [sample, [sample]])]
      : [one.source]
  );
  const key = canonicalJson(sources);
  const { values, complete } = options.known?.get(key) ?? representatives(sources);
  options.known?.set(key, { values, complete });
  if (path.length === 0) {
    return {
      values: values.filter((one) => one === undefined || typeof one === "string"),
      complete,
    };
  }
  const hasDefault = Object.hasOwn(spec.defaults ?? {}, first);
  let isComplete = complete;
  const canonical = values.flatMap((value) => {
    if (value === undefined && path.length === 1 && hasDefault) return [];
    const params = canonicalOf(withValue({ ...spec.defaults }, path, value), spec);
    if (params === "unknown") isComplete = false;
    return typeof params === "string" ? [] : [valueAt(params, path)];
  });
  return { values: canonical, complete: isComplete };
}

type Params = Record<string, unknown>;

function canonicalOf(
  params: Params | undefined,
  { canonicalParams }: ActionSpec,
): Params | "none" | "unknown" {
  if (params === undefined) return "unknown";
  try {
    return canonicalParams === undefined ? params : { ...canonicalParams(params) };
  } catch (error) {
    // There is no such request.
    return error instanceof CanonicalError ? "none" : "unknown";
  }
}

/** Longest way into lists. */
const MAX_INDEX = 64;

/** A copy with a value at a path; `undefined` if there is no such place. */
function withValue(params: Params, path: readonly string[], value: unknown): Params | undefined {
  const [key = "", ...rest] = path;
  if (rest.length === 0) {
    if (value === undefined) return params;
    return { ...params, [key]: value };
  }
  const [index = ""] = rest;
  const inner = params[key];
  if (/^\d+$/.test(index) && (inner === undefined || Array.isArray(inner))) {
    if (Number(index) > MAX_INDEX) return undefined;
    const list: unknown[] = [...(inner as unknown[] | undefined) ?? []];
    if (value === undefined) return params;
    while (list.length < Number(index)) list.push("x");
    const entry = withValue({ [index]: list[Number(index)] }, rest, value);
    if (entry === undefined) return undefined;
    list[Number(index)] = entry[index];
    return { ...params, [key]: list };
  }
  if (
    inner !== undefined && (inner === null || typeof inner !== "object" || Array.isArray(inner))
  ) return undefined;
  const entry = withValue({ ...inner as Params | undefined }, rest, value);
  return entry === undefined || (value === undefined && inner === undefined)
    ? entry && params
    : { ...params, [key]: entry };
}

function carriedOf(
  values: ReadonlyMap<readonly string[], unknown>,
  { fixed, given, spec }: SolveOptions,
): Carried | undefined {
  let params: Params | undefined = { ...fixed ?? { ...spec.defaults, ...given } };
  let agent: string | undefined;
  for (const [path, value] of values) {
    if (path.length === 0) agent = value as string | undefined;
    else if (fixed === undefined && params !== undefined) params = withValue(params, path, value);
  }
  if (params === undefined) return undefined;
  const canonical = fixed === undefined ? canonicalOf(params, spec) : params;
  if (typeof canonical === "string") return undefined;
  return agent === undefined ? { params: canonical } : { params: canonical, agent };
}

/** The truth of conditions with params, by the code of the gate. */
export function truthOf(conditions: readonly OneCondition[], { params, agent }: Carried): Truth {
  return evaluate({ conditions }, { params, agent });
}
