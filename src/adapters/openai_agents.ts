/**
 * Tools of the OpenAI Agents SDK (`npm:@openai/agents`) whose calls go through the gate.
 *
 * @module
 */
import { type Model, type Tool, tool } from "@openai/agents";
import type { ToolDef } from "../agent/tool_def.ts";
import { type AdapterOptions, isObjectJson, malformedArguments, ToolGate } from "./tool_gate.ts";

export type { AdapterOptions } from "./tool_gate.ts";

/** Options of {@linkcode openAiAgentsTools}. */
export interface OpenAiAgentsOptions extends AdapterOptions {
  /**
   * Which tools the SDK asks a human about, before the gate decides. @default none
   */
  readonly needsApproval?: (tool: ToolDef) => boolean;
}

/** How the SDK types a schema that is not strict; what else it has, is not looked at. */
interface Arguments {
  type: "object";
  properties: Record<string, never>;
  required: string[];
  additionalProperties: true;
}

/**
 * Makes tools of the Agents SDK. A call is submitted once; a denial is an output like any other:
 * `{status, error, code}` as JSON. What `submit` throws, ends the run.
 *
 * The tools are not strict: the JSON Schema reaches the model as it is, and arguments are checked
 * against it by the `ToolDef`. Approvals of the SDK come before the gate and cannot replace it.
 *
 * @throws {TypeError | RangeError} An option is not of the required form.
 *
 * @example
 * ```ts ignore
 * import { openAiAgentsTools } from "@agent-kernel/kernel/adapters/openai-agents";
 * import { fsTools } from "@agent-kernel/kernel/agent";
 * import { Agent, run } from "@openai/agents";
 *
 * const agent = new Agent({ name: "analyst", tools: openAiAgentsTools({ kernel, tools: fsTools() }) });
 * const { finalOutput } = await run(agent, "Summarise /workspace/sales.csv");
 * ```
 */
export function openAiAgentsTools(options: OpenAiAgentsOptions): Tool[] {
  const gate = new ToolGate(options);
  const { needsApproval = () => false } = options;
  return Array.from(gate.tools.values(), (one) =>
    tool({
      name: one.name,
      description: one.description,
      parameters: structuredClone(one.parameters) as unknown as Arguments,
      strict: false,
      needsApproval: needsApproval(one),
      async execute(input, _context, details) {
        const { content } = await gate.call(one, input, details?.signal);
        return content;
      },
      // Else the model would be told of errors that are not its own.
      errorFunction: null,
    }));
}

/**
 * Wraps a model so that calls with malformed JSON reach the tools, which have them recorded as
 * `INVALID` and tell the model what is wrong. Without it the SDK answers them, without a record.
 *
 * @example
 * ```ts ignore
 * const model = withMalformedCalls(new OpenAIChatCompletionsModel(client, "gpt-5"));
 * ```
 */
export function withMalformedCalls(model: Model): Model {
  return {
    async getResponse(request) {
      const response = await model.getResponse(request);
      return { ...response, output: response.output.map(mended) };
    },
    async *getStreamedResponse(request) {
      for await (const event of model.getStreamedResponse(request)) {
        yield event.type === "response_done"
          ? {
            ...event,
            response: { ...event.response, output: event.response.output.map(mended) },
          }
          : event;
      }
    },
    getRetryAdvice: (args) => model.getRetryAdvice?.(args),
    supportsPromptModelSelection: model.supportsPromptModelSelection ?? false,
  };
}

function mended<T extends { readonly type?: string | undefined }>(item: T): T {
  const { type, arguments: text } = item as T & { readonly arguments?: unknown };
  if (type !== "function_call" || typeof text !== "string" || isObjectJson(text)) {
    return item;
  }
  return { ...item, arguments: JSON.stringify(malformedArguments(text)) };
}
