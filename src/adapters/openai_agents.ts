/**
 * Tools for the OpenAI Agents SDK (`npm:@openai/agents`) whose calls the kernel decides and records.
 *
 * @module
 */
import { type Model, type Tool, tool } from "npm:@openai/agents@^0.20.0";
import type { ToolDef } from "../agent/tool_def.ts";
import { type AdapterOptions, isObjectJson, malformedArguments, ToolGate } from "./tool_gate.ts";

export type { AdapterOptions } from "./tool_gate.ts";

/** Options of {@linkcode openAiAgentsTools}. */
export interface OpenAiAgentsOptions extends AdapterOptions {
  /** Whether the SDK asks a human before a call of the tool is submitted. @default never */
  readonly needsApproval?: (tool: ToolDef) => boolean;
}

/** The type that the SDK has for a schema that is not strict. */
interface Arguments {
  type: "object";
  properties: Record<string, never>;
  required: string[];
  additionalProperties: true;
}

/**
 * Makes tools for the Agents SDK. A call is submitted once. A denial is an output like any other:
 * `{status, error, code}` as JSON. What `submit` throws ends the run.
 *
 * The tools are not strict: the model gets the JSON Schema unchanged, and the `ToolDef` checks
 * arguments against it. Approvals of the SDK come before the policy's decision and cannot replace it.
 *
 * @param options The kernel, the tools, and which of them need an approval of the SDK.
 * @returns One tool of the SDK for each tool.
 * @throws {TypeError | RangeError} An option has not the required form, or two tools have the same
 * name.
 *
 * @example
 * ```ts ignore
 * import { openAiAgentsTools } from "@agent-kernel/kernel/adapters/openai-agents";
 * import { fsTools } from "@agent-kernel/kernel/agent";
 * import { Agent, run } from "npm:@openai/agents@^0.20.0";
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
      // Else the SDK would send the model the errors of the host program.
      errorFunction: null,
    }));
}

/**
 * Wraps a model so that calls with malformed JSON reach the tools, which record them as `INVALID` and
 * tell the model what is wrong. Without it the SDK answers such calls, and no record is written.
 *
 * @param model A model of the SDK.
 * @returns A model with the same answers, except for malformed arguments.
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
      return { ...response, output: response.output.map(withWrappedArguments) };
    },
    async *getStreamedResponse(request) {
      for await (const event of model.getStreamedResponse(request)) {
        yield event.type === "response_done"
          ? {
            ...event,
            response: {
              ...event.response,
              output: event.response.output.map(withWrappedArguments),
            },
          }
          : event;
      }
    },
    getRetryAdvice: (args) => model.getRetryAdvice?.(args),
    supportsPromptModelSelection: model.supportsPromptModelSelection ?? false,
  };
}

function withWrappedArguments<T extends { readonly type?: string | undefined }>(item: T): T {
  const { type, arguments: text } = item as T & { readonly arguments?: unknown };
  if (type !== "function_call" || typeof text !== "string" || isObjectJson(text)) {
    return item;
  }
  return { ...item, arguments: JSON.stringify(malformedArguments(text)) };
}
