/**
 * Shadow mode: a policy, or some of its rules, that is tried: what it would refuse is let through, and
 * recorded.
 *
 * It is a policy of its own, made of the one that is tried: rules that are tried lose what they demand, and
 * a policy that is tried allows everything. So the gate knows nothing of it, and the kernel's own files are
 * guarded as ever.
 *
 * @module
 */
import { placeName, type Problems } from "../core/policy/problem.ts";
import { isMapping, type Mapping } from "../core/policy/shape.ts";
import { type ActionTable, type KindName, specOf } from "../core/resource/kind.ts";

/** Patterns that match every target of a kind. */
const EVERYTHING: Readonly<Record<KindName, readonly string[]>> = {
  path: ["/**"],
  url: ["http://**:*/**", "https://**:*/**"],
  // As far as they are found by their names: a rule stands for the programs that are there at load.
  command: ["*"],
  name: ["**"],
};
/** What refuses, of an allow rule whose agent and constraint fit. */
const REFUSALS: readonly string[] = ["paths", "limits", "approval", "otherwise", "mode"];
/** What an allow rule that is tried demands of nobody. */
const DEMANDS: readonly string[] = [
  ...REFUSALS,
  ...["agent", "constraint", "target", "params", "optional", "together", "id"],
];

/** A policy, and what is enforced while it is tried. */
export interface SplitDocument {
  /** What it is without its modes. */
  readonly policy: unknown;
  /** What is enforced meanwhile; missing if nothing is tried. */
  readonly shadow?: {
    readonly enforced: unknown;
    /** What is tried, for people. */
    readonly what: string;
  };
}

/**
 * Splits a document with `mode: shadow` into what is tried and what is enforced.
 *
 * @param document The plain value of a policy.
 * @param actions All actions that there are.
 * @param problems Where it is noted if `mode` is something else.
 */
export function splitByMode(
  document: unknown,
  actions: ActionTable,
  problems: Problems,
): SplitDocument {
  if (!isMapping(document)) return { policy: document };
  const whole = isShadow(document, problems);
  const allow = rulesOf(document["capabilities"], problems.at("capabilities"));
  const deny = rulesOf(document["deny"], problems.at("deny"));
  const count = [...allow, ...deny].filter(({ tried }) => tried).length;
  // What is no list is left as it is: the loader says what is wrong with it.
  const section = (key: string, rules: readonly unknown[]) =>
    Array.isArray(document[key]) ? { [key]: rules } : {};
  const { mode: _, limits, ...rest } = document;
  const limited = limits === undefined || whole ? {} : { limits };
  const stripped = (rules: readonly WrittenRule[]) =>
    rules.map(({ rule }) => without(rule, ["mode"]));
  const policy = {
    ...rest,
    ...limits === undefined ? {} : { limits },
    ...section("capabilities", stripped(allow)),
    ...section("deny", stripped(deny)),
  };
  if (!whole && count === 0) return { policy };
  const enforced = {
    ...rest,
    ...limited,
    ...section("capabilities", [
      // INVARIANT: in its place a rule that is tried decides what it would have decided, so that those after
      // it are enforced. What it would have refused is let through where no other rule speaks: at the end.
      ...allow.map(({ rule, tried }) => without(rule, tried || whole ? REFUSALS : ["mode"])),
      ...allow.filter(({ tried }) => tried && !whole).map(({ rule }) => anyhow(rule)),
      ...whole ? everything(actions) : [],
    ]),
    ...section("deny", stripped(deny.filter(({ tried }) => !tried && !whole))),
  };
  const what = whole ? "the whole policy" : count === 1 ? "one rule" : `${count} rules`;
  return { policy, shadow: { enforced, what } };
}

/** A rule as it was written, but with the id that it has by its place. */
interface WrittenRule {
  readonly rule: unknown;
  readonly tried: boolean;
}

function rulesOf(source: unknown, problems: Problems): WrittenRule[] {
  if (!Array.isArray(source)) return [];
  return source.map((rule, i) => {
    const at = problems.at(i);
    if (!isMapping(rule)) return { rule, tried: false };
    const { id = placeName(at.path) } = rule;
    return { rule: { ...rule, id }, tried: isShadow(rule, at) };
  });
}

function isShadow(source: Mapping, problems: Problems): boolean {
  const { mode } = source;
  if (mode !== undefined && mode !== "shadow" && mode !== "enforce") {
    problems.at("mode").add('Expected "shadow" or "enforce"');
  }
  return mode === "shadow";
}

function without(rule: unknown, keys: readonly string[]): unknown {
  if (!isMapping(rule)) return rule;
  return Object.fromEntries(Object.entries(rule).filter(([key]) => !keys.includes(key)));
}

/** An allow rule that demands nothing. */
function anyhow(rule: unknown): unknown {
  if (!isMapping(rule)) return rule;
  return { id: `${rule["id"]} (shadow)`, ...without(rule, DEMANDS) as object };
}

/** A rule for each kind of resource, for all its actions. */
function everything(actions: ActionTable): object[] {
  const kinds = Map.groupBy(Object.keys(actions), (action) => specOf(actions, action).kind);
  return Array.from(kinds, ([kind, names]) => ({
    id: `shadow: any ${kind}`,
    action: names,
    resource: EVERYTHING[kind],
  }));
}
