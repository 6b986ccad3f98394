/**
 * The JSON Schema of policies, for editors. Which keys there are is said by the same tables that the
 * loader checks by; a key that is not described here is an error, so that none can be forgotten.
 *
 * @module
 */
import { APPROVAL_KEYS } from "../approval/approval_rule.ts";
import { PATHS_SHAPE } from "../argument_paths/argument_paths.ts";
import { STANDARD_ACTIONS } from "../actions/standard.ts";
import { OPERATORS } from "../core/policy/constraint.ts";
import { DOCUMENT } from "../core/policy/load.ts";
import { SHAPE } from "../core/policy/rule.ts";
import type { Shape } from "../core/policy/shape.ts";
import { LIMIT_KEYS, SCOPE_KEYS } from "../limits/limit.ts";
import { PROGRAM_KEYS } from "../limits/program_limits.ts";
import { EXAMPLE } from "./examples.ts";
import { SCHEMA_URL } from "./policy_text.ts";
import { FURTHER } from "./read.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const TEXT: JsonSchema = { type: "string", minLength: 1 };
const SHORT_TEXT: JsonSchema = { type: "string", minLength: 1, maxLength: 500 };
const COUNT: JsonSchema = { type: "integer", minimum: 1 };

function ref(name: string): JsonSchema {
  return { $ref: `#/$defs/${name}` };
}

function described(description: string, schema: JsonSchema): JsonSchema {
  return { ...schema, description };
}

/** One of these or a list of them. */
function oneOrMore(one: JsonSchema): JsonSchema {
  return { anyOf: [one, { type: "array", items: one, minItems: 1 }] };
}

/** A mapping of the keys of a table. */
function mapping(
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
function needed(shape: Shape): string[] {
  return Object.keys(shape).filter((key) => shape[key]?.missing !== undefined);
}

const NAMESPACES = Array.from(
  new Set(Object.keys(STANDARD_ACTIONS).map((name) => name.split(".")[0])),
).join("|");
const ACTION: JsonSchema = {
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

const GLOBS = oneOrMore(TEXT);
const SIZE: JsonSchema = {
  anyOf: [
    { type: "number" },
    { type: "string", pattern: "^\\d{1,16}(\\.\\d{1,16})?\\s*(B|[kK]B|MB|GB|[KMG]iB)?$" },
  ],
};
const LIST: JsonSchema = { type: "array", minItems: 1 };
const CONDITION = ref("condition");

const OPERATOR_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  in: described("equal to one of these", LIST),
  any: described("one of these holds", { ...LIST, items: CONDITION }),
  not: described("this does not hold; also if the param is missing", {
    allOf: [{ not: { type: "array" } }, CONDITION],
  }),
  glob: described("a text that a pattern matches", GLOBS),
  prefix: described("a list that starts with these items", LIST),
  each: described("each item of a list fulfils it", CONDITION),
  options: described("each word with - before the first -- matches a pattern", GLOBS),
  operands: described("each other word fulfils it", CONDITION),
  max: described("a number, at most this", SIZE),
  min: described("a number, at least this", SIZE),
  max_length: described("at most so many characters, or items", SIZE),
  max_bytes: described("a text of at most so many bytes", SIZE),
  exists: described("whether the param is there", { type: "boolean" }),
};

const PER = (example: string): JsonSchema => ({
  type: "string",
  pattern: "^\\d+(\\.\\d+)?\\s*[A-Za-z]*\\s*/\\s*(session|minute|min|hour|h|day|week|forever)$",
  examples: [example],
});
const LIMIT_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  rate: described("calls per time, as a token bucket", {
    type: "string",
    pattern: "^\\d{1,9}/(s|sec|second|min|minute|h|hour|day)$",
    examples: ["60/min"],
  }),
  burst: described("calls at once, with rate", COUNT),
  calls: described("calls per window", PER("20/day")),
  bytes: described("bytes of results per window", PER("100MiB/hour")),
  sent: described("bytes sent per window", PER("10MiB/hour")),
  duration: described("time per window", PER("10min/day")),
  sum: described("sum of a param per window", {
    type: "object",
    properties: { param: TEXT, result: TEXT, max: PER("500/day") },
    required: ["param", "max"],
    additionalProperties: false,
  }),
  concurrent: described("calls at a time", COUNT),
};
const SCOPE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  across: described("whether all agents share it", { enum: ["agent", "all"] }),
  zone: described("a time zone for windows", TEXT),
};
const AMOUNT: JsonSchema = {
  anyOf: [COUNT, { type: "string", pattern: "^\\d{1,15} ?[A-Za-z]+$" }],
};
const PROGRAM_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  memory: described("address space of each process", AMOUNT),
  processes: described("processes and threads at a time", COUNT),
  file_size: described("size of each file that is written", AMOUNT),
  cpu: described("processor time of each process", AMOUNT),
  open_files: described("open files of each process", COUNT),
};

const TIME: JsonSchema = { type: "string", pattern: "^\\d{1,9} ?[a-z]+$", examples: ["10m"] };
const APPROVAL_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  timeout: described("how long to wait for an answer", TIME),
  approvers: described("who may answer", { type: "array", items: TEXT, minItems: 1 }),
  remember: described("for how long, and for what else", {
    type: "object",
    properties: { for: TIME, as: { enum: ["target", "folder", "rule"] } },
    required: ["for"],
    additionalProperties: false,
  }),
  after: described("so many without a question", {
    type: "string",
    pattern: "^\\d{1,6}/(s|min|hour|day)$",
  }),
};

