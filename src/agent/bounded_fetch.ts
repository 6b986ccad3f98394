/**
 * Fetching from a host that may send too much, too slowly, or no text.
 *
 * @module
 */
import type { Timer } from "../core/timer.ts";
import { ModelError } from "./model_client.ts";

/** Bounds of one request. */
export interface FetchBounds {
  /** Most bytes of the answer. */
  readonly maxBytes: number;
  /** Longest silence, in milliseconds. */
  readonly timeoutMs: number;
  readonly timer: Timer;
}

/** A `fetch` for one request that keeps what went wrong: the client above it may hide that. */
export function boundedFetch(
  { maxBytes, timeoutMs, timer }: FetchBounds,
): { readonly fetch: typeof fetch; readonly failure: () => unknown } {
  let failed: unknown;
  let cancel = () => {};
  function fail(error: unknown): never {
    cancel();
    failed ??= error;
    throw error;
  }

  async function boundedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const silent = new AbortController();
    const listen = () => {
      cancel();
      cancel = timer.schedule(() => {
        failed ??= new ModelError("UNREACHABLE", `its host was silent for ${timeoutMs} ms`);
        silent.abort(failed);
      }, timeoutMs);
    };
    listen();
    const signal = AbortSignal.any([silent.signal, ...(init?.signal ? [init.signal] : [])]);
    try {
      // INVARIANT: the key goes to this host only; a redirect could lead to any other.
      const response = await fetch(input, { ...init, signal, redirect: "manual" });
      if (response.status >= 300 && response.status < 400) {
        await response.body?.cancel();
        throw new ModelError(
          "REQUEST_REFUSED",
          "its host redirects; give the real baseURL",
        );
      }
      if (response.body === null) {
        cancel();
        return response;
      }
      let bytes = 0;
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      const checked = response.body.pipeThrough(
        new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
          transform(chunk, controller) {
            listen();
            bytes += chunk.length;
            if (bytes > maxBytes) {
              fail(
                new ModelError("RESPONSE_INVALID", `the answer exceeds ${maxBytes} bytes`),
              );
            }
            try {
              text.decode(chunk, { stream: true });
            } catch {
              fail(new ModelError("RESPONSE_INVALID", "the answer is not UTF-8"));
            }
            controller.enqueue(chunk);
          },
          flush: () => cancel(),
          cancel(reason) {
            cancel();
            // So a connection that breaks is told from an answer that makes the client stumble.
            if (reason instanceof TypeError) failed ??= reason;
          },
        }),
      );
      return new Response(checked, response);
    } catch (error) {
      fail(failed ?? error);
    }
  }
  return { fetch: boundedFetch, failure: () => failed };
}
