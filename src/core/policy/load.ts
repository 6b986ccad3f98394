/**
 * From a plain value to a {@linkcode Policy}.
 *
 * @module
 */
import type { ActionTable, KindName } from "../resource/kind.ts";
import type { World } from "../resource/world.ts";
import { type GuardedPath, guardRules } from "./guard.ts";
import type { Policy, Rule } from "./policy.ts";
import { PolicyError, type Problems } from "./problem.ts";
import { readRules } from "./rule.ts";
import { indexRules } from "./rule_index.ts";
import { ANYTHING, LIST, readMapping } from "./shape.ts";

/** What a policy is loaded with. */
export interface LoadOptions {
  /** The machine; its `base` is what relative patterns are relative to. */
  readonly world: World;
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
  /** Files of the kernel itself. @default none */
  readonly guarded?: readonly GuardedPath[];
  /** Where problems are noted; any that are noted before refuse the policy too. */
  readonly problems: Problems;
}

const DOCUMENT = {
  version: {
    is: (value: unknown): value is 1 => value === 1,
    expected: "Is of an unknown version, expected 1",
  },
  variables: ANYTHING,
  capabilities: {
    ...LIST,
    missing: 'Has no "capabilities", expected a list of rules (it may be empty: [])',
  },
  deny: LIST,
  examples: ANYTHING,
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
  const { world, source, digest, actions, expand, problems } = options;
  const expected = 'Expected a mapping with the key "capabilities"';
  const found = readMapping(document, { shape: DOCUMENT, expected, problems }) ?? {};
  const common = { world, actions, expand, ids: new Set<string>() };
  const read = (section: "capabilities" | "deny", effect: Rule["effect"], index: number) =>
    readRules(found[section] ?? [], { ...common, effect, index, problems: problems.at(section) });
  const allow = read("capabilities", "allow", 0);
  const deny = read("deny", "deny", allow.length);
  if (problems.found.length > 0) throw new PolicyError(source, problems.found);
  const firstIndex = allow.length + deny.length;
  const guards = guardRules(options.guarded ?? [], { world, actions, firstIndex });
  const rules = [...allow, ...deny, ...guards];
  return { source, digest, rules, actions, index: indexRules(rules, actions), warnings: [] };
}
