/**
 * The JSON Schema of policies, for editors. Which keys there are is said by the same tables that the
 * loader checks by; a key that is not described here is an error, so that none can be forgotten.
 *
 * @module
 */
import { APPROVAL_KEYS } from "../approval/approval_rule.ts";
import { PATHS_SHAPE } from "../argument_paths/argument_paths.ts";
import { DOCUMENT } from "../core/policy/load.ts";
import { SHAPE } from "../core/policy/rule.ts";
import { LIMIT_ID, LIMIT_KEYS, SCOPE_KEYS } from "../limits/limit.ts";
import { TIMES } from "../limits/notation.ts";
import { PROGRAM_KEYS } from "../limits/program_limits.ts";
import { SUBMIT_KEYS } from "../limits/submit_limit.ts";
import { conditionSchemas } from "./condition_schema.ts";
import { EXAMPLE } from "./examples.ts";
import { SCHEMA_URL } from "./policy_text.ts";
import { PROVENANCE_DOCUMENT, provenanceRule, SESSION } from "./provenance_schema.ts";
import { FURTHER } from "./read.ts";
import {
  ACTION,
  COUNT,
  described,
  GLOBS,
  type JsonSchema,
  mapping,
  needed,
  oneOrMore,
  ref,
  SHORT_TEXT,
  TEXT,
} from "./schema_parts.ts";

const PER = (example: string): JsonSchema => ({
  type: "string",
  pattern: "^\\d+(\\.\\d+)?\\s*[A-Za-z]*\\s*/\\s*(session|minute|min|hour|h|day|week|forever)$",
  examples: [example],
});
const RATE: JsonSchema = {
  type: "string",
  pattern: "^\\d{1,9}/(s|sec|second|min|minute|h|hour|day)$",
  examples: ["60/min"],
};
const LIMIT_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  rate: described("calls per time, as a token bucket", RATE),
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
const SUBMIT_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  submits: described("submits per time, as a token bucket; refused ones count too", RATE),
  burst: described("submits at once", COUNT),
  across: described("whether all agents share it", { enum: ["agent", "all"] }),
  fold: described("from 1s to 1h: so long equal refusals wait for one record", {
    type: "string",
    pattern: `^\\d{1,9}(${Object.keys(TIMES).join("|")})$`,
    examples: ["1min"],
  }),
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
/**
 * The keys of all rules.
 *
 * @param condition What its constraint may say.
 */
const ruleSchemas = (condition: JsonSchema): Readonly<Record<string, JsonSchema>> => ({
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
    additionalProperties: condition,
  }),
});
const APPROVAL: JsonSchema = {
  anyOf: [{ const: "required" }, mapping(APPROVAL_KEYS, APPROVAL_SCHEMAS)],
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
    anyOf: someOf([...LIMIT_KEYS, ...PROGRAM_KEYS]),
  }),
  approval: described("a person is asked first", APPROVAL),
  ...provenanceRule(APPROVAL),
  mode: described("shadow: it is tried, and refuses nothing", MODE),
};

const EXAMPLE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  action: TEXT,
  target: TEXT,
  params: { type: "object" },
  agent: { type: "string" },
  expect: { enum: ["allow", "deny", "approve"] },
  rule: described("the rule that should decide", { type: "string" }),
  session: SESSION,
};

/** Something has to be limited; a burst by itself limits nothing. */
function someOf(keys: readonly string[]): JsonSchema[] {
  return keys.filter((key) => key !== "burst").map((key) => ({ required: [key] }));
}

function rules(name: string): JsonSchema {
  return { type: ["array", "null"], items: ref(name) };
}

const ITEM_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  id: { type: "string", pattern: LIMIT_ID.source },
  action: { type: "string", pattern: "^(\\*|[A-Za-z0-9_-]+)(\\.(\\*|[A-Za-z0-9_-]+))*$" },
};
const LIMIT_ITEM: JsonSchema = {
  ...mapping(["id", "action", ...LIMIT_KEYS, ...SCOPE_KEYS], {
    ...ITEM_SCHEMAS,
    ...LIMIT_SCHEMAS,
    ...SCOPE_SCHEMAS,
  }, ["action"]),
  dependentRequired: { burst: ["rate"] },
  anyOf: someOf(LIMIT_KEYS),
};
/** Counts before a rule decides, and so is an item of its own. */
const SUBMIT_ITEM = mapping(
  ["id", "action", ...SUBMIT_KEYS],
  { ...ITEM_SCHEMAS, ...SUBMIT_SCHEMAS },
  ["action", "submits"],
);

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
    items: { anyOf: [LIMIT_ITEM, SUBMIT_ITEM] },
  }),
  ...PROVENANCE_DOCUMENT,
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
      ...conditionSchemas(),
      allow: mapping(
        [...rule, ...further],
        { ...ruleSchemas(ref("condition")), ...allowOnly, mode: tried as JsonSchema },
        needed(SHAPE),
      ),
      deny: mapping(
        [...rule, "mode"],
        { ...ruleSchemas(ref("plain")), mode: MODE },
        needed(SHAPE),
      ),
      scope: mapping(rule, ruleSchemas(ref("core")), needed(SHAPE)),
      example: mapping(Object.keys(EXAMPLE), EXAMPLE_SCHEMAS, ["action", "target", "expect"]),
    },
  };
}
