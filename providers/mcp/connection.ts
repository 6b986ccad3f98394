/**
 * One connection to an MCP server, used by all calls to it.
 *
 * @module
 */
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport"
import type { Transport } from "npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import { McpError, ResultSchema } from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { messageOf } from "../../src/core/errors.ts";
import { ProviderError } from "../../src/worker/provider_error.ts";
import { VERSION } from "../../src/version.ts";
import { escape } from "../../src/visible_text.ts";
import { Credentials } from "./credentials.ts";
import { httpTransport } from "./http_transport.ts";
import type { RelayPort } from "./relay_port.ts";
import { ServerVoice } from "./server_voice.ts";
import type { UsableServer } from "./server_options.ts";
import { StdioTransport } from "./stdio_transport.ts";

/** What a connection is opened with. */
export interface ConnectionOptions {
  /** How long the handshake may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Most bytes of a message of the server. */
  readonly maxMessageBytes: number;
  /** The program that starts a server in a PID namespace; none: it is started as it is. */
  readonly bubblewrap?: string | undefined;
  /** Where what the server says beside its answers goes. */
  readonly relay: RelayPort;
}

/** Progress of a request, as the server reports it: untrusted. */
export interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** How one request is made. */
export interface RequestOptions {
  /** Ends it; the server is told. */
  readonly signal: AbortSignal;
  /** Called when the server reports progress; without it, the server is not asked to. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How long a server may take to answer a ping after a call timed out, in milliseconds. */
const PING_MS = 2_000;
/** Most unsolicited messages of a server; each request of ours adds to the budget again. */
const MAX_UNSOLICITED = 10_000;
const UNSOLICITED_PER_REQUEST = 100;
/** The SDK has a deadline of its own, which is not used. */
const NEVER = 2 ** 31 - 1;
/** Most characters of an error message. */
const MAX_MESSAGE = 1000;

/** A connection that is open, until it fails. */
export class Connection {
  readonly #name: string;
  readonly #credentials: Credentials;
  readonly #client: Client;
  readonly #transport: Transport;
  #failure: ProviderError | undefined;
  #unsolicited = MAX_UNSOLICITED;
  readonly #voice: ServerVoice;
  #isOpen = false;

