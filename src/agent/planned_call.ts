/**
 * Tool calls of a model as requests to the kernel.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import type { ActionRequest } from "../core/action.ts";
import type { RawCall } from "./answer.ts";
import type { ToolCall } from "./conversation.ts";
import { parseExactJson } from "./exact_json.ts";
import type { ToolDef, Translation } from "./tool_def.ts";

/** The request that a call becomes. */
export interface PlannedRequest {
  readonly request: ActionRequest;
  /** Why the request is only recorded, as `INVALID`, and not decided. */
  readonly problem?: string;
}

/** A call with the request that it becomes. */
export interface PlannedCall extends PlannedRequest {
  /** The call as it appears in the conversation. */
  readonly call: ToolCall;
}

/** Largest arguments of one call, in characters. */
const MAX_ARGUMENTS = 8 * 1024 * 1024;
/** Most characters of unusable arguments, and of unknown names, that are repeated. */
const MAX_SHOWN = 200;
const ID = /^[a-zA-Z0-9_.:-]{1,128}$/;
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/**
 * Turns a call of a model into a request. Nothing of the call is trusted.
 *
 * @param raw The call as the model made it.
 * @param tools The tools that the model may call, by name.
 * @param context Ids of the conversation, and the name of the agent.
 */
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

/**
 * Turns arguments into a request.
 *
 * @param tool The tool that is called.
 * @param args The arguments, or their JSON as a string.
 * @param agent Name of the agent.
 */
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
  // INVARIANT: without a target the request is invalid, also for a submit that ignores the problem.
  return { request: { action, target: "", ...who }, problem };
}

/** A value, or why there is none. */
interface Parsed {
  readonly value?: unknown;
  readonly problem?: string;
}

function parse(text: string): Parsed {
  if (text.length > MAX_ARGUMENTS) {
    return { problem: `they have more than ${MAX_ARGUMENTS} characters` };
  }
  try {
    // INVARIANT: what is decided and carried out has the numbers that the model wrote.
    const value = parseExactJson(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return { value };
    return { problem: "expected a JSON object" };
  } catch (error) {
    return {
      problem: `${error instanceof SyntaxError ? "malformed JSON: " : ""}${messageOf(error)}`,
    };
  }
}
