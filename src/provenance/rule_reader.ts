/**
 * The keys of a rule that say where values come from: as conditions for the core, as what is told of them, and as the
 * copy of the rule that asks a person.
 *
 * @module
 */
import { type ApprovalRule, parseApproval } from "../approval/approval_rule.ts";
import { type Asked, type Constraint, NO_CONTAINER, valueAt } from "../core/policy/constraint.ts";
import { matchesAction } from "../core/action.ts";
import { placeName, type Problems } from "../core/policy/problem.ts";
import { isMapping, type Mapping } from "../core/policy/shape.ts";
import { type ActionSpec, type ActionTable, specOf } from "../core/resource/kind.ts";
import {
  compileValue,
  type ConditionContext,
  type Finding,
  hasOwnWords,
  sessionOf,
} from "./condition.ts";
import {
  allDefinitions,
  type Definitions,
  type Meaning,
  type OwnCondition,
  resolved,
  samplesOf,
} from "./meaning.ts";
import {
  ifThere,
  only,
  onTarget,
  pathOf,
  split,
  WHOLE,
  type WrittenCondition,
} from "./rule_conditions.ts";
import { isValueKind, normaliseValue, type ValueKind } from "./normalise.ts";
import type { Source } from "./source.ts";
import type { Found, SourceKnowledge } from "./source_knowledge.ts";

/** What of a rule is about where values come from. */
export interface ProvenanceRule {
  /** The rule that it stands behind, if it is a copy that asks a person; otherwise its own id. */
  readonly of: string;
  /** Whether it is such a copy. */
  readonly asks: boolean;
  /** Whether a yes to a value is remembered until the session ends. */
  readonly remembers: boolean;
  /** Secret sources whose values may go where this rule leads. */
  readonly to: readonly string[];
  /** Looks at each value that its conditions are about. */
  trace(asked: Asked): Finding[];
}

/** The keys of rules that are read here. */
export const RULE_KEYS: readonly string[] = [
  "target",
  "params",
  "optional",
  "together",
  "otherwise",
  "to",
];
const SUFFIX = " (otherwise)";

