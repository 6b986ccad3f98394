/**
 * The named schemas of the API, in JSON Schema 2020-12.
 *
 * @module
 */
import { RECORD_STATUSES } from "../../core/action.ts";
import { FIELDS, type RecordField } from "../../core/record/record.ts";
import type { Schema } from "./route.ts";

const TEXT = { type: "string" } as const;
const COUNT = { type: "integer", minimum: 0 } as const;
const HEX = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const TIME = { type: "string", format: "date-time" } as const;
const ID = { type: "string", format: "uuid" } as const;
const NULLABLE_TEXT = { type: ["string", "null"] } as const;
const OBJECT = { type: "object" } as const;

/** An object with these members and no others; a name with `?` can be missing. */
function object(members: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  const entries = Object.entries(members);
  return {
    type: "object",
    required: entries.filter(([name]) => !name.endsWith("?")).map(([name]) => name),
    properties: Object.fromEntries(
      entries.map(([name, schema]) => [name.replace(/\?$/, ""), schema]),
    ),
    additionalProperties: false,
    ...more,
  };
}

const FIELD_SCHEMAS: Readonly<Record<RecordField["type"], Schema>> = {
  "text": TEXT,
  "text or null": NULLABLE_TEXT,
  "number": { type: "number" },
  "whole number": COUNT,
  "status": { type: "string", enum: [...RECORD_STATUSES] },
  "JSON": {},
  "object": OBJECT,
};

const RECORD = object(
  Object.fromEntries(
    FIELDS.map((field): [string, Schema] => [
      "optional" in field ? `${field.name}?` : field.name,
      FIELD_SCHEMAS[field.type],
    ]),
  ),
  { description: "One record of the audit log; docs/audit-log.md tells its fields." },
);

const RESULT = {
  status: { type: "string", enum: ["OK", "DENIED", "ERROR"] },
  data: { description: "What the provider returned; null unless status is OK." },
  error: { ...NULLABLE_TEXT, description: "What was refused or failed, why, what is needed." },
  "record_id?": ID,
  "code?": TEXT,
  "rule?": TEXT,
  "details?": OBJECT,
  "truncated?": { type: "boolean" },
  "reversible?": { type: "boolean", description: "Only with --reversible." },
  "why?": { type: "string", description: "Why it is not reversible." },
  "evicted?": { type: "array", items: ID },
} as const satisfies Readonly<Record<string, Schema>>;

const RULE_AT = object({ id: TEXT, at: TEXT });

