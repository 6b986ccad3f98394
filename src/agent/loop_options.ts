/**
 * Options of the loop, and their checks.
 *
 * @module
 */
import type { SubmitFn } from "../stages/submit.ts";
import type { Timer } from "../core/timer.ts";
import type { ModelClient } from "./model_client.ts";
import type { OpenAiClientOptions } from "./openai_client.ts";
import type { RetryOptions } from "./retry.ts";
import type { ToolDef } from "./tool_def.ts";

/** Options of {@linkcode AgentLoop}. One of `kernel` and `submit` is needed. */
export interface AgentLoopOptions {
  /** The kernel, or an object that wraps its `submit`. */
  readonly kernel?: { readonly submit: SubmitFn };
  /** The function that submits; takes precedence over `kernel`. */
  readonly submit?: SubmitFn;
  /** The model: a name like `"anthropic/claude-sonnet-4-5"`, or a client. */
  readonly model: string | ModelClient;
  /** Options of the client, if `model` is a name. @default {} */
  readonly modelOptions?: OpenAiClientOptions;
  /** The system prompt. @default none */
  readonly instructions?: string;
  /** The tools that the model may call. What it gets is decided by the policy. @default [] */
  readonly tools?: readonly ToolDef[];
  /** Name of the agent, for the records. @default none */
  readonly agent?: string;
  /**
   * What is done about a call with the result `APPROVAL_PENDING`: the kernel's `patienceMs` is over, and a
   * person has not answered yet. `wait`: it is submitted again until there is an answer, or its time is over.
   * `tell`: the model is told so, and goes on. `pause`: when the other calls of the answer have ended, the run
   * ends as `waiting`, and {@linkcode AgentLoop.resume} goes on. @default "wait"
   */
  readonly onApproval?: OnApproval;
  /** A conversation to continue, from {@linkcode AgentLoop.toJSON}. @default a new one */
  readonly conversation?: unknown;
  /** Most answers of the model in one run. @default 20 */
  readonly maxTurns?: number;
  /** Most tool calls in one run. @default 200 */
  readonly maxToolCalls?: number;
  /** Most tokens in one run, including those of requests; checked after each answer. @default Infinity */
  readonly maxTokens?: number;
  /** Longest time of a run, in milliseconds. @default Infinity */
  readonly maxDurationMs?: number;
  /** Most characters of a result that the model gets. @default 50000 */
  readonly maxResultChars?: number;
  /** Most tool calls at the same time. @default 8 */
  readonly concurrency?: number;
  /** When the model is asked again after a failure. @default {} */
  readonly retry?: RetryOptions;
  /** Clock of waits and durations. @default the platform's */
  readonly timer?: Timer;
}

/** What is done about a call that waits for a person. */
export type OnApproval = "wait" | "tell" | "pause";

const ON_APPROVAL: readonly OnApproval[] = ["wait", "tell", "pause"];

/**
 * What is done about a call that waits for a person.
 *
 * @throws {TypeError} It is none of the three.
 */
export function onApprovalOf({ onApproval = "wait" }: AgentLoopOptions): OnApproval {
  if (ON_APPROVAL.includes(onApproval)) return onApproval;
  throw new TypeError(
    `Cannot make a loop: onApproval is "${onApproval}", expected wait, tell or pause`,
  );
}

/** Options of one run. */
export interface RunOptions {
  /** Ends the run. */
  readonly signal?: AbortSignal;
}

/** The bounds of a run; see {@linkcode AgentLoopOptions}. */
export interface Limits {
  readonly turns: number;
  readonly toolCalls: number;
  readonly tokens: number;
  readonly durationMs: number;
  readonly resultChars: number;
  readonly concurrency: number;
}

/**
 * The bounds of a run.
 *
 * @param options The options of the loop.
 * @throws {RangeError} A bound is not a positive number.
 */
export function limitsOf(options: AgentLoopOptions): Limits {
  return {
    turns: positive(options.maxTurns ?? 20, "maxTurns", true),
    toolCalls: positive(options.maxToolCalls ?? 200, "maxToolCalls", true),
    tokens: positive(options.maxTokens ?? Infinity, "maxTokens"),
    durationMs: positive(options.maxDurationMs ?? Infinity, "maxDurationMs"),
    resultChars: positive(options.maxResultChars ?? 50_000, "maxResultChars"),
    concurrency: positive(options.concurrency ?? 8, "concurrency", true),
  };
}

function positive(value: number, name: string, whole = false): number {
  if (value > 0 && (!whole || Number.isInteger(value) || value === Infinity)) return value;
  throw new RangeError(
    `Cannot make a loop: ${name} is ${value}, expected a positive ${whole ? "whole " : ""}number`,
  );
}

/**
 * Tools by name.
 *
 * @param tools The tools of a loop.
 * @throws {TypeError} Two tools have the same name.
 */
export function toolsByName(tools: readonly ToolDef[]): ReadonlyMap<string, ToolDef> {
  const map = new Map<string, ToolDef>();
  for (const tool of tools) {
    if (map.has(tool.name)) {
      throw new TypeError(`Cannot make a loop: two tools have the name "${tool.name}"`);
    }
    map.set(tool.name, tool);
  }
  return map;
}
