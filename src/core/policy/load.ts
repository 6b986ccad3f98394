/**
 * From the text of a policy to a {@linkcode Policy}.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { canonicalJson, copyJson, JsonError } from "../json.ts";
import type { ActionTable, KindName } from "../resource/kind.ts";
import { STANDARD_ACTIONS } from "../../actions/standard.ts";
import { KINDS } from "../resource/table.ts";
import { escapePattern } from "../resource/pattern.ts";
import { PatternTrie } from "../resource/trie.ts";
import type { World } from "../resource/world.ts";
import { readDocument } from "./document.ts";
import { checkExamples, parseExamples } from "../../policy_tools/examples.ts";
import type { ActionRules, Policy, Rule } from "./policy.ts";
import { PolicyError, Problems } from "./problem.ts";
import { parseRules, type RuleContext } from "./rule.ts";

/** A file or folder of the kernel's own that no action may change. */
export interface GuardedPath {
  /** Absolute path; it need not exist. */
  readonly path: string;
  /** What it is, for the reason of the denial. */
  readonly what: string;
  /** Whether it may not be read either. @default false */
  readonly secret?: boolean;
}

/** What a policy is loaded with. */
export interface LoadOptions {
  /** The machine; its `base` is what relative patterns are relative to. */
  readonly world: World;
  /** Name for messages. @default "(text)" or "(object)" */
  readonly source?: string;
  /** Actions of providers, beside the standard ones. @default none */
  readonly actions?: ActionTable;
  /** Values for `${NAME}`; they win over the policy's own. @default none */
  readonly variables?: Readonly<Record<string, string>>;
  /** Files of the kernel itself. @default none */
  readonly guarded?: readonly GuardedPath[];
  /** Whether a wrong example refuses the policy; only a test of the examples wants that off. @default true */
  readonly enforceExamples?: boolean;
}

const KEYS = ["version", "variables", "capabilities", "deny", "examples"];

/**
 * Loads and checks a policy. Everything that is wrong with it is told at once.
 *
 * @param policy YAML text, or the same structure as an object.
 * @throws {PolicyError} It is refused.
 */
export function loadPolicy(policy: string | object, options: LoadOptions): Policy {
  const source = options.source ?? (typeof policy === "string" ? "(text)" : "(object)");
  const { value, problems } = typeof policy === "string"
    ? readDocument(policy, source)
    : { value: plainObject(policy, source), problems: new Problems(undefined) };
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    problems.add([], 'Expected a mapping with the key "capabilities"');
    throw new PolicyError(source, problems.found);
  }
  const document = value as Record<string, unknown>;
  const warnings: string[] = [];
  const actions: ActionTable = { ...STANDARD_ACTIONS, ...options.actions };
  checkKeys(document, problems);
  const context: RuleContext = {
    world: options.world,
    actions,
    variables: {
      ...readVariables(document["variables"] ?? {}, problems),
      ...readVariables(options.variables ?? {}, problems),
    },
    used: new Set(),
    problems,
    warnings,
  };
  const allow = parseRules(
    document["capabilities"] ?? missing(problems),
    "capabilities",
    0,
    context,
  );
  const deny = parseRules(document["deny"] ?? [], "deny", allow.length, context);
  checkIds([...allow, ...deny], problems);
  for (const name of Object.keys(options.variables ?? {})) {
    if (context.used.has(name) || Object.hasOwn(Object(document["variables"]), name)) continue;
    warnings.push(`no rule uses the variable ${name}, and the policy declares none of that name`);
  }
  const guards = guardRules(options.guarded ?? [], allow.length + deny.length, context);
  const rules = [...allow, ...deny, ...guards];
  const loaded: Policy = {
    source,
    digest: digestOf(typeof policy === "string" ? policy : canonicalJson(value), options),
    rules,
    actions,
    index: indexRules(rules, actions),
    examples: parseExamples(document["examples"] ?? [], problems),
    warnings,
  };
  if (problems.found.length === 0 && options.enforceExamples !== false) {
    checkExamples(loaded, options.world, problems);
  }
  if (problems.found.length > 0) throw new PolicyError(source, problems.found);
  return loaded;
}

/** Variables of the caller are a part of what the policy says. */
function digestOf(text: string, { variables = {} }: LoadOptions): string {
  const hash = createHash("sha256").update(text);
  if (Object.keys(variables).length > 0) hash.update("\0").update(canonicalJson(variables));
  return hash.digest("hex");
}