/** Reads the rules of one policy. */
export class RuleReader {
  readonly conditions = new Map<string, Constraint["conditions"]>();
  readonly rules = new Map<string, ProvenanceRule>();
  readonly approvals = new Map<string, ApprovalRule>();
  readonly copies = new Map<string, string>();
  readonly #options: {
    readonly lists: ReadonlyMap<string, SourceKnowledge>;
    readonly sources: readonly Source[];
    readonly actions: ActionTable;
    readonly used: Set<string>;
  };
  readonly #keys: ReadonlyMap<string, string>;

  constructor(options: {
    readonly lists: ReadonlyMap<string, SourceKnowledge>;
    readonly sources: readonly Source[];
    readonly actions: ActionTable;
    readonly used: Set<string>;
  }) {
    this.#options = options;
    this.#keys = new Map(options.sources.map(({ id, key }) => [id, key]));
  }

  /** A deny rule: it may compare values in a form, and with lists. */
  deny(rule: unknown, problems: Problems): unknown {
    if (!isMapping(rule) || !isMapping(rule["constraint"])) return rule;
    const id = idOf(rule, problems);
    const context = this.#context(id, { isRelaxed: false, mayAsk: false });
    const { core, own } = split(rule["constraint"], problems.at("constraint"), context);
    if (own.length === 0) return rule;
    this.conditions.set(id, own.map((one) => this.#conditionOf(one, { isRelaxed: false })));
    return { ...rule, constraint: core };
  }

  /** An allow rule, and its copy that asks a person. */
  allow(rule: unknown, problems: Problems): { readonly rule: unknown; readonly copy?: unknown } {
    if (!isMapping(rule)) return { rule };
    const id = idOf(rule, problems);
    const { constraint = {}, target, optional, params, together, otherwise, to } = rule;
    if (
      !RULE_KEYS.some((key) => rule[key] !== undefined) &&
      !(isMapping(constraint) && Object.values(constraint).some(hasOwnWords))
    ) return { rule };
    if (!isMapping(constraint)) return { rule };
    const specs = this.#specsOf(rule["action"]);
    const names = this.#names(rule, problems);
    this.#checkParams(names, { specs, problems });
    const secrets = this.#secrets(to, problems.at("to"));
    const asking = readOtherwise(otherwise, problems.at("otherwise"));
    const compile = (isRelaxed: boolean) => {
      const context = this.#context(id, { isRelaxed, mayAsk: true });
      const { core, own } = split(constraint, problems.at("constraint"), context);
      if (target !== undefined) {
        const inner = compileValue(target, problems.at("target"), context);
        own.push({
          ...{ key: "target", param: "target", path: WHOLE },
          ...{ source: target, inner: onTarget(inner) },
        });
      }
      if (optional !== undefined && !isMapping(optional)) {
        problems.at("optional").add("Expected a mapping from params to conditions");
      }
      for (const [param, condition] of isMapping(optional) ? Object.entries(optional) : []) {
        const inner = compileValue(condition, problems.at("optional", param), context);
        own.push({
          key: "optional",
          param,
          path: pathOf(param, problems.at("optional")),
          source: condition,
          inner: ifThere(inner),
        });
      }
      if (params === "only") own.push(only(names, specs));
      else if (params !== undefined) problems.at("params").add('Expected "only"');
      if (together !== undefined && !isRelaxed) {
        own.push(this.#together(together, constraint, problems.at("together")));
      }
      return { core, own };
    };
    const { core, own } = compile(false);
    const remembered = asking?.remembers === true ? id : undefined;
    this.#set(id, own, { of: id, asks: false, remembers: false, to: secrets, remembered });
    const { params: _p, target: _x, optional: _o, together: _t, otherwise: _w, to: _s, ...plain } =
      rule;
    const written = { ...plain, ...Object.keys(constraint).length > 0 ? { constraint: core } : {} };
    if (asking === undefined) return { rule: written };
    const found = problems.found.length;
    const relaxed = compile(true);
    // What is wrong with it was said already.
    if (problems.found.length > found) return { rule: written };
    const copyId = id + SUFFIX;
    const remembers = asking.remembers;
    const traced = this.rules.get(id);
    const copied = { of: id, asks: true, remembers, to: secrets, remembered };
    this.#set(copyId, relaxed.own, copied, traced);
    this.approvals.set(copyId, asking.approval ?? ownApproval(rule["approval"]));
    this.copies.set(copyId, id);
    const { limits: _l, approval: _a, ...copy } = written as Mapping;
    return { rule: written, copy: { ...copy, id: copyId } };
  }

  #set(
    id: string,
    own: readonly WrittenCondition[],
    { remembered, ...rule }: Omit<ProvenanceRule, "trace"> & Pick<Meaning, "remembered">,
    traced?: ProvenanceRule,
  ): void {
    const facts = { isRelaxed: rule.asks, remembered };
    if (own.length > 0) this.conditions.set(id, own.map((one) => this.#conditionOf(one, facts)));
    const trace = traced?.trace ?? ((asked: Asked) =>
      own.flatMap(({ param, path, inner }) => {
        const value = valueAt(asked.params ?? NO_CONTAINER, path);
        return value === NO_CONTAINER ? [] : inner.trace(value, asked, param);
      }));
    this.rules.set(id, { ...rule, trace });
  }

  #conditionOf(
    { key, param, path, source, value, inner }: WrittenCondition,
    facts: Pick<Meaning, "isRelaxed" | "remembered">,
  ): OwnCondition {
    const definitions: Definitions = this.#options;
    const says = value ?? resolved(source, definitions);
    return {
      ...{ param, path, source, condition: (value, asked) => inner.test(value, asked) },
      meaning: { key, value: says, ...facts },
      samples: samplesOf(source, definitions),
    };
  }

  #context(
    id: string,
    flags: Pick<ConditionContext, "isRelaxed" | "mayAsk">,
  ): ConditionContext {
    const { lists, used } = this.#options;
    const onSource = (name: string) => used.add(this.#keys.get(name) ?? name);
    return { lists, sources: this.#keys, approved: approvedKey(id), onSource, ...flags };
  }

  #specsOf(action: unknown): ActionSpec[] {
    const { actions } = this.#options;
    const names = [action].flat().filter((name) => typeof name === "string");
    const known = Object.keys(actions);
    return names.flatMap((name) =>
      name.includes("*")
        ? known.filter((one) => matchesAction(name, one)).map((one) => specOf(actions, one))
        : [specOf(actions, name)]
    );
  }

  /** The params that a rule names. */
  #names({ constraint, optional, together }: Mapping, problems: Problems): Set<string> {
    const isNames = Array.isArray(together) && together.length > 1 &&
      together.every((name) => typeof name === "string" && name !== "");
    if (together !== undefined && !isNames) {
      problems.at("together").add("Expected a list of two or more params");
    }
    return new Set([
      ...Object.keys(isMapping(constraint) ? constraint : {}),
      ...Object.keys(isMapping(optional) ? optional : {}),
      ...isNames ? together.map(String) : [],
    ]);
  }

  /** INVARIANT: a misspelt param is an error, not a rule that never holds. */
  #checkParams(names: ReadonlySet<string>, { specs, problems }: {
    readonly specs: readonly ActionSpec[];
    readonly problems: Problems;
  }): void {
    if (specs.length === 0 || specs.some(({ params }) => params === undefined)) return;
    const known = new Set(specs.flatMap(({ params = [], resources = [], defaults = {} }) => [
      ...params,
      ...resources.map(({ param }) => param),
      ...Object.keys(defaults),
    ]));
    for (const name of names) {
      const [first = ""] = name.split(".");
      if (known.has(first)) continue;
      problems.at("constraint").add(
        `There is no param "${first}", expected one of ${Array.from(known).join(", ")}`,
      );
    }
  }

  #secrets(to: unknown, problems: Problems): string[] {
    if (to === undefined) return [];
    const known = this.#options.sources.filter(({ isSecret }) => isSecret).map(({ id }) => id);
    return [to].flat().flatMap((id) => {
      if (typeof id === "string" && known.includes(id)) return [id];
      problems.add(
        `There is no secret source ${JSON.stringify(id)}, expected ${
          known.join(", ") || "one with secret: true"
        }`,
      );
      return [];
    });
  }

  #together(together: unknown, constraint: Mapping, problems: Problems): WrittenCondition {
    const { lists, sources, used } = this.#options;
    // Entries of any source count: all of them have to be kept.
    for (const { key } of sources) used.add(key);
    const names = Array.isArray(together) ? together.map(String) : [];
    const kinds = new Map(names.map((name): [string, ValueKind] => {
      const as = isMapping(constraint[name]) ? constraint[name]["as"] : undefined;
      return [name, isValueKind(as) ? as : "text"];
    }));
    const wants = `from the same entry of a list or result as ${names.slice(1).join(", ")}`;
    const test = (_: unknown, asked: Asked | undefined) => {
      const session = sessionOf(asked);
      let common: Set<string> | undefined;
      for (const [name, kind] of kinds) {
        const value = valueAt(asked?.params ?? NO_CONTAINER, pathOf(name, problems));
        if (value === undefined) return false;
        const normal = normaliseValue(kind, value);
        if (normal === undefined) return undefined;
        const found: (Found | undefined)[] = [
          ...lists.values().map((list) => list.find(kind, normal)),
          ...sources.map(({ key }) => session?.find(key, kind, normal)),
        ];
        const entries = new Set(found.flatMap((one) => one?.entries ?? []));
        common = common === undefined ? entries : common.intersection(entries);
      }
      if (common !== undefined && common.size > 0) return true;
      return session?.isComplete === true || sources.length === 0 ? false : undefined;
    };
    const at = names.join(" and ");
    return {
      ...{ key: "together", param: "together", path: WHOLE, source: together },
      value: [Array.from(kinds), allDefinitions(this.#options)],
      inner: {
        test,
        trace: (_, asked) => [{
          ...{ at, truth: test(_, asked), wants, value: "", kind: "text" },
        }],
      },
    };
  }
}

