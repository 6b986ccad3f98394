/**
 * Rules of a policy document, checked value by value.
 *
 * @module
 */
import { matchesAction } from "../action.ts";
import { canonicalJson } from "../json.ts";
import type { ActionSpec, ActionTable, KindName } from "../resource/kind.ts";
import { KINDS } from "../resource/table.ts";
import { escapePattern, type Pattern } from "../resource/pattern.ts";
import { CanonicalError, PatternError, type World } from "../resource/world.ts";
import { compileConstraint, type Constraint } from "./constraint.ts";
import { parseLimits } from "./limits.ts";
import type { Rule } from "./policy.ts";
import type { Place, Problems } from "./problem.ts";

/** What rules are read with. */
export interface RuleContext {
  readonly world: World;
  readonly actions: ActionTable;
  readonly variables: Readonly<Record<string, string>>;
  /** Names of variables that rules use. */
  readonly used: Set<string>;
  readonly problems: Problems;
  readonly warnings: string[];
}

const KEYS = {
  allow: ["id", "reason", "action", "resource", "constraint", "limits", "approval"],
  deny: ["id", "reason", "action", "resource", "constraint"],
} as const;
const ACTION_PATTERN = /^(\*|[A-Za-z0-9_-]+)(\.(\*|[A-Za-z0-9_-]+))*$/;

/** Reads one list of rules. */
export function parseRules(
  source: unknown,
  section: "capabilities" | "deny",
  firstIndex: number,
  context: RuleContext,
): Rule[] {
  if (!Array.isArray(source)) {
    context.problems.add([section], `Expected a list of rules`);
    return [];
  }
  const effect = section === "deny" ? "deny" : "allow";
  return source.flatMap((item, i) =>
    parseRule(item, [section, i], { effect, index: firstIndex + i }, context) ?? []
  );
}

function parseRule(
  source: unknown,
  place: Place,
  { effect, index }: Pick<Rule, "effect" | "index">,
  context: RuleContext,
): Rule | undefined {
  const { problems } = context;
  if (source === null || typeof source !== "object" || Array.isArray(source)) {
    problems.add(place, "Expected a mapping with action and resource");
    return undefined;
  }
  const rule = source as Record<string, unknown>;
  const known: readonly string[] = KEYS[effect];
  for (const key of Object.keys(rule)) {
    if (!known.includes(key)) {
      problems.add([...place, key], `Unknown key "${key}", expected one of ${known.join(", ")}`);
    }
  }
  const actions = parseActions(rule["action"], place, context);
  const resources = texts(rule["resource"], "resource", "pattern", place, problems);
  const patterns = compilePatterns(resources, actions, place, context);
  const constraint = rule["constraint"] === undefined
    ? undefined
    : parseConstraint(rule["constraint"], [...place, "constraint"], { effect, actions }, context);
  if (effect === "allow") refuseUnenforced(rule, place, problems);
  if (typeof rule["id"] === "string" && rule["id"].startsWith("kernel:")) {
    problems.add([...place, "id"], 'Ids that begin with "kernel:" are for the kernel\'s own rules');
  }
  const line = problems.lineOf(place);
  return {
    id: textOr(rule["id"], `${place[0]}[${place[1]}]`, [...place, "id"], problems),
    effect,
    index,
    ...(line === undefined ? {} : { line }),
    actions,
    resources,
    patterns,
    ...(constraint === undefined ? {} : { constraint }),
    ...(rule["reason"] === undefined
      ? {}
      : { reason: textOr(rule["reason"], "", [...place, "reason"], problems) }),
  };
}

