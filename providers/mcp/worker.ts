/**
 * The Worker of the MCP provider.
 *
 * @module
 */
// First: see there.
import "./relay_channel.ts";
import { CODES } from "../../src/core/action.ts";
import { copyJson, JsonError } from "../../src/core/json.ts";
import { SharedTimer } from "../../src/system_timer.ts";
import { ProviderError, serveProvider } from "../../src/worker/mod.ts";
import type { ProviderContext, ProviderRequest } from "../../src/worker/mod.ts";
import { SilenceTimeout } from "../silence_timeout.ts";
import { completion, promptMessages, resourceContents } from "./answer_forms.ts";
import type { Progress } from "./connection.ts";
import { withExactNumbers } from "./exact_numbers.ts";
import { isListKind, listEntries } from "./listing.ts";
import { CALL_ID } from "./relay_message.ts";
import { RelayPort } from "./relay_port.ts";
import { resourceOf } from "./resource_name.ts";
import type { McpConfig } from "./server_options.ts";
import { Sessions } from "./session.ts";
import { toolResult } from "./tool_result.ts";

/** A call that is under way. */
interface Call {
  readonly request: ProviderRequest;
  readonly context: ProviderContext;
  /** Aborted at the time-out of the server and at the deadline of the provider. */
  readonly signal: AbortSignal;
  /** Counts the time-out of the server from now on, and tells the client. */
  readonly onProgress: (progress: Progress) => void;
}

/** Most characters of a message about progress. */
const MAX_PROGRESS = 1000;

type Operation = (server: string, call: Call) => Promise<unknown>;

/** How an action is carried out, and whether its target is a server with something behind it. */
const OPERATIONS: Readonly<
  Record<string, readonly [operation: Operation, form: string | undefined]>
> = {
  "mcp.call": [callTool, "server/tool"],
  "mcp.list": [list, undefined],
  "mcp.read": [read, "server/uri"],
  "mcp.prompt": [prompt, "server/prompt"],
  "mcp.complete": [complete, undefined],
};

/** Of all calls: nearly every time-out is taken back. */
const TIMER = new SharedTimer();
let port: RelayPort | undefined;
let sessions: Sessions | undefined;

function portOf({ config }: ProviderContext): RelayPort {
  return port ??= new RelayPort((config as McpConfig).relay);
}

function sessionsOf(context: ProviderContext): Sessions {
  const { config, maxOutputBytes, warn } = context;
  // In JSON a character takes up to six bytes; lists of tools may be longer than results.
  const maxMessageBytes = Math.max(8 * 1024 * 1024, 6 * maxOutputBytes);
  return sessions ??= new Sessions(config as McpConfig, {
    maxMessageBytes,
    warn,
    relay: portOf(context),
  });
}

async function execute(request: ProviderRequest, context: ProviderContext): Promise<unknown> {
  const { action, target, preparation } = request;
  const found = Object.hasOwn(OPERATIONS, action) ? OPERATIONS[action] : undefined;
  if (found === undefined) {
    throw new ProviderError("UNKNOWN_ACTION", `There is no action "${action}"`);
  }
  const [operation, form] = found;
  if (form !== undefined && !target.includes("/")) {
    throw new ProviderError(
      "INVALID_TARGET",
      `The target "${target}" of ${action} must be '${form}' format`,
    );
  }
  const server = form === undefined ? target : target.slice(0, target.indexOf("/"));
  const sessions = sessionsOf(context);
  const timeoutMs = sessions.timeoutOf(server);
  const given = preparation?.[CALL_ID];
  const call = typeof given === "string" ? given : undefined;
  // Only a call of the gateway can be cancelled: for all others one signal is enough.
  const cancelled = call === undefined ? undefined : new AbortController();
  using _cancel = portOf(context).onCancel(call, () => cancelled?.abort());
  const within = cancelled === undefined
    ? context.signal
    : AbortSignal.any([context.signal, cancelled.signal]);
  using timeout = new SilenceTimeout(timeoutMs, TIMER, within);
  const { signal } = timeout;
  try {
    using _slot = await sessions.slotOf(server, signal);
    const onProgress = ({ progress, total, message }: Progress) => {
      timeout.restart();
      if (call === undefined) return;
      portOf(context).post({
        ...{ type: "progress", call, progress } as const,
        ...total === undefined ? {} : { total },
        ...message === undefined ? {} : { message: message.slice(0, MAX_PROGRESS) },
      });
    };
    return await operation(server, { request, context, signal, onProgress });
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    if (cancelled?.signal.aborted) {
      throw new ProviderError("CANCELLED", "The client cancelled it; the server was told");
    }
    if (!timeout.passed) throw error;
    throw new ProviderError(
      CODES.DEADLINE_EXCEEDED,
      `MCP server "${server}" did not answer within ${timeoutMs} ms`,
    );
  } finally {
    if (call !== undefined) portOf(context).post({ type: "finished", call });
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

async function read(
  _server: string,
  { request: { target, params }, context, signal, onProgress }: Call,
): Promise<unknown> {
  const { server, uri } = resourceOf(target);
  const { subscribe } = params;
  if (subscribe !== undefined && typeof subscribe !== "boolean") {
    throw new ProviderError("INVALID_PARAMS", 'The param "subscribe" has to be true or false');
  }
  const connection = await sessionsOf(context).connectionTo(server, signal);
  if (subscribe === undefined) {
    const answer = await connection.request("resources/read", { uri }, { signal, onProgress });
    return bounded(withExactNumbers(resourceContents(answer, target)), context.maxOutputBytes);
  }
  const method = subscribe ? "resources/subscribe" : "resources/unsubscribe";
  await connection.request(method, { uri }, { signal });
  return { subscribed: subscribe };
}

async function prompt(
  server: string,
  { request: { target, params }, context, signal, onProgress }: Call,
): Promise<unknown> {
  const name = target.slice(server.length + 1);
  const connection = await sessionsOf(context).connectionTo(server, signal);
  const asked = { name, arguments: params["arguments"] ?? {} };
  const answer = await connection.request("prompts/get", asked, { signal, onProgress });
  return bounded(withExactNumbers(promptMessages(answer, target)), context.maxOutputBytes);
}

async function complete(
  server: string,
  { request: { params }, context, signal }: Call,
): Promise<unknown> {
  const connection = await sessionsOf(context).connectionTo(server, signal);
  const answer = await connection.request("completion/complete", params, { signal });
  return bounded(withExactNumbers(completion(answer, server)), context.maxOutputBytes);
}

async function list(
  server: string,
  { request: { params }, context, signal }: Call,
): Promise<unknown> {
  const { pin = true, kind = "tools" } = params;
  if (typeof pin !== "boolean") {
    throw new ProviderError("INVALID_PARAMS", 'The param "pin" has to be true or false');
  }
  const sessions = sessionsOf(context);
  if (kind === "tools") {
    return bounded(await sessions.list(server, { pin, signal }), context.maxOutputBytes);
  }
  const connection = await sessions.connectionTo(server, signal);
  if (kind === "server") {
    const { serverInfo, capabilities } = connection;
    return bounded({ server: serverInfo, capabilities }, context.maxOutputBytes);
  }
  if (!isListKind(kind)) {
    throw new ProviderError(
      "INVALID_PARAMS",
      'The param "kind" has to be "tools", "resources", "templates", "prompts" or "server"',
    );
  }
  const { entries, invalid } = await listEntries(connection, { kind, server, signal });
  const { serverInfo } = connection;
  return bounded({ server: serverInfo, [kind]: entries, invalid }, context.maxOutputBytes);
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
