/**
 * The index of rules: by action, then in a trie of the segments of their patterns.
 *
 * @module
 */
import { type ActionTable, specOf } from "../resource/kind.ts";
import { PatternTrie } from "../resource/trie.ts";
import type { ActionRules, Rule, RuleIndex } from "./policy.ts";

/**
 * Indexes rules.
 *
 * @param rules All rules of a policy.
 * @param actions The actions that there are; one that is missing acts on a name.
 * @returns Entries for the actions that a rule names, and no others.
 */
export function indexRules(rules: readonly Rule[], actions: ActionTable): RuleIndex {
  const index = new Map<string, ActionRules>();
  for (const rule of rules) {
    for (const action of rule.actions) {
      let entry = index.get(action);
      if (entry === undefined) {
        const { kind } = specOf(actions, action);
        index.set(action, entry = { kind, allow: new PatternTrie(), deny: new PatternTrie() });
      }
      for (const { steps, denySteps } of rule.patterns.get(entry.kind) ?? []) {
        entry[rule.effect].insert(rule.effect === "deny" ? denySteps : steps, rule);
      }
    }
  }
  return index;
}
