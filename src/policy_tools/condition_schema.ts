/**
 * The JSON Schema of conditions: of the operators of the core, and of the words about where values come from.
 *
 * @module
 */
import { OPERATORS } from "../core/policy/constraint.ts";
import { CONDITION_WORDS, ORIGIN_WORDS } from "../provenance/condition.ts";
import { VALUE_KINDS } from "../provenance/normalise.ts";
import { LIST_NAME } from "../provenance/source.ts";
import { described, GLOBS, type JsonSchema, mapping, oneOrMore, ref } from "./schema_parts.ts";

/** The name of a list or a source. */
export const NAME: JsonSchema = { type: "string", pattern: LIST_NAME.source };

const SIZE: JsonSchema = {
  anyOf: [
    { type: "number" },
    { type: "string", pattern: "^\\d{1,16}(\\.\\d{1,16})?\\s*(B|[kK]B|MB|GB|[KMG]iB)?$" },
  ],
};
const LIST: JsonSchema = { type: "array", minItems: 1 };
const CHOICES: JsonSchema = {
  anyOf: [
    LIST,
    {
      type: "string",
      description: "a list of the policy",
      pattern: `^list:${LIST_NAME.source.slice(1)}`,
    },
  ],
};

/** What stands in the operators of a condition. */
interface Within {
  readonly in: JsonSchema;
  /** Conditions in it. */
  readonly inner: JsonSchema;
  /** Conditions below `not`. */
  readonly negated: JsonSchema;
}

function operators({ in: choices, inner, negated }: Within): Readonly<Record<string, JsonSchema>> {
  return {
    in: described("equal to one of these", choices),
    any: described("one of these holds", { ...LIST, items: inner }),
    not: described("this does not hold; also if the param is missing", {
      allOf: [{ not: { type: "array" } }, negated],
    }),
    glob: described("a text that a pattern matches", GLOBS),
    prefix: described("a list that starts with these items", LIST),
    each: described("each item of a list fulfils it", inner),
    options: described("each word with - before the first -- matches a pattern", GLOBS),
    operands: described("each other word fulfils it", inner),
    max: described("a number, at most this", SIZE),
    min: described("a number, at least this", SIZE),
    max_length: described("at most so many characters, or items", SIZE),
    max_bytes: described("a text of at most so many bytes", SIZE),
    exists: described("whether the param is there", { type: "boolean" }),
  };
}

const WORDS: Readonly<Record<string, JsonSchema>> = {
  from: described(
    "in one of these: prompt (what the user said), a list, a source",
    oneOrMore(NAME),
  ),
  as: described("the form in which it is compared", { enum: VALUE_KINDS }),
  links: described("each link and address in the text fulfils it; none: there is none", {
    anyOf: [{ const: "none" }, { allOf: [{ type: "object" }, ref("condition")] }],
  }),
  min_length: described("a text or list, at least so long", { type: "number", minimum: 0 }),
};

/**
 * A condition.
 *
 * @param words What it may say besides the operators.
 */
function condition(words: readonly string[], within: Within): JsonSchema {
  // A word that the loader does not know is kept, so that it is noticed.
  const schemas = Object.fromEntries(
    Object.entries(WORDS).filter(([word]) =>
      words.includes(word) || !CONDITION_WORDS.includes(word)
    ),
  );
  const keys = Object.keys(OPERATORS);
  const compared = [...keys, "from"].map((key) => ({ required: [key] }));
  return {
    anyOf: [
      { not: { type: "object" } },
      {
        ...mapping([...keys, ...words], { ...operators(within), ...schemas }),
        minProperties: 1,
        // It says in which form something is compared.
        ...words.includes("as") ? { dependentSchemas: { as: { anyOf: compared } } } : {},
      },
    ],
  };
}

/** For `$defs`: conditions of allow rules, of deny rules, and of the scope of a task. */
export function conditionSchemas(): Readonly<Record<"condition" | "plain" | "core", JsonSchema>> {
  const plain = CONDITION_WORDS.filter((word) => !ORIGIN_WORDS.includes(word));
  const [inner, negated, core] = [ref("condition"), ref("plain"), ref("core")];
  return {
    condition: described(
      "a value, or operators that all have to hold",
      condition(CONDITION_WORDS, { in: CHOICES, inner, negated }),
    ),
    plain: described(
      "the same without from and links, which stand in allow rules alone, and not below not",
      condition(plain, { in: CHOICES, inner: negated, negated }),
    ),
    core: described(
      "the same with nothing of lists, sources and forms",
      condition([], { in: LIST, inner: core, negated: core }),
    ),
  };
}
