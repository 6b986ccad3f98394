/**
 * Conditions of one rule: split from those that the core knows, and put on the target, on params that may be
 * missing, and on all params together.
 *
 * @module
 */
import type { Asked } from "../core/policy/constraint.ts";
import { canonicalJson } from "../core/json.ts";
import type { Problems } from "../core/policy/problem.ts";
import type { Mapping } from "../core/policy/shape.ts";
import type { ActionSpec } from "../core/resource/kind.ts";
import {
  compileValue,
  type ConditionContext,
  hasOwnWords,
  type ValueCondition,
} from "./condition.ts";
import { type Meaning, WHOLE_PARAM } from "./meaning.ts";

/** A place at which no request has a param: of conditions on all of them. */
export const WHOLE = [WHOLE_PARAM];

/** A condition on one param. */
export interface WrittenCondition {
  readonly param: string;
  readonly path: readonly string[];
  readonly source: unknown;
  readonly inner: ValueCondition;
  readonly key: Meaning["key"];
  /** What it says, where that is not all in its source. */
  readonly value?: unknown;
}

/** The way into the params that a name like `args.0` stands for. */
export function pathOf(param: string, problems: Problems): string[] {
  const path = param.split(".");
  if (path.includes("")) {
    problems.at(param).add('Expected the name of a param, or a way into it like "args.0"');
  }
  return path;
}

/** The conditions of a constraint that the core knows, and the others. */
export function split(
  constraint: Mapping,
  problems: Problems,
  context: ConditionContext,
): { readonly core: Mapping; readonly own: WrittenCondition[] } {
  const core: Record<string, unknown> = {};
  const own: WrittenCondition[] = [];
  for (const [param, source] of Object.entries(constraint)) {
    if (!hasOwnWords(source)) core[param] = source;
    else {
      const at = problems.at(param);
      own.push({
        key: "constraint",
        param,
        path: pathOf(param, problems),
        source,
        inner: compileValue(source, at, context),
      });
    }
  }
  return { core, own };
}

/** A condition on the target: where it comes from, when it is what something is sent to. */
export function onTarget(inner: ValueCondition): ValueCondition {
  const targetOf = (asked: Asked | undefined) =>
    (asked as (Asked & { readonly target?: string }) | undefined)?.target;
  return {
    test: (_, asked) => {
      const target = targetOf(asked);
      // Whoever does not say it asks about nothing that could be decided.
      return target === undefined ? undefined : inner.test(target, asked);
    },
    trace: (_, asked) => inner.trace(targetOf(asked), asked, "target"),
  };
}

/** Holds for a param that is missing. */
export function ifThere(inner: ValueCondition): ValueCondition {
  return {
    test: (value, asked) => value === undefined || inner.test(value, asked),
    trace: (value, asked, at) => value === undefined ? [] : inner.trace(value, asked, at),
  };
}

/** No param that the rule does not name; what has its default value says nothing. */
export function only(names: ReadonlySet<string>, specs: readonly ActionSpec[]): WrittenCondition {
  const known = new Set(Array.from(names, (name) => name.split(".")[0] ?? name));
  for (const { resources = [] } of specs) for (const { param } of resources) known.add(param);
  const others = (params: Asked["params"]) =>
    Object.entries(params ?? {}).filter(([name, value]) =>
      !known.has(name) &&
      !specs.some(({ defaults = {} }) =>
        Object.hasOwn(defaults, name) && canonicalJson(defaults[name]) === canonicalJson(value)
      )
    ).map(([name]) => name);
  return {
    ...{ key: "params", param: "params", path: WHOLE, source: "only" },
    value: {
      names: Array.from(known).toSorted(),
      defaults: canonicalJson(specs.map(({ defaults = {} }) => defaults)),
    },
    inner: {
      test: (_, asked) =>
        asked?.params === undefined ? undefined : others(asked.params).length === 0,
      trace: (_, asked) =>
        others(asked?.params).map((name) => ({
          ...{ at: name, truth: false, wants: "not to be there", value: name, kind: "text" },
        })),
    },
  };
}
