import { assert, assertEquals } from "@std/assert";
import { ArgumentSchema } from "../../src/agent/argument_schema.ts";
import { patternCost } from "../../src/agent/pattern_cost.ts";

function fits(property: object, value: unknown): boolean {
  const schema = new ArgumentSchema({ type: "object", properties: { a: property } });
  return schema.problemOf({ a: value }) === undefined;
}

/** A keyword, a value that fits, one that does not. */
const KEYWORDS: readonly (readonly [object, unknown, unknown])[] = [
  [{ type: "string" }, "x", 5],
  [{ type: ["string", "null"] }, null, 5],
  [{ type: "integer" }, 5, 5.5],
  [{ enum: ["a", "b"] }, "a", "c"],
  [{ const: { x: 1 } }, { x: 1 }, { x: 2 }],
  [{ minimum: 1, exclusiveMaximum: 3 }, 2, 3],
  [{ multipleOf: 0.1 }, 0.3, 0.35],
  [{ minLength: 1, maxLength: 2 }, "😀😀", "abc"],
  [{ pattern: "^[a-z]+$" }, "abc", "ABC"],
  [{ pattern: "^\\d{4}-\\d{2}$" }, "2026-01", "2026-1"],
  [{ format: "date-time" }, "2026-01-01T00:00:00Z", "yesterday"],
  [{ format: "uri" }, "https://a.b/c", "no uri"],
  [{ items: { type: "string" }, maxItems: 2 }, ["a"], ["a", 1]],
  [{ prefixItems: [{ type: "string" }] }, ["a", 1], [1]],
  [{ uniqueItems: true }, [1, 2], [1, 1]],
  [{ contains: { const: 1 } }, [0, 1], [0]],
  [{ required: ["x"], additionalProperties: { type: "number" } }, { x: 1 }, { x: "1" }],
  [{ patternProperties: { "^x-": { type: "number" } } }, { "x-a": 1 }, { "x-a": "1" }],
  [{ propertyNames: { maxLength: 2 } }, { ab: 1 }, { abc: 1 }],
  [{ anyOf: [{ type: "string" }, { type: "number" }] }, 1, null],
  [{ oneOf: [{ type: "number" }, { minimum: 5 }] }, 3, 6],
  [{ not: { type: "string" } }, 1, "x"],
  [{ if: { type: "string" }, then: { minLength: 2 }, else: { type: "number" } }, "ab", "a"],
  [{ dependentRequired: { a: ["b"] } }, { a: 1, b: 1 }, { a: 1 }],
];
for (const [property, good, bad] of KEYWORDS) {
  Deno.test(`${JSON.stringify(property)} lets ${JSON.stringify(good)} pass, not ${JSON.stringify(bad)}`, () => {
    assertEquals([fits(property, good), fits(property, bad)], [true, false]);
  });
}

Deno.test("references within a schema are followed, also recursive ones", () => {
  const schema = new ArgumentSchema({
    type: "object",
    properties: { tree: { $ref: "#/$defs/tree" } },
    $defs: {
      tree: {
        type: "object",
        properties: { value: { type: "number" }, children: { items: { $ref: "#/$defs/tree" } } },
        required: ["value"],
      },
    },
  });
  assertEquals(schema.problemOf({ tree: { value: 1, children: [{ value: 2 }] } }), undefined);
  assertEquals(
    schema.problemOf({ tree: { value: 1, children: [{ value: "2" }] } }),
    '/tree/children/0/value: Instance type "string" is invalid. Expected "number"',
  );
});

Deno.test("a problem names the innermost places, three at most, and little of the value", () => {
  const schema = new ArgumentSchema({
    type: "object",
    properties: { a: { enum: ["x".repeat(5000)] } },
    required: ["b", "c", "d", "e"],
  });
  const problem = schema.problemOf({ a: 1 }) ?? "";
  assert(problem.length < 700, `${problem.length}`);
  assertEquals(problem.split("; ").length, 3);
});

Deno.test("a schema that fans out exponentially is given up, not followed", () => {
  const $defs: Record<string, object> = { l0: { type: "string" } };
  for (let i = 1; i < 30; i++) {
    $defs[`l${i}`] = { allOf: [{ $ref: `#/$defs/l${i - 1}` }, { $ref: `#/$defs/l${i - 1}` }] };
  }
  const schema = new ArgumentSchema({
    type: "object",
    properties: { a: { $ref: "#/$defs/l29" }, b: { $ref: "#/$defs/l3" } },
    $defs,
  });
  assertEquals(
    schema.problemOf({ a: "x" }),
    "the arguments could not be checked against the schema",
  );
  assertEquals(schema.problemOf({ b: "x" }), undefined);
});

