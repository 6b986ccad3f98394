/**
 * The servers in use: one connection each, and the tools that it has.
 *
 * @module
 */
import { DeniedError, ProviderError } from "../../src/worker/provider_error.ts";
import { SYSTEM_TIMER } from "../../src/system_timer.ts";
import { escape } from "../../src/visible_text.ts";
import { CallSlots } from "../call_slots.ts";
import { Connection } from "./connection.ts";
import { readPins, writePins } from "./lock_file.ts";
import { whyNoPidNamespace } from "./pid_namespace.ts";
import { compareWithPins, type ListedTool, type Pins } from "./pin.ts";
import type { RelayPort } from "./relay_port.ts";
import type { McpConfig, UsableServer } from "./server_options.ts";
import { type InvalidTool, listTools, type ToolList } from "./tool_definition.ts";

/** What sessions are made with. */
export interface SessionsOptions {
  /** Most bytes of a message of a server. */
  readonly maxMessageBytes: number;
  /** Called with a line for the operator. */
  readonly warn: (line: string) => void;
  /** Where what servers say beside their answers goes. */
  readonly relay: RelayPort;
}

/** How many calls the kernel gives a Worker at once; the servers share them. */
const CALLS_OF_WORKER = 64;

/** A connection with the tools that the server listed. */
interface Session {
  readonly connection: Connection;
  list: ToolList;
  /** How many changes the server had announced when it was asked for its tools. */
  asOf: number;
  /** The last comparison with pins: digests of all tools take time. */
  compared?: { readonly list: ToolList; readonly pins: Pins; readonly tools: ListedTool[] };
}

/** The sessions with the servers of a configuration. */
export class Sessions {
  readonly #config: McpConfig;
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #slots: ReadonlyMap<string, CallSlots>;
  #bubblewrap: Promise<string | undefined> | undefined;

