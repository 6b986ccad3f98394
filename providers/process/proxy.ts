/**
 * The network of a program in the sandbox: a proxy outside of it that asks the gate about each
 * connection.
 *
 * @module
 */
import type { ProviderContext } from "../../src/worker/mod.ts";
import { ByteReader } from "./byte_reader.ts";
import { dial, DialError, portOf } from "./dial.ts";
import type { Channel } from "./multiplexer.ts";
import { tcpStreams } from "./tcp_streams.ts";
import {
  BadRequestError,
  type PlainRequest,
  readHttp,
  readSocks,
  SOCKS_REPLY,
  socksReply,
  type TunnelRequest,
} from "./proxy_request.ts";

type Action = "net.connect" | "net.http";

/** What a program did with one host, as far as this can be seen from outside of its tunnels. */
export interface ConnectionSummary {
  /** The action that was decided: `net.connect` for tunnels, `net.http` for plain requests. */
  readonly action: Action;
  readonly host: string;
  readonly port: number;
  readonly allowed: boolean;
  /** Why not, or why there was no connection. */
  readonly code?: string;
  /** How many connections. */
  count: number;
  /** Bytes from the program. */
  sent: number;
  /** Bytes to the program. */
  received: number;
}

/** What a proxy works with: of the call that the program runs for. */
export type ProxyContext = Pick<ProviderContext, "decide" | "hosts" | "warn">;

/** More hosts than these are not kept apart in the list, nor warned of. */
const MAX_SUMMARIES = 1_000;

/** The proxy of one program. */
export class Proxy {
  readonly #context: ProxyContext;
  readonly #summaries = new Map<string, ConnectionSummary>();
  readonly #serving = new Set<Promise<void>>();
  readonly #ended = new AbortController();

  constructor(context: ProxyContext) {
    this.#context = context;
  }

