/**
 * The Worker of the MCP provider.
 *
 * @module
 */
import { CODES } from "../../src/core/action.ts";
import { copyJson, JsonError } from "../../src/core/json.ts";
import { SharedTimer } from "../../src/system_timer.ts";
import { ProviderError, serveProvider } from "../../src/worker/mod.ts";
import type { ProviderContext, ProviderRequest } from "../../src/worker/mod.ts";
import { SilenceTimeout } from "../silence_timeout.ts";
import { withExactNumbers } from "./exact_numbers.ts";
import type { McpConfig } from "./server_options.ts";
import { Sessions } from "./session.ts";
import { toolResult } from "./tool_result.ts";

/** A call that is under way. */
interface Call {
  readonly request: ProviderRequest;
  readonly context: ProviderContext;
  /** Aborted at the time-out of the server and at the deadline of the provider. */
  readonly signal: AbortSignal;
  /** Counts the time-out of the server from now on. */
  readonly onProgress: () => void;
}

type Operation = (server: string, call: Call) => Promise<unknown>;

const OPERATIONS: Readonly<Record<string, Operation>> = { "mcp.call": callTool, "mcp.list": list };

/** Of all calls: nearly every time-out is taken back. */
const TIMER = new SharedTimer();

let sessions: Sessions | undefined;

function sessionsOf({ config, maxOutputBytes, warn }: ProviderContext): Sessions {
  // In JSON a character takes up to six bytes; lists of tools may be longer than results.
  const maxMessageBytes = Math.max(8 * 1024 * 1024, 6 * maxOutputBytes);
  return sessions ??= new Sessions(config as McpConfig, { maxMessageBytes, warn });
}

async function execute(request: ProviderRequest, context: ProviderContext): Promise<unknown> {
  const operation = OPERATIONS[request.action];
  if (operation === undefined) {
    throw new ProviderError("UNKNOWN_ACTION", `There is no action "${request.action}"`);
  }
  if (request.action === "mcp.call" && !request.target.includes("/")) {
    throw new ProviderError(
      "INVALID_TARGET",
      `The target "${request.target}" of mcp.call must be 'server/tool' format`,
    );
  }
  const server = request.action === "mcp.call"
    ? request.target.slice(0, request.target.indexOf("/"))
    : request.target;
  const sessions = sessionsOf(context);
  const timeoutMs = sessions.timeoutOf(server);
  using timeout = new SilenceTimeout(timeoutMs, TIMER, context.signal);
  const { signal } = timeout;
  try {
    using _slot = await sessions.slotOf(server, signal);
    const onProgress = () => timeout.restart();
    return await operation(server, { request, context, signal, onProgress });
  } catch (error) {
    if (!timeout.passed || error instanceof ProviderError) throw error;
    throw new ProviderError(
      CODES.DEADLINE_EXCEEDED,
      `MCP server "${server}" did not answer within ${timeoutMs} ms`,
    );
  }
}

async function callTool(
  server: string,
  { request: { target, params }, context, signal, onProgress }: Call,
): Promise<unknown> {
  const name = target.slice(server.length + 1);
  const connection = await sessionsOf(context).toolOf(server, name, signal);
  const args = params["arguments"] ?? {};
  const call = { name, arguments: args };
  const answer = await connection.request("tools/call", call, { signal, onProgress });
  const conceal = (text: string) => connection.conceal(text);
  return bounded(
    withExactNumbers(toolResult(answer, { target, conceal })),
    context.maxOutputBytes,
  );
}

async function list(
  server: string,
  { request: { params }, context, signal }: Call,
): Promise<unknown> {
  const { pin = true } = params;
  if (typeof pin !== "boolean") {
    throw new ProviderError("INVALID_PARAMS", 'The param "pin" has to be true or false');
  }
  return bounded(await sessionsOf(context).list(server, { pin, signal }), context.maxOutputBytes);
}

/** Checked here, where the message can name the server's answer, and before it is sent on. */
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

serveProvider("mcp", execute);
