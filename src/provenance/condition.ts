/**
 * Conditions on where a value comes from: `from`, `in: list:…`, `links`, and on the form in which it is compared:
 * `as`. The operators of the core may stand beside and around them.
 *
 * @module
 */
import {
  type Asked,
  compileCondition,
  type Session,
  type Truth,
} from "../core/policy/constraint.ts";
import type { Problems } from "../core/policy/problem.ts";
import { isMapping, type Mapping } from "../core/policy/shape.ts";
import { type FoundLink, linksIn } from "./links.ts";
import { isValueKind, normaliseValue, VALUE_KINDS, type ValueKind } from "./normalise.ts";
import { outgoingTextsOf } from "./secret_texts.ts";
import type { Found, SourceKnowledge } from "./source_knowledge.ts";
import type { Seen } from "./session_state.ts";

/** A session, as far as conditions ask it. */
export interface AskedSession extends Session {
  /** Whether everything that may be trusted was kept. */
  readonly isComplete: boolean;
  /** Looks for a value in what is trusted of a source; the key of the source, or `prompt`. */
  find(source: string, kind: ValueKind, normal: string): Found | undefined;
  /** Where a value was seen that is not trusted. */
  whereSeen(kind: ValueKind, normal: string): Seen | undefined;
  /** {@linkcode normaliseValue}, once for each value of a request. */
  normal(kind: ValueKind, value: unknown): string | undefined;
  /** {@linkcode linksIn}, once for each text of a request. */
  links(text: string): readonly FoundLink[] | undefined;
}

/** What was found out about one value. */
export interface Finding {
  /** The param, with the way into it: `recipients.0`. */
  readonly at: string;
  readonly truth: Truth;
  /** What was wanted, in words. */
  readonly wants: string;
  /** What fails, for people. */
  readonly value: string;
  readonly kind: ValueKind;
  readonly normal?: string | undefined;
  /** Where the value was found. */
  readonly found?: Found | undefined;
}

/** A compiled condition. */
export interface ValueCondition {
  test(value: unknown, asked: Asked | undefined): Truth;
  /** The same for people: what was found out about each value on the way. */
  trace(value: unknown, asked: Asked | undefined, at: string): Finding[];
}

/** What conditions are compiled with. */
export interface ConditionContext {
  readonly lists: ReadonlyMap<string, SourceKnowledge>;
  /** Keys of sources by their ids. */
  readonly sources: ReadonlyMap<string, string>;
  /** Under which a person's yes to a value is kept. */
  readonly approved: string;
  /** Told of each source that is asked for. */
  readonly onSource: (id: string) => void;
  /** Whether what can be asked about counts as fulfilled. */
  readonly isRelaxed: boolean;
  /** Whether conditions on origin may stand here. */
  readonly mayAsk: boolean;
  /** Whether the value is a link that was found in a text. */
  readonly isLink?: boolean;
}

const CONTAINERS: readonly string[] = ["any", "not", "each", "operands"];
/** Words of conditions about where a value comes from: not below `not`, not in deny rules. */
export const ORIGIN_WORDS: readonly string[] = ["from", "links"];
/** Words of conditions that the core does not know. */
export const CONDITION_WORDS: readonly string[] = [...ORIGIN_WORDS, "as", "min_length"];

/** Whether a condition has a word that the core does not know. */
export function hasOwnWords(source: unknown): boolean {
  if (!isMapping(source)) return false;
  return CONDITION_WORDS.some((word) => Object.hasOwn(source, word)) || isListName(source["in"]) ||
    CONTAINERS.some((name) => [source[name]].flat().some(hasOwnWords));
}

/** The session of a request, if it has one that knows where values come from. */
export function sessionOf(asked: Asked | undefined): AskedSession | undefined {
  const session = asked?.session;
  return session !== undefined && "find" in session ? session as AskedSession : undefined;
}

