/**
 * From a plain value to a {@linkcode Policy}.
 *
 * @module
 */
import { type ActionTable, type KindName, specOf } from "../resource/kind.ts";
import type { Pattern } from "../resource/pattern.ts";
import { KINDS } from "../resource/table.ts";
import type { World } from "../resource/world.ts";
import { type GuardedPath, guardRules } from "./guard.ts";
import type { Policy, Rule } from "./policy.ts";
import { PolicyError, type Problems } from "./problem.ts";
import { readRules, type RuleOptions } from "./rule.ts";
import { indexRules } from "./rule_index.ts";
import { LIST, readMapping, type Shape } from "./shape.ts";

/** What a policy is loaded with. */
export interface LoadOptions {
  /** The machine; its `base` is what relative patterns are relative to. */
  readonly world: World;
  /**
   * The machine as paths of allow rules are resolved on it: links that could lie where somebody may
   * change files are not followed.
   *
   * @param changeable What the policy allows to change.
   */
  readonly linksOutside: (changeable: readonly Pattern[]) => World;
  /** Name of the policy, for messages. */
  readonly source: string;
  /** What identifies it in records. */
  readonly digest: string;
  /** All actions that there are. */
  readonly actions: ActionTable;
  /**
   * Replaces variables in the text of a pattern.
   *
   * @throws {PatternError} One cannot be replaced.
   */
  readonly expand: (pattern: string, kind: KindName) => string;
  /** Keys of the document and of its allow rules that are read elsewhere, for stages. @default none */
  readonly further?: { readonly document: Shape; readonly rule: Shape };
  /** Conditions on params that are compiled elsewhere, by the id of the rule. @default none */
  readonly conditions?: RuleOptions["conditions"];
  /** Files of the kernel itself. @default none */
  readonly guarded?: readonly GuardedPath[];
  /** Where problems are noted; any that are noted before refuse the policy too. */
  readonly problems: Problems;
}

/** The keys of a document that the core reads. */
export const DOCUMENT = {
  version: {
    is: (value: unknown): value is 1 => value === 1,
    expected: "Is of an unknown version, expected 1",
  },
  capabilities: {
    ...LIST,
    missing: 'Has no "capabilities", expected a list of rules (it may be empty: [])',
  },
  deny: LIST,
};

/**
 * Loads and checks a policy. Everything that is wrong with it is reported at once. Its examples are
 * not looked at.
 *
 * @param document A private plain value without inexact numbers: what `parseDocument` gives of a text
 * whose scalars were checked, or `copyJson` of an object.
 * @param options The machine, the actions, and what else rules depend on.
 * @returns A policy that never changes.
 * @throws {PolicyError} It is refused.
 */
export function loadPolicy(document: unknown, options: LoadOptions): Policy {
  const { world, source, digest, actions, problems, further } = options;
  const expected = 'Expected a mapping with the key "capabilities"';
  const shape = { ...DOCUMENT, ...further?.document };
  const found = readMapping(document, { shape, expected, problems }) ?? {};
  const common = { ...options, keys: further?.rule ?? {}, ids: new Set<string>() };
  const asWritten: World = { ...world, realPath: (path) => path };
  const read = (section: "capabilities" | "deny", effect: Rule["effect"], index: number) => {
    const paths = effect === "allow" ? asWritten : world;
    const at = { effect, index, paths, problems: problems.at(section) };
    return readRules(found[section] ?? [], { ...common, ...at });
  };
  const written = read("capabilities", "allow", 0);
  const deny = read("deny", "deny", written.length);
  if (problems.found.length > 0) throw new PolicyError(source, problems.found);
  // INVARIANT: what may be changed is known before a link is followed: as written, then by real paths.
  const allow = followLinks(followLinks(written, options), options);
  const firstIndex = allow.length + deny.length;
  const guards = guardRules(options.guarded ?? [], { world, actions, firstIndex });
  const rules = [...allow, ...deny, ...guards];
  return { source, digest, rules, actions, index: indexRules(rules, actions), warnings: [] };
}

/** The allow rules with the links of their paths followed, except where these rules allow changes. */
function followLinks(
  rules: readonly Rule[],
  { linksOutside, actions, expand }: LoadOptions,
): readonly Rule[] {
  const changing = rules.filter((rule) =>
    rule.actions.some((action) => specOf(actions, action).access?.includes("write"))
  );
  const world = linksOutside(changing.flatMap(({ patterns }) => patterns.get("path") ?? []));
  return rules.map((rule) => {
    if (!rule.patterns.has("path")) return rule;
    const paths = rule.resources.flatMap((text) => KINDS.path.compile(expand(text, "path"), world));
    return { ...rule, patterns: new Map([...rule.patterns, ["path", paths]]) };
  });
}
