/**
 * Tools for the Vercel AI SDK (`npm:ai`) whose calls the kernel decides and records.
 *
 * @module
 */
import {
  dynamicTool,
  jsonSchema,
  type JSONSchema7,
  type Tool,
  type ToolCallRepairFunction,
  type ToolSet,
} from "npm:ai@^7.0.173";
import { type AdapterOptions, malformedArguments, ToolGate } from "./tool_gate.ts";

export type { AdapterOptions } from "./tool_gate.ts";

/** Options for `generateText`, `streamText` and `ToolLoopAgent`. */
export interface VercelAiTools {
  /** The tools, by name. */
  readonly tools: ToolSet;
  /**
   * Records calls that the SDK cannot parse. The tool then answers malformed JSON; the SDK answers
   * calls of unknown tools.
   */
  readonly repairToolCall: ToolCallRepairFunction<ToolSet>;
}

/**
 * Makes tools for the AI SDK, to be spread into its options. A call is submitted once. A denial is an
 * output like any other: `{status, error, code}`.
 *
 * The model gets the JSON Schema unchanged, and the `ToolDef` checks arguments against it. Approvals of
 * the SDK (`toolApproval`) come before the policy's decision and cannot replace it.
 *
 * @param options The kernel and the tools.
 * @returns Options for the calls of the SDK.
 * @throws {TypeError | RangeError} An option has not the required form, or two tools have the same
 * name.
 *
 * @example
 * ```ts ignore
 * import { vercelAiTools } from "@agent-kernel/kernel/adapters/vercel-ai";
 * import { fsTools } from "@agent-kernel/kernel/agent";
 * import { openai } from "@ai-sdk/openai";
 * import { generateText, isStepCount } from "npm:ai@^7.0.173";
 *
 * const { text } = await generateText({
 *   model: openai("gpt-5"),
 *   prompt: "Summarise /workspace/sales.csv",
 *   stopWhen: isStepCount(10),
 *   ...vercelAiTools({ kernel, tools: fsTools() }),
 * });
 * ```
 */
export function vercelAiTools(options: AdapterOptions): VercelAiTools {
  const gate = new ToolGate(options);
  const tools = Array.from(gate.tools.values(), (one) => {
    const { name, description, parameters } = one;
    const adapted: Tool = dynamicTool({
      description,
      // Without a check by the SDK, so that arguments that do not fit are recorded.
      inputSchema: jsonSchema(structuredClone(parameters) as JSONSchema7),
      async execute(input, { abortSignal }) {
        const { content } = await gate.call(one, input, abortSignal);
        return JSON.parse(content);
      },
    });
    return [name, adapted];
  });
  return {
    tools: Object.fromEntries(tools),
    async repairToolCall({ toolCall, tools: all }) {
      const { toolName, input } = toolCall;
      if (gate.tools.has(toolName)) {
        return { ...toolCall, input: JSON.stringify(malformedArguments(input)) };
      }
      // Tools of the program itself are not recorded.
      if (!Object.hasOwn(all, toolName)) await gate.recordUnknown(toolName);
      return null;
    },
  };
}
