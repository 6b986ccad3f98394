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
/** Most applications of subschemas in one check; a check that needs more fails. */
const MAX_STEPS = 200_000;
/** Longest string that is matched against a pattern with a repetition, and that is checked for its format. */
const MAX_MATCHED = 256;
const MAX_FORMATTED = 2048;
/** Largest array whose items are compared with each other. */
const MAX_COMPARED = 1000;
const MAX_SHOWN = 200;
const MAX_REFERENCES = 16;

/** The schema of a tool's arguments, and checks against it. */
export class ArgumentSchema {
  /** The schema as the model gets it, frozen. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** The parts of the schema that are not checked, because that could take too long. */
  readonly unchecked: readonly string[];
  readonly #checked: Subschema;
  readonly #lookup: Record<string, Schema | boolean>;
  readonly #draft: Draft;
  readonly #nullable = new Map<unknown, boolean>();
  #steps = 0;

  /**
   * Checks the schema.
   *
   * @param schema A JSON Schema of draft 4, 7, 2019-09 or 2020-12.
   * @throws {TypeError} It is not a usable JSON Schema of an object; the message says where.
   */
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
      refuseDanglingReference(one, this.#lookup);
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

  /**
   * Checks arguments.
   *
   * @param args The arguments, as JSON values.
   * @returns What is wrong with them, so that the model can correct it; `undefined` if they fit.
   */
  problemOf(args: unknown): string | undefined {
    // INVARIANT: what cannot be checked is not submitted.
    const found = this.#check(
      args,
      () => ["the arguments could not be checked against the schema"],
    );
    return found.length === 0 ? undefined : found.join("; ");
  }

  /**
   * Leaves out each null whose property is optional and may not be null. Looks into objects and arrays
   * as far as `properties`, `items` and `$ref` describe them.
   *
   * @param args The arguments, as JSON values.
   * @returns A copy.
   */
  withoutNulls(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return this.#withoutNulls(args, this.#checked) as Readonly<Record<string, unknown>>;
  }

  #withoutNulls(value: unknown, schema: unknown): unknown {
    if (value === null || typeof value !== "object") return value;
    const { properties, required, items } = this.#resolve(schema);
    if (Array.isArray(value)) return value.map((item) => this.#withoutNulls(item, items));
    const known = Object(properties) as Subschema;
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, inner]) => {
        const property = Object.hasOwn(known, name) ? known[name] : undefined;
        if (property === undefined) return [[name, inner]];
        const isOptional = !Array.isArray(required) || !required.includes(name);
        if (inner === null && isOptional && !this.#mayBeNull(property)) return [];
        return [[name, this.#withoutNulls(inner, property)]];
      }),
    );
  }

  /** The subschema that a chain of references leads to. */
  #resolve(schema: unknown): Subschema {
    let found = Object(schema) as Subschema;
    for (let i = 0; typeof found["$ref"] === "string" && i < MAX_REFERENCES; i++) {
      found = Object(this.#lookup[String(found["__absolute_ref__"] ?? found["$ref"])]) as Subschema;
    }
    return found;
  }

  #mayBeNull(schema: unknown): boolean {
    const known = this.#nullable.get(schema);
    if (known !== undefined) return known;
    const found = this.#check(null, () => [], schema as Subschema).length === 0;
    this.#nullable.set(schema, found);
    return found;
  }

  #check(args: unknown, failed: (error: unknown) => string[], schema = this.#checked): string[] {
    this.#steps = 0;
    try {
      return problems(validate(args, schema, this.#draft, this.#lookup));
    } catch (error) {
      // INVARIANT: the caller decides what a check that failed means; for arguments it is a problem.
      return failed(error);
    }
  }

  /**
   * INVARIANT: a check ends, also with schemas that refer to themselves or fan out exponentially. The
   * validator reads this keyword once for each application of a subschema, so that it can be counted.
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

function refuseDanglingReference(schema: Schema, lookup: Readonly<Record<string, unknown>>): void {
  if (typeof schema.$ref !== "string") return;
  if (lookup[schema.__absolute_ref__ ?? schema.$ref] !== undefined) return;
  throw new TypeError(
    `parameters: "$ref": "${schema.$ref.slice(0, MAX_SHOWN)}" leads to nothing in this schema; ` +
      "nothing is fetched",
  );
}

/** Removes or bounds the keywords whose check could take long. */
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
    // Else what they match would count as additional.
    for (const keyword of OF_PROPERTIES) delete schema[keyword];
    unchecked.push(...costly.map((one) => `patternProperties ${one}`));
  }
}

const OF_PROPERTIES = ["patternProperties", "additionalProperties", "unevaluatedProperties"];

function onlyIf(schema: Subschema, condition: object, then: object): void {
  schema.allOf = [...(schema.allOf as unknown[] ?? []), { if: condition, then }];
}

/** Keywords whose errors only repeat that something inside is wrong. */
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

/** The innermost errors with their JSON Pointers, at most three. */
function problems({ errors }: { readonly errors: readonly OutputUnit[] }): string[] {
  const innermost = errors.filter(({ keyword }) => !OUTER.includes(keyword));
  return (innermost.length > 0 ? innermost : errors).slice(0, 3).map(
    ({ instanceLocation, keyword, error }) => {
      const pointer = decodeURI(instanceLocation.slice(1)).slice(0, MAX_SHOWN);
      const why = keyword === "false" ? "is not allowed" : error.replace(/\.$/, "");
      return `${pointer === "" ? "/" : pointer}: ${why.slice(0, MAX_SHOWN)}`;
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