  constructor(config: McpConfig, options: SessionsOptions) {
    this.#config = config;
    this.#options = options;
    const names = Object.keys(config.servers);
    const slots = Math.max(1, Math.floor(CALLS_OF_WORKER / Math.max(1, names.length)));
    this.#slots = new Map(names.map((name) => [
      name,
      new CallSlots({ whose: `MCP server "${name}"`, slots, timer: SYSTEM_TIMER }),
    ]));
  }

  /**
   * The time that a call to a server may take, in milliseconds.
   *
   * @throws {ProviderError} `UNKNOWN_SERVER`; `SERVER_UNREACHABLE`: it cannot be used.
   */
  timeoutOf(server: string): number {
    return this.#configOf(server).timeoutMs;
  }

  /**
   * Waits until a server may get one more call.
   *
   * @throws {ProviderError} `SERVER_BUSY`: too many calls to it have no answer yet.
   */
  slotOf(server: string, signal: AbortSignal): Promise<Disposable> {
    return (this.#slots.get(server) as CallSlots).take(signal);
  }

  /**
   * The connection to a server, for a call of a tool that may be called.
   *
   * @throws {DeniedError} `TOOL_CHANGED`, `TOOL_NOT_PINNED`
   * @throws {ProviderError} The server or the tool is unknown or invalid, or the server fails.
   */
  async toolOf(server: string, tool: string, signal: AbortSignal): Promise<Connection> {
    const session = await this.#session(server, signal);
    if (session.asOf !== session.connection.listChanges) await refresh(session, signal);
    const found = this.#compare(server, session, { pin: true })
      .find(({ definition }) => definition.name === tool);
    if (found === undefined) throw missing(server, tool, session.list.invalid);
    if (found.state !== "pinned") throw denial(server, found);
    return session.connection;
  }

  /** All tools of a server, asked for anew, and the name and version that it gives itself. */
  async list(
    server: string,
    { pin, signal }: { readonly pin: boolean; readonly signal: AbortSignal },
  ): Promise<{
    readonly server: object;
    readonly tools: readonly ListedTool[];
    readonly invalid: readonly InvalidTool[];
  }> {
    const session = await this.#session(server, signal);
    await refresh(session, signal);
    return {
      server: session.connection.serverInfo,
      tools: this.#compare(server, session, { pin }),
      invalid: session.list.invalid,
    };
  }

  /**
   * The connection to a server.
   *
   * @throws {ProviderError} The server is unknown or fails.
   */
  async connectionTo(server: string, signal: AbortSignal): Promise<Connection> {
    return (await this.#session(server, signal)).connection;
  }

  #configOf(server: string): UsableServer {
    const { servers } = this.#config;
    const config = Object.hasOwn(servers, server) ? servers[server] : undefined;
    if (config === undefined) {
      throw new ProviderError("UNKNOWN_SERVER", `Unknown MCP server: "${escape(server)}"`);
    }
    if (config.unavailable === undefined) return config;
    throw new ProviderError("SERVER_UNREACHABLE", `MCP server "${server}": ${config.unavailable}`);
  }

  async #session(server: string, signal: AbortSignal): Promise<Session> {
    const config = this.#configOf(server);
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

  async #open(server: string, config: UsableServer): Promise<Session> {
    const { timeoutMs } = config;
    const connection = await Connection.open(server, config, {
      timeoutMs,
      maxMessageBytes: this.#options.maxMessageBytes,
      relay: this.#options.relay,
      bubblewrap: config.pidNamespace === true ? await this.#findBubblewrap() : undefined,
    });
    this.#options.relay.onEnd(server, (signal) => void connection.end(signal));
    const asOf = connection.listChanges;
    // Not the signal of the call that came first: others wait for the session as well.
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return { connection, asOf, list: await listTools(connection, signal) };
    } catch (error) {
      connection.fail("SERVER_UNRESPONSIVE", "It did not list its tools");
      throw signal.aborted ? connection.failure : error;
    }
  }

  /** The program for PID namespaces, if this machine permits them; tried once. */
  #findBubblewrap(): Promise<string | undefined> {
    return this.#bubblewrap ??= (async () => {
      const { bubblewrap } = this.#config;
      if (bubblewrap === undefined) return undefined;
      const reason = await whyNoPidNamespace(bubblewrap);
      if (reason === undefined) return bubblewrap;
      this.#options.warn(
        `MCP servers run without a PID namespace (${
          escape(reason)
        }): programs that they start may ` +
          "outlive them",
      );
      return undefined;
    })();
  }

  /** INVARIANT: a tool that is not as it was pinned is not called. */
  #compare(
    server: string,
    session: Session,
    { pin }: { readonly pin: boolean },
  ): ListedTool[] {
    const { lockFile, pins } = this.#config;
    const { list, compared } = session;
    const known = readPins(lockFile, server);
    const tools = compared?.list === list && compared.pins === known
      ? compared.tools
      : compareWithPins(list.tools, known);
    session.compared = { list, pins: known, tools };
    if (!pin || pins === "required" || tools.every(({ state }) => state !== "new")) return tools;
    const trusted = tools.map((tool) =>
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
}

function missing(server: string, tool: string, invalid: readonly InvalidTool[]): ProviderError {
  const problem = invalid.find(({ name }) => name === escape(tool))?.problem;
  return problem === undefined
    ? new ProviderError("UNKNOWN_TOOL", `MCP server "${server}" has no tool "${escape(tool)}"`)
    : new ProviderError(
      "TOOL_INVALID",
      `MCP tool "${server}/${escape(tool)}" cannot be used: ${problem}`,
    );
}

function denial(server: string, { definition, state, problem }: ListedTool): DeniedError {
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

async function refresh(session: Session, signal: AbortSignal): Promise<void> {
  // Read before the request: a change that is announced during the answer counts.
  const asOf = session.connection.listChanges;
  session.list = await listTools(session.connection, signal);
  session.asOf = asOf;
}

/** Waits for what several calls share; an abort ends the wait of one call only. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", abort));
}
