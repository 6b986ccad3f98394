/**
 * Tools for LangChain.js (`npm:@langchain/core`) whose calls the kernel decides and records.
 *
 * @module
 */
import { AIMessage, ToolMessage } from "npm:@langchain/core@^1.4.0/messages";
import { StructuredTool, type ToolRunnableConfig } from "npm:@langchain/core@^1.4.0/tools";
import type { ToolDef } from "../agent/tool_def.ts";
import { type AdapterOptions, malformedArguments, ToolGate } from "./tool_gate.ts";

export type { AdapterOptions } from "./tool_gate.ts";

/**
 * Makes LangChain tools for `bindTools`, `ToolNode` and `createAgent`. A call is submitted once. A
 * denial is not an exception: it is `{status, error, code}` as JSON, in a `ToolMessage` with the status
 * `error`. The `artifact` of the message is the whole result, which the model does not get.
 *
 * The model gets the JSON Schema unchanged. The `ToolDef` checks arguments against it, not LangChain.
 *
 * @param options The kernel and the tools.
 * @returns One LangChain tool for each tool.
 * @throws {TypeError | RangeError} An option has not the required form, or two tools have the same
 * name.
 *
 * @example
 * ```ts ignore
 * import { langchainTools } from "@agent-kernel/kernel/adapters/langchain";
 * import { fsTools } from "@agent-kernel/kernel/agent";
 * import { ChatOpenAI } from "npm:@langchain/openai@^1.6.0";
 *
 * const tools = langchainTools({ kernel, tools: fsTools() });
 * const model = new ChatOpenAI({ model: "gpt-5" }).bindTools(tools);
 * ```
 */
export function langchainTools(options: AdapterOptions): StructuredTool[] {
  const gate = new ToolGate(options);
  return Array.from(gate.tools.values(), (tool) => new KernelTool(gate, tool));
}

/** A tool whose arguments are checked by the `ToolDef` only. */
class KernelTool extends StructuredTool {
  override readonly name: string;
  override readonly description: string;
  override readonly schema: Schema;
  readonly #gate: ToolGate;
  readonly #tool: ToolDef;

  constructor(gate: ToolGate, tool: ToolDef) {
    super();
    this.#gate = gate;
    this.#tool = tool;
    this.name = tool.name;
    this.description = tool.description;
    this.schema = structuredClone(tool.parameters) as Schema;
  }

  // deno-lint-ignore no-explicit-any -- the types of what LangChain returns depend on its inputs
  override call(args: any, config?: any, tags?: string[]): Promise<any> {
    // StructuredTool would check the arguments without bounds, throw, and leave no record.
    const unchecked = Object.create(this, {
      schema: { value: {} },
      _call: { value: this._call.bind(this) },
    });
    // INVARIANT: arguments that look like a call are not unwrapped: an approver saw them as they are.
    const given = Object(args).type === "tool_call" ? JSON.stringify(args) : args;
    return super.call.call(unchecked, given, config, tags);
  }

  protected override async _call(
    args: unknown,
    _callbacks?: unknown,
    config?: ToolRunnableConfig,
  ): Promise<string | ToolMessage> {
    const { content, result } = await this.#gate.call(this.#tool, args, config?.signal);
    const id = config?.toolCall?.id;
    if (id === undefined) return content;
    return new ToolMessage({
      content,
      artifact: result,
      name: this.name,
      tool_call_id: id,
      status: result.status === "OK" ? "success" : "error",
    });
  }
}

type Schema = Exclude<StructuredTool["schema"], { readonly parse: unknown }>;

/**
 * Moves calls with malformed JSON from `invalid_tool_calls`, where LangChain puts them, to
 * `tool_calls`. The tools then record them as `INVALID` and tell the model what is wrong.
 *
 * @param message An answer of a model.
 * @returns The message itself, or a copy if it has such calls.
 *
 * @example
 * ```ts ignore
 * const answer = withMalformedCalls(await model.invoke(messages));
 * ```
 */
export function withMalformedCalls(message: AIMessage): AIMessage {
  const { invalid_tool_calls: invalid = [], tool_calls: calls = [] } = message;
  if (invalid.length === 0) return message;
  const { tool_calls: _raw, ...kept } = message.additional_kwargs;
  return new AIMessage({
    content: message.content,
    additional_kwargs: kept,
    response_metadata: message.response_metadata,
    ...(message.id === undefined ? {} : { id: message.id }),
    ...(message.name === undefined ? {} : { name: message.name }),
    ...(message.usage_metadata === undefined ? {} : { usage_metadata: message.usage_metadata }),
    tool_calls: [
      ...calls,
      ...invalid.map(({ id, name = "", args = "" }) => ({
        type: "tool_call" as const,
        name,
        args: malformedArguments(args),
        ...(id === undefined ? {} : { id }),
      })),
    ],
  });
}
