/**
 * What a policy could ever allow: what it could not is not offered to a client.
 *
 * @module
 */
import type { PolicySummary, RuleSummary } from "../core/policy/policy.ts";
import { MANY, ONE, type Pattern, type Step } from "../core/resource/pattern.ts";
import { KINDS } from "../core/resource/table.ts";
import { PatternTrie } from "../core/resource/trie.ts";
import { denoWorld } from "../core/resource/deno_world.ts";

/**
 * Whether some rule could allow an action on a name. `isPrefix`: on some name that begins with these segments.
 */
export type MayAllow = (
  action: string,
  name: string,
  options?: { readonly isPrefix?: boolean },
) => boolean;

/** A rule; one with a constraint may hold for some params and not for others. */
type ListedRule = RuleSummary & { readonly constraint?: unknown };

/**
 * What a policy could ever allow of actions on names (`mcp.*`). It only serves lists: every request is decided by
 * the gate, whatever this says.
 *
 * @param policy Asked anew each time: it may be replaced.
 */
export function exposure(policy: () => PolicySummary): MayAllow {
  let known: PolicySummary | undefined;
  let compiled: readonly CompiledRule[] = [];
  return (action, name, { isPrefix = false } = {}) => {
    const current = policy();
    if (current !== known) {
      compiled = current.rules.map(compile);
      known = current;
    }
    const segments = name.split("/");
    const rules = compiled.filter(({ rule }) => rule.actions.includes(action));
    const allowed = rules.some(({ rule, allows, patterns }) =>
      rule.effect === "allow" &&
      (isPrefix
        ? patterns.some(({ steps }) => canBegin(steps, segments))
        : allows.match(segments).length > 0)
    );
    const denied = rules.some(({ rule, denies }) =>
      rule.effect === "deny" && rule.constraint === undefined && denies.match(segments).length > 0
    );
    return allowed && (isPrefix || !denied);
  };
}

interface CompiledRule {
  readonly rule: ListedRule;
  readonly patterns: readonly Pattern[];
  readonly allows: PatternTrie<true>;
  readonly denies: PatternTrie<true>;
}

function compile(rule: ListedRule): CompiledRule {
  const concerns = rule.actions.some((action) => action.startsWith("mcp."));
  const patterns = concerns ? rule.resources.flatMap(patternsOf) : [];
  const allows = new PatternTrie<true>();
  const denies = new PatternTrie<true>();
  for (const { steps, denySteps } of patterns) {
    allows.insert(steps, true);
    denies.insert(denySteps, true);
  }
  return { rule, patterns, allows, denies };
}

function patternsOf(text: string): Pattern[] {
  try {
    return KINDS.name.compile(text, denoWorld({ searchPath: [] }));
  } catch {
    return []; // A path or a URL: no pattern of names.
  }
}

/** Whether a name that matches can begin with these segments. */
function canBegin(steps: readonly Step[], segments: readonly string[]): boolean {
  const [step, ...more] = steps;
  const [segment, ...rest] = segments;
  if (segment === undefined || step === MANY) return true;
  if (step === undefined) return false;
  return (step === ONE || typeof step === "object" || step === segment) && canBegin(more, rest);
}
