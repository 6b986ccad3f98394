/**
 * Rules of a policy document, checked value by value.
 *
 * @module
 */
import { matchesAction } from "../action.ts";
import { canonicalJson } from "../json.ts";
import { type ActionTable, type KindName, specOf } from "../resource/kind.ts";
import type { Pattern } from "../resource/pattern.ts";
import { KINDS } from "../resource/table.ts";
import { CanonicalError, PatternError, type World } from "../resource/world.ts";
import { compileAgent, compileConstraint, type Constraint } from "./constraint.ts";
import type { Rule } from "./policy.ts";
import { placeName, type Problems } from "./problem.ts";
import { ANYTHING, isMapping, readMapping, type Shape, TEXT, texts } from "./shape.ts";

/** How rules are read. */
export interface RuleOptions {
  readonly world: World;
  /** The machine by which links of paths are followed. */
  readonly paths: World;
  readonly actions: ActionTable;
  /** Replaces variables in a pattern. */
  readonly expand: (pattern: string, kind: KindName) => string;
  /** Ids so far: each is used once. */
  readonly ids: Set<string>;
  readonly effect: Rule["effect"];
  /** Further keys of allow rules; they are read elsewhere. */
  readonly keys: Shape;
  /** Conditions of allow and deny rules that are compiled elsewhere, by the id of the rule. */
  readonly conditions?: ReadonlyMap<string, Constraint["conditions"]> | undefined;
  /** Number of the first rule among all. */
  readonly index: number;
  /** Stands at the list of rules, or at the rule. */
  readonly problems: Problems;
}

const { missing: _, ...AGENT } = texts("agent", "a pattern of agents' names");
/** The keys of every rule. */
export const SHAPE = {
  id: TEXT,
  reason: TEXT,
  action: texts("action", "an action name"),
  resource: texts("resource", "a pattern"),
  agent: AGENT,
  constraint: ANYTHING,
};
const ACTION_PATTERN = /^(\*|[A-Za-z0-9_-]+)(\.(\*|[A-Za-z0-9_-]+))*$/;

/**
 * Reads a list of rules.
 *
 * @param source The plain value of `capabilities` or `deny`.
 * @param options Their effect, how many rules there are before, and where problems are noted.
 * @returns The rules; with problems, they must not be used.
 */
export function readRules(source: readonly unknown[], options: RuleOptions): Rule[] {
  const { index, problems } = options;
  return source.flatMap((rule, i) =>
    readRule(rule, { ...options, index: index + i, problems: problems.at(i) }) ?? []
  );
}

function readRule(source: unknown, options: RuleOptions): Rule | undefined {
  const { effect, index, problems, ids } = options;
  const expected = "Expected a mapping with action and resource";
  const shape = effect === "allow" ? { ...SHAPE, ...options.keys } : SHAPE;
  const found = readMapping(source, { shape, expected, problems });
  if (found === undefined) return undefined;
  const { id = placeName(problems.path), reason } = found;
  if (found.id?.startsWith("kernel:")) {
    problems.at("id").add('Ids that begin with "kernel:" are for the kernel\'s own rules');
  }
  if (ids.has(id)) problems.at("id").add(`The id "${id}" is used twice`);
  ids.add(id);
  const actions = readActions([found.action ?? []].flat(), options);
  const resources = [found.resource ?? []].flat();
  const patterns = compilePatterns(resources, actions, options);
  const given = readConstraint(found.constraint, actions, options);
  const agent = found.agent === undefined ? [] : [compileAgent(found.agent, problems.at("agent"))];
  const conditions = [...agent, ...given?.conditions ?? [], ...options.conditions?.get(id) ?? []];
  const constraint = conditions.length === 0 ? undefined : { conditions };
  const { line } = problems;
  return { id, effect, index, line, actions, resources, patterns, constraint, reason };
}

function readActions(names: readonly string[], options: RuleOptions): string[] {
  const known = Object.keys(options.actions);
  const problems = options.problems.at("action");
  const found = names.flatMap((text) => {
    if (!ACTION_PATTERN.test(text)) {
      problems.add(
        `"${text}" is not an action, expected names joined by dots like fs.read or fs.*`,
      );
    } else if (text.includes("*")) {
      const covered = known.filter((name) => matchesAction(text, name));
      if (covered.length > 0) return covered;
      problems.add(`"${text}" could never match, expected a pattern of ${known.join(", ")}`);
    } else if (!known.includes(text)) {
      const namespace = text.slice(0, text.indexOf(".") + 1);
      const peers = known.filter((name) => namespace !== "" && name.startsWith(namespace));
      if (peers.length === 0) return [text];
      problems.add(`There is no action "${text}", expected one of ${peers.join(", ")}`);
    } else return [text];
    return [];
  });
  return Array.from(new Set(found));
}

function compilePatterns(
  resources: readonly string[],
  actions: readonly string[],
  { actions: table, expand, world, paths, problems }: RuleOptions,
): Map<KindName, Pattern[]> {
  const kinds = new Set(actions.map((action) => specOf(table, action).kind));
  return new Map(Array.from(kinds, (kind) => [
    kind,
    resources.flatMap((text, i) => {
      try {
        return KINDS[kind].compile(expand(text, kind), kind === "path" ? paths : world);
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        const whose = actions.filter((action) => specOf(table, action).kind === kind);
        const undeclared = whose.every((action) => !Object.hasOwn(table, action));
        const note = undeclared ? `, a name because no provider declares ${whose.join(", ")}` : "";
        problems.at("resource", ...(resources.length > 1 ? [i] : []))
          .add(`${error.message} (a ${kind} for ${whose.join(", ")}${note})`);
        return [];
      }
    }),
  ]));
}

/** Compiles a constraint in the form in which the params are decided. */
function readConstraint(
  source: unknown,
  actions: readonly string[],
  { actions: table, ...options }: RuleOptions,
): Constraint | undefined {
  if (source === undefined) return undefined;
  const problems = options.problems.at("constraint");
  if (!isMapping(source)) return compileConstraint(source, problems);
  try {
    const forms = actions.map((action) =>
      specOf(table, action).canonicalConstraint?.(source) ?? source
    );
    const [form = source, ...others] = new Map(forms.map((one) => [canonicalJson(one), one]))
      .values();
    if (others.length === 0) return compileConstraint(form, problems);
    const other = canonicalJson(forms.find((one) => one !== source));
    problems.add(`Expected the form ${other}, or a rule for each of the actions`);
  } catch (error) {
    if (!(error instanceof CanonicalError)) throw error;
    problems.add(error.message);
  }
  return undefined;
}