/** Under which a session keeps the values that a person has said yes to, for one rule. */
export function approvedKey(rule: string): string {
  return `a person#${rule}`;
}

function idOf({ id }: Mapping, problems: Problems): string {
  return typeof id === "string" ? id : placeName(problems.path);
}

/** Reads `otherwise`: `ask`, `deny`, or `{ask: {timeout, approvers}, remember: session}`. */
function readOtherwise(
  source: unknown,
  problems: Problems,
): { readonly approval?: ApprovalRule; readonly remembers: boolean } | undefined {
  if (source === undefined || source === "deny") return undefined;
  if (source === "ask") return { remembers: false };
  const { ask, remember, ...more } = isMapping(source) ? source : {};
  const isKnown = Object.keys(more).length === 0 && ask !== undefined &&
    (remember === undefined || remember === "session");
  if (!isKnown) {
    problems.add(
      'Expected "ask", "deny" or a mapping like {ask: {timeout: 10m}, remember: session}',
    );
    return undefined;
  }
  const approval = parseApproval(ask, (path, message) => problems.at("ask", ...path).add(message));
  if (approval === undefined) return undefined;
  // INVARIANT: a yes is for the values that were shown, not for a target.
  const { timeoutMs, approvers } = approval;
  return {
    remembers: remember === "session",
    approval: approvers === undefined ? { timeoutMs } : { timeoutMs, approvers },
  };
}

/** As the rule itself asks, but never remembered. */
function ownApproval(source: unknown): ApprovalRule {
  const { timeoutMs, approvers } = parseApproval(source ?? "required", () => {}) ??
    { timeoutMs: 600_000 };
  return approvers === undefined ? { timeoutMs } : { timeoutMs, approvers };
}
