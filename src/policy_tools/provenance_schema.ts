/**
 * The JSON Schema of what a policy says of where values come from: lists, sources, keys of allow rules, sessions of
 * examples.
 *
 * @module
 */
import { RESULT_KEYS, SESSION_KEYS } from "../provenance/rehearsal.ts";
import { LIST_KEYS, MAX_LIST, SOURCE_KEYS } from "../provenance/source.ts";
import { NAME } from "./condition_schema.ts";
import {
  ACTION,
  described,
  GLOBS,
  type JsonSchema,
  mapping,
  oneOrMore,
  ref,
  SHORT_TEXT,
  TEXT,
} from "./schema_parts.ts";

const LEAF: JsonSchema = { type: ["string", "number"] };
const OWN_NAME: JsonSchema = { ...NAME, not: { const: "prompt" } };
const WAY: JsonSchema = { type: "string", pattern: "^[^.]+(\\.[^.]+)*$" };

const LIST_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  values: described("texts, numbers, and mappings of what belongs together", {
    type: "array",
    maxItems: MAX_LIST,
    items: { anyOf: [LEAF, { type: "object", additionalProperties: LEAF }] },
  }),
  file: described("a file with one value a line, relative to the policy", TEXT),
};
const SOURCE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  id: described("its name in from", OWN_NAME),
  action: described("whose results may be trusted", oneOrMore(ACTION)),
  resource: described("patterns of targets; by default any", GLOBS),
  fields: described("ways into the result, * for one step, ** for any", oneOrMore(WAY)),
  links: described("only the links and addresses in it are trusted", { type: "boolean" }),
  changed_by: described("actions after which it is not trusted any more", oneOrMore(ACTION)),
  secret: described("what is read must not go out", { type: "boolean" }),
};

/** Keys of the document. */
export const PROVENANCE_DOCUMENT: Readonly<Record<string, JsonSchema>> = {
  lists: described("values that are known, by the name of the list", {
    type: ["object", "null"],
    propertyNames: OWN_NAME,
    additionalProperties: {
      ...mapping(LIST_KEYS, LIST_SCHEMAS),
      ...{ minProperties: 1, maxProperties: 1 },
    },
  }),
  sources: described("results that may be trusted", {
    type: ["array", "null"],
    items: mapping(SOURCE_KEYS, SOURCE_SCHEMAS, ["id", "action"]),
  }),
};

/**
 * Keys of allow rules.
 *
 * @param approval The schema of `approval`.
 */
export function provenanceRule(approval: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return {
    target: described(
      "a condition on the target, where that is what something is sent to",
      ref("condition"),
    ),
    params: described("only: no param but those that the rule names", { const: "only" }),
    optional: described("conditions on params that may be missing", {
      type: "object",
      propertyNames: WAY,
      additionalProperties: ref("condition"),
    }),
    together: described("params whose values are in the same entry of a list or a result", {
      type: "array",
      items: TEXT,
      minItems: 2,
    }),
    otherwise: described("where nothing but the origin of a value is wrong", {
      anyOf: [
        { enum: ["deny", "ask"] },
        mapping(["ask", "remember"], {
          ask: described("how a person is asked", approval),
          remember: described("its values count until the session ends", { const: "session" }),
        }, ["ask"]),
      ],
    }),
    to: described("secret sources whose values may go where this rule leads", oneOrMore(NAME)),
  };
}

const RESULT_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  action: { type: "string" },
  target: { type: "string" },
  data: described("what was read", {}),
};
const SESSION_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  prompt: described("what the user said", { type: "string" }),
  actions: described("what the task may do at most", {
    type: "array",
    items: { anyOf: [TEXT, ref("scope")] },
  }),
  rules: described("ids of rules that it may use", { type: "array", items: SHORT_TEXT }),
  results: described("what was read before", {
    type: "array",
    items: mapping(RESULT_KEYS, RESULT_SCHEMAS, RESULT_KEYS),
  }),
};
/** The `session` of an example. */
export const SESSION: JsonSchema = described(
  "the session that the request is a part of",
  mapping(SESSION_KEYS, SESSION_SCHEMAS),
);