Deno.test("a schema that fans out with the depth of the value is given up too", () => {
  const schema = new ArgumentSchema({
    type: "object",
    $ref: "#/$defs/node",
    $defs: {
      node: {
        anyOf: [
          { properties: { a: { $ref: "#/$defs/node" } } },
          { properties: { a: { $ref: "#/$defs/node" } } },
        ],
      },
    },
  });
  const nested = (depth: number): object => depth === 0 ? {} : { a: nested(depth - 1) };
  assertEquals(schema.problemOf(nested(5)), undefined);
  assert(schema.problemOf(nested(40))?.includes("could not be checked"));
});

Deno.test("a large array is not compared item by item", () => {
  const schema = new ArgumentSchema({
    type: "object",
    properties: { a: { type: "array", uniqueItems: true } },
  });
  const numbers = Array.from({ length: 50_000 }, (_, i) => i);
  assertEquals(schema.problemOf({ a: numbers }), undefined);
  assertEquals(schema.problemOf({ a: [1, 1] })?.includes("Duplicate"), true);
});

/** Patterns, and how texts are matched against them. */
const PATTERNS: readonly (readonly [string, string])[] = [
  ["^abc$", "linear"],
  ["\\S", "linear"],
  ["^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", "linear"],
  ["^(?:GET|POST)$", "linear"],
  ["^[a-z]+$", "bounded"],
  ["^[^@]+@[^@]+\\.[a-z]{2,}$", "bounded"],
  ["^v?\\d+\\.\\d+\\.\\d+$", "bounded"],
  ["^#(?:[0-9a-f]{3}|[0-9a-f]{6})$", "linear"],
  ["^\\p{L}+$", "bounded"],
  ["(a+)+$", "unknown"],
  ["^(a|a)*$", "unknown"],
  ["^(a|ab)(c|bcd)*$", "unknown"],
  ["^((a{1,9}){1,9}){1,9}$", "unknown"],
  ["^(?:(?:a{100}){100}){100}$", "unknown"],
  ["(a*)*", "unknown"],
  ["^(?:a?){30}a{30}$", "unknown"],
  ["^a?a?a?a?a?a?a?a?$", "unknown"],
  ["a*a*a*b", "unknown"],
  ["^a*a*a*a*b$", "unknown"],
  ["(?=a)a", "unknown"],
  ["(?<!a)b", "unknown"],
  ["^(a)\\1$", "unknown"],
  ["^(?<x>a)\\k<x>$", "unknown"],
  ["^[(+*]+$", "bounded"],
  ["^\\(a\\+\\)$", "linear"],
  ["(", "unknown"],
  ["a".repeat(257), "unknown"],
];
for (const [pattern, cost] of PATTERNS) {
  Deno.test(`patternCost() of ${pattern.slice(0, 50)} is ${cost}`, () => {
    assertEquals(patternCost(pattern), cost);
  });
}

Deno.test("a pattern that could take long is listed as unchecked, and never run", () => {
  const schema = new ArgumentSchema({
    type: "object",
    properties: { a: { type: "string", pattern: "^(a+)+$", maxLength: 100 } },
    patternProperties: { "^(x+)+$": { type: "number" } },
    additionalProperties: false,
  });
  assertEquals([...schema.unchecked].sort(), ["pattern ^(a+)+$", "patternProperties ^(x+)+$"]);
  // With the pattern this would take longer than the universe has.
  assertEquals(schema.problemOf({ a: `${"a".repeat(60)}!` }), undefined);
  assert(schema.problemOf({ a: "a".repeat(101) }) !== undefined);
  assertEquals(schema.schema.additionalProperties, false);
});

Deno.test("a long text is not matched against a pattern that repeats", () => {
  const schema = new ArgumentSchema({
    type: "object",
    properties: { a: { pattern: "^[a-z]*[a-z]*[a-z]*1$" } },
  });
  assert(schema.problemOf({ a: "a".repeat(100) }) !== undefined);
  assertEquals(schema.problemOf({ a: "a".repeat(100_000) }), undefined);
});
