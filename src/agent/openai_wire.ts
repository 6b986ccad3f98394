/**
 * Messages in the form of OpenAI's chat completions, and back.
 *
 * @module
 */
import type { Message } from "./conversation.ts";
import type { ModelDelta, ModelRequest } from "./model_client.ts";
import type { ModelHost } from "./models.ts";

/** The body of a request. */
export function requestBody(
  model: string,
  host: ModelHost,
  { instructions, messages, tools }: ModelRequest,
  { stream, maxOutputTokens, parameters }: {
    readonly stream: boolean;
    readonly maxOutputTokens?: number;
    readonly parameters?: Readonly<Record<string, unknown>>;
  },
): Record<string, unknown> {
  return {
    ...parameters,
    model,
    messages: [
      ...(instructions === undefined ? [] : [{ role: "system", content: instructions }]),
      ...messages.map(wireMessage),
    ],
    // Some hosts refuse an empty list.
    ...(tools.length === 0 ? {} : {
      tools: tools.map(({ name, description, parameters }) => ({
        type: "function",
        function: { name, description, parameters },
      })),
    }),
    ...(maxOutputTokens === undefined ? {} : { [host.maxTokens ?? "max_tokens"]: maxOutputTokens }),
    stream,
    ...(stream && host.streamOptions !== false ? { stream_options: { include_usage: true } } : {}),
  };
}

function wireMessage(message: Message): Record<string, unknown> {
  if (message.role === "tool") {
    return { role: "tool", tool_call_id: message.toolCallId, content: message.content };
  }
  if (message.role === "user" || message.toolCalls === undefined) {
    return { role: message.role, content: message.content };
  }
  return {
    role: "assistant",
    content: message.content === "" ? null : message.content,
    tool_calls: message.toolCalls.map(({ id, name, arguments: args, extra }) => ({
      id,
      type: "function",
      function: { name, arguments: args },
      ...(extra === undefined ? {} : { extra_content: extra }),
    })),
  };
}

type Untyped = Readonly<Record<string, unknown>>;

/**
 * The deltas in a chunk of a stream, or in a whole answer. The host is not trusted to keep to its
 * own types; what is not understood is left out.
 */
export function* deltasOf(chunk: unknown, field: "delta" | "message"): Iterable<ModelDelta> {
  const { choices, usage } = Object(chunk) as Untyped;
  // Only one answer is asked for.
  const choice = Array.isArray(choices) ? Object(choices[0]) as Untyped : {};
  const { content, refusal, tool_calls } = Object(choice[field]) as Untyped;
  for (const text of [content, refusal]) {
    if (typeof text === "string" && text !== "") yield { type: "text", text };
  }
  for (const [i, call] of Array.isArray(tool_calls) ? tool_calls.entries() : []) {
    const { index, id, function: called, extra_content } = Object(call) as Untyped;
    const { name, arguments: args } = Object(called) as Untyped;
    const position = field === "message" ? i : index;
    yield {
      type: "tool_call",
      ...(typeof position === "number" ? { index: position } : {}),
      ...(typeof id === "string" ? { id } : {}),
      ...(typeof name === "string" ? { name } : {}),
      ...(typeof args === "string"
        ? { arguments: args }
        // Some hosts send the object itself.
        : args !== null && typeof args === "object"
        ? { arguments: JSON.stringify(args) }
        : {}),
      ...(extra_content === undefined || extra_content === null ? {} : { extra: extra_content }),
    };
  }
  if (usage !== undefined && usage !== null) {
    const { prompt_tokens, completion_tokens } = Object(usage) as Untyped;
    yield {
      type: "usage",
      inputTokens: Number(prompt_tokens ?? 0),
      outputTokens: Number(completion_tokens ?? 0),
    };
  }
  if (typeof choice.finish_reason === "string") {
    yield { type: "finish", reason: choice.finish_reason };
  }
}
