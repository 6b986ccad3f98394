/**
 * The routes of MCP.
 *
 * @module
 */
import type { McpSessions } from "../mcp_sessions.ts";
import type { Route } from "./route.ts";

/**
 * `/mcp`, for what the transport of MCP says of each method.
 *
 * @param sessions Loads the SDK of MCP when it is first needed: that is 26 MB.
 */
export function mcpRoutes(sessions: () => Promise<McpSessions>): readonly Route[] {
  const route = (
    method: Route["method"],
    id: string,
    more: Pick<Route, "summary" | "answer"> & Partial<Route>,
  ): Route => ({
    ...{ method, path: "/mcp", id, roles: ["act"], refusals: [400, 404, 405, 406] },
    headers: {
      "Mcp-Session-Id": { type: "string", description: "All but the first request have it." },
      "MCP-Protocol-Version": { type: "string" },
    },
    ...more,
    handle: async ({ headers, body, caller, signal }) =>
      await (await sessions()).answer({ method, headers, body, caller, signal }),
  });
  return [
    route("POST", "mcpMessage", {
      summary: "A message of an MCP client (streamable HTTP); without a session it begins one.",
      body: { type: ["object", "array"] },
      answer: {
        schema: { type: "string" },
        type: "text/event-stream",
        description: "Messages of the server; 202 without a body for what has no answer.",
      },
    }),
    route("GET", "mcpStream", {
      summary: "The messages of the server that answer none of the client's.",
      answer: {
        schema: { type: "string" },
        type: "text/event-stream",
        description: "Messages of the server.",
      },
    }),
    route("DELETE", "mcpEnd", {
      summary: "End a session.",
      answer: { schema: {}, description: "It has ended." },
    }),
  ];
}
