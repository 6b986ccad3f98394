/**
 * The kernel as an MCP server: agents that speak MCP get its tools, and every call goes through the gate.
 *
 * @module
 */
import { Server } from "npm:@modelcontextprotocol/sdk@^1.32.2/server/index.js";
import type { Transport } from "npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport.js";
import {
  type CallToolRequest,
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type Tool,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import type { ActionResult } from "../core/action.ts";
import { type AdapterOptions, ToolGate } from "../adapters/tool_gate.ts";
import type { ToolDef } from "../agent/tool_def.ts";
import { VERSION } from "../version.ts";

const INSTRUCTIONS =
  "What these tools may do is decided by a policy that nobody can change from here. A call that is " +
  "denied stays denied: do not repeat it, say what you could not do.";

/** Serves the tools of a gateway to one client. */
export class McpGateway {
  readonly #server: Server;
  readonly #gate: ToolGate;
  /** Calls that have no answer yet. */
  readonly #running = new Set<Promise<unknown>>();

  /**
   * A server for one connection.
   *
   * @param options The kernel, the tools and their bounds.
   * @throws {TypeError | RangeError} Two tools have the same name, or an option has not the required form.
   */
  constructor(options: AdapterOptions) {
    this.#gate = new ToolGate(options);
    this.#server = new Server(
      { name: "agent-kernel", version: VERSION },
      { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
    );
    this.#server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: Array.from(this.#gate.tools.values(), shownTool),
    }));
    const callTool = async (request: CallToolRequest, { signal }: { signal: AbortSignal }) => {
      const { name, arguments: args = {} } = request.params;
      const call = this.#call(name, args, signal);
      this.#running.add(call);
      try {
        return await call;
      } finally {
        this.#running.delete(call);
      }
    };
    this.#server.setRequestHandler(CallToolRequestSchema, callTool);
  }

  /** Begins to serve. */
  async connect(transport: Transport): Promise<void> {
    await this.#server.connect(transport);
  }

  /** Waits for the calls that are under way; each then has its record. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #call(name: string, args: object, signal: AbortSignal): Promise<CallToolResult> {
    const tool = this.#gate.tools.get(name);
    if (tool === undefined) {
      await this.#gate.recordUnknown(name);
      return failure(`There is no tool ${JSON.stringify(name)}`, undefined);
    }
    const { result, content } = await this.#gate.call(tool, args, signal);
    return result.status === "OK" ? success(tool, result, content) : failure(
      result.error ?? "The call failed",
      result,
    );
  }
}

function shownTool({ name, description, parameters }: ToolDef): Tool {
  return { name, description, inputSchema: parameters as Tool["inputSchema"] };
}

/** What a denial says is what the gate says: why, and what would be needed. */
function failure(text: string, result: ActionResult | undefined): CallToolResult {
  return { content: [{ type: "text", text }], isError: true, ...metaOf(result) };
}

function success({ action }: ToolDef, result: ActionResult, content: string): CallToolResult {
  const meta = metaOf(result);
  const { data } = result;
  // Blocks of a downstream server are handed on as they are; the provider has bounded them.
  if (action === "mcp.call") {
    const { content: blocks, structuredContent } = data as CallToolResult;
    const structured = structuredContent === undefined ? {} : { structuredContent };
    return { content: blocks, ...structured, ...meta };
  }
  if (typeof data === "string" && content.length > data.length) {
    return { content: [{ type: "text", text: data }], ...meta };
  }
  return { content: [{ type: "text", text: content }], ...meta };
}

/** By what a result is found in the log, and its code. */
function metaOf(result: ActionResult | undefined): { _meta?: Record<string, unknown> } {
  const { recordId, code, truncated } = result ?? {};
  const meta = {
    ...recordId === undefined ? {} : { "agent-kernel/record_id": recordId },
    ...code === undefined ? {} : { "agent-kernel/code": code },
    ...truncated === undefined ? {} : { "agent-kernel/truncated": truncated },
  };
  return Object.keys(meta).length === 0 ? {} : { _meta: meta };
}
