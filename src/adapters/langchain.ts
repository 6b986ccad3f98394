/**
 * Tools of LangChain.js (`npm:@langchain/core`) whose calls go through the gate.
 *
 * @module
 */
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { StructuredTool, type ToolRunnableConfig } from "@langchain/core/tools";
import type { ToolDef } from "../agent/tool_def.ts";
import { type AdapterOptions, malformedArguments, ToolGate } from "./tool_gate.ts";

export type { AdapterOptions } from "./tool_gate.ts";

/**
 * Makes tools of LangChain, for `bindTools`, `ToolNode` and `createAgent`. A call is submitted once;
 * a denial is no exception: `{status, error, code}` as JSON, in a `ToolMessage` with the status
 * `error`. The `artifact` of the message is the whole result, which the model does not see.
 *
 * The JSON Schema reaches the model as it is, and arguments are checked against it by the
 * `ToolDef`, not by LangChain.
 *
 * @throws {TypeError | RangeError} An option is not of the required form.
 *
 * @example
 * ```ts ignore
 * import { langchainTools } from "@agent-kernel/kernel/adapters/langchain";
 * import { fsTools } from "@agent-kernel/kernel/agent";
 * import { ChatOpenAI } from "@langchain/openai";
 *
 * const tools = langchainTools({ kernel, tools: fsTools() });
 * const model = new ChatOpenAI({ model: "gpt-5" }).bindTools(tools);
 * ```
 */
export function langchainTools(options: AdapterOptions): StructuredTool[] {
  const gate = new ToolGate(options);
  return Array.from(gate.tools.values(), (tool) => new KernelTool(gate, tool));
}

/** LangChain hands over the arguments of a call that it found to be JSON, and nothing else. */
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
    // The class above would check the arguments itself, without bounds, throw, and leave no record.
    const unchecked = Object.create(this, {
      schema: { value: {} },
      _call: { value: this._call.bind(this) },
    });
    // INVARIANT: arguments that look like a call are not unwrapped: they are what an approver saw.
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
 * Makes calls with malformed JSON, which LangChain sets aside as `invalid_tool_calls`, calls like
 * the others: the tools have them recorded as `INVALID` and tell the model what is wrong.
 *
 * @param message An answer of a model.
 * @returns The message, or one in its place if it has such calls.
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
