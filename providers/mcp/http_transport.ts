/**
 * MCP over streamable HTTP: the SDK's transport, over a `fetch` whose answers are bounded.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/client/streamableHttp"
import { StreamableHTTPClientTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/client/streamableHttp.js";
import { messageOf } from "../../src/core/errors.ts";
import { fetchFailure } from "../../src/fetch_failure.ts";
import { ProviderError } from "../../src/worker/provider_error.ts";
import { messageBody } from "./message_body.ts";

/** What a transport is made with. */
export interface HttpOptions {
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Most bytes of a message, after decompression. */
  readonly maxMessageBytes: number;
  /** Called when an answer that the SDK waits for will not come. */
  readonly onFailure: (error: ProviderError) => void;
}

/**
 * A transport to an endpoint.
 *
 * @param url An `http:` or `https:` URL.
 */
export function httpTransport(url: string, options: HttpOptions): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { ...options.headers } },
    fetch: boundedFetch(directClient(new URL(url)), options),
  });
}

/**
 * A client that connects to a server on loopback itself: Deno would send its requests to the proxy of
 * `HTTP_PROXY`, which cannot reach this machine. `undefined` for other servers, which may be
 * behind that proxy.
 */
function directClient({ hostname, port, protocol }: URL): Deno.HttpClient | undefined {
  const isLoopback = /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  if (!isLoopback) return undefined;
  return Deno.createHttpClient({
    proxy: {
      transport: "tcp",
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || (protocol === "https:" ? 443 : 80)),
    },
  });
}

function boundedFetch(
  client: Deno.HttpClient | undefined,
  { maxMessageBytes, onFailure }: HttpOptions,
) {
  return async (url: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(url, client === undefined ? init : { ...init, client })
      .catch((error) => {
        throw init?.signal?.aborted ? error : new Error(fetchFailure(error), { cause: error });
      });
    if (response.body === null) return response;
    const { status, statusText, headers } = response;
    const body = messageBody(response.body, {
      events: /^text\/event-stream\b/i.test(headers.get("content-type") ?? ""),
      maxMessageBytes,
      onBroken(error) {
        // Nobody waits for the stream of a GET; the SDK opens it again.
        const awaited = init?.signal?.aborted !== true && init?.method !== "GET";
        if (error instanceof ProviderError) onFailure(error);
        else if (awaited) onFailure(broken(error));
      },
    });
    return new Response(body, { status, statusText, headers });
  };
}

function broken(error: unknown): ProviderError {
  return new ProviderError("SERVER_DIED", `Its answer broke off: ${messageOf(error)}`);
}
