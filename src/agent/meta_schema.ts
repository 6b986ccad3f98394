/**
 * The meta-schema: which forms the keywords of a JSON Schema may have.
 *
 * @module
 */
import type { Schema } from "@cfworker/json-schema";

const SCHEMA = { $ref: "#/$defs/schema" };
const SCHEMAS = { type: "array", minItems: 1, items: SCHEMA };
const SCHEMA_MAP = { type: "object", additionalProperties: SCHEMA };
const COUNT = { type: "integer", minimum: 0 };
const STRING = { type: "string" };
const NAMES = { type: "array", items: STRING };
const TYPE = { enum: ["array", "boolean", "integer", "null", "number", "object", "string"] };
const LIMIT = { type: ["number", "boolean"] };

/**
 * One meta-schema for the drafts 4, 7, 2019-09 and 2020-12. Unknown keywords are allowed, as the
 * standard requires.
 */
export const META_SCHEMA: Schema = {
  $ref: "#/$defs/schema",
  $defs: {
    schema: {
      type: ["object", "boolean"],
      properties: {
        ...same(
          STRING,
          "$id",
          "id",
          "$schema",
          "$ref",
          "$anchor",
          "title",
          "description",
          "format",
        ),
        ...same(SCHEMA, "additionalProperties", "unevaluatedProperties", "propertyNames"),
        ...same(SCHEMA, "additionalItems", "unevaluatedItems", "contains"),
        ...same(SCHEMA, "not", "if", "then", "else"),
        ...same(SCHEMAS, "allOf", "anyOf", "oneOf", "prefixItems"),
        ...same(SCHEMA_MAP, "$defs", "definitions", "properties", "patternProperties"),
        ...same(SCHEMA_MAP, "dependentSchemas"),
        ...same(COUNT, "minLength", "maxLength", "minItems", "maxItems", "minContains"),
        ...same(COUNT, "maxContains", "minProperties", "maxProperties"),
        ...same({ type: "number" }, "minimum", "maximum"),
        ...same(LIMIT, "exclusiveMinimum", "exclusiveMaximum"),
        ...same({ type: "boolean" }, "uniqueItems", "$recursiveAnchor"),
        type: { anyOf: [TYPE, { type: "array", minItems: 1, items: TYPE }] },
        enum: { type: "array" },
        required: NAMES,
        pattern: { type: "string", format: "regex" },
        multipleOf: { type: "number", exclusiveMinimum: 0 },
        items: { anyOf: [SCHEMA, { type: "array", items: SCHEMA }] },
        dependentRequired: { type: "object", additionalProperties: NAMES },
        dependencies: { type: "object", additionalProperties: { anyOf: [NAMES, SCHEMA] } },
      },
    },
  },
};

function same(form: object, ...keywords: readonly string[]): Record<string, object> {
  return Object.fromEntries(keywords.map((keyword) => [keyword, form]));
}