/** Compiles a condition, with problems noted at their place. */
export function compileValue(
  source: unknown,
  problems: Problems,
  context: ConditionContext,
): ValueCondition {
  if (!hasOwnWords(source) || !isMapping(source)) return ofCore(source, problems);
  const kind = kindOf(source["as"], problems.at("as"));
  const parts: ValueCondition[] = [];
  const { from, as, links, min_length: minLength, in: choices, ...others } = source;
  const compared: Record<string, unknown> = {};
  for (const [name, operand] of Object.entries(others)) {
    const isOwn = CONTAINERS.includes(name) && [operand].flat().some(hasOwnWords);
    if (isOwn) parts.push(container(name, operand, { problems: problems.at(name), context }));
    else compared[name] = operand;
  }
  if (from !== undefined) {
    parts.push(origin(from, kind, { problems: problems.at("from"), context }));
  }
  if (isListName(choices)) {
    parts.push(inList(choices, kind ?? "text", { problems: problems.at("in"), context }));
  } else if (choices !== undefined && kind !== undefined) {
    parts.push(inLiterals(choices, kind, problems.at("in")));
  } else if (choices !== undefined) compared["in"] = choices;
  if (links !== undefined) parts.push(eachLink(links, { problems: problems.at("links"), context }));
  if (minLength !== undefined) parts.push(atLeast(minLength, problems.at("min_length")));
  if (Object.keys(compared).length > 0) {
    const core = ofCore(compared, problems);
    parts.push(kind === undefined ? core : inForm(kind, core));
  } else if (as !== undefined && from === undefined && choices === undefined) {
    problems.at("as").add("Compares nothing, expected from, in or glob beside it");
  }
  return allOf(parts);
}

function isListName(operand: unknown): operand is string {
  return typeof operand === "string" && operand.startsWith("list:");
}

function kindOf(as: unknown, problems: Problems): ValueKind | undefined {
  if (as === undefined || isValueKind(as)) return as;
  problems.add(`Expected one of ${VALUE_KINDS.join(", ")}`);
  return undefined;
}

/** A condition with words of the core alone. */
function ofCore(source: unknown, problems: Problems): ValueCondition {
  const condition = compileCondition(source, problems);
  return {
    test: (value) => condition(value),
    trace: (value, _, at) => {
      const wants = JSON.stringify(source);
      return [{ at, truth: condition(value), wants, value: shown(value), kind: "text" }];
    },
  };
}

function inForm(kind: ValueKind, inner: ValueCondition): ValueCondition {
  const test = (value: unknown) => {
    if (value === undefined) return inner.test(undefined, undefined);
    const normal = normaliseValue(kind, value);
    return normal === undefined ? undefined : inner.test(normal, undefined);
  };
  return {
    test,
    trace: (value, asked, at) =>
      inner.trace(value, asked, at).map((one) => ({ ...one, kind, truth: test(value) })),
  };
}

interface At {
  readonly problems: Problems;
  readonly context: ConditionContext;
}

/** Whether a value is in one of several lists and sources. */
function origin(
  source: unknown,
  as: ValueKind | undefined,
  { problems, context }: At,
): ValueCondition {
  const names = [source].flat();
  const { lists, sources, approved, mayAsk, isLink } = context;
  if (!mayAsk) {
    problems.add(
      "Cannot be negated, and cannot stand in a deny rule, expected it in an allow rule",
    );
  }
  const known = ["prompt", ...lists.keys(), ...sources.keys()];
  const keys: string[] = [];
  const own: SourceKnowledge[] = [];
  for (const name of names) {
    const list = typeof name === "string" ? lists.get(name) : undefined;
    const key = typeof name === "string" ? sources.get(name) : undefined;
    if (list !== undefined) own.push(list);
    else if (name === "prompt") keys.push("prompt");
    else if (key !== undefined) {
      keys.push(key);
      context.onSource(name as string);
    } else {problems.add(
        `There is no list or source ${JSON.stringify(name)}, expected ${known.join(", ")}`,
      );}
  }
  if (names.length === 0) problems.add(`Expected a list of ${known.join(", ")}`);
  keys.push(approved);
  const wants = `from ${names.join(", ")}${as === undefined ? "" : ` (as ${as})`}`;
  // INVARIANT: what a session may have known, but did not keep, is not known.
  const needsSession = keys.length > 1 || own.length === 0;
  const look = (value: unknown, asked: Asked | undefined): Looked => {
    const kind = as ?? (isLink ? linkKind(value) : "text");
    if (value === undefined) return { truth: false, kind };
    const session = sessionOf(asked);
    const normal = session === undefined
      ? normaliseValue(kind, value)
      : session.normal(kind, value);
    if (normal === undefined) return { truth: undefined, kind };
    for (const list of own) {
      const found = list.find(kind, normal);
      if (found !== undefined) return { truth: true, kind, normal, found };
    }
    if (session !== undefined) {
      for (const key of keys) {
        const found = session.find(key, kind, normal);
        if (found !== undefined) return { truth: true, kind, normal, found };
      }
    }
    const isDecided = !needsSession || session?.isComplete === true;
    return { truth: isDecided ? false : undefined, kind, normal };
  };
  return relaxable(context, {
    test: (value, asked) => look(value, asked).truth,
    trace: (value, asked, at) => [{ at, wants, value: shown(value), ...look(value, asked) }],
  });
}

