/**
 * The Worker's end of the relay: what servers say beside their answers, and what they ask.
 *
 * @module
 */
import { openOnce } from "./relay_channel.ts";
import type { AskAction, FromPort, ToPort } from "./relay_message.ts";

/** What the provider's Worker has to know of a relay, see `config` of it. */
export interface RelayConfig {
  /** The name of the channel, which nobody can guess. */
  readonly channel: string;
  /** The actions of which some rule may allow a request of a server. */
  readonly asks: readonly string[];
}

/** An answer to a request of a server. */
export type AskAnswer =
  | { readonly result: Readonly<Record<string, unknown>> }
  | { readonly error: { readonly code: number; readonly message: string } };

/** Most cancellations of calls that are not there: they may come yet, or have ended. */
const MAX_EARLY = 1000;

/** Connected to the relay, or to nothing. */
export class RelayPort {
  readonly #channel: BroadcastChannel | undefined;
  readonly #asks: ReadonlySet<string>;
  readonly #calls = new Map<string, () => void>();
  readonly #cancelled = new Set<string>();
  readonly #asked = new Map<string, (answer: AskAnswer) => void>();
  readonly #enders = new Map<string, (signal: Deno.Signal | null) => void>();

  /** @param config None: what servers say beside their answers is not handed on. */
  constructor(config: RelayConfig | undefined) {
    this.#asks = new Set(config?.asks);
    this.#channel = openOnce(config?.channel);
    if (this.#channel !== undefined) {
      this.#channel.onmessage = ({ data }) => this.#receive(data);
    }
  }

  /** Whether there is anybody at the other end. */
  get isOpen(): boolean {
    return this.#channel !== undefined;
  }

  /** Whether some rule may allow a request of a server; if not, the server is not told that it could ask. */
  mayAsk(action: AskAction): boolean {
    return this.#asks.has(action);
  }

  post(message: FromPort): void {
    this.#channel?.postMessage(message);
  }

  /** Calls back when the client has cancelled a call. */
  onCancel(call: string | undefined, cancel: () => void): Disposable {
    if (call === undefined) return { [Symbol.dispose]: () => {} };
    this.#calls.set(call, cancel);
    // It may come before the call does: they take different ways.
    if (this.#cancelled.delete(call)) cancel();
    return { [Symbol.dispose]: () => void this.#calls.delete(call) };
  }

  /** Calls back when a server is to end, with the signal that its client got. */
  onEnd(server: string, end: (signal: Deno.Signal | null) => void): void {
    this.#enders.set(server, end);
  }

  /** Asks the client of a server. */
  ask(ask: Omit<Extract<FromPort, { type: "ask" }>, "type" | "id">): Promise<AskAnswer> {
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<AskAnswer>();
    this.#asked.set(id, resolve);
    this.post({ type: "ask", id, ...ask });
    return promise.finally(() => this.#asked.delete(id));
  }

  #receive(message: ToPort): void {
    if (message.type === "cancel") {
      const cancel = this.#calls.get(message.call);
      if (cancel !== undefined) cancel();
      else this.#cancelled.add(message.call);
      const [oldest] = this.#cancelled;
      if (this.#cancelled.size > MAX_EARLY && oldest !== undefined) this.#cancelled.delete(oldest);
    }
    if (message.type === "answer") this.#asked.get(message.id)?.(message);
    if (message.type === "end") this.#enders.get(message.server)?.(message.signal);
  }
}
