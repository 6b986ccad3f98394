/**
 * The key `paths` of a rule: which words of a command line are paths, and what is done to them.
 *
 * @module
 */
import type { Policy } from "../core/policy/policy.ts";
import type { Problems } from "../core/policy/problem.ts";
import { type Field, isMapping, readMapping } from "../core/policy/shape.ts";
import { type ActionTable, specOf } from "../core/resource/kind.ts";
import { expandBraces } from "../core/resource/pattern.ts";
import { PatternError } from "../core/resource/world.ts";

/** The actions under which a word is decided, all of which have to be allowed; none for no path. */
export type PathActions = readonly string[];

/** Which words of `args` are paths. */
export interface ArgumentPaths {
  /** The words that are neither options nor values of options. */
  readonly operands: PathActions;
  /** The first operand. @default as `operands` */
  readonly first?: PathActions | undefined;
  /** The last operand. @default as `operands` */
  readonly last?: PathActions | undefined;
  /** The working directory itself, further to `fs.read`. */
  readonly cwd: PathActions;
  /** The words after these options. */
  readonly after: ReadonlyMap<string, PathActions>;
  /** The rest of a word with this beginning, the longest ones first. */
  readonly joined: readonly (readonly [start: string, actions: PathActions])[];
  /** Texts that no word may contain. */
  readonly refuse: readonly string[];
}

/** A policy with rules that have the key `paths`. */
export interface PolicyWithPaths extends Policy {
  /** By the id of the rule. @default none */
  readonly argumentPaths?: ReadonlyMap<string, ArgumentPaths>;
  /** The rules that need a person's yes, by their id. @default none */
  readonly approvals?: ReadonlyMap<string, unknown>;
}

const ROLE: Field<string | readonly string[]> = {
  is: (value): value is string | readonly string[] => {
    const names = Array.isArray(value) ? value : [value];
    return names.length > 0 && names.every((name) => typeof name === "string" && name !== "");
  },
  expected: 'Expected an action on paths like fs.read, a list of them, or "none"',
};
const TEXTS: Field<readonly string[]> = {
  is: (value): value is readonly string[] =>
    Array.isArray(value) && value.every((text) => typeof text === "string" && text !== ""),
  expected: "Expected a list of texts",
};
const OPTIONS: Field<Readonly<Record<string, unknown>>> = {
  is: isMapping,
  expected:
    'Expected a mapping from options to actions, like { "-f": fs.read, "--file=*": fs.read }',
};
/** The keys of `paths`. */
export const PATHS_SHAPE = {
  operands: ROLE,
  first: ROLE,
  last: ROLE,
  cwd: ROLE,
  after: OPTIONS,
  values: TEXTS,
  refuse: TEXTS,
};

/** What the key is read with. */
export interface ArgumentPathsOptions {
  readonly actions: ActionTable;
  /** Stands at the list of rules. */
  readonly problems: Problems;
}

/**
 * Reads the key `paths` of all rules.
 *
 * @param document The plain value of a policy.
 * @param options The actions that there are, and where problems are noted.
 * @returns By the position of the rule in `capabilities`.
 */
export function readArgumentPaths(
  document: unknown,
  { actions, problems }: ArgumentPathsOptions,
): Map<number, ArgumentPaths> {
  const found = new Map<number, ArgumentPaths>();
  const rules = isMapping(document) ? document["capabilities"] : undefined;
  if (!Array.isArray(rules)) return found;
  for (const [i, rule] of rules.entries()) {
    if (!isMapping(rule) || rule["paths"] === undefined) continue;
    const paths = readOne(rule["paths"], { actions, problems: problems.at(i, "paths") });
    if (paths !== undefined) found.set(i, paths);
  }
  return found;
}

/**
 * Adds what {@linkcode readArgumentPaths} found to the policy.
 *
 * @param policy Loaded from the same document.
 * @param found By position.
 * @param problems Where it is noted that a rule is for actions without `cwd`; stands at the rules.
 */
export function withArgumentPaths<P extends Policy>(
  policy: P,
  found: ReadonlyMap<number, ArgumentPaths>,
  problems: Problems,
): P & PolicyWithPaths {
  const argumentPaths = new Map<string, ArgumentPaths>();
  for (const [i, paths] of found) {
    const rule = policy.rules[i];
    if (rule === undefined) continue;
    const odd = rule.actions.find((action) => !runsInFolder(policy.actions, action));
    if (odd !== undefined) {
      problems.at(i, "paths").add(
        `${odd} has no "args" and "cwd", expected an action like proc.exec alone`,
      );
    }
    argumentPaths.set(rule.id, paths);
  }
  return { ...policy, argumentPaths };
}

/** Whether an action has words, and a folder in canonical form that they are relative to. */
function runsInFolder(actions: ActionTable, action: string): boolean {
  const { resources = [], params = [] } = specOf(actions, action);
  return params.includes("args") &&
    resources.some(({ param, kind }) => param === "cwd" && kind === "path");
}

function readOne(source: unknown, options: ArgumentPathsOptions): ArgumentPaths | undefined {
  const { problems } = options;
  const expected = `Expected a mapping with some of ${Object.keys(PATHS_SHAPE).join(", ")}`;
  const found = readMapping(source, { shape: PATHS_SHAPE, expected, problems });
  if (found === undefined) return undefined;
  const actionsOf = (key: "operands" | "first" | "last" | "cwd") =>
    found[key] === undefined ? undefined : readRole(found[key], options, problems.at(key));
  const after = new Map<string, PathActions>();
  const joined: [string, PathActions][] = [];
  const add = (written: string, actions: PathActions, problems: Problems) => {
    for (const option of expand(written, problems)) {
      const isJoined = option.endsWith("*");
      const name = isJoined ? option.slice(0, -1) : option;
      if (!/^--?[^-*?[\]\\]/.test(name) || /[*?[\]\\]/.test(name)) {
        problems.add(`"${written}" is no option, expected one like "-f", "--file" or "--file=*"`);
      } else if (isJoined) joined.push([name, actions]);
      else after.set(name, actions);
    }
  };
  for (const option of found.values ?? []) add(option, [], problems.at("values"));
  for (const [option, role] of Object.entries(found.after ?? {})) {
    const place = problems.at("after", option);
    if (ROLE.is(role)) add(option, readRole(role, options, place), place);
    else place.add(ROLE.expected);
  }
  return {
    operands: actionsOf("operands") ?? [],
    first: actionsOf("first"),
    last: actionsOf("last"),
    cwd: actionsOf("cwd") ?? [],
    after,
    joined: joined.sort(([a], [b]) => b.length - a.length),
    refuse: found.refuse ?? [],
  };
}

function readRole(
  role: string | readonly string[],
  { actions }: ArgumentPathsOptions,
  problems: Problems,
): PathActions {
  if (role === "none") return [];
  const names = [role].flat();
  const known = Object.keys(actions).filter((name) => isOnPath(actions, name));
  for (const name of names) {
    if (!known.includes(name)) {
      problems.add(`"${name}" is no action on one path, expected ${known.join(", ")}, or none`);
    }
  }
  return names;
}

/** Whether an action does something to one path, and can be decided by it alone. */
function isOnPath(actions: ActionTable, action: string): boolean {
  const { kind, resources = [] } = specOf(actions, action);
  return kind === "path" && !resources.some(({ required }) => required);
}

function expand(option: string, problems: Problems): string[] {
  try {
    return expandBraces(option);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    problems.add(error.message);
    return [];
  }
}
