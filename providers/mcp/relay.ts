/**
 * Between the servers, which the Worker of the provider talks to, and the clients of a gateway: progress, log
 * messages, changes, and what servers ask of their client.
 *
 * @module
 */
import { copyJson, JsonError } from "../../src/core/json.ts";
import {
  type AskAction,
  type AskMethod,
  ASKS,
  type FromPort,
  type ToPort,
} from "./relay_message.ts";
import type { AskAnswer, RelayConfig } from "./relay_port.ts";

/** What a server can ask of its client. */
export interface ServerAsk {
  readonly server: string;
  readonly method: AskMethod;
  readonly action: AskAction;
  /** Untrusted JSON, at most 1 MiB. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** A client of the servers. What it is told is untrusted. */
export interface RelayClient {
  /** Whether a call of this client to the server is under way. */
  isCalling(server: string): boolean;
  /** Answers what a server asks; has to decide it first. */
  ask(ask: ServerAsk): Promise<AskAnswer>;
  /** One of the messages of a server. */
  told(message: Exclude<FromPort, { type: "ask" }>): void;
}

/** Most characters of a message, and most of its values. */
const LIMITS = { characters: 1024 * 1024, nodes: 20_000 };
/** https://www.jsonrpc.org/specification#error_object */
const INVALID_REQUEST = -32600;

/** How many turns of the event loop a closed channel is waited for. */
const TURNS = 10;

const FORMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  progress: { call: "string", progress: "number" },
  log: { server: "string", level: "string" },
  finished: { call: "string" },
  changed: { server: "string", what: "string" },
  updated: { server: "string", uri: "string" },
  stderr: { server: "string", text: "string" },
  ended: { server: "string", code: "number" },
  ask: { server: "string", id: "string", method: "string" },
};

/**
 * The end of the relay in the process that has the clients. It carries no action: a call that it cancels ends by
 * itself, and what a server asks goes through the gate before a client sees it.
 *
 * It reaches the Worker over a `BroadcastChannel` with a name that nobody can guess, and works where kernel and
 * gateway are in one process.
 */
export class McpRelay implements AsyncDisposable {
  readonly #name = `agent-kernel-mcp-${crypto.randomUUID()}`;
  readonly #asks: readonly AskAction[];
  readonly #channel: BroadcastChannel;
  readonly #clients = new Set<RelayClient>();
  #isClosed = false;

  /** @param options `asks`: the actions of which some rule may allow a request of a server. @default none */
  constructor({ asks = [] }: { readonly asks?: readonly string[] } = {}) {
    this.#asks = Object.values(ASKS).filter((action) => asks.includes(action));
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#receive(data);
  }

  /** For the Worker. */
  get config(): RelayConfig {
    return { channel: this.#name, asks: this.#asks };
  }

  /** Adds a client, until what is returned is disposed of. */
  add(client: RelayClient): Disposable {
    this.#clients.add(client);
    return { [Symbol.dispose]: () => void this.#clients.delete(client) };
  }

  /** Ends a call; it then has a record with the code `CANCELLED`, unless it had ended before. */
  cancel(call: string): void {
    this.#post({ type: "cancel", call });
  }

  /** Has a server that was started here end: its input is closed, and it gets the signal if there is one. */
  end(server: string, signal: Extract<ToPort, { type: "end" }>["signal"]): void {
    this.#post({ type: "end", server, signal });
  }

  /** Closes the channel. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#clients.clear();
    this.#isClosed = true;
    this.#channel.close();
    // Deno 2.9 breaks a channel that is made before it has noticed that the last one was closed: that takes it a
    // turn of the event loop or two.
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setTimeout(resolve));
  }

  #post(message: ToPort): void {
    // A client may still end its calls when the kernel is gone.
    if (!this.#isClosed) this.#channel.postMessage(message);
  }

  /** @param data Untrusted. */
  #receive(data: unknown): void {
    const message = checked(data);
    if (message === undefined) return;
    if (message.type === "ask") return void this.#ask(message);
    // INVARIANT: what a server says during the call of one client is for that client alone.
    const clients = message.type === "log" ? this.#askable(message.server) : [...this.#clients];
    for (const client of clients) client.told(message);
  }

  async #ask({ id, server, method, params }: Extract<FromPort, { type: "ask" }>): Promise<void> {
    const [client, ...others] = this.#askable(server);
    if (client === undefined || others.length > 0) {
      const why = client === undefined
        ? "there is no call of a client to this server that it could be about"
        : "several clients have calls to this server: it cannot be told which of them is asked";
      return this.#post({ type: "answer", id, error: { code: INVALID_REQUEST, message: why } });
    }
    const answer = await client.ask({ server, method, action: ASKS[method], params });
    this.#post({ type: "answer", id, ...answer });
  }

  /** Those with a call to the server. */
  #askable(server: string): RelayClient[] {
    return [...this.#clients].filter((client) => client.isCalling(server));
  }
}

function checked(data: unknown): FromPort | undefined {
  let copy: Readonly<Record<string, unknown>>;
  try {
    copy = Object(copyJson(data, "message", LIMITS));
  } catch (error) {
    if (error instanceof JsonError) return undefined; // Nothing that the provider sends.
    throw error;
  }
  const form = Object.hasOwn(FORMS, String(copy["type"])) ? FORMS[String(copy["type"])] : undefined;
  if (form === undefined) return undefined;
  const fits = Object.entries(form).every(([key, type]) => typeof copy[key] === type) &&
    (copy["type"] !== "ask" ||
      Object.hasOwn(ASKS, String(copy["method"])) && Object(copy["params"]) === copy["params"]);
  return fits ? copy as unknown as FromPort : undefined;
}
