/**
 * MCP over streamable HTTP: the SDK's transport, over a `fetch` whose answers are bounded.
 *
 * @module
 */
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ProviderError } from "../../src/provider/provider.ts";
import { tooLarge } from "./message_lines.ts";

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
    const events = /^text\/event-stream\b/i.test(headers.get("content-type") ?? "");
    const measure = events ? new EventMeasure() : new TotalMeasure();
    const reader = response.body.getReader();
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { value, done } = await reader.read();
          if (cancelled) return;
          if (done) return controller.close();
          if (measure.add(value) > maxMessageBytes) throw tooLarge(maxMessageBytes);
          controller.enqueue(value);
        } catch (error) {
          const aborted = cancelled || init?.signal?.aborted === true;
          // Nobody waits for the stream of a GET; the SDK opens it anew.
          if (error instanceof ProviderError) onFailure(error);
          else if (!aborted && init?.method !== "GET") onFailure(broken(error));
          await reader.cancel().catch(() => {/* expected: it is broken */});
          controller.error(error);
        }
      },
      cancel(reason) {
        cancelled = true;
        return reader.cancel(reason);
      },
    });
    return new Response(body, { status, statusText, headers });
  };
}

function broken(error: unknown): ProviderError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ProviderError("SERVER_DIED", `Its answer broke off: ${reason}`);
}

/** How much has arrived. */
class TotalMeasure {
  #bytes = 0;

  add(chunk: Uint8Array): number {
    return this.#bytes += chunk.length;
  }
}

/** How much has arrived of the longest event so far; an empty line ends one. */
class EventMeasure {
  #bytes = 0;
  #lineBytes = 0;
  #before = 0;

  add(chunk: Uint8Array): number {
    let most = 0;
    for (const byte of chunk) {
      this.#bytes++;
      const sameEnd = byte === 0x0a && this.#before === 0x0d;
      this.#before = byte;
      if (sameEnd) continue;
      if (byte !== 0x0a && byte !== 0x0d) {
        this.#lineBytes++;
        continue;
      }
      if (this.#lineBytes === 0) {
        most = Math.max(most, this.#bytes);
        this.#bytes = 0;
      }
      this.#lineBytes = 0;
    }
    return Math.max(most, this.#bytes);
  }
}
