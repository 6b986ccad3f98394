/**
 * One connection to an MCP server, used by all calls to it.
 *
 * @module
 */
import { Client } from "@modelcontextprotocol/sdk/client";
// @ts-types="@modelcontextprotocol/sdk/shared/transport"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  McpError,
  ResultSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { ProviderError } from "../../src/worker/provider_error.ts";
import { VERSION } from "../../src/version.ts";
import { escape } from "../../src/visible_text.ts";
import { Credentials } from "./credentials.ts";
import { httpTransport } from "./http_transport.ts";
import type { ServerConfig } from "./server_options.ts";
import { StdioTransport } from "./stdio_transport.ts";

/** What a connection is opened with. */
export interface ConnectionOptions {
  /** How long the handshake may take, in milliseconds. */
  readonly deadlineMs: number;
  /** The most that a message of the server may hold, in bytes. */
  readonly maxMessageBytes: number;
}

/** How long a server that let a deadline pass may take to say that it is alive. */
const PING_MS = 2_000;
/** How many messages nobody waits for a server may send; each request of ours gives some back. */
const MAX_UNASKED = 10_000;
const UNASKED_PER_REQUEST = 100;
/** The deadline is the kernel's; the SDK has one too. */
const NEVER = 2 ** 31 - 1;
const MAX_MESSAGE = 1000;

/** A connection that is open, until it fails. */
export class Connection {
  readonly #name: string;
  readonly #credentials: Credentials;
  readonly #client: Client;
  readonly #transport: Transport;
  #failure: ProviderError | undefined;
  #unasked = MAX_UNASKED;
  #listChanges = 0;
  #isOpen = false;

  private constructor(name: string, config: ServerConfig, options: ConnectionOptions) {
    this.#name = name;
    const { maxMessageBytes } = options;
    const credentials = new Credentials(config);
    this.#credentials = credentials;
    const onFailure = ({ code, message }: ProviderError) => void this.fail(code, message);
    this.#transport = config.command === undefined
      ? httpTransport(config.url, { headers: config.headers, maxMessageBytes, onFailure })
      : new StdioTransport(config, { maxMessageBytes, credentials, onFailure });
    this.#transport.onmessage = () => {
      if (--this.#unasked < 0) {
        this.fail("PROTOCOL_ERROR", `It sent ${MAX_UNASKED} messages that nobody had asked for`);
      }
    };
    // INVARIANT: no capabilities are declared and no handlers set, so that the server gets nothing
    // from here: no sampling, no roots, no elicitation. Schemas of the server are never compiled.
    this.#client = new Client({ name: "agent-kernel", version: VERSION }, {
      capabilities: {},
      jsonSchemaValidator: {
        getValidator: () => {
          throw new Error("Schemas of servers are not used");
        },
      },
    });
    this.#client.setNotificationHandler(
      ToolListChangedNotificationSchema,
      () => void this.#listChanges++,
    );
    this.#client.onclose = () => {
      // During the handshake the SDK closes because of an error, and tells that one.
      if (this.#isOpen) this.fail("SERVER_DIED", "The connection was closed");
    };
  }

  /**
   * Connects and shakes hands.
   *
   * @throws {ProviderError} The server cannot be reached, or does not speak MCP.
   */
  static async open(
    name: string,
    config: ServerConfig,
    options: ConnectionOptions,
  ): Promise<Connection> {
    const connection = new Connection(name, config, options);
    const timer = setTimeout(() => {
      connection.fail("SERVER_UNRESPONSIVE", "It did not answer the handshake in time");
    }, options.deadlineMs);
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

  /** Why it is over; `undefined` while it is not. */
  get failure(): ProviderError | undefined {
    return this.#failure;
  }

  /** How often the server said that its tools have changed. */
  get listChanges(): number {
    return this.#listChanges;
  }

  /** What the server calls itself. */
  get serverInfo(): { readonly name: string; readonly version: string } {
    const { name = "", version = "" } = this.#client.getServerVersion() ?? {};
    return { name: String(name), version: String(version) };
  }

  /** Whether the server says that it has tools. */
  get hasTools(): boolean {
    return this.#client.getServerCapabilities()?.tools !== undefined;
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @throws {ProviderError} Of all that can go wrong.
   */
  async request(
    method: string,
    params: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    signal.throwIfAborted();
    this.#unasked = Math.min(MAX_UNASKED, this.#unasked + UNASKED_PER_REQUEST);
    // One of its own, because the SDK listens to it for ever, and would cancel what has ended.
    const own = new AbortController();
    const abort = () => own.abort(signal.reason);
    signal.addEventListener("abort", abort);
    try {
      // At the abort the SDK tells the server that nobody waits any more.
      return await this.#client.request({ method, params }, ResultSchema, {
        signal: own.signal,
        timeout: NEVER,
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

  /** What the server said of a failure, without its credentials; to be cut afterwards. */
  conceal(text: string): string {
    return this.#credentials.conceal(text);
  }

  /** An error of this server, with what it said made visible and without its credentials. */
  #error(code: string, why: string, details = ""): ProviderError {
    const message = this.conceal(`MCP server "${this.#name}": ${why}`).slice(0, MAX_MESSAGE);
    return new ProviderError(code, escape(`${message}${details}`));
  }

  /** A server that does not even answer this hangs, and is given up. */
  #ping(): void {
    // Timed here: the SDK's error for it has a code that servers use, too.
    const timer = setTimeout(() => {
      this.fail("SERVER_UNRESPONSIVE", "It did not answer in time, nor to a ping");
    }, PING_MS);
    this.#client.request({ method: "ping" }, ResultSchema, { timeout: NEVER })
      .catch(() => {/* expected: an error is an answer, and a connection that broke is told */})
      .finally(() => clearTimeout(timer));
  }

  #translated(error: unknown, otherwise: string): ProviderError {
    // A connection that closed has failed by now. The code that the SDK has for it says nothing: it is
    // the one that servers use most for errors of their own.
    if (this.#failure !== undefined) return this.#failure;
    if (error instanceof ProviderError) return error;
    if (error instanceof McpError) {
      const message = error.message.replace(/^MCP error -?\d+: /, "");
      return this.#error("MCP_ERROR", `It answered with error ${error.code}: ${message}`);
    }
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    // What Zod throws is a list in JSON; what is no JSON is quoted, and cut, by the platform.
    return /ZodError$|^SyntaxError$/.test(name)
      ? this.fail("PROTOCOL_ERROR", "Its answer is none")
      : this.fail(otherwise, message);
  }

  #stderr(): string {
    const tail = this.#transport instanceof StdioTransport ? this.#transport.stderrTail : "";
    return tail === "" ? "" : `; it wrote to standard error: "${tail}"`;
  }
}
