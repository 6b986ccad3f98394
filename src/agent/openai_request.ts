/**
 * Requests in the form of OpenAI's chat completions.
 *
 * @module
 */
import type { Message } from "./conversation.ts";
import { extraFieldsOf } from "./extra_fields.ts";
import type { ModelRequest } from "./model_client.ts";
import type { ResolvedModel } from "./models.ts";

/** What of a request does not come from the conversation. */
export interface RequestOptions {
  readonly stream: boolean;
  /** @default the host's */
  readonly maxOutputTokens?: number;
  /** Further members of the body. @default {} */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/**
 * Makes the body of a request.
 *
 * @param target The model and its host.
 * @param request The conversation and the tools.
 * @returns The body; it becomes JSON.
 */
export function requestBody(
  { name, model, host }: ResolvedModel,
  { instructions, messages, tools }: ModelRequest,
  { stream, maxOutputTokens, parameters }: RequestOptions,
): Record<string, unknown> {
  return {
    ...parameters,
    model,
    messages: [
      ...(instructions === undefined ? [] : [{ role: "system", content: instructions }]),
      ...messages.map((message) => wireMessage(message, name)),
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

function wireMessage(message: Message, modelName: string): Record<string, unknown> {
  if (message.role === "tool") {
    return { role: "tool", tool_call_id: message.toolCallId, content: message.content };
  }
  if (message.role === "user" || message.toolCalls === undefined) {
    return { role: message.role, content: message.content };
  }
  const { content, toolCalls, extra = {}, model = modelName } = message;
  // Hosts refuse fields of other hosts, and cannot verify their signatures.
  const isOwn = hostOf(model) === hostOf(modelName);
  return {
    ...(isOwn ? extraFieldsOf(extra) : {}),
    role: "assistant",
    content: content === "" ? null : content,
    tool_calls: toolCalls.map(({ id, name, arguments: args, extra }) => ({
      id,
      type: "function",
      function: { name, arguments: args },
      ...(isOwn && extra !== undefined ? { extra_content: extra } : {}),
    })),
  };
}

/** A name without a prefix is a model of OpenAI. */
function hostOf(name: string): string {
  const slash = name.indexOf("/");
  return slash === -1 ? "openai" : name.slice(0, slash);
}
