/**
 * Submits the tool calls of one answer.
 *
 * @module
 */
import type { ActionResult } from "../core/action.ts";
import type { SubmitFn } from "../stages/submit.ts";
import type { AgentEvent } from "./event.ts";
import { planArguments, type PlannedCall, type PlannedRequest } from "./planned_call.ts";
import type { ToolDef } from "./tool_def.ts";
import { unlessAborted } from "./interruption.ts";
import { toolContent } from "./tool_content.ts";

/** How the calls of one answer are submitted. */
export interface Submission {
  readonly submit: SubmitFn;
  /** How many of them may be submitted; the others are answered with `NOT_SUBMITTED`. */
  readonly granted: number;
  /** Most calls at the same time. */
  readonly concurrency: number;
  /** Most characters of a result that the model gets. */
  readonly resultChars: number;
  readonly signal: AbortSignal;
  readonly emit: (event: AgentEvent) => void;
}

/**
 * Submits calls, several at a time, each at most once.
 *
 * @param calls The calls of one answer, in their order.
 * @param contents Gets the content of the tool message of each call, at the index of the call; also
 * if this throws.
 * @param submission How they are submitted.
 * @throws {unknown} What `submit` threw, or the reason of the signal. No call is under way then,
 * except those that the signal interrupted.
 */
export async function submitCalls(
  calls: readonly PlannedCall[],
  contents: string[],
  submission: Submission,
): Promise<void> {
  const { granted, concurrency } = submission;
  for (const i of calls.keys()) {
    contents[i] = notSubmitted(i < granted ? "the run has ended" : "the run's budget is used up");
  }
  const count = Math.min(granted, calls.length);
  let next = 0;
  const failures: unknown[] = [];
  async function work(): Promise<void> {
    while (next < count && failures.length === 0) {
      const i = next++;
      try {
        contents[i] = await submitOne(calls[i] as PlannedCall, submission);
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, work));
  if (failures.length > 0) throw failures[0];
}

async function submitOne(
  plan: PlannedCall,
  { submit, resultChars, signal, emit }: Submission,
): Promise<string> {
  signal.throwIfAborted();
  const { call, request, problem } = plan;
  const { id } = call;
  emit({ type: "tool_call", call, request, ...(problem === undefined ? {} : { problem }) });
  let decided = false;
  function decide(effect: "allow" | "deny" | "none"): void {
    if (!decided) emit({ type: "decision", id, effect });
    decided = true;
  }
  const result = await unlessAborted(
    submitPlanned(submit, plan, () => decide("allow")),
    signal,
  );
  if (result === undefined) {
    return errorContent(
      "ABORTED",
      "the run ended before the result arrived; the action may have been carried out",
    );
  }
  decide(effectOf(result));
  const content = toolContent(result, resultChars);
  emit({ type: "result", id, result, content });
  return content;
}

/** INVARIANT: this is the only way from a tool call to an effect. */
async function submitPlanned(
  submit: SubmitFn,
  { request, problem }: PlannedRequest,
  onAllowed: () => void,
): Promise<ActionResult> {
  const result: unknown = await submit(
    request,
    problem === undefined ? { stages: [{ name: "agent_loop", enter: onAllowed }] } : { problem },
  );
  const { status } = Object(result) as Record<string, unknown>;
  if (status === "OK" || status === "DENIED" || status === "ERROR") return result as ActionResult;
  throw new TypeError("Cannot go on: submit returned something that is not an ActionResult");
}

/** Options of {@linkcode callTool}. One of `kernel` and `submit` is needed. */
export interface CallToolOptions {
  /** The kernel, or an object that wraps its `submit`. */
  readonly kernel?: { readonly submit: SubmitFn };
  /** The function that submits; takes precedence over `kernel`. */
  readonly submit?: SubmitFn;
  /** Name of the agent, for the record. @default none */
  readonly agent?: string;
  /** Most characters of `content`. @default 50000 */
  readonly maxResultChars?: number;
}

/** The result of a tool call. */
export interface CalledTool {
  /** The whole result. */
  readonly result: ActionResult;
  /** The part of it for the model: JSON of `{status, data?, error?, code?}`. */
  readonly content: string;
}

/**
 * Submits one call of a tool, for agents that have their own loop. Arguments that do not fit are
 * recorded as `INVALID` and answered with an error, as {@linkcode AgentLoop} does it.
 *
 * @param tool The tool.
 * @param args The arguments, or their JSON as a string; the types are not trusted. Pass the JSON: in
 * parsed arguments, whole numbers beyond 2^53 - 1 may already have been changed, and are refused.
 * @param options Where the call is submitted.
 * @returns The result, and the part of it for the model. A denial is a result.
 * @throws {TypeError} There is neither `kernel` nor `submit`.
 * @throws {unknown} What `submit` throws.
 */
export async function callTool(
  tool: ToolDef,
  args: unknown,
  options: CallToolOptions,
): Promise<CalledTool> {
  const { kernel, agent, maxResultChars = 50_000 } = options;
  const submit = options.submit ?? kernel?.submit.bind(kernel);
  if (submit === undefined) throw new TypeError("Cannot call a tool: expected kernel or submit");
  const result = await submitPlanned(submit, planArguments(tool, args, agent), () => {});
  return { result, content: toolContent(result, maxResultChars) };
}

function effectOf({ status, code, recordId }: ActionResult): "allow" | "deny" | "none" {
  if (status === "DENIED") return "deny";
  return status === "OK" || recordId !== undefined || code === "NO_PROVIDER" ? "allow" : "none";
}

function notSubmitted(why: string): string {
  return errorContent("NOT_SUBMITTED", `not submitted: ${why}`);
}

function errorContent(code: string, error: string): string {
  return JSON.stringify({ status: "ERROR", error, code });
}
