/**
 * How runs end.
 *
 * @module
 */
import type { Usage } from "./conversation.ts";
import type { AgentEvent, RunOutcome, RunResult } from "./event.ts";
import { ModelError } from "./model_client.ts";

/** The end of a run before the model has finished. */
export type Interrupted = Exclude<RunOutcome, "final" | "truncated" | "withheld">;

const OUTCOME_TEXT: Readonly<Record<Interrupted, string>> = {
  waiting: "[waiting for a person]",
  max_turns: "[max turns reached]",
  max_tool_calls: "[max tool calls reached]",
  max_tokens: "[max tokens reached]",
  max_duration: "[max duration reached]",
  aborted: "[aborted]",
  failed: "[failed]",
};

/** Why an answer that is not complete is an error. */
const INCOMPLETE = {
  truncated: ["ANSWER_TRUNCATED", "it was cut off at a limit; maxOutputTokens may be too small"],
  withheld: ["ANSWER_WITHHELD", "the host or the model refused to give it"],
} as const;

/** The error of an answer that is not complete. */
export function incomplete(
  ending: keyof typeof INCOMPLETE,
  { model, finishReason }: { readonly model: string; readonly finishReason: string },
): ModelError {
  const [code, why] = INCOMPLETE[ending];
  return new ModelError(
    code,
    `Cannot use the answer of "${model}": ${why} (finish reason "${finishReason}")`,
  );
}

const THROWN: readonly RunOutcome[] = ["truncated", "withheld", "aborted", "failed"];

/**
 * Reads a run to its end.
 *
 * @returns Its text.
 * @throws {unknown} What has failed in it.
 */
export async function textOf(events: AsyncIterable<AgentEvent>): Promise<string> {
  for await (const event of events) {
    if (event.type !== "done") continue;
    if (THROWN.includes(event.outcome)) throw event.error;
    return event.text;
  }
  throw new Error("The run ended without an outcome");
}

/** How a run ends before the model has finished. */
export function end(outcome: Interrupted, usage: Usage): RunResult {
  return { outcome, text: OUTCOME_TEXT[outcome], usage };
}
