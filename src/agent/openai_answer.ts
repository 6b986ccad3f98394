/**
 * Answers in the form of OpenAI's chat completions. The host is not trusted to keep to its own types:
 * what is not understood is left out.
 *
 * @module
 */
import { extraFieldsOf } from "./extra_fields.ts";
import type { ModelDelta } from "./model_client.ts";

type Untyped = Readonly<Record<string, unknown>>;

/**
 * Reads a chunk of a stream, or a whole answer.
 *
 * @param chunk A `chat.completion.chunk` or a `chat.completion`.
 * @returns The deltas in it. Of several choices only the first one counts.
 */
export function* deltasOf(chunk: unknown): Iterable<ModelDelta> {
  const { usage } = Object(chunk) as Untyped;
  const choice = firstChoice(chunk);
  const { delta, message } = choice;
  const isWhole = delta === undefined || delta === null;
  const said = Object(isWhole ? message : delta) as Untyped;
  for (const text of textsOf(said.content)) yield { type: "text", text };
  const extra = extraFieldsOf(said);
  if (extra !== undefined) yield { type: "extra", fields: extra };
  for (const [i, call] of Array.isArray(said.tool_calls) ? said.tool_calls.entries() : []) {
    yield callDelta(Object(call), isWhole ? i : undefined);
  }
  if (typeof said.refusal === "string" && said.refusal !== "") {
    yield { type: "text", text: said.refusal };
    yield { type: "finish", reason: "refusal" };
  }
  if (usage !== undefined && usage !== null) {
    const { prompt_tokens, completion_tokens } = Object(usage) as Untyped;
    yield {
      type: "usage",
      inputTokens: Number(prompt_tokens ?? 0),
      outputTokens: Number(completion_tokens ?? 0),
    };
  }
  // Some hosts send "" until the end.
  if (typeof choice.finish_reason === "string" && choice.finish_reason !== "") {
    yield { type: "finish", reason: choice.finish_reason };
  }
}

/**
 * Whether something is an answer, or a chunk of one.
 *
 * @param value A parsed body.
 * @returns `false` for what has no list of choices, such as an error or a web page.
 */
export function isAnswer(value: unknown): boolean {
  return Array.isArray((Object(value) as Untyped).choices);
}

/**
 * The error in a body that arrived with the status 200.
 *
 * @param value A chunk of a stream, or a whole answer.
 * @returns The error as the host sent it; `undefined` if there is none.
 */
export function errorIn(value: unknown): unknown {
  const { error, object } = Object(value) as Untyped;
  if (object === "error") return value;
  return error ?? firstChoice(value).error ?? undefined;
}

/** The choice with the index 0, or without an index: with `n: 2` chunks of both come mixed. */
function firstChoice(chunk: unknown): Untyped {
  const { choices } = Object(chunk) as Untyped;
  if (!Array.isArray(choices)) return {};
  const first: unknown = choices.find((choice) => ((Object(choice) as Untyped).index ?? 0) === 0);
  return Object(first) as Untyped;
}

/** Types of parts that are text of the answer; reasoning, references and the like are not. */
const TEXT_PARTS: readonly unknown[] = ["text", "output_text", undefined];

function textsOf(content: unknown): string[] {
  if (typeof content === "string") return content === "" ? [] : [content];
  if (Array.isArray(content)) return content.flatMap(textsOf);
  const { type, text } = Object(content) as Untyped;
  return TEXT_PARTS.includes(type) && typeof text === "string" && text !== "" ? [text] : [];
}

function callDelta(call: Untyped, position: number | undefined): ModelDelta {
  const { name, arguments: args } = Object(call.function) as Untyped;
  const { id, index = position, extra_content: extra } = call;
  return {
    type: "tool_call",
    ...(typeof index === "number" ? { index } : {}),
    ...(typeof id === "string" ? { id } : {}),
    ...(typeof name === "string" ? { name } : {}),
    ...(typeof args === "string"
      ? { arguments: args }
      // Some hosts send the object itself.
      : args !== null && typeof args === "object"
      ? { arguments: JSON.stringify(args) }
      : {}),
    ...(extra === undefined || extra === null ? {} : { extra }),
  };
}
