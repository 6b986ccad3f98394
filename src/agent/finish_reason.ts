/**
 * Why an answer of a model ended, by the host's own word.
 *
 * @module
 */

/**
 * What a finish reason means. `complete`: the model had nothing more to say. `truncated`: the answer
 * was cut off at a limit. `withheld`: the host or the model refused to give it, or a part of it.
 * `failed`: the host broke off; the same request may succeed later.
 */
export type Ending = "complete" | "truncated" | "withheld" | "failed";

/** The words of hosts of OpenAI's chat completions, in lower case. */
const ENDINGS: Readonly<Record<string, Ending>> = {
  stop: "complete",
  tool_calls: "complete",
  function_call: "complete",
  tool_use: "complete",
  end_turn: "complete",
  stop_sequence: "complete",
  eos: "complete",
  eos_token: "complete",
  complete: "complete",
  completed: "complete",
  length: "truncated",
  max_tokens: "truncated",
  max_output_tokens: "truncated",
  model_length: "truncated",
  model_context_window_exceeded: "truncated",
  content_filter: "withheld",
  refusal: "withheld",
  safety: "withheld",
  recitation: "withheld",
  blocklist: "withheld",
  prohibited_content: "withheld",
  spii: "withheld",
  error: "failed",
  abort: "failed",
  malformed_function_call: "failed",
  insufficient_system_resource: "failed",
};

/**
 * What a finish reason means.
 *
 * @param reason The host's word, in any case of letters.
 * @returns `truncated` for a word that is not known.
 */
export function endingOf(reason: string): Ending {
  const word = reason.toLowerCase();
  // INVARIANT: an answer that is not known to be complete is not taken for a complete one, and none
  // of its tool calls is submitted.
  return (Object.hasOwn(ENDINGS, word) ? ENDINGS[word] : undefined) ?? "truncated";
}
