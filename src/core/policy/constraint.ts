/**
 * Conditions on the params of a request.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import { canonicalJson } from "../json.ts";
import { expandBraces, insideOnly, parseSegment } from "../resource/pattern.ts";
import { PatternTrie } from "../resource/trie.ts";
import type { Problems } from "./problem.ts";
import { isMapping } from "./shape.ts";
import { parseSize } from "./size.ts";

/**
 * The outcome of a condition in Kleene's three-valued logic. `undefined` is "cannot be decided": a
 * param of a type that the condition does not apply to. It never widens access: an allow rule then
 * does not hold, a deny rule does.
 */
export type Truth = boolean | undefined;

/** A compiled condition on one value; `undefined` stands for a missing param. */
export type Condition = (value: unknown, asked?: Asked) => Truth;

/** What of a request conditions are about. */
export interface Asked {
  /** Missing if nobody knows them: then no condition on one can be decided. */
  readonly params?: Readonly<Record<string, unknown>>;
  readonly agent?: string | undefined;
  /** Where its values come from; only conditions that are compiled elsewhere look at it. */
  readonly session?: Session | undefined;
}

/** What requests have in common that belong to one task. The core hands it on and records it. */
export interface Session {
  /** What all of its records say, beside what stages say. @default nothing */
  readonly fields: Readonly<Record<string, unknown>> | undefined;
  /** For the reason of a denial: what rules lack that match the resource. Widens nothing. */
  lacks(rules: readonly string[], asked: Asked): string;
}

/** A compiled constraint: all of its conditions have to hold. */
export interface Constraint {
  /** For each param: the keys that lead to it, and the condition. */
  readonly conditions: readonly {
    readonly param: string;
    /** Empty for the agent of the request, which is none of its params. */
    readonly path: readonly string[];
    readonly condition: Condition;
    /** The condition as the policy has it, for explanations. */
    readonly source: unknown;
  }[];
}

/** Compiles the operand of an operator; `undefined` if it is refused. */
type Compile = (operand: unknown, problems: Problems) => Condition | undefined;

/** The operators, by name. */
export const OPERATORS: Readonly<Record<string, Compile>> = {
  in: onList((choices) => anyOfThese(choices.map(equalTo))),
  any: onList((choices, problems) =>
    anyOfThese(choices.map((choice, i) => compileCondition(choice, problems.at(i))))
  ),

  not(operand, problems) {
    if (Array.isArray(operand)) {
      return refused(
        problems,
        "Expected a value or a condition, for several values not: {in: [...]}",
      );
    }
    const inner = compileCondition(operand, problems);
    return (value) => {
      const truth = inner(value);
      return truth === undefined ? undefined : !truth;
    };
  },

  glob: compileGlob,

  prefix: onList((start) => {
    const items = start.map(equalTo);
    return present((value) => {
      if (!Array.isArray(value)) return undefined;
      return value.length >= items.length && allOf(items.map((equal, i) => equal(value[i])));
    });
  }),

  each(operand, problems) {
    const inner = compileCondition(operand, problems);
    return present((value) =>
      Array.isArray(value) ? allOf(value.map((item) => inner(item))) : undefined
    );
  },

  options: (operand, problems) => onWords("options", compileGlob(operand, problems)),
  operands: (operand, problems) => onWords("operands", compileCondition(operand, problems)),

  max: onSize(numberIn, (n, max) => n <= max),
  min: onSize(numberIn, (n, min) => n >= min),
  max_length: onSize(lengthOf, (n, max) => n <= max),
  max_bytes: onSize(bytesOf, (n, max) => n <= max),

  exists(operand, problems) {
    if (typeof operand !== "boolean") return refused(problems, "Expected true or false");
    return (value) => (value !== undefined) === operand;
  },
};

/**
 * Compiles the `constraint` of a rule.
 *
 * @param source A plain value.
 * @param problems Where it is noted what is wrong with it.
 * @returns `undefined` if it is no mapping. One with problems must not be used.
 */
export function compileConstraint(source: unknown, problems: Problems): Constraint | undefined {
  if (!isMapping(source)) return refused(problems, "Expected a mapping from params to conditions");
  return {
    conditions: Object.entries(source).map(([param, condition]) => {
      const path = param.split(".");
      if (path.includes("")) {
        problems.at(param).add('Expected the name of a param, or a way into it like "args.0"');
      }
      const compiled = compileCondition(condition, problems.at(param));
      return { param, path, condition: compiled, source: condition };
    }),
  };
}

/**
 * Compiles the `agent` of a rule to a condition like those of its constraint.
 *
 * @param source Globs of names.
 * @param problems Where it is noted what is wrong with it.
 */
export function compileAgent(
  source: unknown,
  problems: Problems,
): Constraint["conditions"][number] {
  const matches = compileGlob(source, problems);
  // INVARIANT: a request without an agent cannot be decided: no allow rule for agents holds, a deny does.
  const condition = (agent: unknown) => agent === undefined ? undefined : matches?.(agent);
  return { param: "agent", path: [], condition, source };
}

/**
 * Evaluates a constraint.
 *
 * @param constraint Of a rule.
 * @param asked The canonical params of a request, and its agent.
 * @returns Whether it holds, in three-valued logic.
 */
