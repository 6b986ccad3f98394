/**
 * Conditions on the params of a request.
 *
 * @module
 */
import { canonicalJson } from "../json.ts";
import { expandBraces, insideOnly, parseSegment } from "../resource/pattern.ts";
import { PatternTrie } from "../resource/trie.ts";
import { parseSize } from "./limits.ts";
import type { Place, Problems } from "./problem.ts";

/**
 * The outcome of a condition in Kleene's three-valued logic. `undefined` is "cannot be decided": a
 * parameter of a type that the condition does not speak of. It never widens access: an allow rule
 * then does not hold, a deny rule does.
 */
export type Truth = boolean | undefined;

/** A compiled condition on one value; `undefined` stands for a missing parameter. */
type Condition = (value: unknown) => Truth;

/** A compiled constraint: all of its conditions have to hold. */
export interface Constraint {
  /** For each parameter: its way into the params, and the condition. */
  readonly conditions: readonly {
    readonly param: string;
    readonly path: readonly string[];
    readonly condition: Condition;
    /** The condition as the policy has it, for explanations. */
    readonly source: unknown;
  }[];
}

type Compile = (operand: unknown, place: Place, problems: Problems) => Condition | undefined;

/** The operators, by name. */
const OPERATORS: Readonly<Record<string, Compile>> = {
  in: listOperand((choices) => {
    const equals = choices.map(equalTo);
    return (value) => anyOf(equals.map((equal) => equal(value)));
  }),

  any(operand, place, problems) {
    if (!Array.isArray(operand) || operand.length === 0) {
      problems.add(place, "Expected a list with at least one value or condition");
      return undefined;
    }
    const choices = operand.map((one, i) => compileCondition(one, [...place, i], problems));
    return (value) => anyOf(choices.map((choice) => choice(value)));
  },

  not(operand, place, problems) {
    if (Array.isArray(operand)) {
      problems.add(place, "Expected a value or a condition, for several values not: {in: [...]}");
      return undefined;
    }
    const inner = compileCondition(operand, place, problems);
    return (value) => {
      const truth = inner(value);
      return truth === undefined ? undefined : !truth;
    };
  },

  glob: compileGlob,

  prefix: listOperand((start) => {
    const items = start.map(equalTo);
    return (value) => {
      if (value === undefined) return false;
      if (!Array.isArray(value)) return undefined;
      if (value.length < items.length) return false;
      return allOf(items.map((equal, i) => equal(value[i])));
    };
  }),

  each(operand, place, problems) {
    const inner = compileCondition(operand, place, problems);
    return (value) => {
      if (value === undefined) return false;
      return Array.isArray(value) ? allOf(value.map(inner)) : undefined;
    };
  },

  options(operand, place, problems) {
    const inner = compileGlob(operand, place, problems);
    return inner && ((value) => ofWords(value, ({ options }) => allOf(options.map(inner))));
  },

  operands(operand, place, problems) {
    const inner = compileCondition(operand, place, problems);
    return (value) => ofWords(value, ({ operands }) => allOf(operands.map(inner)));
  },

  max: sizeOperand((value) => typeof value === "number" ? value : undefined, atMost),
  min: sizeOperand((value) => typeof value === "number" ? value : undefined, (n, min) => n >= min),
  max_length: sizeOperand(
    (value) =>
      typeof value === "string"
        ? Array.from(value).length
        : Array.isArray(value)
        ? value.length
        : undefined,
    atMost,
  ),
  max_bytes: sizeOperand(
    (value) => typeof value === "string" ? new TextEncoder().encode(value).length : undefined,
    atMost,
  ),

  exists(operand, place, problems) {
    if (typeof operand !== "boolean") {
      problems.add(place, "Expected true or false");
      return undefined;
    }
    return (value) => (value !== undefined) === operand;
  },
};

/** Compiles the `constraint` of a rule. */
export function compileConstraint(
  source: unknown,
  place: Place,
  problems: Problems,
): Constraint | undefined {
  if (!isMapping(source)) {
    problems.add(place, "Expected a mapping from params to conditions");
    return undefined;
  }
  return {
    conditions: Object.keys(source).map((param) => {
      if (param === "" || param.split(".").includes("")) {
        problems.add(
          [...place, param],
          'Expected the name of a param, or a way into it like "args.0"',
        );
      }
      const condition = compileCondition(source[param], [...place, param], problems);
      return { param, path: param.split("."), condition, source: source[param] };
    }),
  };
}

/** Whether the constraint holds for the params, in three-valued logic. */
export function evaluate(constraint: Constraint, params: Readonly<Record<string, unknown>>): Truth {
  return allOf(constraint.conditions.map(({ path, condition }) => {
    const value = follow(params, path);
    // Whoever gets a text for a list may well take it for a list of one.
    return value === ASTRAY ? undefined : condition(value);
  }));
}

