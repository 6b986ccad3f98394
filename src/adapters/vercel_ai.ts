/**
 * Tools of the Vercel AI SDK (`npm:ai`) whose calls go through the gate.
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
} from "ai";
import { type AdapterOptions, malformedArguments, ToolGate } from "./tool_gate.ts";

export type { AdapterOptions } from "./tool_gate.ts";

/** What `generateText`, `streamText` and `ToolLoopAgent` take. */
export interface VercelAiTools {
  /** The tools, by name. */
  readonly tools: ToolSet;
  /**
   * Has calls recorded that the SDK cannot parse. Malformed JSON is then answered by the tool;
   * unknown tools are answered by the SDK.
   */
  readonly repairToolCall: ToolCallRepairFunction<ToolSet>;
}

/**
 * Makes tools of the AI SDK, to be spread into its calls. A call is submitted once; a denial is an
 * output like any other: `{status, error, code}`.
 *
 * The JSON Schema reaches the model as it is, and arguments are checked against it by the
 * `ToolDef`. Approvals of the SDK (`toolApproval`) come before the gate and cannot replace it.
 *
 * @throws {TypeError | RangeError} An option is not of the required form.
 *
 * @example
 * ```ts ignore
 * import { vercelAiTools } from "@agent-kernel/kernel/adapters/vercel-ai";
 * import { fsTools } from "@agent-kernel/kernel/agent";
 * import { openai } from "@ai-sdk/openai";
 * import { generateText, isStepCount } from "ai";
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
      // Without a check of its own, so that what does not fit is put on record.
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
      // Tools that are not the kernel's are none of its business.
      if (!Object.hasOwn(all, toolName)) await gate.recordUnknown(toolName);
      return null;
    },
  };
}