  /** What was asked for so far. */
  get connections(): readonly ConnectionSummary[] {
    return [...this.#summaries.values()];
  }

  /** Serves a connection of the program. */
  accept(channel: Channel): void {
    const served = this.#serve(channel).catch(() => channel.reset());
    this.#serving.add(served);
    served.then(() => this.#serving.delete(served));
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#ended.abort(new Deno.errors.Interrupted("The program has ended"));
    await Promise.all(this.#serving);
  }

  async #serve(channel: Channel): Promise<void> {
    const reader = new ByteReader(channel.readable);
    const client = new Client(channel, reader);
    try {
      if (await reader.peek() === 5) {
        const request = await readSocks(reader, (bytes) => client.write(bytes));
        if (request !== undefined) await this.#tunnel(request, client);
      } else {
        const proceed = () => client.say("HTTP/1.1 100 Continue\r\n\r\n");
        const request = await readHttp(reader, proceed);
        await (request.kind === "tunnel"
          ? this.#tunnel(request, client)
          : this.#forward(request, client));
      }
    } catch (error) {
      if (!(error instanceof BadRequestError)) throw error;
      await client.refuse(error.status, error.message);
    } finally {
      await client.end();
    }
  }

  async #tunnel({ protocol, authority }: TunnelRequest, client: Client): Promise<void> {
    const isSocks = protocol === "socks";
    const action = "net.connect";
    const { url, denied } = await this.#decide({ action, target: `https://${authority}/` });
    if (denied !== undefined) {
      return isSocks
        ? await client.write(socksReply(SOCKS_REPLY.notAllowed))
        : await client.refuse(403, denied);
    }
    const connection = await this.#dial(url, action, (error) => {
      if (!isSocks) return client.refuse(statusOf(error), error.message);
      const { notAllowed, unreachable } = SOCKS_REPLY;
      return client.write(socksReply(isDenial(error) ? notAllowed : unreachable));
    });
    if (connection === undefined) return;
    await (isSocks
      ? client.write(socksReply(SOCKS_REPLY.granted))
      : client.say("HTTP/1.1 200 Connection established\r\n\r\n"));
    await client.join(connection, this.#ended.signal);
  }

  async #forward(request: PlainRequest, client: Client): Promise<void> {
    const { method, headers, body } = request;
    const action = "net.http";
    const { url, denied } = await this.#decide({
      action,
      target: request.url,
      params: { method, headers, follow_redirects: false, ...bodyParams(body) },
    });
    if (denied !== undefined) return await client.refuse(403, denied);
    // Services that take lines of HTTP for commands listen there (WHATWG Fetch, "bad port").
    if (portOf(url) < 1024 && portOf(url) !== 80) {
      this.#note(action, url, { allowed: false, code: "PORT_DENIED" });
      return await client.refuse(403, `Port ${portOf(url)} belongs to a service that is not HTTP`);
    }
    const connection = await this.#dial(
      url,
      action,
      (error) => client.refuse(statusOf(error), error.message),
    );
    if (connection === undefined) return;
    // INVARIANT: what was decided is what is sent.
    const lines = [
      `${method} ${url.pathname}${url.search} HTTP/1.1`,
      `host: ${url.host}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ...(body.length > 0 || method !== "GET" ? [`content-length: ${body.length}`] : []),
      "connection: close",
    ];
    const head = bytesOf(`${lines.join("\r\n")}\r\n\r\n`);
    await client.join(connection, this.#ended.signal, ReadableStream.from([head, body]));
  }

  /** Asks the gate; says why not, if it is denied. */
  async #decide(
    question: { action: Action; target: string; params?: Readonly<Record<string, unknown>> },
  ): Promise<{ readonly url: URL; readonly denied: string | undefined }> {
    const { allowed, target, reason, code } = await this.#context.decide(question);
    if (!URL.canParse(target)) throw new BadRequestError(400, reason);
    const url = new URL(target);
    if (allowed) return { url, denied: undefined };
    this.#note(question.action, url, { allowed, code });
    return { url, denied: `${reason} (${question.action} on ${url.href})` };
  }

  /** Connects; `undefined` if that failed, and it was answered. */
  async #dial(
    url: URL,
    action: Action,
    refuse: (error: DialError) => Promise<void>,
  ): Promise<CountedConnection | undefined> {
    try {
      const { signal } = this.#ended;
      const connection = await dial(url, { named: this.#context.hosts, signal });
      return { connection, summary: this.#note(action, url, { allowed: true }) };
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      this.#note(action, url, { allowed: !isDenial(error), code: error.code });
      await refuse(error);
      return undefined;
    }
  }

  /** Counts a connection in the list. */
  #note(
    action: Action,
    url: URL,
    how: { readonly allowed: boolean; readonly code?: string },
  ): ConnectionSummary {
    const host = url.hostname;
    const port = portOf(url);
    const key = `${action} ${url.host} ${how.code}`;
    const known = this.#summaries.get(key);
    if (known !== undefined) {
      known.count++;
      return known;
    }
    const summary = { action, host, port, ...how, count: 1, sent: 0, received: 0 };
    if (this.#summaries.size >= MAX_SUMMARIES) return summary;
    this.#summaries.set(key, summary);
    if (!how.allowed) {
      this.#context.warn(`a program was denied ${action} to ${host}:${port} (${how.code})`);
    }
    return summary;
  }
}

/** A connection to the network, and where its bytes are counted. */
interface CountedConnection {
  readonly connection: Deno.TcpConn;
  readonly summary: ConnectionSummary;
}

function isDenial({ code }: DialError): boolean {
  return code === "ADDRESS_DENIED";
}

function statusOf(error: DialError): number {
  return isDenial(error) ? 403 : 502;
}

/** The program's side of a connection. */
class Client {
  readonly #channel: Channel;
  readonly #reader: ByteReader;

  constructor(channel: Channel, reader: ByteReader) {
    this.#channel = channel;
    this.#reader = reader;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const writer = this.#channel.writable.getWriter();
    try {
      await writer.write(bytes);
    } finally {
      writer.releaseLock();
    }
  }

  say(text: string): Promise<void> {
    return this.write(bytesOf(text));
  }

  async refuse(status: number, reason: string): Promise<void> {
    const body = new TextEncoder().encode(`agent-kernel: ${reason}\n`);
    await this.say(
      `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain; charset=utf-8\r\n` +
        `content-length: ${body.length}\r\nconnection: close\r\n\r\n`,
    );
    await this.write(body);
  }

  /** Passes bytes both ways until both have ended; with a message, that and nothing else goes out. */
  async join(
    { connection, summary }: CountedConnection,
    signal: AbortSignal,
    message?: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const count = (name: "sent" | "received") =>
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          summary[name] += chunk.length;
          controller.enqueue(chunk);
        },
      });
    const { readable, writable } = tcpStreams(connection);
    // A server may take the end of what it gets for the end of the connection.
    const preventClose = message !== undefined;
    const ways = [
      (message ?? this.#reader.rest()).pipeThrough(count("sent"))
        .pipeTo(writable, { signal, preventClose }),
      readable.pipeThrough(count("received"))
        .pipeTo(this.#channel.writable, { signal }),
    ];
    // If one way fails, the other one fails with it: there is nobody to talk to.
    const fail = () => this.#channel.reset();
    try {
      await Promise.all(ways.map((way) => way.catch(fail)));
    } finally {
      connection.close();
    }
  }

  async end(): Promise<void> {
    if (!this.#channel.writable.locked) {
      await this.#channel.writable.close().catch(() => {/* it is */});
    }
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function bodyParams(body: Uint8Array): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body) };
  } catch {
    return { body: body.toBase64(), encoding: "base64" };
  }
}
