/**
 * Loopback TCP: HTTP/1.1 with bounds on connections, heads and times.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { messageOf } from "../core/errors.ts";
import type { Answerer } from "./incoming.ts";
import { type ListenAddress, shownAddress } from "./listen_address.ts";

/** Bounds against clients that are slow, many, or send much. */
export interface TcpBounds {
  /** @default 128 */
  readonly maxConnections?: number;
  /** How long the head of a request may take, in milliseconds. @default 10_000 */
  readonly headMs?: number;
  /** How long a whole request may take to come in, in milliseconds. @default 30_000 */
  readonly requestMs?: number;
  /** How long a connection is kept without a request, in milliseconds. @default 30_000 */
  readonly idleMs?: number;
}

const MAX_HEAD_BYTES = 16 * 1024;

/** A server on loopback. */
export class TcpListener implements AsyncDisposable {
  readonly #server: Server;
  readonly #underWay: ReadonlySet<Promise<void>>;

  private constructor(server: Server, underWay: ReadonlySet<Promise<void>>) {
    this.#server = server;
    this.#underWay = underWay;
  }

  /**
   * Listens. By `node:http`, which has these bounds; `Deno.serve` has none.
   *
   * @throws {Error} (as a rejection) Somebody else listens there, or it is not permitted.
   */
  static async open(
    address: ListenAddress,
    answer: Answerer,
    { maxConnections = 128, headMs = 10_000, requestMs = 30_000, idleMs = 30_000 }: TcpBounds = {},
  ): Promise<TcpListener> {
    const underWay = new Set<Promise<void>>();
    const server = createServer({
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: headMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.min(headMs, 5000),
    }, (request, response) => {
      const responding = respond(request, response, answer).finally(() =>
        underWay.delete(responding)
      );
      underWay.add(responding);
    });
    server.maxConnections = maxConnections;
    // What is no HTTP, or came too slowly: nothing in it is worth an answer with words.
    server.on("clientError", (_error, socket) => socket.destroy());
    // Without this the socket would be left open to whatever comes over it.
    server.on("upgrade", (_request, socket) => {
      socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    });
    server.on("connect", (_request, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error) =>
        reject(
          new Error(`Cannot listen at ${shownAddress(address)}: ${messageOf(error)}`, {
            cause: error,
          }),
        );
      server.once("error", fail);
      server.listen(address.port, address.hostname, () => {
        server.off("error", fail);
        resolve();
      });
    });
    return new TcpListener(server, underWay);
  }

  /** Where it listens now. */
  get address(): ListenAddress {
    const { address, port } = this.#server.address() as { address: string; port: number };
    return { hostname: address, port };
  }

  /** Takes no further connections and waits for the answers under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.allSettled(this.#underWay);
    // What is left has no request under way, or one that has not come in.
    this.#server.closeAllConnections();
    await closed;
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answerer,
): Promise<void> {
  const gone = new AbortController();
  // With a reason, or each would make an error with its stack.
  response.on("close", () => gone.abort("closed"));
  response.on("error", () => gone.abort("closed"));
  const headers = new Headers();
  const { rawHeaders } = request;
  try {
    for (let i = 0; i < rawHeaders.length; i += 2) {
      headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
    }
  } catch {
    response.destroy(); // A header that is none.
    return;
  }
  const answered = await answer({
    way: "tcp",
    method: request.method ?? "",
    target: request.url ?? "",
    headers,
    // One that is not read to its end still gets its answer over the same connection.
    body: request.iterator({ destroyOnReturn: false }),
    signal: gone.signal,
  });
  // INVARIANT: a browser takes no answer for anything but what it is, and keeps none.
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("cache-control", "no-store");
  answered.headers.forEach((value, name) => response.setHeader(name, value));
  // What is left of a body that was refused is not waited for.
  if (!request.complete) response.setHeader("connection", "close");
  response.statusCode = answered.status;
  await write(answered, response, gone.signal);
  if (!request.complete) request.destroy();
}

async function write(
  answered: Response,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const isStream = answered.headers.get("content-type")?.startsWith("text/event-stream");
  if (!isStream) {
    const bytes = answered.body === null ? undefined : await answered.bytes();
    // Told of the end also if the caller is gone: then it is not waited for.
    const ended = Promise.withResolvers<void>();
    if (gone.aborted) return;
    gone.addEventListener("abort", () => ended.resolve());
    response.end(bytes, () => ended.resolve());
    return await ended.promise;
  }
  response.flushHeaders();
  const reader = (answered.body as ReadableStream<Uint8Array>).getReader();
  const cancel = () => void reader.cancel().catch(() => {}); // It has ended.
  gone.addEventListener("abort", cancel);
  try {
    for (let piece; !(piece = await reader.read()).done && !gone.aborted;) {
      if (response.write(piece.value)) continue;
      await new Promise<void>((resolve) => {
        response.once("drain", resolve);
        gone.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  } catch {
    // The stream failed: its end is all that can be told now.
  } finally {
    gone.removeEventListener("abort", cancel);
  }
  response.end();
}
