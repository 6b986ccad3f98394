/**
 * What a tool answered.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/provider_error.ts";
import { escapedText } from "../../src/visible_text.ts";

const MAX_ERROR = 2000;

/** The result of a tool: what is for the model, and what is for programs. */
export interface ToolResult {
  /** Blocks of content, as MCP has them: `{type: "text", text}`, `{type: "image", data, mimeType}`, … */
  readonly content: readonly unknown[];
  /** The same as data, if the tool gives it. */
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

/** What is needed to tell of an answer. */
export interface ToolResultOptions {
  /** The server and the tool. */
  readonly target: string;
  /** Takes the server's credentials out of what the tool says of a failure. */
  readonly conceal: (text: string) => string;
}

/**
 * Takes an answer to `tools/call` apart.
 *
 * @throws {ProviderError} `TOOL_ERROR`: the tool failed. `PROTOCOL_ERROR`: it is no such answer.
 */
export function toolResult(
  answer: Readonly<Record<string, unknown>>,
  { target, conceal }: ToolResultOptions,
): ToolResult {
  const { content = [], structuredContent, isError } = answer;
  const wellFormed = Array.isArray(content) && content.every(isBlock) &&
    (structuredContent === undefined || isObject(structuredContent)) &&
    (answer["content"] !== undefined || structuredContent !== undefined);
  if (!wellFormed) {
    throw new ProviderError("PROTOCOL_ERROR", `The answer of MCP tool "${target}" is no result`);
  }
  if (isError === true) {
    const texts = content.flatMap(({ text }) => typeof text === "string" ? [text] : []);
    const said = escapedText(conceal(texts.join("\n")), MAX_ERROR) || "it does not say why";
    throw new ProviderError("TOOL_ERROR", `MCP tool "${target}" failed: ${said}`);
  }
  return structuredContent === undefined ? { content } : { content, structuredContent };
}

function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && typeof value["type"] === "string";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
