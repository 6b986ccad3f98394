/**
 * A loaded policy: data that requests are decided by, and that never changes.
 *
 * @module
 */
import type { ActionTable, KindName } from "../resource/kind.ts";
import type { Pattern } from "../resource/pattern.ts";
import type { PatternTrie } from "../resource/trie.ts";
import type { Constraint } from "./constraint.ts";

/** A rule, as far as it is of interest outside of the kernel. */
export interface RuleSummary {
  /** What records and explanations show. @default its place, like `capabilities[3]` */
  readonly id: string;
  /** Whether it is one of `capabilities` or of `deny`. */
  readonly effect: "allow" | "deny";
  /** Line in the policy file, from 1; missing for a policy that is an object. */
  readonly line?: number | undefined;
  /** The actions it covers, wildcards expanded. */
  readonly actions: readonly string[];
  /** Its resource patterns as written. */
  readonly resources: readonly string[];
  /** Why, in the words of the policy's author. */
  readonly reason?: string | undefined;
  /** Set on the rules by which the kernel protects its own files. */
  readonly guard?: true;
}

/** One rule of a policy. */
export interface Rule extends RuleSummary {
  /** Position among all rules, the allowing ones first. */
  readonly index: number;
  /** Its resource patterns, compiled for each kind that its actions have. */
  readonly patterns: ReadonlyMap<KindName, readonly Pattern[]>;
  readonly constraint?: Constraint | undefined;
}

/** The rules for one action. */
export interface ActionRules {
  readonly kind: KindName;
  readonly allow: PatternTrie<Rule>;
  readonly deny: PatternTrie<Rule>;
}

/** The rules by action. */
export type RuleIndex = ReadonlyMap<string, ActionRules>;

/** A policy, as far as it is of interest outside of the kernel. */
export interface PolicySummary {
  /** Where it came from: a path, or `"(text)"` or `"(object)"`. */
  readonly source: string;
  /** SHA-256 of its text (of its canonical JSON, if it was an object), 64 hexadecimal digits. */
  readonly digest: string;
  /** All rules: `capabilities`, then `deny`, then the kernel's own guards. */
  readonly rules: readonly RuleSummary[];
  /** What is well-formed, but hardly what was meant. */
  readonly warnings: readonly string[];
}

/** A policy that passed all checks. Made by {@linkcode loadPolicy}. */
export interface Policy extends PolicySummary {
  readonly rules: readonly Rule[];
  /** The actions it was loaded for. */
  readonly actions: ActionTable;
  /** Rules by action and resource. */
  readonly index: RuleIndex;
}
