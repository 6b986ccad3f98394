/**
 * The Worker of the MCP provider.
 *
 * @module
 */
import { copyJson, JsonError } from "../../src/core/json.ts";
import { ProviderError, serveProvider } from "../../src/worker/mod.ts";
import type { ProviderContext, ProviderRequest } from "../../src/worker/mod.ts";
import type { McpConfig } from "./server_options.ts";
import { Sessions } from "./session.ts";
import { toolResult } from "./tool_result.ts";

type Operation = (request: ProviderRequest, context: ProviderContext) => Promise<unknown>;

const OPERATIONS: Readonly<Record<string, Operation>> = { "mcp.call": call, "mcp.list": list };

let sessions: Sessions | undefined;

function sessionsOf({ config, maxOutputBytes }: ProviderContext): Sessions {
  const { deadlineMs } = config as McpConfig;
  // In JSON a character takes up to six bytes, and lists of tools are no results.
  const maxMessageBytes = Math.max(8 * 1024 * 1024, 6 * maxOutputBytes);
  return sessions ??= new Sessions(config as McpConfig, { deadlineMs, maxMessageBytes });
}

async function call(
  { target, params }: ProviderRequest,
  context: ProviderContext,
): Promise<unknown> {
  const slash = target.indexOf("/");
  if (slash === -1) {
    throw new ProviderError(
      "INVALID_TARGET",
      `The target "${target}" of mcp.call must be 'server/tool' format`,
    );
  }
  const name = target.slice(slash + 1);
  const { signal, maxOutputBytes } = context;
  const connection = await sessionsOf(context).toolOf(target.slice(0, slash), name, signal);
  const args = params["arguments"] ?? {};
  const answer = await connection.request("tools/call", { name, arguments: args }, signal);
  const conceal = (text: string) => connection.conceal(text);
  return bounded(toolResult(answer, { target, conceal }), maxOutputBytes);
}

async function list(
  { target, params }: ProviderRequest,
  context: ProviderContext,
): Promise<unknown> {
  const { pin = true } = params;
  if (typeof pin !== "boolean") {
    throw new ProviderError("INVALID_PARAMS", 'The param "pin" has to be true or false');
  }
  const { signal, maxOutputBytes } = context;
  return bounded(await sessionsOf(context).list(target, { pin, signal }), maxOutputBytes);
}

/** Refused here, where it can be said what it is about, and before it travels. */
function bounded(data: unknown, maxOutputBytes: number): unknown {
  try {
    return copyJson(data, "result", { characters: maxOutputBytes, nodes: 1_000_000 });
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new ProviderError(
      "RESULT_INVALID",
      `The MCP server's answer is refused: ${error.message}`,
    );
  }
}

serveProvider("mcp", (request, context) => {
  const operation = OPERATIONS[request.action];
  if (operation === undefined) {
    throw new ProviderError("UNKNOWN_ACTION", `There is no action "${request.action}"`);
  }
  return operation(request, context);
});
