/**
 * What a client is told of how its request ended.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import type { CallToolResult } from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import type { ActionResult } from "../core/action.ts";
import type { LabelledResult } from "../stages/submit.ts";

/** Code of a JSON-RPC error for a request that the gate refused, of the range for servers. */
export const DENIED_CODE = -32010;
const INTERNAL_ERROR = -32603;

/** A JSON-RPC error. Not the SDK's class, which puts its own words before the message. */
export class RpcError extends Error {
  /** The name of this class. */
  override name = "RpcError";

  constructor(
    readonly code: number,
    message: string,
    readonly data?: Readonly<Record<string, unknown>>,
  ) {
    super(message);
  }
}

/** By what a result is found in the log, its code, and in a session where it came from. */
export function metaOf(result: LabelledResult | undefined): { _meta?: Record<string, unknown> } {
  const { recordId, code, truncated, provenance } = result ?? {};
  const meta = {
    ...recordId === undefined ? {} : { "agent-kernel/record_id": recordId },
    ...code === undefined ? {} : { "agent-kernel/code": code },
    ...truncated === undefined ? {} : { "agent-kernel/truncated": truncated },
    ...provenance === undefined ? {} : { "agent-kernel/provenance": provenance },
  };
  return Object.keys(meta).length === 0 ? {} : { _meta: meta };
}

/** What a denial says is what the gate says: why, and what would be needed. */
export function failure(text: string, result: ActionResult | undefined): CallToolResult {
  return { content: [{ type: "text", text }], isError: true, ...metaOf(result) };
}

/**
 * The result of a tool of a server that is served as it stands: the server's own errors are as they were, those of
 * the kernel say that they are.
 *
 * @throws {RpcError} The server answered with one.
 */
export function ownResult(result: ActionResult): CallToolResult {
  const { status, error = "", code } = result;
  if (status === "OK") return blocks(result);
  if (code === "MCP_ERROR") throw rpcError(result);
  const said = code === "TOOL_ERROR"
    ? /^MCP tool ".*?" failed: (.*)$/s.exec(error)?.[1]
    : undefined;
  return said === undefined
    ? failure(`agent-kernel: ${error}`, result)
    : { content: [{ type: "text", text: said }], isError: true };
}

/** Blocks of a downstream server are handed on as they are; the provider has bounded them. */
export function blocks(result: ActionResult): CallToolResult {
  const { content, structuredContent } = result.data as CallToolResult;
  const structured = structuredContent === undefined ? {} : { structuredContent };
  return { content, ...structured, ...metaOf(result) };
}

/** The error for a request that has no result in which it could be said. */
export function rpcError(result: ActionResult): RpcError {
  const { status, error = "The request failed", code } = result;
  const data = metaOf(result)._meta;
  if (status === "DENIED") return new RpcError(DENIED_CODE, `agent-kernel: ${error}`, data);
  const [, own, said] = code === "MCP_ERROR"
    ? /^MCP server ".*?": It answered with error (-?\d+): (.*)$/s.exec(error) ?? []
    : [];
  if (own !== undefined) return new RpcError(Number(own), said ?? "");
  return new RpcError(INTERNAL_ERROR, `agent-kernel: ${error}`, data);
}
