/**
 * MCP over streamable HTTP: the SDK's transport, over a `fetch` whose answers are bounded.
 *
 * @module
 */
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ProviderError } from "../../src/worker/provider_error.ts";
import { messageBody } from "./message_body.ts";

/** What a transport is made with. */
export interface HttpOptions {
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The most that a message may hold, after decompression. */
  readonly maxMessageBytes: number;
  /** Told of what the SDK would wait for in vain. */
  readonly onFailure: (error: ProviderError) => void;
}

/** A transport to the endpoint. */
export function httpTransport(url: string, options: HttpOptions): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { ...options.headers } },
    fetch: boundedFetch(options),
  });
}

function boundedFetch({ maxMessageBytes, onFailure }: HttpOptions) {
  return async (url: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(url, init);
    if (response.body === null) return response;
    const { status, statusText, headers } = response;
    const body = messageBody(response.body, {
      events: /^text\/event-stream\b/i.test(headers.get("content-type") ?? ""),
      maxMessageBytes,
      onBroken(error) {
        // Nobody waits for the stream of a GET; the SDK opens it anew.
        const awaited = init?.signal?.aborted !== true && init?.method !== "GET";
        if (error instanceof ProviderError) onFailure(error);
        else if (awaited) onFailure(broken(error));
      },
    });
    return new Response(body, { status, statusText, headers });
  };
}

function broken(error: unknown): ProviderError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ProviderError("SERVER_DIED", `Its answer broke off: ${reason}`);
}