  private constructor(name: string, config: UsableServer, options: ConnectionOptions) {
    this.#name = name;
    const { maxMessageBytes, bubblewrap, relay } = options;
    const credentials = new Credentials(config);
    this.#credentials = credentials;
    const onFailure = ({ code, message }: ProviderError) => void this.fail(code, message);
    this.#transport = config.command === undefined
      ? httpTransport(config.url, { headers: config.headers, maxMessageBytes, onFailure })
      : new StdioTransport(config, {
        ...{ maxMessageBytes, credentials, onFailure, bubblewrap },
        onStderr: (text) => relay.post({ type: "stderr", server: name, text }),
        onEnd: (status) => relay.post({ type: "ended", server: name, ...status }),
      });
    this.#voice = new ServerVoice(name, {
      relay,
      conceal: (text) => credentials.conceal(text),
      onFailure,
    });
    this.#transport.onmessage = () => {
      if (--this.#unsolicited < 0) {
        const why = `It sent ${MAX_UNSOLICITED} messages that nobody had asked for`;
        this.fail("PROTOCOL_ERROR", why);
      }
    };
    // INVARIANT: what a server may ask is what some rule may allow; each request is decided by itself. Schemas
    // of the server are never compiled.
    this.#client = new Client({ name: "agent-kernel", version: VERSION }, {
      capabilities: {
        ...relay.mayAsk("mcp.sample") && { sampling: {} },
        ...relay.mayAsk("mcp.elicit") && { elicitation: { form: {}, url: {} } },
        ...relay.mayAsk("mcp.roots") && { roots: {} },
      },
      jsonSchemaValidator: {
        getValidator: () => {
          throw new Error("Schemas of servers are not used");
        },
      },
    });
    this.#client.fallbackNotificationHandler = ({ method, params }) => {
      this.#voice.say(method, params);
      return Promise.resolve();
    };
    this.#client.fallbackRequestHandler = ({ method, params }) => this.#voice.ask(method, params);
    this.#client.onclose = () => {
      // During the handshake the SDK closes because of an error, and rejects with that one.
      if (this.#isOpen) this.fail("SERVER_DIED", "The connection was closed");
    };
  }

  /**
   * Connects and shakes hands.
   *
   * @param name The name of the server, for messages.
   * @throws {ProviderError} The server cannot be reached, or does not speak MCP.
   */
  static async open(
    name: string,
    config: UsableServer,
    options: ConnectionOptions,
  ): Promise<Connection> {
    const connection = new Connection(name, config, options);
    const timer = setTimeout(() => {
      connection.fail("SERVER_UNRESPONSIVE", "It did not answer the handshake in time");
    }, options.timeoutMs);
    try {
      await connection.#client.connect(connection.#transport as never, { timeout: NEVER });
      connection.#isOpen = true;
      return connection;
    } catch (error) {
      throw connection.#translated(error, "SERVER_UNREACHABLE");
    } finally {
      clearTimeout(timer);
    }
  }

  /** Why the connection failed; `undefined` while it is open. */
  get failure(): ProviderError | undefined {
    return this.#failure;
  }

  /** How often the server said that its tools have changed. */
  get listChanges(): number {
    return this.#voice.toolChanges;
  }

  /** What the server calls itself. */
  get serverInfo(): { readonly name: string; readonly version: string } {
    const { name = "", version = "" } = this.#client.getServerVersion() ?? {};
    return { name: String(name), version: String(version) };
  }

  /** Whether the server says that it has something of a kind: `"tools"`, `"resources"`, `"prompts"`, … */
  has(kind: string): boolean {
    return Object.hasOwn(this.#client.getServerCapabilities() ?? {}, kind);
  }

  /** What the server says that it can do. */
  get capabilities(): Readonly<Record<string, unknown>> {
    return this.#client.getServerCapabilities() ?? {};
  }

  /** Closes its input and, if there is one, sends the signal; what has not ended by then is killed. */
  async end(signal: Deno.Signal | null): Promise<void> {
    if (this.#transport instanceof StdioTransport) await this.#transport.end(signal);
    else await this.#client.close();
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @returns The result. Numbers beyond 2^53 are marked, see `exact_numbers.ts`.
   * @throws {ProviderError} With one of the codes in `docs/mcp.md`.
   */
  async request(
    method: string,
    params: Record<string, unknown>,
    { signal, onProgress }: RequestOptions,
  ): Promise<Readonly<Record<string, unknown>>> {
    signal.throwIfAborted();
    this.#unsolicited = Math.min(MAX_UNSOLICITED, this.#unsolicited + UNSOLICITED_PER_REQUEST);
    this.#voice.allowMore();
    // A signal of its own: the SDK never stops listening to it, and would cancel what has ended.
    const own = new AbortController();
    const abort = () => own.abort(signal.reason);
    signal.addEventListener("abort", abort);
    try {
      // At the abort the SDK sends "notifications/cancelled".
      return await this.#client.request({ method, params }, ResultSchema, {
        signal: own.signal,
        timeout: NEVER,
        ...(onProgress === undefined ? {} : { onprogress: onProgress }),
      });
    } catch (error) {
      if (signal.aborted && this.#failure === undefined) {
        this.#ping();
        throw signal.reason;
      }
      throw this.#translated(error, "SERVER_DIED");
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Ends the connection, and with it the server if it was started here. The first reason counts. */
  fail(code: string, why: string): ProviderError {
    this.#failure ??= this.#error(code, why, this.#stderr());
    this.#client.close().catch(() => {/* expected: it may be closed already */});
    return this.#failure;
  }

  /** What the server said of a failure, with its credentials replaced; to be cut afterwards. */
  conceal(text: string): string {
    return this.#credentials.conceal(text);
  }

  /** An error of this server, with what it said made visible and without its credentials. */
  #error(code: string, why: string, details = ""): ProviderError {
    const message = this.conceal(`MCP server "${this.#name}": ${why}`).slice(0, MAX_MESSAGE);
    return new ProviderError(code, escape(`${message}${details}`));
  }

  /** Ends the connection to a server that does not answer a ping either. */
  #ping(): void {
    // Timed here: the SDK's error for a time-out has a code that servers use as well.
    const timer = setTimeout(() => {
      this.fail("SERVER_UNRESPONSIVE", "It did not answer in time, nor to a ping");
    }, PING_MS);
    this.#client.request({ method: "ping" }, ResultSchema, { timeout: NEVER })
      .catch(
        () => {/* expected: an error is an answer; a broken connection has failed by itself */},
      )
      .finally(() => clearTimeout(timer));
  }

  #translated(error: unknown, otherwise: string): ProviderError {
    // A connection that closed has failed by now. The code of the SDK's error for it says nothing:
    // servers use the same one for their own errors.
    if (this.#failure !== undefined) return this.#failure;
    if (error instanceof ProviderError) return error;
    if (error instanceof McpError) {
      const message = error.message.replace(/^MCP error -?\d+: /, "");
      return this.#error("MCP_ERROR", `It answered with error ${error.code}: ${message}`);
    }
    const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
    // Zod's message is a list in JSON; that of a SyntaxError quotes a part of the answer.
    if (/ZodError$|^SyntaxError$/.test(String(name))) {
      return this.fail("PROTOCOL_ERROR", "Its answer is not valid MCP");
    }
    if (typeof code !== "number" || code < 100) return this.fail(otherwise, messageOf(error));
    const said = messageOf(error)
      .replace(/^Streamable HTTP error: (Error POSTing to endpoint: )?/, "").trim();
    return this.fail(otherwise, `HTTP status ${code}${said === "" ? "" : `: ${said}`}`);
  }

  #stderr(): string {
    const tail = this.#transport instanceof StdioTransport ? this.#transport.stderrTail : "";
    return tail === "" ? "" : `; it wrote to standard error: "${tail}"`;
  }
}