function parseConstraint(
  source: unknown,
  place: Place,
  { effect, actions }: Pick<Rule, "effect" | "actions">,
  { actions: table, problems, warnings }: RuleContext,
): Constraint | undefined {
  const specs = actions.map((action) => Object.hasOwn(table, action) ? table[action] : undefined);
  const canonical = canonicalConstraint(source, place, specs, problems);
  const constraint = compileConstraint(canonical, place, problems);
  const known = new Set(specs.flatMap((spec) => spec?.params ?? []));
  // An allow rule that does not hold fails closed, and may be meant for a provider of somebody's own.
  if (effect === "allow" || specs.some((spec) => spec?.params === undefined)) return constraint;
  for (const { path: [name = ""], condition } of constraint?.conditions ?? []) {
    if (known.has(name) || condition(undefined) !== false) continue;
    warnings.push(
      `${place[0]}[${place[1]}]: denies nothing unless a request has the param "${name}", which ` +
        `${actions.join(", ")} does not know` +
        (known.size === 0 ? "" : ` (expected one of ${Array.from(known).join(", ")})`),
    );
  }
  return constraint;
}

/** In the form in which the params are decided, if that is the same for all actions. */
function canonicalConstraint(
  source: unknown,
  place: Place,
  specs: readonly (ActionSpec | undefined)[],
  problems: Problems,
): unknown {
  if (source === null || typeof source !== "object" || Array.isArray(source)) return source;
  const forms = new Set(specs.map((spec) => spec?.canonicalConstraint));
  const form = Array.from(forms).find((form) => form !== undefined);
  if (form === undefined) return source;
  try {
    const canonical = form(source as Record<string, unknown>);
    if (forms.size === 1 || canonicalJson(canonical) === canonicalJson(source)) return canonical;
    problems.add(
      place,
      `Expected the form ${canonicalJson(canonical)}, or a rule for each of the actions`,
    );
  } catch (error) {
    if (!(error instanceof CanonicalError)) throw error;
    problems.add(place, error.message);
  }
  return source;
}

/** `limits` and `approval` are checked, and refused until the kernel enforces them. */
function refuseUnenforced(rule: Record<string, unknown>, place: Place, problems: Problems): void {
  const before = problems.found.length;
  if (rule["limits"] !== undefined) parseLimits(rule["limits"], [...place, "limits"], problems);
  if (rule["approval"] !== undefined && rule["approval"] !== "required") {
    problems.add([...place, "approval"], 'Expected "required"');
  }
  if (problems.found.length > before) return;
  for (const key of ["limits", "approval"]) {
    if (rule[key] !== undefined) {
      problems.add(
        [...place, key],
        `"${key}" is not enforced by this version of the kernel, and a limit that is ignored is none: remove it`,
      );
    }
  }
}

function parseActions(source: unknown, place: Place, context: RuleContext): string[] {
  const { problems } = context;
  const known = Object.keys(context.actions);
  const namespaces = new Set(known.filter((name) => name.includes(".")).map(namespaceOf));
  const found = new Set<string>();
  for (const text of texts(source, "action", "action name", place, problems)) {
    const at = [...place, "action"];
    if (!ACTION_PATTERN.test(text)) {
      problems.add(
        at,
        `"${text}" is not an action, expected names joined by dots like fs.read or fs.*`,
      );
    } else if (text.includes("*")) {
      const covered = known.filter((name) => matchesAction(text, name));
      if (covered.length === 0) {
        problems.add(at, `"${text}" could never match, expected a pattern of ${known.join(", ")}`);
      }
      for (const name of covered) found.add(name);
    } else if (!known.includes(text) && namespaces.has(namespaceOf(text))) {
      const peers = known.filter((name) => namespaceOf(name) === namespaceOf(text));
      problems.add(at, `There is no action "${text}", expected one of ${peers.join(", ")}`);
    } else found.add(text);
  }
  return Array.from(found);
}

function namespaceOf(action: string): string {
  return action.slice(0, action.indexOf("."));
}

