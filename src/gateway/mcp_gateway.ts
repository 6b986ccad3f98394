/**
 * The kernel as an MCP server: agents that speak MCP get its tools, and every call goes through the gate.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/server"
import { Server } from "npm:@modelcontextprotocol/sdk@^1.32.2/server/index.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport"
import type { Transport } from "npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import {
  type CallToolRequest,
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type ServerCapabilities,
  SetLevelRequestSchema,
  type Tool,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import type { McpRelay } from "../../providers/mcp/relay.ts";
import type { Changed } from "../../providers/mcp/relay_message.ts";
import type { ActionResult } from "../core/action.ts";
import type { Timer } from "../core/timer.ts";
import { type AdapterOptions, ToolGate } from "../adapters/tool_gate.ts";
import { callTool } from "../agent/submission.ts";
import type { ToolDef } from "../agent/tool_def.ts";
import type { SubmitFn } from "../stages/submit.ts";
import { VERSION } from "../version.ts";
import { Catalogue, type Offered } from "./catalogue.ts";
import { callStage, ClientSession, type Extra } from "./client_session.ts";
import type { MayAllow } from "./exposure.ts";
import { page } from "./page.ts";
import { serveResources } from "./served_resources.ts";
import { serveCompletions, servePrompts } from "./served_prompts.ts";
import { blocks, failure, metaOf, ownResult } from "./results.ts";

/** The servers behind a gateway, which an `McpProvider` of the same kernel has. */
export interface DownstreamOptions {
  /** Their names. */
  readonly servers: readonly string[];
  /**
   * What a rule could ever allow; nothing else is offered. See `exposure.ts`. @default everything
   */
  readonly mayAllow?: MayAllow;
  /** That of the provider, if it is in this process: for progress, cancellation, log messages, changes. @default none */
  readonly relay?: McpRelay | undefined;
  /**
   * The server is shown as it stands: under its own names, with this name and version, and with no more than these
   * capabilities. For one server. @default `server__tool`
   */
  readonly as?: {
    readonly name: string;
    readonly version: string;
    /** @default all that is served */
    readonly capabilities?: Readonly<Record<string, unknown>>;
  } | undefined;
  /** Gets a line for each thing that is left out, once. @default nobody */
  readonly onWarning?: (line: string) => void;
  /** @default the platform's */
  readonly timer?: Timer;
}

/** What a gateway is made with: a kernel with its own tools, and servers behind it. */
export interface GatewayOptions extends AdapterOptions {
  /** @default none */
  readonly downstream?: DownstreamOptions;
}

const INSTRUCTIONS =
  "What these tools may do is decided by a policy that nobody can change from here. A call that is " +
  "denied stays denied: do not repeat it, say what you could not do.";

/**
 * A server of the SDK for one connection, over any transport.
 *
 * @param options The kernel, its tools, and the servers behind it.
 * @throws {TypeError | RangeError} Two tools have the same name, or an option has not the required form.
 */
export function gatewayServer(options: GatewayOptions): Server {
  return new McpGateway(options).server;
}

/** Serves the tools of a gateway to one client. */
export class McpGateway {
  /** Of the SDK; not connected yet. */
  readonly server: Server;
  readonly #gate: ToolGate;
  readonly #options: GatewayOptions;
  readonly #submit: SubmitFn;
  readonly #catalogue: Catalogue | undefined;
  readonly #session: ClientSession | undefined;
  /** Requests that have no answer yet. */
  readonly #running = new Set<Promise<unknown>>();