function plainObject(policy: object, source: string): unknown {
  try {
    return copyJson(policy, "policy");
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new PolicyError(source, [{ place: "", message: error.message }]);
  }
}

function checkKeys(document: Record<string, unknown>, problems: Problems): void {
  for (const key of Object.keys(document)) {
    if (!KEYS.includes(key)) {
      problems.add([key], `Unknown key "${key}", expected one of ${KEYS.join(", ")}`);
    }
  }
  if (document["version"] !== undefined && document["version"] !== 1) {
    problems.add(["version"], "Is of an unknown version, expected 1");
  }
}

function missing(problems: Problems): [] {
  problems.add([], 'Has no "capabilities", expected a list of rules (it may be empty: [])');
  return [];
}

function readVariables(source: unknown, problems: Problems): Record<string, string> {
  const variables: Record<string, string> = Object.create(null);
  if (source === null || typeof source !== "object" || Array.isArray(source)) {
    problems.add(["variables"], "Expected a mapping from names to texts");
    return variables;
  }
  for (const [name, value] of Object.entries(source)) {
    if (/^\w+$/.test(name) && typeof value === "string") variables[name] = value;
    else problems.add(["variables", name], "Expected a name of letters, digits and _, and a text");
  }
  return variables;
}

function checkIds(rules: readonly Rule[], problems: Problems): void {
  const seen = new Set<string>();
  const capabilities = rules.filter((rule) => rule.effect === "allow").length;
  for (const rule of rules) {
    if (seen.has(rule.id)) {
      const place = rule.effect === "allow"
        ? ["capabilities", rule.index, "id"]
        : ["deny", rule.index - capabilities, "id"];
      problems.add(place, `The id "${rule.id}" is used twice`);
    }
    seen.add(rule.id);
  }
}

/**
 * Deny rules for the kernel's own files, for all files beside them that begin with their name and a
 * dot, and against taking away a folder that they are in.
 */
function guardRules(
  guarded: readonly GuardedPath[],
  firstIndex: number,
  context: RuleContext,
): Rule[] {
  const onPaths = Object.entries(context.actions).filter(([, { kind }]) => kind === "path");
  const all = onPaths.map(([name]) => name);
  const changing = onPaths.filter(([, { access }]) => access?.includes("write")).map(([name]) =>
    name
  );
  return guarded.flatMap(({ path, what, secret }): Omit<Rule, "index">[] => {
    const name = escapePattern(path);
    const id = `kernel:${what.replaceAll(" ", "-")}`;
    const files = [name, `${name}/**`, `${name}.*`, `${name}.*/**`];
    const folders = foldersAbove(path).map(escapePattern);
    const taking = changing.filter((action) => action !== "fs.mkdir");
    return [
      {
        ...guardRule(files, context),
        id,
        actions: secret ? all : changing,
        resources: files,
        reason: what,
      },
      {
        ...guardRule(folders, context),
        id: `${id}-folder`,
        actions: taking,
        resources: folders,
        reason: what,
      },
    ];
  }).map((rule, i) => ({ ...rule, index: firstIndex + i }));
}

function guardRule(
  resources: readonly string[],
  { world }: RuleContext,
): Pick<Rule, "effect" | "guard" | "patterns"> {
  const patterns = resources.flatMap((text) => KINDS.path.compile(text, world));
  return {
    effect: "deny",
    guard: true,
    patterns: new Map<KindName, typeof patterns>([["path", patterns]]),
  };
}

function foldersAbove(path: string): string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, i) => `/${names.slice(0, i + 1).join("/")}`);
}

function indexRules(rules: readonly Rule[], actions: ActionTable): Map<string, ActionRules> {
  const index = new Map<string, ActionRules>();
  for (const rule of rules) {
    for (const action of rule.actions) {
      let entry = index.get(action);
      if (entry === undefined) {
        const kind = Object.hasOwn(actions, action) ? actions[action]?.kind ?? "name" : "name";
        index.set(action, entry = { kind, allow: new PatternTrie(), deny: new PatternTrie() });
      }
      for (const pattern of rule.patterns.get(entry.kind) ?? []) {
        entry[rule.effect].insert(rule.effect === "deny" ? pattern.denySteps : pattern.steps, rule);
      }
    }
  }
  return index;
}