/** By name. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  ActionRequest: {
    description:
      "What is wanted. Anything is taken, and what is no request is on record as INVALID. With a token, " +
      "agent is left out or the name of the token.",
    examples: [{ action: "fs.read", target: "/workspace/data.csv" }],
    type: "object",
    properties: {
      action: { type: "string", description: "Dotted name, for example fs.read." },
      target: { type: "string", description: "A path, URL, command or name." },
      params: { type: "object", description: "Further arguments. Default: {}" },
      agent: { type: "string", description: "Who asks." },
      undoes: { type: "string", description: "record_id of an action that this one undoes." },
    },
  },
  ActionResult: object(RESULT),
  InvalidRequest: object({
    request: { description: "What was wanted, as far as it is known." },
    problem: { type: "string", description: "Why it is malformed." },
  }),
  Report: object({
    record_id: { ...ID, description: "Of the permit." },
    "error?": { type: "string", description: "What went wrong. Default: nothing" },
    "not_done?": { type: "string", description: "Why it was not done." },
    "duration_ms?": { type: "number", minimum: 0 },
    "result_digest?": HEX,
  }),
  Reported: object({
    reported: { type: "boolean", description: "Whether the caller had such a permit." },
  }),
  Explanation: object({
    decision: { type: "string", enum: ["allow", "deny", "approve", "invalid"] },
    code: TEXT,
    reason: TEXT,
    "request?": OBJECT,
    rule: { anyOf: [RULE_AT, { type: "null" }] },
    lacking: {
      anyOf: [object({ action: TEXT, target: TEXT, param: NULLABLE_TEXT }), { type: "null" }],
    },
    closest: {
      type: "array",
      items: object({ id: TEXT, at: TEXT, lacks: { type: "array", items: TEXT } }),
    },
    "mode?": { type: "string", const: "shadow" },
    limits: { type: "array", items: TEXT },
    "approval?": TEXT,
  }),
  Question: object({
    id: ID,
    action: TEXT,
    target: TEXT,
    params: OBJECT,
    "agent?": TEXT,
    "askedBy?": TEXT,
    rule: TEXT,
    "reason?": TEXT,
    "approvers?": { type: "array", items: TEXT },
    "change?": { type: "string", description: "What a write would change." },
    "remember?": object({
      as: { type: "string", enum: ["target", "folder", "rule"] },
      target: TEXT,
      for: TEXT,
    }),
    "before?": object({ asked: COUNT, approved: COUNT }),
    policy: HEX,
    askedAt: TIME,
    expiresAt: TIME,
    digest: { ...HEX, description: "An answer names it: it is for this question as it was read." },
    state: { type: "string", enum: ["waits", "left", "answered"] },
  }),
  Answer: object({
    approved: { type: "boolean" },
    digest: { ...HEX, description: "Of the question that was read." },
    "reason?": { type: "string", description: "Told to whoever asked, and recorded." },
    "remember?": { type: "boolean", description: "Let a yes count for what the question says." },
  }),
  Answered: object({ id: ID, approved: { type: "boolean" }, by: TEXT }),
  AuditRecord: RECORD,
  Records: object({
    records: { type: "array", items: { $ref: "#/components/schemas/AuditRecord" } },
    before: {
      type: ["integer", "null"],
      description: "For the next page, of older records; null if there is none.",
    },
  }),
  RollbackRequest: {
    description: "One action by its record_id, or all since a time.",
    ...object({
      "record_id?": ID,
      "since?": TIME,
      "of?": { type: "string", description: "With since: only what this agent asked for." },
      "agent?": TEXT,
      "force?": { type: "boolean", description: "Go over what was changed after the action." },
    }),
  },
  PreviewRequest: object({ record_id: ID }),
  RollbackResult: {
    anyOf: [
      { $ref: "#/components/schemas/RollbackOfOne" },
      object({
        status: RESULT.status,
        rolled_back: { type: "array", items: ID },
        "stopped?": { $ref: "#/components/schemas/RollbackOfOne" },
        remaining: { type: "array", items: ID },
      }),
    ],
  },
  RollbackOfOne: object({
    status: RESULT.status,
    record_id: TEXT,
    "error?": TEXT,
    "code?": TEXT,
    steps: {
      type: "array",
      items: object({ action: TEXT, target: TEXT, ...RESULT }),
    },
  }),
  Preview: object({
    status: RESULT.status,
    record_id: TEXT,
    "error?": TEXT,
    "code?": TEXT,
    steps: { type: "array", items: object({ action: TEXT, target: TEXT }) },
    text: { type: "string", description: "What would change: of text files a unified diff." },
  }),
  Limits: object({
    limits: {
      type: "array",
      items: object({
        limit: TEXT,
        agent: NULLABLE_TEXT,
        used: { type: "string", description: "A decimal number, exact." },
        left: { type: "string", description: "A decimal number, exact." },
        window: NULLABLE_TEXT,
        renews: NULLABLE_TEXT,
      }),
    },
  }),
  Health: object({
    version: TEXT,
    uptime_s: COUNT,
    policy: { ...HEX, description: "SHA-256 of its text." },
    pid: COUNT,
    log: TEXT,
    actions: { type: "array", items: TEXT, description: "Those that some rule allows." },
  }),
  Status: object({
    version: TEXT,
    uptime_s: COUNT,
    policy: HEX,
    listens: { type: "array", items: TEXT, description: "Its addresses." },
    mcp_sessions: COUNT,
    streams: COUNT,
    questions: { ...COUNT, description: "Those that wait for a person." },
    rollback: { type: "boolean", description: "Whether actions can be rolled back." },
  }),
  HookPayload: { type: "object", description: "What the agent sends its hook." },
  HookProgramAnswer: object({
    stdout: { type: "string", description: "What the hook program is to print." },
    stderr: TEXT,
    exit_code: { type: "integer", minimum: 0, maximum: 2 },
  }),
  HttpHookAnswer: {
    type: "object",
    description: "In the agent's own form. Before a call always an explicit yes or no.",
  },
  Stopping: object({ stopping: { type: "boolean", const: true } }),
  Empty: object({}),
  JsonRpcError: {
    type: "object",
    required: ["jsonrpc", "error"],
    properties: {
      jsonrpc: { type: "string", const: "2.0" },
      id: {},
      error: object({ code: { type: "integer" }, message: TEXT, "data?": {} }),
    },
  },
  Error: object({
    code: { type: "string", description: "Stable." },
    error: { type: "string", description: "What was refused, why, and what would be needed." },
  }),
};
