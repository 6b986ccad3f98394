/**
 * Checks of mappings by declaration: which keys there are, and what their values have to be.
 *
 * @module
 */
import type { Problems } from "./problem.ts";

/** What the value of one key has to be. */
export interface Field<T> {
  is(value: unknown): value is T;
  /** What is said of another value. */
  readonly expected: string;
  /** What is said if there is no value. @default the key may be missing */
  readonly missing?: string;
}

/** The fields of a mapping by key; a key that has none is refused. */
export type Shape = Readonly<Record<string, Field<unknown>>>;

/** What a mapping of the shape holds: a value that was refused is left out. */
export type Shaped<S extends Shape> = {
  readonly [K in keyof S]?: S[K] extends Field<infer T> ? T : never;
};

/** A mapping of any keys. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Whether a value is a mapping: an object that is no list. */
export function isMapping(value: unknown): value is Mapping {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Any value: it is checked elsewhere. */
export const ANYTHING: Field<unknown> = { is: (_): _ is unknown => true, expected: "" };

/** A short text. */
export const TEXT: Field<string> = {
  is: (value): value is string => typeof value === "string" && value !== "" && value.length <= 500,
  expected: "Expected a text of at most 500 characters",
};

/** A text or a list of texts, which a rule has to have. */
export function texts(key: string, what: string): Field<string | readonly string[]> {
  const isText = (value: unknown) => typeof value === "string" && value !== "";
  const these = `${what} or a list of them`;
  return {
    is: (value): value is string | readonly string[] =>
      Array.isArray(value) ? value.length > 0 && value.every(isText) : isText(value),
    expected: `Expected ${these}`,
    missing: `Has no "${key}", expected ${these}`,
  };
}

/** A list; nothing counts as an empty one. */
export const LIST: Field<readonly unknown[] | null> = {
  is: (value): value is readonly unknown[] | null => value === null || Array.isArray(value),
  expected: "Expected a list of rules",
};

/**
 * Reads a mapping, and notes what is wrong with it.
 *
 * @param source A plain value.
 * @param options What it has to be, and where problems are noted.
 * @returns The values that are right; `undefined` if it is no mapping.
 */
export function readMapping<S extends Shape>(
  source: unknown,
  { shape, expected, problems }: {
    readonly shape: S;
    readonly expected: string;
    readonly problems: Problems;
  },
): Shaped<S> | undefined {
  if (!isMapping(source)) {
    problems.add(expected);
    return undefined;
  }
  const keys = Object.keys(shape);
  const unknown = Object.keys(source).filter((key) => !keys.includes(key));
  for (const key of unknown) {
    problems.at(key).add(`Unknown key "${key}", expected one of ${keys.join(", ")}`);
  }
  return Object.fromEntries(
    Object.entries(shape).flatMap(([key, { is, expected, missing }]) => {
      const value = source[key];
      if (value === undefined || (value === null && missing !== undefined)) {
        if (missing !== undefined) problems.add(missing);
        return [];
      }
      if (is(value)) return [[key, value]];
      problems.at(key).add(expected);
      return [];
    }),
  ) as Shaped<S>;
}
