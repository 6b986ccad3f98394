/**
 * The agent loop: asks a model, submits its tool calls to the kernel, and returns the results to it.
 *
 * @module
 */
export { type Conversation, type Message, type ToolCall, type Usage } from "./conversation.ts";
export type { AgentEvent, RunOutcome, RunResult } from "./event.ts";
export { AgentLoop, runAgentLoop } from "./loop.ts";
export type { AgentLoopOptions, OnApproval, RunOptions } from "./loop_options.ts";
export {
  type ModelClient,
  type ModelDelta,
  ModelError,
  type ModelErrorCode,
  type ModelRequest,
  type ToolDescription,
} from "./model_client.ts";
export { type ModelHost, MODELS, type ResolvedModel, resolveModel } from "./models.ts";
export { openAiClient, type OpenAiClientOptions } from "./openai_client.ts";
export type { RetryOptions } from "./retry.ts";
export { type CalledTool, callTool, type CallToolOptions } from "./submission.ts";
export { ToolDef, type ToolDefOptions, type Translation } from "./tool_def.ts";
export { fsTools, httpTools, procTools } from "./toolsets.ts";