/** What was found out about a value, without words. */
type Looked = Pick<Finding, "truth" | "kind" | "normal" | "found">;

function linkKind(value: unknown): ValueKind {
  return typeof value === "string" && value.includes("://") ? "url" : "email";
}

function inList(source: string, kind: ValueKind, { problems, context }: At): ValueCondition {
  const name = source.slice("list:".length);
  const list = context.lists.get(name);
  if (list === undefined) {
    problems.add(
      `There is no list "${name}", expected one of ${[...context.lists.keys()].join(", ")}`,
    );
  }
  const look = (value: unknown, asked: Asked | undefined): Omit<Finding, "at"> => {
    const facts = { wants: `in the list ${name}`, value: shown(value), kind };
    if (value === undefined) return { ...facts, truth: false };
    const session = sessionOf(asked);
    const normal = session === undefined
      ? normaliseValue(kind, value)
      : session.normal(kind, value);
    if (normal === undefined) return { ...facts, truth: undefined };
    const found = list?.find(kind, normal) ?? session?.find(context.approved, kind, normal);
    return { ...facts, truth: found !== undefined, normal, found };
  };
  return relaxable(context, {
    test: (value, asked) => look(value, asked).truth,
    trace: (value, asked, at) => [{ at, ...look(value, asked) }],
  });
}

function inLiterals(source: unknown, kind: ValueKind, problems: Problems): ValueCondition {
  const normals = new Set<string>();
  for (const literal of [source].flat()) {
    const normal = normaliseValue(kind, literal);
    if (normal === undefined) problems.add(`${JSON.stringify(literal)} has no form as ${kind}`);
    else normals.add(normal);
  }
  const test = (value: unknown) => {
    if (value === undefined) return false;
    const normal = normaliseValue(kind, value);
    return normal === undefined ? undefined : normals.has(normal);
  };
  const wants = `one of ${JSON.stringify(source)} (as ${kind})`;
  return {
    test,
    trace: (value, _, at) => [{ at, truth: test(value), wants, value: shown(value), kind }],
  };
}

function atLeast(bound: unknown, problems: Problems): ValueCondition {
  if (typeof bound !== "number" || bound < 0) problems.add("Expected a number of 0 or more");
  const test = (value: unknown) => {
    if (value === undefined) return false;
    const isSized = typeof value === "string" || Array.isArray(value);
    return isSized ? Array.from(value).length >= Number(bound) : undefined;
  };
  const wants = `at least ${bound} long`;
  return {
    test,
    trace: (value, _, at) => [{ at, truth: test(value), wants, value: shown(value), kind: "text" }],
  };
}

/** A condition on each link and address in the texts of a value. */
function eachLink(source: unknown, { problems, context }: At): ValueCondition {
  if (!context.mayAsk) problems.add("Cannot be negated, and cannot stand in a deny rule");
  const isNone = source === "none";
  if (!isNone && !isMapping(source)) {
    problems.add(
      'Expected "none", or a condition like {from: [prompt]} or {glob: https://example.com/**}',
    );
  }
  const inContext = { ...context, isRelaxed: false, isLink: true };
  const inner = isNone || !isMapping(source)
    ? undefined
    : compileValue(source, problems, inContext);
  // What leads on from a link that is known as a whole is known with it.
  const whole = isMapping(source) ? originsIn(source, problems, inContext) : [];
  const look = (value: unknown, asked: Asked | undefined): Omit<Finding, "at">[] | undefined => {
    if (value === undefined) return [];
    const findings: Omit<Finding, "at">[] = [];
    for (const text of outgoingTextsOf(value)) {
      const session = sessionOf(asked);
      const links = session === undefined ? linksIn(text) : session.links(text);
      if (links === undefined) return undefined;
      for (const { value, text: shown, within, kind } of links) {
        const outer = within?.value;
        if (outer !== undefined && whole.some((one) => one.test(outer, asked) === true)) continue;
        const truth = value === undefined ? false : inner?.test(value, asked) ?? false;
        const [detail] = value === undefined || inner === undefined
          ? []
          : inner.trace(value, asked, "");
        const wants = value === undefined
          ? "a link that can be read"
          : detail?.wants ?? "no link at all";
        findings.push({ ...detail, wants, truth, value: value ?? shown, kind, normal: value });
      }
    }
    return findings;
  };
  return relaxable(context, {
    test(value, asked) {
      if (value === undefined) return false;
      const findings = look(value, asked);
      if (findings === undefined) return undefined;
      return truthOf(findings.map(({ truth }) => truth));
    },
    trace(value, asked, at) {
      const findings = look(value, asked);
      if (findings === undefined) {
        return [{
          at,
          truth: undefined,
          wants: "a text that can be read",
          value: "",
          kind: "text",
        }];
      }
      return findings.map((finding, i) => ({ ...finding, at: `${at}.link ${i + 1}` }));
    },
  });
}