function compilePatterns(
  resources: readonly string[],
  actions: readonly string[],
  place: Place,
  context: RuleContext,
): Map<KindName, Pattern[]> {
  const byKind = new Map<KindName, Pattern[]>();
  const declared = (action: string) =>
    Object.hasOwn(context.actions, action) ? context.actions[action] : undefined;
  for (const kind of new Set(actions.map((action) => declared(action)?.kind ?? "name"))) {
    const patterns: Pattern[] = [];
    for (const [i, text] of resources.entries()) {
      try {
        const compiled = KINDS[kind].compile(
          expandVariables(text, kind, context),
          context.world,
        );
        if (compiled.length === 0) {
          context.warnings.push(
            `${place[0]}[${place[1]}]: "${text}" matches nothing on this machine`,
          );
        }
        patterns.push(...compiled);
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        const whose = actions.filter((action) => (declared(action)?.kind ?? "name") === kind);
        const note = whose.every((action) => declared(action) === undefined)
          ? `, a name because no provider declares ${whose.join(", ")}`
          : "";
        context.problems.add(
          [...place, "resource", ...(resources.length > 1 ? [i] : [])],
          `${error.message} (a ${kind} for ${whose.join(", ")}${note})`,
        );
      }
    }
    byKind.set(kind, patterns);
  }
  return byKind;
}

/**
 * An escaped character, a class, a `[` that may open one, or a variable. A class is skipped only if
 * braces cannot cut it apart, and if it does not begin with `]`.
 */
const VARIABLE = /\\.|\[(?![!^]?\])(?:\\.|[^\\\]{},])*\]|\[|\$\{([^}]*)\}/gs;
/** The beginning of a URL, `{http,https}://` too, up to a place within its host or port. */
const AUTHORITY = /^[a-z{},]+:\/\/[^/?#]*$/i;
/** A host, a port, or parts of them; hosts know no escapes. */
const PLAIN_HOST = /^(\[[\da-f:.]+\])?[\p{L}\p{M}\p{N}._:-]*$/iu;

/** Replaces `${NAME}` and a leading `~`; what is put in means itself, wildcards included. */
function expandVariables(
  text: string,
  kind: KindName,
  { variables, used }: Pick<RuleContext, "variables" | "used">,
): string {
  const valueOf = (name: string) => {
    used.add(name);
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    // An empty value would turn "${DIR}/**" into the whole file system.
    if (value === "") throw new PatternError(`"${text}" uses the variable ${name}, which is empty`);
    if (value !== undefined) return value;
    throw new PatternError(
      `"${text}" uses the variable ${name}, which is not set: declare it under "variables" (the environment is never read)`,
    );
  };
  const home = kind === "path" && /^~(?=\/|$)/.test(text)
    ? escapePattern(valueOf("HOME")) + text.slice(1)
    : text;
  let isOpen = false;
  return home.replace(VARIABLE, (found, name: string | undefined, offset: number) => {
    if (found === "[") isOpen = true;
    if (name === undefined) return found;
    const value = valueOf(name);
    if (isOpen) {
      throw new PatternError(
        `"${text}" uses the variable ${name} inside of "[…]", where its value would be a set of characters: use it outside`,
      );
    }
    if (kind !== "url" || !AUTHORITY.test(home.slice(0, offset))) return escapePattern(value);
    if (PLAIN_HOST.test(value)) return value;
    throw new PatternError(
      `"${text}" uses the variable ${name} in its host, and "${value}" is no plain one, expected a name or an address like api.example.com or [::1]`,
    );
  });
}

function texts(
  source: unknown,
  key: string,
  what: string,
  place: Place,
  problems: Problems,
): string[] {
  if (source === undefined) {
    problems.add(place, `Has no "${key}", expected a ${what} or a list of them`);
    return [];
  }
  const list = Array.isArray(source) ? source : [source];
  if (list.length === 0 || list.some((item) => typeof item !== "string" || item === "")) {
    problems.add([...place, key], `Expected a ${what} or a list of them`);
    return [];
  }
  return list;
}

function textOr(source: unknown, otherwise: string, place: Place, problems: Problems): string {
  if (source === undefined) return otherwise;
  if (typeof source === "string" && source !== "" && source.length <= 500) return source;
  problems.add(place, "Expected a text of at most 500 characters");
  return otherwise;
}
