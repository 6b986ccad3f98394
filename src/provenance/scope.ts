/**
 * The scope of a task: what it may do at most. It is decided beside the policy, so that it can only take away.
 *
 * @module
 */
import { type CanonicalRequest, matchesAction } from "../core/action.ts";
import { authorize } from "../core/policy/authorize.ts";
import { loadPolicy } from "../core/policy/load.ts";
import type { Policy } from "../core/policy/policy.ts";
import { isMapping } from "../core/policy/shape.ts";
import type { ActionTable } from "../core/resource/kind.ts";
import type { World } from "../core/resource/world.ts";
import type { RuledPart } from "../stages/parts.ts";
import { DocumentProblems } from "../policy_tools/problems.ts";

/** What a task may do at most; all of what is given has to hold. */
export interface Scope {
  /**
   * Names of actions, patterns like `fs.*` (`*` for all), and rules `{action, resource, constraint?}` in the form of a
   * policy's. Empty: nothing. @default whatever the policy allows
   */
  readonly actions?: readonly (string | object)[];
  /**
   * Ids of rules of the policy. For a move all that it is has to be allowed by them: the read and the delete of its
   * source, the write of its goal. @default all of them
   */
  readonly rules?: readonly string[];
}

/**
 * Says which actions a task needs: a function, a model, a table of words. What it proposes only narrows; what it
 * throws refuses the session.
 *
 * @param prompt What the user asked for.
 * @param actions The actions that the policy has rules for.
 */
export type ProposeScope = (
  prompt: string,
  actions: readonly string[],
) => Scope | Promise<Scope>;

/** The rules that allow a request. */
export interface Ruled {
  /** Id of the rule that allows its target. */
  readonly rule: string;
  /** What it does beside that, and the rules that allow it. */
  readonly parts: readonly Pick<RuledPart, "action" | "target" | "rule">[];
}

const ACTION_PATTERN = /^(\*|[A-Za-z0-9_-]+)(\.(\*|[A-Za-z0-9_-]+))*$/;

/** A compiled scope. */
export interface CompiledScope {
  readonly scope: Scope;
  /** Why a request is outside of it, with the rules that allow it; `undefined` if it is inside. */
  refusal(request: CanonicalRequest, ruled: Ruled): string | undefined;
}

/**
 * Compiles a scope.
 *
 * @param scope From the host's own code.
 * @param options The actions that there are, and the machine.
 * @throws {TypeError} It is no scope.
 * @throws {PolicyError} One of its rules is refused.
 */
export function compileScope(
  scope: Scope,
  { actions, world }: { readonly actions: ActionTable; readonly world: World },
): CompiledScope {
  const { actions: entries, rules } = scope;
  const patterns: string[] = [];
  const documents: object[] = [];
  for (const entry of entries ?? []) {
    if (typeof entry === "string" && ACTION_PATTERN.test(entry)) patterns.push(entry);
    else if (isMapping(entry)) documents.push(entry);
    else {
      throw new TypeError(
        `Cannot open the session: ${
          JSON.stringify(entry)
        } in "actions" is no action, pattern or rule`,
      );
    }
  }
  if (
    rules !== undefined && !(Array.isArray(rules) && rules.every((id) => typeof id === "string"))
  ) {
    throw new TypeError('Cannot open the session: "rules" is no list of ids of rules');
  }
  const policy = documents.length === 0 ? undefined : policyOf(documents, { actions, world });
  return {
    scope,
    refusal(request, { rule, parts }) {
      const outside = (one: string) => {
        // A copy of a rule that asks a person belongs to its rule.
        const id = one.replace(/ \(otherwise\)$/, "");
        return rules !== undefined && !rules.includes(id) && !rules.includes(one);
      };
      const what = (one: string) =>
        `rule "${one}" is outside of the scope of this task, which has the rules ${
          shown(rules ?? [])
        }`;
      if (outside(rule)) return what(rule);
      const part = parts.find((one) => outside(one.rule));
      if (part !== undefined) {
        const { action, target } = part;
        return `${what(part.rule)} (${action} of "${target}" is a part of ${request.action})`;
      }
      if (entries === undefined) return undefined;
      const { action } = request;
      if (patterns.some((pattern) => pattern === "*" || matchesAction(pattern, action))) {
        return undefined;
      }
      if (
        policy !== undefined && authorize(request, { policy, world }).decision.effect === "allow"
      ) {
        return undefined;
      }
      const names = [...patterns, ...policy?.rules.flatMap(({ actions }) => actions) ?? []];
      return names.includes(action)
        ? `the scope of this task has ${action}, but not on "${request.target}" with these params`
        : `${action} is outside of the scope of this task, which has ${shown(names)}`;
    },
  };
}

function shown(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const first = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${first} and ${names.length - 10} others` : first;
}

function policyOf(
  capabilities: readonly object[],
  { actions, world }: { readonly actions: ActionTable; readonly world: World },
): Policy {
  return loadPolicy({ capabilities }, {
    ...{ world, actions, source: "(scope)", digest: "", problems: new DocumentProblems() },
    linksOutside: () => world,
    expand: (pattern) => pattern,
  });
}

/**
 * A scope from a table of words, for {@linkcode ProposeScope}: an action is in it if one of its words stands in the
 * prompt. Letter case does not count. What the table does not name is never in it.
 *
 * @param table From actions or patterns to words.
 *
 * @example
 * ```ts
 * import { scopeByWords } from "@agent-kernel/kernel";
 * import { assertEquals } from "@std/assert";
 *
 * const propose = scopeByWords({ "mail.read": ["mail", "inbox"], "mail.send": ["send", "reply"] });
 * assertEquals(await propose("What is new in my inbox?", []), { actions: ["mail.read"] });
 * ```
 */
export function scopeByWords(table: Readonly<Record<string, readonly string[]>>): ProposeScope {
  return (prompt) => {
    const words = new Set(prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
    const actions = Object.entries(table).flatMap(([action, names]) =>
      names.some((name) => words.has(name.toLowerCase())) ? [action] : []
    );
    return { actions };
  };
}
