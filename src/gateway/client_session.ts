/**
 * One client of a gateway: its calls that are under way, and what it is told and asked meanwhile.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/server"
import type { Server } from "npm:@modelcontextprotocol/sdk@^1.32.2/server/index.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import {
  CreateMessageResultSchema,
  CreateMessageResultWithToolsSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  type LoggingLevel,
  LoggingLevelSchema,
  type ServerNotification,
  type ServerRequest,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/shared/protocol"
import type { RequestHandlerExtra } from "npm:@modelcontextprotocol/sdk@^1.32.2/shared/protocol.js";
import type { McpRelay, RelayClient, ServerAsk } from "../../providers/mcp/relay.ts";
import { CALL_ID, type FromPort } from "../../providers/mcp/relay_message.ts";
import type { AskAnswer } from "../../providers/mcp/relay_port.ts";
import { ProviderError } from "../worker/provider_error.ts";
import type { ActionRequest, ActionResult } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import type { Timer } from "../core/timer.ts";
import type { Stage } from "../stages/stage.ts";
import type { SubmitFn } from "../stages/submit.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import { askableClient, type AskClient } from "./client_provider.ts";
import { shownElicitation } from "./elicitation.ts";
import { DENIED_CODE } from "./results.ts";

/** What the SDK hands to a handler of a request. */
export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** What a session is made with. */
export interface SessionOptions {
  readonly server: Server;
  readonly submit: SubmitFn;
  /** To the provider; none: servers are not heard. */
  readonly relay: McpRelay | undefined;
  readonly agent?: string | undefined;
  readonly timer?: Timer | undefined;
  /** Whether the client sees the server itself, not a gateway. */
  readonly ownNames: boolean;
  /** Called when a server says that its lists have changed. */
  readonly onChanged: (server: string, what: string) => void;
}

interface Active {
  readonly server: string;
  readonly extra: Extra;
  /** Ends the wait for what the server said during the call. */
  readonly finish: () => void;
}

/** How long a Worker that died after a call is waited for, in milliseconds. */
const LAST_WORDS_MS = 250;
/** Most notifications that wait for a client that does not read; further ones are left out. */
const MAX_WAITING = 256;
const MAX_SUBSCRIPTIONS = 1000;
/** The time-out is that of the provider. */
const NEVER = 2 ** 31 - 1;
// https://modelcontextprotocol.io/specification/2025-11-25/client/sampling#error-handling
const REJECTED = -1;

/** Hands the id of a call to the provider, which can then be told that it is cancelled. */
export function callStage(id: string): Stage {
  return { name: CALL_ID, enter: () => ({ preparation: { [CALL_ID]: id } }) };
}

