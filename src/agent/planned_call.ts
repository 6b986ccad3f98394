/**
 * What a model's calls ask of the gate.
 *
 * @module
 */
import type { ActionRequest } from "../core/action.ts";
import type { RawCall } from "./answer.ts";
import type { ToolCall } from "./conversation.ts";
import type { ToolDef, Translation } from "./tool_def.ts";

/** What a call asks of the gate. */
export interface PlannedRequest {
  /** The request that it becomes. */
  readonly request: ActionRequest;
  /** Why it is not to be carried out. */
  readonly problem?: string;
}

/** A model's call with what it asks of the gate. */
export interface PlannedCall extends PlannedRequest {
  /** The call as it stands in the conversation. */
  readonly call: ToolCall;
}

/** Largest arguments of one call, in characters. */
const MAX_ARGUMENTS = 8 * 1024 * 1024;
/** What of unusable arguments, and names, stays in the conversation. */
const MAX_SHOWN = 200;
const ID = /^[a-zA-Z0-9_.:-]{1,128}$/;
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** Turns a model's call into a request. What it takes from the call has been checked. */
export function planCall(
  raw: RawCall,
  tools: ReadonlyMap<string, ToolDef>,
  { freshId, usedIds, agent }: {
    readonly freshId: () => string;
    readonly usedIds: ReadonlySet<string>;
    readonly agent: string | undefined;
  },
): PlannedCall {
  const id = ID.test(raw.id) && !usedIds.has(raw.id) ? raw.id : freshId();
  const name = NAME.test(raw.name) ? raw.name : "invalid_name";
  const parsed = parse(raw.arguments);
  const tool = tools.get(raw.name);
  const translation = tool === undefined
    ? { problem: `unknown tool: ${raw.name.slice(0, MAX_SHOWN)}` }
    : raw.problem !== undefined
    ? { problem: `the call of ${tool.name} is unusable: ${raw.problem}` }
    : translate(tool, parsed);
  const call: ToolCall = {
    id,
    name,
    // Hosts refuse a conversation in which arguments are no JSON.
    arguments: parsed.problem === undefined
      ? raw.arguments
      : JSON.stringify({ malformed: raw.arguments.slice(0, MAX_SHOWN).toWellFormed() }),
    ...(raw.extra === undefined ? {} : { extra: raw.extra }),
  };
  return { call, ...plan(translation, tool?.action ?? raw.name, agent) };
}

/** The same for arguments that others have taken out of a model's answer, or their JSON. */
export function planArguments(
  tool: ToolDef,
  args: unknown,
  agent: string | undefined,
): PlannedRequest {
  const parsed = typeof args === "string" ? parse(args) : { value: args };
  return plan(translate(tool, parsed), tool.action, agent);
}

function translate(tool: ToolDef, { value, problem }: Parsed): Translation {
  return problem === undefined
    ? tool.translate(value)
    : { problem: `the arguments of ${tool.name} do not fit: ${problem}` };
}

function plan(
  { request, problem }: Translation,
  action: string,
  agent: string | undefined,
): PlannedRequest {
  const who = agent === undefined ? {} : { agent };
  if (request !== undefined) return { request: { ...request, ...who } };
  // INVARIANT: this is no valid request, also for a submit that does not know of problems.
  return { request: { action, target: "", ...who }, problem };
}

interface Parsed {
  readonly value?: unknown;
  readonly problem?: string;
}

function parse(text: string): Parsed {
  if (text.length > MAX_ARGUMENTS) {
    return { problem: `they have more than ${MAX_ARGUMENTS} characters` };
  }
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return { value };
    return { problem: "expected a JSON object" };
  } catch (error) {
    return { problem: `malformed JSON: ${error instanceof Error ? error.message : error}` };
  }
}
