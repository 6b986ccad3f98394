/**
 * Tool calls on their way through the gate.
 *
 * @module
 */
import type { ActionResult, SubmitFn } from "../core/action.ts";
import type { AgentEvent } from "./event.ts";
import { planArguments, type PlannedCall, type PlannedRequest } from "./planned_call.ts";
import type { ToolDef } from "./tool_def.ts";
import { unlessAborted } from "./interruption.ts";
import { toolContent } from "./tool_content.ts";

/** How the calls of one answer are submitted. */
export interface Submission {
  readonly submit: SubmitFn;
  /** How many of them may be. */
  readonly granted: number;
  /** Most at the same time. */
  readonly concurrency: number;
  /** Most characters of what the model is told of one. */
  readonly resultChars: number;
  readonly signal: AbortSignal;
  readonly emit: (event: AgentEvent) => void;
}

/**
 * Submits calls, several at a time, each at most once.
 *
 * @returns What the model is told of each, in their order; also if it throws, `contents` has one
 * for each.
 * @throws {unknown} What `submit` threw, or the reason of the signal, when no call is under way any
 * more but those that an abort left behind.
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
    return told(
      "ABORTED",
      "the run ended before the result was there; it may have been carried out",
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
    problem === undefined ? { prepare: onAllowed } : { problem },
  );
  const { status } = Object(result) as Record<string, unknown>;
  if (status === "OK" || status === "DENIED" || status === "ERROR") return result as ActionResult;
  throw new TypeError("Cannot go on: submit gave something that is no result of the gate");
}

/** Options of {@linkcode callTool}. One of `kernel` and `submit` is needed. */
export interface CallToolOptions {
  /** The kernel, or what wraps one. */
  readonly kernel?: { readonly submit: SubmitFn };
  /** The gate as a function; it wins over `kernel`. */
  readonly submit?: SubmitFn;
  /** Who asks; appears in the record. @default none */
  readonly agent?: string;
  /** Most characters of what the model is told. @default 50000 */
  readonly maxResultChars?: number;
}

/** What came of a call. */
export interface CalledTool {
  /** The whole result. */
  readonly result: ActionResult;
  /** What the model is told: JSON of `{status, data?, error?, code?}`. */
  readonly content: string;
}

/**
 * One call of a tool through the gate, for agents that have a loop of their own. Arguments that do not
 * fit are put on record as `INVALID` and answered, as {@linkcode AgentLoop} does it.
 *
 * @param args The arguments, or their JSON; anything is taken.
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
  return told("NOT_SUBMITTED", `not submitted: ${why}`);
}

function told(code: string, error: string): string {
  return JSON.stringify({ status: "ERROR", error, code });
}
