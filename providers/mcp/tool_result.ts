/**
 * What a tool answered.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/provider_error.ts";
import { escapedText } from "../../src/visible_text.ts";

/** Most characters of a message of a tool. */
const MAX_ERROR = 2000;

/** The result of a tool: what is for the model, and what is for programs. */
export interface ToolResult {
  /** Blocks of content in the form of MCP: `{type: "text", text}`, `{type: "image", data, mimeType}`, … */
  readonly content: readonly unknown[];
  /** The same as data, if the tool gives it. */
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

/** What messages about an answer need. */
export interface ToolResultOptions {
  /** The server and the tool. */
  readonly target: string;
  /** Replaces the server's credentials in the message of a failure. */
  readonly conceal: (text: string) => string;
}

/**
 * The result in an answer to `tools/call`.
 *
 * @throws {ProviderError} `TOOL_ERROR`: the tool failed. `PROTOCOL_ERROR`: the answer has another form.
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
    throw new ProviderError(
      "PROTOCOL_ERROR",
      `The answer of MCP tool "${target}" has no list of content blocks`,
    );
  }
  if (isError === true) {
    const lines = content.flatMap(({ text }) => typeof text === "string" ? [text] : []);
    const said = escapedText(conceal(lines.join("\n")), MAX_ERROR) || "it does not say why";
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
