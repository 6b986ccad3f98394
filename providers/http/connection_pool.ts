/**
 * Idle connections that are kept for the next request to the same origin.
 *
 * @module
 */
import type { Timer } from "../../src/core/timer.ts";
import { SYSTEM_TIMER } from "../../src/system_timer.ts";
import { mayConnect } from "./address.ts";
import { connect, type ConnectOptions } from "./connection.ts";
import { portOf } from "./denial.ts";
import { HttpConnection } from "./http_connection.ts";
import type { Outgoing, ResponseHead } from "./wire.ts";

/** Most idle connections of a Worker: as many as it has calls at once. */
const MAX_IDLE = 64;
/** How long an idle connection is kept, in milliseconds; common servers close theirs after 5 s and more. */
const IDLE_MS = 4_000;
/** How long a connection is used at most, in milliseconds: a name may lead elsewhere by then. */
const MAX_AGE_MS = 60_000;

/** A response that has begun, on the connection that it comes over. */
export interface OpenResponse extends Disposable {
  readonly head: ResponseHead;
  /** The body, in pieces. Once it is read to its end, the connection can be used again. */
  body(): AsyncIterable<Uint8Array>;
}

interface Entry {
  readonly connection: HttpConnection;
  /** When the connection was made. */
  readonly since: number;
  /** The hosts that the policy named when its address was checked last. */
  named: readonly string[];
  /** Takes back the idle time-out. */
  cancel(): void;
}

/** The connections of one Worker. */
export class ConnectionPool {
  readonly #timer: Timer;
  /** By origin (scheme, host, port); the one that was used last comes last. */
  readonly #idle = new Map<string, Entry[]>();
  #size = 0;

  /** @param timer Time for the idle time-out. */
  constructor(timer: Timer = SYSTEM_TIMER) {
    this.#timer = timer;
  }

  /** How many connections are idle. */
  get size(): number {
    return this.#size;
  }

  /**
   * Sends a request, over an idle connection if it may use one.
   *
   * @returns The response; disposing of it gives the connection back, or closes it.
   * @throws {DeniedError | ProviderError} As {@linkcode connect}, and what a response is refused for.
   */
  async request(outgoing: Outgoing, options: ConnectOptions): Promise<OpenResponse> {
    const { url, keepAlive } = outgoing;
    const idle = keepAlive ? this.#take(url, options.named) : undefined;
    if (idle !== undefined) {
      try {
        return await this.#send(idle, outgoing, options.signal);
      } catch (error) {
        // The server closed the connection while the request was under way (RFC 9112, section 9.3.1).
        // What may use an idle connection has no effect, so that it can be sent again.
        if (!idle.connection.isSilent || options.signal.aborted) throw error;
      }
    }
    const connection = new HttpConnection(await connect(url, options));
    const entry = { connection, since: this.#timer.now(), named: options.named, cancel() {} };
    return await this.#send(entry, outgoing, options.signal);
  }

  /** Closes all idle connections. */
  close(): void {
    for (const entry of Array.from(this.#idle.values()).flat()) {
      entry.cancel();
      entry.connection.close();
    }
    this.#idle.clear();
    this.#size = 0;
  }

  async #send(entry: Entry, outgoing: Outgoing, signal: AbortSignal): Promise<OpenResponse> {
    const { connection } = entry;
    const finish = () => this.#finish(outgoing.url.origin, entry);
    try {
      const head = await connection.request(outgoing, signal);
      return { head, body: () => connection.body(), [Symbol.dispose]: finish };
    } catch (error) {
      finish();
      throw error;
    }
  }

  #take(url: URL, named: readonly string[]): Entry | undefined {
    const entries = this.#idle.get(url.origin) ?? [];
    for (let entry = entries.at(-1); entry !== undefined; entry = entries.at(-1)) {
      this.#remove(url.origin, entry);
      const { address, isReusable } = entry.connection;
      // INVARIANT: the policy of this request allows the address of the connection that is used.
      const isAllowed = entry.named === named ||
        mayConnect({ host: url.hostname, address, port: portOf(url) }, named);
      entry.named = named;
      if (isAllowed && isReusable && !this.#isOld(entry)) return entry;
      entry.connection.close();
    }
    return undefined;
  }

  #finish(origin: string, entry: Entry): void {
    const isKept = entry.connection.finish(() => this.#remove(origin, entry));
    if (!isKept) return;
    if (this.#isOld(entry)) return entry.connection.close();
    if (this.#size >= MAX_IDLE) this.#closeOldest();
    entry.cancel = this.#timer.schedule(() => {
      this.#remove(origin, entry);
      entry.connection.close();
    }, IDLE_MS);
    const entries = this.#idle.get(origin);
    if (entries === undefined) this.#idle.set(origin, [entry]);
    else entries.push(entry);
    this.#size++;
  }

  #closeOldest(): void {
    for (const [origin, [entry]] of this.#idle) {
      if (entry === undefined) continue;
      this.#remove(origin, entry);
      return entry.connection.close();
    }
  }

  #remove(origin: string, entry: Entry): void {
    const entries = this.#idle.get(origin) ?? [];
    const at = entries.indexOf(entry);
    if (at === -1) return;
    entries.splice(at, 1);
    if (entries.length === 0) this.#idle.delete(origin);
    this.#size--;
    entry.cancel();
  }

  #isOld({ since }: Entry): boolean {
    return this.#timer.now() - since > MAX_AGE_MS;
  }
}