export function evaluate(constraint: Constraint, asked: Asked): Truth {
  return allOf(constraint.conditions.map(({ path, condition }) => {
    const value = path.length === 0 ? asked.agent : valueAt(asked.params ?? NO_CONTAINER, path);
    // A provider may well take a text for a list of one.
    return value === NO_CONTAINER ? undefined : condition(value, asked);
  }));
}

/** On the way to a value there is something that has no such key: a text, or a list for a name. */
export const NO_CONTAINER = Symbol("no container");

/**
 * The value of a param.
 *
 * @param params The params of a request.
 * @param path The keys that lead to it: own properties and indexes of lists only.
 * @returns `undefined` if it is missing, {@linkcode NO_CONTAINER} if it could not be there.
 */
export function valueAt(params: unknown, path: readonly string[]): unknown {
  let value = params;
  for (const key of path) {
    if (value === null || value === undefined) return undefined;
    if (typeof value !== "object") return NO_CONTAINER;
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(key)) return NO_CONTAINER;
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Compiles a value or a mapping of operators. */
export function compileCondition(source: unknown, problems: Problems): Condition {
  if (!isMapping(source)) return equalTo(source);
  const known = Object.keys(OPERATORS).join(", ");
  const names = Object.keys(source);
  if (names.length === 0) problems.add(`Expected a value or one of ${known}`);
  const conditions = names.flatMap((name) => {
    const compile = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
    if (compile !== undefined) return compile(source[name], problems.at(name)) ?? [];
    problems.at(name).add(`There is no operator "${name}", expected one of ${known}`);
    return [];
  });
  return (value) => allOf(conditions.map((condition) => condition(value)));
}

function refused(problems: Problems, message: string): undefined {
  problems.add(message);
}

/** A missing param fulfils no condition but `not`, `any` and `exists`. */
function present(condition: Condition): Condition {
  return (value) => value === undefined ? false : condition(value);
}

/** Equality of JSON values. Between different types it cannot be decided: "1" may be meant as 1. */
function equalTo(expected: unknown): Condition {
  const text = canonicalJson(expected);
  return present((value) => {
    if (typeOf(value) !== typeOf(expected)) return undefined;
    return value === expected || canonicalJson(value) === text;
  });
}

function typeOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

function allOf(truths: readonly Truth[]): Truth {
  return truths.includes(false) ? false : truths.includes(undefined) ? undefined : true;
}

function anyOf(truths: readonly Truth[]): Truth {
  return truths.includes(true) ? true : truths.includes(undefined) ? undefined : false;
}

/**
 * A condition on the words of a command line: the options, which begin with "-" and stand before the
 * first "--", or the operands, which are all others.
 */
function onWords(kind: "options" | "operands", inner?: Condition): Condition | undefined {
  return inner && present((value) => {
    if (!Array.isArray(value) || !value.every((word) => typeof word === "string")) return undefined;
    const end = value.includes("--") ? value.indexOf("--") : value.length;
    // A lone "-" is the name of standard input.
    const isOption = (word: string, i: number) => i < end && word.startsWith("-") && word !== "-";
    const words = value.filter((word, i) =>
      i !== end && isOption(word, i) === (kind === "options")
    );
    return allOf(words.map((word) => inner(word)));
  });
}

function anyOfThese(choices: readonly Condition[]): Condition {
  return (value) => anyOf(choices.map((choice) => choice(value)));
}

function onList(make: (list: readonly unknown[], problems: Problems) => Condition): Compile {
  return (operand, problems) =>
    Array.isArray(operand) && operand.length > 0
      ? make(operand, problems)
      : refused(problems, "Expected a list with at least one value");
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function lengthOf(value: unknown): number | undefined {
  if (typeof value === "string") return Array.from(value).length;
  return Array.isArray(value) ? value.length : undefined;
}

function bytesOf(value: unknown): number | undefined {
  return typeof value === "string" ? new TextEncoder().encode(value).length : undefined;
}

function onSize(
  measure: (value: unknown) => number | undefined,
  holds: (size: number, bound: number) => boolean,
): Compile {
  return (operand, problems) => {
    const bound = typeof operand === "string" ? parseSize(operand) : operand;
    if (typeof bound !== "number") {
      return refused(problems, "Expected a number, or a size like 10KiB");
    }
    return present((value) => {
      const size = measure(value);
      return size === undefined ? undefined : holds(size, bound);
    });
  };
}

/** Globs over strings: segments between slashes, as in resources of kind `name`. */
function compileGlob(operand: unknown, problems: Problems): Condition | undefined {
  const trie = new PatternTrie<Truth>();
  for (const pattern of [operand].flat()) {
    if (typeof pattern !== "string" || pattern === "") {
      return refused(problems, "Expected a pattern or a list of patterns");
    }
    try {
      for (const text of expandBraces(pattern)) {
        const steps = text.split("/").map((segment) => parseSegment(segment));
        trie.insert(insideOnly(steps), true);
        // As in resources, `D/**` allows what is inside of `D` only, and denies `D` itself too.
        trie.insert(steps, undefined);
      }
    } catch (error) {
      return refused(problems, messageOf(error));
    }
  }
  return present((value) => {
    if (typeof value !== "string") return undefined;
    const segments = value.split("/");
    // "src/../etc" is not inside of "src": a text that climbs cannot be decided by its segments.
    if (segments.includes("..") || segments.includes(".")) return undefined;
    return anyOf(trie.match(segments));
  });
}