/** The value at a way into the params; own properties and array items only. */
export function reach(params: unknown, path: readonly string[]): unknown {
  const value = follow(params, path);
  return value === ASTRAY ? undefined : value;
}

/** On the way there is something else than what it leads into: a text, or a list instead of an object. */
const ASTRAY = Symbol("astray");

function follow(params: unknown, path: readonly string[]): unknown {
  let value = params;
  for (const key of path) {
    if (value === null || value === undefined) return undefined;
    if (typeof value !== "object") return ASTRAY;
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(key)) return ASTRAY;
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function compileCondition(source: unknown, place: Place, problems: Problems): Condition {
  if (!isMapping(source)) return equalTo(source);
  const names = Object.keys(source);
  if (names.length === 0) problems.add(place, `Expected a value or one of ${operatorNames()}`);
  const conditions = names.flatMap((name) => {
    const compile = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
    if (compile === undefined) {
      problems.add(
        [...place, name],
        `There is no operator "${name}", expected one of ${operatorNames()}`,
      );
      return [];
    }
    return compile(source[name], [...place, name], problems) ?? [];
  });
  return (value) => allOf(conditions.map((condition) => condition(value)));
}

function operatorNames(): string {
  return Object.keys(OPERATORS).join(", ");
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Equality of JSON values. Between different types it cannot be decided: "1" may be meant as 1. */
function equalTo(expected: unknown): Condition {
  const text = canonicalJson(expected);
  return (value) => {
    if (value === undefined) return false;
    if (typeOf(value) !== typeOf(expected)) return undefined;
    return value === expected || canonicalJson(value) === text;
  };
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

function atMost(size: number, max: number): boolean {
  return size <= max;
}

/** The words of a command line: what begins with "-" before the first "--", and all others. */
interface Words {
  readonly options: readonly string[];
  readonly operands: readonly string[];
}

function ofWords(value: unknown, holds: (words: Words) => Truth): Truth {
  if (value === undefined) return false;
  if (!Array.isArray(value) || !value.every((word) => typeof word === "string")) return undefined;
  const end = value.indexOf("--");
  const before: string[] = end === -1 ? value : value.slice(0, end);
  // A lone "-" is the name of standard input.
  const isOption = (word: string) => word.startsWith("-") && word !== "-";
  return holds({
    options: before.filter(isOption),
    operands: [
      ...before.filter((word) => !isOption(word)),
      ...(end === -1 ? [] : value.slice(end + 1)),
    ],
  });
}

function listOperand(make: (list: readonly unknown[]) => Condition): Compile {
  return (operand, place, problems) => {
    if (Array.isArray(operand) && operand.length > 0) return make(operand);
    problems.add(place, "Expected a list with at least one value");
    return undefined;
  };
}

function sizeOperand(
  measure: (value: unknown) => number | undefined,
  holds: (size: number, bound: number) => boolean,
): Compile {
  return (operand, place, problems) => {
    const bound = typeof operand === "string" ? parseSize(operand) : operand;
    if (typeof bound !== "number") {
      problems.add(place, "Expected a number, or a size like 10KiB");
      return undefined;
    }
    return (value) => {
      if (value === undefined) return false;
      const size = measure(value);
      return size === undefined ? undefined : holds(size, bound);
    };
  };
}

/** Globs over strings: segments between slashes, as in resources of kind `name`. */
function compileGlob(operand: unknown, place: Place, problems: Problems): Condition | undefined {
  const patterns = Array.isArray(operand) ? operand : [operand];
  const trie = new PatternTrie<Truth>();
  for (const pattern of patterns) {
    if (typeof pattern !== "string" || pattern === "") {
      problems.add(place, "Expected a pattern or a list of patterns");
      return undefined;
    }
    try {
      for (const text of expandBraces(pattern)) {
        const steps = text.split("/").map((segment) => parseSegment(segment));
        trie.insert(insideOnly(steps), true);
        // As in resources, `D/**` allows what is inside of `D` only, and denies `D` itself too.
        trie.insert(steps, undefined);
      }
    } catch (error) {
      problems.add(place, (error as Error).message);
      return undefined;
    }
  }
  return (value) => {
    if (value === undefined) return false;
    if (typeof value !== "string") return undefined;
    const segments = value.split("/");
    // "src/../etc" is not inside of "src": a text that climbs cannot be decided by its segments.
    if (segments.includes("..") || segments.includes(".")) return undefined;
    return anyOf(trie.match(segments));
  };
}