/** The conditions on origin that stand in a condition, negations aside. */
function originsIn(
  source: Mapping,
  problems: Problems,
  context: ConditionContext,
): ValueCondition[] {
  const quiet = { ...problems, at: () => quiet, add: () => {} } as Problems;
  const parts = [source, ...[source["any"] ?? []].flat()].filter(isMapping);
  return parts.filter(({ from }) => from !== undefined)
    .map(({ from, as }) =>
      compileValue(as === undefined ? { from } : { from, as }, quiet, context)
    );
}

function container(name: string, operand: unknown, { problems, context }: At): ValueCondition {
  if (name === "not") {
    const inner = compileValue(operand, problems, { ...context, isRelaxed: false, mayAsk: false });
    const test = (value: unknown, asked: Asked | undefined) => {
      const truth = inner.test(value, asked);
      return truth === undefined ? undefined : !truth;
    };
    return {
      test,
      trace: (value, asked, at) =>
        inner.trace(value, asked, at).map((one) => ({
          ...one,
          wants: `not ${one.wants}`,
          truth: test(value, asked),
        })),
    };
  }
  if (name === "any") {
    if (!Array.isArray(operand)) problems.add("Expected a list with at least one value");
    const choices = [operand].flat().map((one, i) => compileValue(one, problems.at(i), context));
    return {
      test: (value, asked) => {
        const truths = choices.map((one) => one.test(value, asked));
        return truths.includes(true) ? true : truths.includes(undefined) ? undefined : false;
      },
      trace: (value, asked, at) => {
        const holding = choices.find((one) => one.test(value, asked) === true);
        if (holding !== undefined) return holding.trace(value, asked, at);
        const all = choices.map((one) => one.trace(value, asked, at));
        const failing = all.flatMap((one) => one.filter(({ truth }) => truth !== true));
        const wants = failing.map(({ wants }) => wants).join(" or ");
        const [first] = failing;
        return first === undefined ? [] : [{ ...first, wants }];
      },
    };
  }
  const inner = compileValue(operand, problems, context);
  return {
    test: (value, asked) => {
      if (value === undefined) return false;
      const items = itemsOf(name, value);
      return items && truthOf(items.map(([, item]) => inner.test(item, asked)));
    },
    trace: (value, asked, at) => {
      const items = itemsOf(name, value);
      if (items === undefined) {
        return [{ at, truth: undefined, wants: "a list", value: shown(value), kind: "text" }];
      }
      return items.flatMap(([i, item]) => inner.trace(item, asked, `${at}.${i}`));
    },
  };
}

/** The items that `each` and `operands` are about, as the core has them. */
function itemsOf(name: string, value: unknown): [number, unknown][] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map((item, i): [number, unknown] => [i, item]);
  if (name === "each") return items;
  if (!value.every((word) => typeof word === "string")) return undefined;
  const end = value.includes("--") ? value.indexOf("--") : value.length;
  return items.filter(([i, word]) =>
    i !== end && !(i < end && String(word).startsWith("-") && word !== "-")
  );
}

/** What a person is asked about counts as fulfilled by what is there. */
function relaxable({ isRelaxed }: ConditionContext, condition: ValueCondition): ValueCondition {
  return isRelaxed ? { test: (value) => value !== undefined, trace: () => [] } : condition;
}

function allOf(parts: readonly ValueCondition[]): ValueCondition {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  return {
    test: (value, asked) => truthOf(parts.map((one) => one.test(value, asked))),
    trace: (value, asked, at) => parts.flatMap((one) => one.trace(value, asked, at)),
  };
}

function truthOf(truths: readonly Truth[]): Truth {
  return truths.includes(false) ? false : truths.includes(undefined) ? undefined : true;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "nothing";
}