/** A client of the relay. */
export class ClientSession implements RelayClient, Disposable {
  readonly #options: SessionOptions;
  readonly #active = new Map<string, Active>();
  readonly #subscriptions = new Map<string, string>();
  readonly #client: ReturnType<typeof askableClient>;
  readonly #added: Disposable | undefined;
  readonly #timer: Timer;
  #level: LoggingLevel = "debug";
  #waiting = 0;
  #isGone = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#timer = options.timer ?? SYSTEM_TIMER;
    this.#client = askableClient((asked) => this.#carryOut(asked));
    this.#added = options.relay?.add(this);
  }

  [Symbol.dispose](): void {
    this.#added?.[Symbol.dispose]();
    this.#client[Symbol.dispose]();
    for (const { finish } of this.#active.values()) finish();
    this.#isGone = true;
  }

  /** From which level on the client wants log messages. */
  set level(level: LoggingLevel) {
    this.#level = level;
  }

  /** What the client is told of: `uri` of a server. */
  subscribe(uri: string, server: string): void {
    if (this.#subscriptions.size < MAX_SUBSCRIPTIONS) this.#subscriptions.set(uri, server);
  }

  unsubscribe(uri: string): void {
    this.#subscriptions.delete(uri);
  }

  /**
   * Submits a request for a server on behalf of the client. Its progress goes to the client; if the client cancels,
   * it ends at the server too.
   */
  async submit(server: string, request: ActionRequest, extra: Extra): Promise<ActionResult> {
    const { result } = await this.during(server, extra, async (stages) => ({
      result: await this.#options.submit(request, { stages }),
    }));
    return result;
  }

  /** The same for code that submits by itself, with these stages. */
  async during<T extends { readonly result: ActionResult }>(
    server: string,
    extra: Extra,
    work: (stages: readonly Stage[]) => Promise<T>,
  ): Promise<T> {
    const id = crypto.randomUUID();
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
    const { relay } = this.#options;
    const cancel = () => relay?.cancel(id);
    extra.signal.throwIfAborted();
    this.#active.set(id, { server, extra, finish });
    extra.signal.addEventListener("abort", cancel);
    try {
      const done = await work([callStage(id)]);
      // Results and what a server says beside them come by different ways: the client gets them in their order.
      if (done.result.recordId !== undefined && relay !== undefined && !this.#isGone) {
        const cancelWait = this.#timer.schedule(finish, LAST_WORDS_MS);
        await finished;
        cancelWait();
      }
      return done;
    } finally {
      extra.signal.removeEventListener("abort", cancel);
      this.#active.delete(id);
    }
  }

  isCalling(server: string): boolean {
    return this.#callTo(server) !== undefined;
  }

  told(message: Exclude<FromPort, { type: "ask" }>): void {
    switch (message.type) {
      case "progress":
        return this.#tellProgress(message);
      case "finished":
        return this.#active.get(message.call)?.finish();
      case "log":
        return this.#tellLog(message);
      case "changed":
        return this.#options.onChanged(message.server, message.what);
      case "updated":
        return this.#tellUpdate(message.server, message.uri);
    }
  }

  /** INVARIANT: what a server asks is decided before the client sees it. */
  async ask({ server, action, params }: ServerAsk): Promise<AskAnswer> {
    const { submit, agent } = this.#options;
    try {
      const request = { action, target: server, params, ...agent === undefined ? {} : { agent } };
      const { status, data, error = "" } = await submit(request, { stages: [this.#client.stage] });
      if (status === "OK") return { result: data as Record<string, unknown> };
      const code = action === "mcp.sample" ? REJECTED : DENIED_CODE;
      return { error: { code, message: `agent-kernel: ${error}` } };
    } catch (error) {
      return { error: { code: DENIED_CODE, message: `agent-kernel: ${messageOf(error)}` } };
    }
  }

  /** Tells the client something, unless it does not read. */
  notify(notification: ServerNotification, extra?: Extra): void {
    if (this.#waiting >= MAX_WAITING || extra?.signal.aborted) return;
    this.#waiting++;
    const sent = extra === undefined
      ? this.#options.server.notification(notification)
      : extra.sendNotification(notification);
    sent.catch(() => {/* expected: the client is gone */}).finally(() => this.#waiting--);
  }

  #callTo(server: string): Extra | undefined {
    return Array.from(this.#active.values()).findLast((call) => call.server === server)?.extra;
  }

  #tellProgress({ call, progress, total, message }: Extract<FromPort, { type: "progress" }>): void {
    const extra = this.#active.get(call)?.extra;
    const progressToken = extra?._meta?.progressToken;
    if (extra === undefined || progressToken === undefined) return;
    const params = {
      ...{ progressToken, progress },
      ...typeof total === "number" ? { total } : {},
      ...typeof message === "string" ? { message } : {},
    };
    this.notify({ method: "notifications/progress", params }, extra);
  }

  #tellLog({ server, level, data }: Extract<FromPort, { type: "log" }>): void {
    const levels = LoggingLevelSchema.options;
    const known = levels.find((one) => one === level);
    if (known === undefined || levels.indexOf(known) < levels.indexOf(this.#level)) return;
    const params = { level: known, logger: server, data };
    this.notify({ method: "notifications/message", params }, this.#callTo(server));
  }

  #tellUpdate(server: string, uri: string): void {
    // A server may tell of a part of what the client subscribed to.
    const isWanted = Array.from(this.#subscriptions).some(([wanted, from]) =>
      from === server && uri.startsWith(wanted)
    );
    if (isWanted) this.notify({ method: "notifications/resources/updated", params: { uri } });
  }

  async #carryOut({ action, server, params, signal }: Parameters<AskClient>[0]): Promise<unknown> {
    const { server: mcp, ownNames } = this.#options;
    const { sampling, elicitation, roots } = mcp.getClientCapabilities() ?? {};
    const cannot = (what: string) =>
      new ProviderError("CLIENT_CANNOT", `The client does not say that it can ${what}`);
    const extra = this.#callTo(server);
    if (extra === undefined) {
      throw new ProviderError("NO_CLIENT", "The call that it was about has ended");
    }
    const options = { signal: AbortSignal.any([signal, extra.signal]), timeout: NEVER };
    // A server chooses what it asks, within the schema of MCP, which the SDK checks at the client.
    const asked = <T>(method: string, params: object, schema: T) =>
      extra.sendRequest({ method, params } as never, schema as never, options);
    switch (action) {
      case "mcp.sample":
        if (sampling === undefined) throw cannot("sample its model");
        if (params["tools"] === undefined) {
          return await asked("sampling/createMessage", params, CreateMessageResultSchema);
        }
        if (sampling.tools === undefined) throw cannot("sample its model with tools");
        return await asked("sampling/createMessage", params, CreateMessageResultWithToolsSchema);
      case "mcp.elicit": {
        const { form, url } = elicitation ?? {};
        const isUrl = params["mode"] === "url";
        if (elicitation === undefined || (isUrl ? !url : !form && url !== undefined)) {
          throw cannot(isUrl ? "show a URL to its user" : "ask its user");
        }
        const shown = shownElicitation(params, ownNames ? undefined : server);
        return await asked("elicitation/create", shown, ElicitResultSchema);
      }
      default:
        if (roots === undefined) throw cannot("list its roots");
        return await asked("roots/list", {}, ListRootsResultSchema);
    }
  }
}
