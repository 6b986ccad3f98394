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
import type { Timer } from "../core/timer.ts";
import { unlessAborted, wait } from "./interruption.ts";
import { toolContent } from "./tool_content.ts";
import { answerableMs, isPending, type Told } from "./waiting_calls.ts";

/** How the calls of one answer are submitted. */
export interface Submission {
  readonly submit: SubmitFn;
  /** How many of them may be submitted; the others are answered with `NOT_SUBMITTED`. */
  readonly granted: number;
  /** Most calls at the same time. */
  readonly concurrency: number;
  /** Most characters of a result that the model gets. */
  readonly resultChars: number;
  /** Whether a call that waits for a person is submitted again until there is an answer. */
  readonly waits: boolean;
  readonly timer: Timer;
  readonly signal: AbortSignal;
  readonly emit: (event: AgentEvent) => void;
}

/** The time between two submits of a call that waits for a person, in milliseconds. */
const AGAIN_MS = 1000;

/**
 * Submits calls, several at a time; each is carried out at most once.
 *
 * @param calls The calls of one answer, in their order.
 * @param told Gets what the model is told of each call, at the index of the call; also if this throws.
 * What is there before stays for a call that is not submitted.
 * @param submission How they are submitted.
 * @throws {unknown} What `submit` threw, or the reason of the signal. No call is under way then,
 * except those that the signal interrupted.
 */
export async function submitCalls(
  calls: readonly PlannedCall[],
  told: Told[],
  submission: Submission,
): Promise<void> {
  const { granted, concurrency } = submission;
  for (const i of calls.keys()) {
    const why = i < granted ? "the run has ended" : "the run's budget is used up";
    told[i] ??= { content: notSubmitted(why) };
  }
  const count = Math.min(granted, calls.length);
  let next = 0;
  const failures: unknown[] = [];
  async function work(): Promise<void> {
    while (next < count && failures.length === 0) {
      const i = next++;
      try {
        told[i] = await submitOne(calls[i] as PlannedCall, submission);
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
  { submit, resultChars, waits, timer, signal, emit }: Submission,
): Promise<Told> {
  signal.throwIfAborted();
  const { call, request, problem } = plan;
  const { id } = call;
  emit({ type: "tool_call", call, request, ...(problem === undefined ? {} : { problem }) });
  let decided = false;
  function decide(effect: "allow" | "deny" | "none"): void {
    if (!decided) emit({ type: "decision", id, effect });
    decided = true;
  }
  const once = () => unlessAborted(submitPlanned(submit, plan, () => decide("allow")), signal);
  let result = await once();
  if (waits && result !== undefined && isPending(result)) {
    // The time of the first question: that a person lets it pass is no reason to ask for ever.
    const until = timer.now() + answerableMs(result);
    while (result !== undefined && isPending(result) && timer.now() < until) {
      await wait(timer, Math.min(AGAIN_MS, until - timer.now()), signal);
      if (timer.now() < until) result = await once();
    }
  }
  if (result === undefined) {
    return {
      content: errorContent(
        "ABORTED",
        "the run ended before the result arrived; the action may have been carried out",
      ),
    };
  }
  decide(effectOf(result));
  const content = toolContent(result, resultChars);
  emit({ type: "result", id, result, content });
  return isPending(result) ? { content, pending: true } : { content };
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