const ROLE = oneOrMore(TEXT);
const TEXTS: JsonSchema = { type: "array", items: TEXT };
const ROLES: JsonSchema = { type: "object", additionalProperties: ROLE };
const PATHS_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  operands: described("actions under which words are decided, or none", ROLE),
  first: described("of the first operand", ROLE),
  last: described("of the last operand", ROLE),
  cwd: described("of the working directory, besides fs.read", ROLE),
  after: described("options whose next word, or rest with *, is a path", ROLES),
  values: described("options whose next word is no path", TEXTS),
  refuse: described("texts that no word may contain", TEXTS),
};

const MODE: JsonSchema = { enum: ["shadow", "enforce"] };
const RULE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  id: described("unique; by default its place", {
    ...SHORT_TEXT,
    not: { pattern: "^kernel:" },
  }),
  reason: described("why; of a deny rule, the model sees it", SHORT_TEXT),
  action: described("what is done", oneOrMore(ACTION)),
  resource: described("what it is done to: patterns of paths, URLs, programs or names", GLOBS),
  agent: described("for which agents; by default for all", GLOBS),
  constraint: described("conditions on params; all have to hold", {
    type: "object",
    propertyNames: { pattern: "^[^.]+(\\.[^.]+)*$" },
    additionalProperties: CONDITION,
  }),
};
const ALLOW_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  paths: described(
    "which words of args are paths",
    mapping(Object.keys(PATHS_SHAPE), PATHS_SCHEMAS),
  ),
  limits: described("how much", {
    ...mapping([...LIMIT_KEYS, ...SCOPE_KEYS, ...PROGRAM_KEYS], {
      ...LIMIT_SCHEMAS,
      ...SCOPE_SCHEMAS,
      ...PROGRAM_SCHEMAS,
    }),
    dependentRequired: { burst: ["rate"] },
    anyOf: [...LIMIT_KEYS, ...PROGRAM_KEYS].filter((key) => key !== "burst")
      .map((key) => ({ required: [key] })),
  }),
  approval: described("a person is asked first", {
    anyOf: [{ const: "required" }, mapping(APPROVAL_KEYS, APPROVAL_SCHEMAS)],
  }),
  mode: described("shadow: it is tried, and refuses nothing", MODE),
};

const EXAMPLE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  action: TEXT,
  target: TEXT,
  params: { type: "object" },
  agent: { type: "string" },
  expect: { enum: ["allow", "deny", "approve"] },
  rule: described("the rule that should decide", { type: "string" }),
};

function rules(name: string): JsonSchema {
  return { type: ["array", "null"], items: ref(name) };
}

const DOCUMENT_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  version: { const: 1 },
  capabilities: described("what is allowed; nothing else is", {
    type: "array",
    items: ref("allow"),
  }),
  deny: described("what is denied, whatever is allowed", rules("deny")),
  variables: described("texts for ${NAME}", {
    type: "object",
    propertyNames: { pattern: "^\\w+$" },
    additionalProperties: { type: "string" },
  }),
  examples: described("requests and their decisions, checked at load", rules("example")),
  limits: described("limits of the whole policy", {
    type: "array",
    items: {
      ...mapping(["id", "action", ...LIMIT_KEYS, ...SCOPE_KEYS], {
        id: TEXT,
        action: { type: "string", pattern: "^(\\*|[A-Za-z0-9_-]+)(\\.(\\*|[A-Za-z0-9_-]+))*$" },
        ...LIMIT_SCHEMAS,
        ...SCOPE_SCHEMAS,
      }, ["action"]),
      dependentRequired: { burst: ["rate"] },
    },
  }),
  mode: described("shadow: the policy is tried, and refuses nothing", MODE),
};

/**
 * Makes the schema. What an editor says is a help: the loader knows more, such as the pattern languages,
 * and `validate-policy` is what counts.
 *
 * @returns A JSON Schema (2020-12).
 */
export function policySchema(): JsonSchema {
  const { mode: tried, ...allowOnly } = ALLOW_SCHEMAS;
  const further = Object.keys(FURTHER.rule);
  const rule = Object.keys(SHAPE);
  const condition = mapping(Object.keys(OPERATORS), OPERATOR_SCHEMAS);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: SCHEMA_URL,
    title: "Policy of Agent Kernel",
    ...mapping(
      [...Object.keys(DOCUMENT), ...Object.keys(FURTHER.document)],
      DOCUMENT_SCHEMAS,
      needed(DOCUMENT),
    ),
    $defs: {
      condition: {
        description: "a value, or operators that all have to hold",
        anyOf: [{ not: { type: "object" } }, { ...condition, minProperties: 1 }],
      },
      allow: mapping(
        [...rule, ...further],
        { ...RULE_SCHEMAS, ...allowOnly, mode: tried as JsonSchema },
        needed(SHAPE),
      ),
      deny: mapping([...rule, "mode"], { ...RULE_SCHEMAS, mode: MODE }, needed(SHAPE)),
      example: mapping(Object.keys(EXAMPLE), EXAMPLE_SCHEMAS, ["action", "target", "expect"]),
    },
  };
}
