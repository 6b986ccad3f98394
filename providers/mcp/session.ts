/**
 * The servers in use: one connection each, and what is known of its tools.
 *
 * @module
 */
import { DeniedError, ProviderError } from "../../src/worker/provider_error.ts";
import { escape } from "../../src/visible_text.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { readPins, writePins } from "./lock_file.ts";
import type { McpConfig } from "./server_options.ts";
import { type JudgedTool, judgeTools } from "./pin.ts";
import { listTools, type ToolDefinition } from "./tool_definition.ts";

/** A connection with the tools that the server said it has. */
interface Session {
  readonly connection: Connection;
  tools: readonly ToolDefinition[];
  /** How many changes had been told when it was asked. */
  asOf: number;
}

/** The sessions with the servers of a configuration. */
export class Sessions {
  readonly #config: McpConfig;
  readonly #options: ConnectionOptions;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(config: McpConfig, options: ConnectionOptions) {
    this.#config = config;
    this.#options = options;
  }

  /**
   * The connection to a server, for a call of a tool that may be called.
   *
   * @throws {DeniedError} `TOOL_CHANGED`, `TOOL_NOT_PINNED`
   * @throws {ProviderError} The server or the tool is unknown, or the server fails.
   */
  async toolOf(server: string, tool: string, signal: AbortSignal): Promise<Connection> {
    const session = await this.#session(server, signal);
    if (session.asOf !== session.connection.listChanges) await refresh(session, signal);
    const found = this.#judge(server, session, { pin: true })
      .find(({ definition }) => definition.name === tool);
    if (found === undefined) {
      throw new ProviderError(
        "UNKNOWN_TOOL",
        `MCP server "${server}" has no tool "${escape(tool)}"`,
      );
    }
    if (found.state !== "pinned") throw this.#denial(server, found);
    return session.connection;
  }

  /** All tools of a server, asked for anew, and what the server calls itself. */
  async list(
    server: string,
    { pin, signal }: { readonly pin: boolean; readonly signal: AbortSignal },
  ): Promise<{ readonly server: object; readonly tools: readonly JudgedTool[] }> {
    const session = await this.#session(server, signal);
    await refresh(session, signal);
    return {
      server: session.connection.serverInfo,
      tools: this.#judge(server, session, { pin }),
    };
  }

  async #session(server: string, signal: AbortSignal): Promise<Session> {
    const config = Object.hasOwn(this.#config.servers, server)
      ? this.#config.servers[server]
      : undefined;
    if (config === undefined) {
      throw new ProviderError("UNKNOWN_SERVER", `Unknown MCP server: "${escape(server)}"`);
    }
    const open = this.#sessions.get(server);
    if (open !== undefined) {
      const session = await unlessAborted(open, signal);
      if (session.connection.failure === undefined) return session;
      if (this.#sessions.get(server) === open) this.#sessions.delete(server);
    }
    let session = this.#sessions.get(server);
    if (session === undefined) {
      session = this.#open(server, config);
      this.#sessions.set(server, session);
      // The next call tries again.
      session.catch(() => this.#sessions.delete(server));
    }
    return await unlessAborted(session, signal);
  }

  async #open(server: string, config: McpConfig["servers"][string]): Promise<Session> {
    const connection = await Connection.open(server, config, this.#options);
    const asOf = connection.listChanges;
    // Not the signal of the call that came first: others wait for it too.
    const signal = AbortSignal.timeout(this.#options.deadlineMs);
    try {
      return { connection, asOf, tools: await listTools(connection, signal) };
    } catch (error) {
      connection.fail("SERVER_UNRESPONSIVE", "It did not list its tools");
      throw signal.aborted ? connection.failure : error;
    }
  }

  /** INVARIANT: what is not pinned as it is now, is not called. */
  #judge(server: string, { tools }: Session, { pin }: { readonly pin: boolean }): JudgedTool[] {
    const { lockFile, pins } = this.#config;
    const known = readPins(lockFile, server);
    const judged = judgeTools(tools, known);
    if (!pin || pins === "required" || judged.every(({ state }) => state !== "new")) return judged;
    const trusted = judged.map((tool) =>
      tool.state === "new" ? { ...tool, state: "pinned" as const } : tool
    );
    const own = trusted.filter(({ state }) => state === "pinned");
    writePins(
      lockFile,
      server,
      new Map([...known, ...own.map((tool) => [tool.definition.name, tool] as const)]),
    );
    return trusted;
  }

  #denial(server: string, { definition, state, problem }: JudgedTool): DeniedError {
    const tool = `MCP tool "${server}/${escape(definition.name)}"`;
    const how = `agent-kernel mcp pin ${server}`;
    if (state === "new") {
      return new DeniedError(
        "TOOL_NOT_PINNED",
        `not permitted: ${tool} is not pinned; look at it and pin it with "${how}"`,
      );
    }
    const why = state === "changed"
      ? `is not as it was pinned (${problem})`
      : `is shadowed: ${problem}`;
    return new DeniedError(
      "TOOL_CHANGED",
      `not permitted: ${tool} ${why.slice(0, 2000)}; if that is right, pin it again with "${how}"`,
    );
  }
}

async function refresh(session: Session, signal: AbortSignal): Promise<void> {
  // Before it is asked: a change while it answers counts.
  const asOf = session.connection.listChanges;
  session.tools = await listTools(session.connection, signal);
  session.asOf = asOf;
}

/** What is shared is not ended by one of those that wait for it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", abort));
}
