/**
 * The JSON Schema of a tool's arguments. Both the schema (it may come from an MCP server) and the
 * arguments are untrusted.
 *
 * @module
 */
import { dereference, type OutputUnit, type Schema, validate } from "@cfworker/json-schema";
import { copyJson } from "../core/json.ts";
import { META_SCHEMA } from "./meta_schema.ts";
import { patternCost } from "./pattern_cost.ts";

type Draft = "4" | "7" | "2019-09" | "2020-12";
type Subschema = Record<string, unknown>;

const SCHEMA_LIMITS = { depth: 48, nodes: 20_000, characters: 512 * 1024 };
/** How many times subschemas are applied before a check is given up. */
const MAX_STEPS = 200_000;
/** Longest text that is matched against a pattern that repeats, or checked for its format. */
const MAX_MATCHED = 256;
const MAX_FORMATTED = 2048;
/** Largest array whose items are compared with each other. */
const MAX_COMPARED = 1000;
const MAX_SHOWN = 200;

/** A schema, checked when it is made, and what violates it. */
export class ArgumentSchema {
  /** The schema as it is told to the model, frozen. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** What of the schema is not checked here, because checking it could take too long. */
  readonly unchecked: readonly string[];
  readonly #checked: Subschema;
  readonly #lookup: Record<string, Schema | boolean>;
  readonly #draft: Draft;
  #steps = 0;

  /** @throws {TypeError} It is no usable JSON Schema of an object; the message says where. */
  constructor(schema: unknown) {
    this.schema = deepFreeze(copyJson(schema, "parameters", SCHEMA_LIMITS)) as typeof this.schema;
    const [first] = problems(validate(this.schema, META_SCHEMA, "2020-12", META_LOOKUP));
    if (first !== undefined) throw new TypeError(`parameters: not a JSON Schema: ${first}`);
    if (this.schema.type !== "object") {
      throw new TypeError('parameters: expected a schema with "type": "object"');
    }
    this.#draft = draftOf(this.schema.$schema);
    this.#checked = copyJson(schema, "parameters", SCHEMA_LIMITS) as Subschema;
    const unchecked: string[] = [];
    this.#lookup = dereference(this.#checked);
    for (const one of new Set(Object.values(this.#lookup))) {
      if (typeof one === "boolean") continue;
      refuseLostReference(one, this.#lookup);
      limitCost(one as Subschema, unchecked);
    }
    // The limits have added subschemas.
    this.#lookup = dereference(this.#checked, this.#lookup);
    for (const one of new Set(Object.values(this.#lookup))) {
      if (typeof one !== "boolean") this.#countSteps(one as Subschema);
    }
    this.unchecked = Object.freeze(unchecked);
    this.#check({}, (error) => {
      throw new TypeError("parameters: the schema cannot be applied", { cause: error });
    });
    Object.freeze(this);
  }

  /** What is wrong with arguments, for the model to mend it; `undefined` if nothing is. */
  problemOf(args: unknown): string | undefined {
    // INVARIANT: what cannot be checked is not submitted.
    const found = this.#check(
      args,
      () => ["the arguments could not be checked against the schema"],
    );
    return found.length === 0 ? undefined : found.join("; ");
  }

  #check(args: unknown, failed: (error: unknown) => string[]): string[] {
    this.#steps = 0;
    try {
      return problems(validate(args, this.#checked, this.#draft, this.#lookup));
    } catch (error) {
      return failed(error);
    }
  }

  /**
   * INVARIANT: a check ends, also with schemas that refer to themselves or fan out exponentially.
   * Each application of a subschema reads this keyword of it once.
   */
  #countSteps(subschema: Subschema): void {
    const value = subschema.$recursiveAnchor;
    Object.defineProperty(subschema, "$recursiveAnchor", {
      enumerable: false,
      get: () => {
        if (++this.#steps > MAX_STEPS) throw new RangeError("The check takes too many steps");
        return value;
      },
    });
  }
}

const META_LOOKUP = dereference(META_SCHEMA);

function draftOf($schema: unknown): Draft {
  const named = /draft-0?([47])\b|(2019-09)/.exec(String($schema ?? ""));
  return (named?.[1] ?? named?.[2] ?? "2020-12") as Draft;
}

function refuseLostReference(schema: Schema, lookup: Readonly<Record<string, unknown>>): void {
  if (typeof schema.$ref !== "string") return;
  if (lookup[schema.__absolute_ref__ ?? schema.$ref] !== undefined) return;
  throw new TypeError(
    `parameters: "$ref": "${schema.$ref.slice(0, MAX_SHOWN)}" leads to nothing in this schema; ` +
      "nothing is fetched",
  );
}

/** Takes out, or bounds, what could take long. */
function limitCost(schema: Subschema, unchecked: string[]): void {
  const { pattern, format, uniqueItems, patternProperties } = schema;
  if (typeof pattern === "string") {
    const cost = patternCost(pattern);
    if (cost !== "linear") delete schema.pattern;
    if (cost === "bounded") onlyIf(schema, { maxLength: MAX_MATCHED }, { pattern });
    if (cost === "unknown") unchecked.push(`pattern ${pattern}`);
  }
  if (typeof format === "string") {
    delete schema.format;
    onlyIf(schema, { maxLength: MAX_FORMATTED }, { format });
  }
  if (uniqueItems === true) {
    delete schema.uniqueItems;
    onlyIf(schema, { maxItems: MAX_COMPARED }, { uniqueItems });
  }
  const costly = Object.keys(patternProperties ?? {}).filter((one) =>
    patternCost(one) !== "linear"
  );
  if (costly.length > 0) {
    // What they do not name would count as additional.
    for (const keyword of OF_PROPERTIES) delete schema[keyword];
    unchecked.push(...costly.map((one) => `patternProperties ${one}`));
  }
}

const OF_PROPERTIES = ["patternProperties", "additionalProperties", "unevaluatedProperties"];

function onlyIf(schema: Subschema, condition: object, then: object): void {
  schema.allOf = [...(schema.allOf as unknown[] ?? []), { if: condition, then }];
}

/** Keywords that only say that something further inside is wrong. */
const OUTER = [
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "items",
  "prefixItems",
  "$ref",
  "allOf",
  "if",
];

/** What is wrong where, the innermost places, at most three. */
function problems({ errors }: { readonly errors: readonly OutputUnit[] }): string[] {
  const innermost = errors.filter(({ keyword }) => !OUTER.includes(keyword));
  return (innermost.length > 0 ? innermost : errors).slice(0, 3).map(
    ({ instanceLocation, keyword, error }) => {
      const place = decodeURI(instanceLocation.slice(1)).slice(0, MAX_SHOWN);
      const why = keyword === "false" ? "is not allowed" : error.replace(/\.$/, "");
      return `${place === "" ? "/" : place}: ${why.slice(0, MAX_SHOWN)}`;
    },
  );
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === "object") {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
