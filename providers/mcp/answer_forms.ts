/**
 * The forms of what a server answers beside results of tools.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/provider_error.ts";

type Answer = Readonly<Record<string, unknown>>;

/**
 * The contents in an answer to `resources/read`.
 *
 * @throws {ProviderError} `PROTOCOL_ERROR`: it has another form.
 */
export function resourceContents({ contents }: Answer, target: string): object {
  const fits = Array.isArray(contents) &&
    contents.every((one) =>
      isObject(one) && typeof one["uri"] === "string" &&
      (typeof one["text"] === "string" || typeof one["blob"] === "string")
    );
  if (fits) return { contents };
  throw wrong(`The answer of MCP resource "${target}" has no list of contents`);
}

/**
 * The messages in an answer to `prompts/get`.
 *
 * @throws {ProviderError} `PROTOCOL_ERROR`: it has another form.
 */
export function promptMessages({ messages, description }: Answer, target: string): object {
  const fits = Array.isArray(messages) &&
    messages.every((one) =>
      isObject(one) && (one["role"] === "user" || one["role"] === "assistant") &&
      isObject(one["content"]) && typeof one["content"]["type"] === "string"
    );
  if (!fits) throw wrong(`The answer of MCP prompt "${target}" has no list of messages`);
  return typeof description === "string" ? { description, messages } : { messages };
}

/**
 * The values in an answer to `completion/complete`, at most 100 (as MCP wants it).
 *
 * @throws {ProviderError} `PROTOCOL_ERROR`: it has another form.
 */
export function completion({ completion }: Answer, server: string): object {
  const { values, total, hasMore } = Object(completion) as Answer;
  if (!Array.isArray(values) || values.some((one) => typeof one !== "string")) {
    throw wrong(`The answer of MCP server "${server}" has no values to complete with`);
  }
  return {
    completion: {
      values: values.slice(0, 100),
      ...typeof total === "number" ? { total } : {},
      ...typeof hasMore === "boolean" ? { hasMore } : {},
    },
  };
}

function isObject(value: unknown): value is Answer {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function wrong(message: string): ProviderError {
  return new ProviderError("PROTOCOL_ERROR", message);
}
