/**
 * What a server says beside its answers, within bounds.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import { McpError } from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { copyJson } from "../../src/core/json.ts";
import { ProviderError } from "../../src/worker/provider_error.ts";
import { withExactNumbers } from "./exact_numbers.ts";
import { type AskMethod, ASKS, type Changed } from "./relay_message.ts";
import type { RelayPort } from "./relay_port.ts";

/** What it is made with. */
export interface VoiceOptions {
  readonly relay: RelayPort;
  /** Replaces the server's credentials. */
  readonly conceal: (text: string) => string;
  /** Called when the server goes beyond the bounds. */
  readonly onFailure: (error: ProviderError) => void;
}

type Params = Readonly<Record<string, unknown>> | undefined;

/** Most requests of a server that have no answer yet. */
const MAX_PENDING_ASKS = 8;
/** Most requests of a server; each request to it adds to the budget again. */
const MAX_ASKS = 32;
const ASKS_PER_REQUEST = 4;
/** Most log messages that are handed on; each request to the server adds to the budget again. */
const MAX_LOGS = 1000;
const LOGS_PER_REQUEST = 100;
/** Most characters of a log message. */
const MAX_LOG = 16 * 1024;
/** Most characters of what a server asks. */
const ASK_LIMITS = { characters: 512 * 1024, nodes: 10_000 };
// https://www.jsonrpc.org/specification#error_object
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
/** Of the range for errors of a server. */
const TOO_MUCH = -32011;

const CHANGES: Readonly<Record<string, Changed>> = {
  "notifications/tools/list_changed": "tools",
  "notifications/resources/list_changed": "resources",
  "notifications/prompts/list_changed": "prompts",
};
// https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging
const LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/** Hands on the notifications and the requests of one server. */
export class ServerVoice {
  readonly #server: string;
  readonly #options: VoiceOptions;
  #toolChanges = 0;
  #logs = MAX_LOGS;
  #asks = MAX_ASKS;
  #pending = 0;

  constructor(server: string, options: VoiceOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** How often the server said that its tools have changed. */
  get toolChanges(): number {
    return this.#toolChanges;
  }

  /** A request to the server was made: it may say more. */
  allowMore(): void {
    this.#asks = Math.min(MAX_ASKS, this.#asks + ASKS_PER_REQUEST);
    this.#logs = Math.min(MAX_LOGS, this.#logs + LOGS_PER_REQUEST);
  }

  /** Takes a notification. What is none of those that are handed on is left out. */
  say(method: string, params: Params): void {
    const { relay } = this.#options;
    const server = this.#server;
    const what = Object.hasOwn(CHANGES, method) ? CHANGES[method] : undefined;
    if (what === "tools") this.#toolChanges++;
    if (!relay.isOpen) return;
    if (what !== undefined) return relay.post({ type: "changed", server, what });
    const { uri, level, data } = params ?? {};
    if (method === "notifications/resources/updated" && typeof uri === "string") {
      return relay.post({ type: "updated", server, uri: uri.slice(0, MAX_LOG) });
    }
    if (method !== "notifications/message" || !LEVELS.includes(String(level))) return;
    if (--this.#logs < 0) return;
    relay.post({ type: "log", server, level: String(level), data: this.#logged(data) });
  }

  /**
   * Has a request answered.
   *
   * @throws {McpError} For the server.
   */
  async ask(method: string, params: Params): Promise<Record<string, unknown>> {
    const { relay, onFailure } = this.#options;
    if (!relay.isOpen || !Object.hasOwn(ASKS, method)) {
      throw new McpError(METHOD_NOT_FOUND, "Method not found");
    }
    // INVARIANT: a server that asks in a loop is ended; each of its requests may have a record.
    if (--this.#asks < 0) {
      const why = `It made ${MAX_ASKS} requests (${method}) beside its answers`;
      onFailure(new ProviderError("PROTOCOL_ERROR", why));
      throw new McpError(TOO_MUCH, "Too many requests");
    }
    if (this.#pending >= MAX_PENDING_ASKS) {
      throw new McpError(TOO_MUCH, "Too many requests at once");
    }
    const copy = copied(params ?? {});
    if (copy === undefined) throw new McpError(INVALID_PARAMS, "The params are too large");
    this.#pending++;
    try {
      const answer = await relay.ask({
        server: this.#server,
        method: method as AskMethod,
        params: copy,
      });
      if ("error" in answer) throw new McpError(answer.error.code, answer.error.message);
      return { ...answer.result };
    } finally {
      this.#pending--;
    }
  }

  /** Of a log message, what is shown: without credentials, and not too much. */
  #logged(data: unknown): unknown {
    const text = this.#options.conceal(JSON.stringify(withExactNumbers(data)) ?? "null");
    return text.length > MAX_LOG ? `${text.slice(0, MAX_LOG)}…` : JSON.parse(text);
  }
}

function copied(params: NonNullable<Params>): Readonly<Record<string, unknown>> | undefined {
  try {
    return copyJson(withExactNumbers(params), "params", ASK_LIMITS) as Record<string, unknown>;
  } catch {
    return undefined; // Whatever is wrong with it: it is not handed on.
  }
}
