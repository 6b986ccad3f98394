/**
 * What the JSON Schema of policies is made of.
 *
 * @module
 */
import { STANDARD_ACTIONS } from "../actions/standard.ts";
import type { Shape } from "../core/policy/shape.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A text that says something. */
export const TEXT: JsonSchema = { type: "string", minLength: 1 };
/** A text for messages. */
export const SHORT_TEXT: JsonSchema = { type: "string", minLength: 1, maxLength: 500 };
/** A whole number of 1 or more. */
export const COUNT: JsonSchema = { type: "integer", minimum: 1 };

/** A schema of `$defs`. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/$defs/${name}` };
}

/** A schema with what it is for. */
export function described(description: string, schema: JsonSchema): JsonSchema {
  return { ...schema, description };
}

/** One of these or a list of them. */
export function oneOrMore(one: JsonSchema): JsonSchema {
  return { anyOf: [one, { type: "array", items: one, minItems: 1 }] };
}

/**
 * A mapping of the keys of a table.
 *
 * @throws {TypeError} A key of the table is not described, or something is that is no key.
 */
export function mapping(
  keys: readonly string[],
  schemas: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  const missing = [
    ...keys.filter((key) => !Object.hasOwn(schemas, key)),
    ...Object.keys(schemas).filter((key) => !keys.includes(key)),
  ];
  if (missing.length > 0) {
    throw new TypeError(
      `Cannot make the schema of policies: ${
        missing.join(", ")
      } is a key of the loader alone, or of the schema alone`,
    );
  }
  return {
    type: "object",
    properties: Object.fromEntries(keys.map((key) => [key, schemas[key]])),
    additionalProperties: false,
    ...required.length === 0 ? {} : { required },
  };
}

/** The keys without which a mapping of this shape is refused. */
export function needed(shape: Shape): string[] {
  return Object.keys(shape).filter((key) => shape[key]?.missing !== undefined);
}

const NAMESPACES = Array.from(
  new Set(Object.keys(STANDARD_ACTIONS).map((name) => name.split(".")[0])),
).join("|");
/** The name of an action, or a pattern of names. */
export const ACTION: JsonSchema = {
  anyOf: [
    { enum: Object.keys(STANDARD_ACTIONS) },
    {
      type: "string",
      description: "a pattern like fs.*, or a custom action",
      // Others of these namespaces there are not.
      pattern:
        `^(?!(${NAMESPACES})\\.[A-Za-z0-9_-]+$)(\\*|[A-Za-z0-9_-]+)(\\.(\\*|[A-Za-z0-9_-]+))*$`,
    },
  ],
};

/** One or more patterns. */
export const GLOBS: JsonSchema = oneOrMore(TEXT);