  /**
   * A server for one connection.
   *
   * @param options The kernel, its tools, and the servers behind it.
   * @throws {TypeError | RangeError} Two tools have the same name, or an option has not the required form.
   */
  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#gate = new ToolGate(options);
    // The gate has checked that there is one of them.
    this.#submit = options.submit ??
      (options.kernel as NonNullable<typeof options.kernel>).submit.bind(options.kernel);
    const { downstream } = options;
    const capabilities = capabilitiesOf(downstream);
    const instructions = downstream?.as === undefined ? { instructions: INSTRUCTIONS } : {};
    this.server = new Server(
      { name: downstream?.as?.name ?? "agent-kernel", version: downstream?.as?.version ?? VERSION },
      { capabilities, ...instructions },
    );
    this.server.setRequestHandler(
      CallToolRequestSchema,
      (request, extra) => this.#run(this.#call(request, extra)),
    );
    this.server.setRequestHandler(
      ListToolsRequestSchema,
      ({ params }) => this.#run(this.#listTools(params?.cursor)),
    );
    if (downstream === undefined) return;
    const { relay, mayAllow = () => true, onWarning = () => {}, timer, as } = downstream;
    const ownNames = as !== undefined;
    const { agent } = options;
    // Lists that are asked for when the client goes are of use to nobody.
    const listings = new Set<string>();
    this.#catalogue = new Catalogue({
      submit: async (request) => {
        const id = crypto.randomUUID();
        listings.add(id);
        try {
          return await this.#submit(request, { stages: [callStage(id)] });
        } finally {
          listings.delete(id);
        }
      },
      servers: downstream.servers,
      ...{ agent, ownNames, mayAllow, onWarning },
      onChange: (what) => this.#tellChange(what),
      ...timer === undefined ? {} : { timer },
    });
    this.#session = new ClientSession({
      server: this.server,
      submit: this.#submit,
      relay,
      ...{ agent, ownNames, timer },
      onChanged: (server, what) => void this.#catalogue?.changed(server, what),
    });
    this.server.onclose = () => {
      for (const id of listings) relay?.cancel(id);
      this.#session?.[Symbol.dispose]();
    };
    const serving = {
      server: this.server,
      catalogue: this.#catalogue,
      session: this.#session,
      submit: this.#submit,
      agent,
      run: <T>(work: Promise<T>) => this.#run(work),
    };
    if (capabilities.resources !== undefined) serveResources(serving);
    if (capabilities.prompts !== undefined) servePrompts(serving);
    if (capabilities.completions !== undefined) serveCompletions(serving);
    if (capabilities.logging !== undefined) {
      this.server.setRequestHandler(SetLevelRequestSchema, ({ params: { level } }) => {
        if (this.#session !== undefined) this.#session.level = level;
        return {};
      });
    }
  }

  /** Begins to serve. */
  async connect(transport: Transport): Promise<void> {
    await this.server.connect(transport);
  }

  /** Waits for what is under way; each request then has its record. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #run<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async #listTools(cursor: string | undefined): Promise<{ tools: Tool[]; nextCursor?: string }> {
    const own = Array.from(this.#gate.tools.values(), shownTool);
    const offered = await this.#catalogue?.list("tools") ?? [];
    // The kernel's own tools come first: no server can take the place of one.
    const names = new Set(own.map(({ name }) => name));
    const further = offered.filter(({ key }) => !names.has(key)).map(({ shown }) => shown as Tool);
    const { entries, nextCursor } = page([...own, ...further], cursor);
    return { tools: entries, ...nextCursor === undefined ? {} : { nextCursor } };
  }

  async #call({ params }: CallToolRequest, extra: Extra): Promise<CallToolResult> {
    const { name, arguments: args = {} } = params;
    const tool = this.#gate.tools.get(name);
    if (tool !== undefined) {
      const { result, content } = await this.#gate.call(tool, args, extra.signal);
      return resultOf(tool, result, content);
    }
    const offered = await this.#catalogue?.find("tools", name);
    if (offered !== undefined) return await this.#callDownstream(offered, args, extra);
    await this.#gate.recordUnknown(name);
    const { as } = this.#options.downstream ?? {};
    const text = `There is no tool ${JSON.stringify(name)}`;
    return failure(
      as === undefined ? text : `agent-kernel: ${text} that the policy could allow`,
      undefined,
    );
  }

  async #callDownstream(
    { server, target, tool }: Offered,
    args: Record<string, unknown>,
    extra: Extra,
  ): Promise<CallToolResult> {
    const { agent, maxResultChars } = this.#options;
    const session = this.#session as ClientSession;
    this.#catalogue?.called(server);
    const from = agent === undefined ? {} : { agent };
    if (tool === undefined) {
      const request = { action: "mcp.call", target, params: { arguments: args }, ...from };
      return ownResult(await session.submit(server, request, extra));
    }
    const { result, content } = await session.during(
      server,
      extra,
      (stages) =>
        callTool(tool, args, {
          submit: (request, more) =>
            this.#submit(request, { ...more, stages: [...more?.stages ?? [], ...stages] }),
          ...maxResultChars === undefined ? {} : { maxResultChars },
          ...from,
        }),
    );
    return resultOf(tool, result, content);
  }

  #tellChange(what: Changed): void {
    if (this.server.transport === undefined) return;
    this.#session?.notify({ method: `notifications/${what}/list_changed` });
  }
}

/** What is not connected is not promised; what no rule could allow, and what the server has not, is not offered. */
function capabilitiesOf(downstream: DownstreamOptions | undefined): ServerCapabilities {
  if (downstream === undefined) return { tools: {} };
  const { servers, mayAllow = () => true, relay, as } = downstream;
  const has = (capability: string) =>
    as?.capabilities === undefined || Object.hasOwn(as.capabilities, capability);
  const offers = (action: string) =>
    servers.some((server) => mayAllow(action, server, { isPrefix: true }));
  const isHeard = relay !== undefined;
  const listChanged = isHeard ? { listChanged: true } : {};
  return {
    tools: listChanged,
    ...has("resources") && offers("mcp.read") &&
      { resources: { ...listChanged, ...isHeard ? { subscribe: true } : {} } },
    ...has("prompts") && offers("mcp.prompt") && { prompts: listChanged },
    ...has("completions") && offers("mcp.complete") && { completions: {} },
    ...has("logging") && isHeard && { logging: {} },
  };
}

function shownTool({ name, description, parameters }: ToolDef): Tool {
  return { name, description, inputSchema: parameters as Tool["inputSchema"] };
}

function resultOf({ action }: ToolDef, result: ActionResult, content: string): CallToolResult {
  const { status, data, error = "The call failed" } = result;
  if (status !== "OK") return failure(error, result);
  if (action === "mcp.call") return blocks(result);
  const isPlain = typeof data === "string" && content.length > data.length;
  return { content: [{ type: "text", text: isPlain ? data : content }], ...metaOf(result) };
}
