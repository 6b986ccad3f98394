/**
 * `fetch` for a host that may send too much, too slowly, or bytes that are no text.
 *
 * @module
 */
import type { Timer } from "../core/timer.ts";
import type { DirectClient } from "./loopback.ts";
import { ModelError } from "./model_client.ts";

/** Bounds of one request. */
export interface FetchBounds {
  /** Most bytes of the answer. */
  readonly maxBytes: number;
  /** Longest silence, in milliseconds. */
  readonly timeoutMs: number;
  readonly timer: Timer;
}

/** A `fetch` for one request, and what the client that uses it does not tell. */
export interface BoundedFetch {
  /** @param client Connects to the host; `undefined`: as the process does. */
  readonly fetchThrough: (client: DirectClient | undefined) => typeof fetch;
  /** Why the request failed; `undefined` if the host has answered, with an error or not. */
  readonly failure: () => unknown;
  /** The text of an answer with a status of 400 or more. */
  readonly errorBody: () => string | undefined;
}

/**
 * Makes a `fetch` for one request.
 *
 * @param bounds The bounds of the request.
 */
export function boundedFetch({ maxBytes, timeoutMs, timer }: FetchBounds): BoundedFetch {
  let failed: unknown;
  let errorBody: string | undefined;
  let cancel = () => {};
  function fail(error: unknown): never {
    cancel();
    failed ??= error;
    throw error;
  }

  async function fetchWith(
    client: DirectClient | undefined,
    input: RequestInfo | URL,
    init?: RequestInit,
  ): Promise<Response> {
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
      const response = await fetch(input, {
        ...init,
        signal,
        // INVARIANT: the key goes to this host only; a redirect could lead to any other.
        redirect: "manual",
        ...(client === undefined ? {} : { client }),
      });
      if (response.status >= 300 && response.status < 400) {
        await response.body?.cancel();
        throw new ModelError("REQUEST_REFUSED", "its host redirects; give the real baseURL");
      }
      if (response.body === null) {
        cancel();
        return response;
      }
      const checked = new Response(response.body.pipeThrough(checkedBytes(listen)), response);
      if (response.status < 400) return checked;
      errorBody = await checked.text();
      return new Response(errorBody, response);
    } catch (error) {
      fail(failed ?? error);
    }
  }

  function checkedBytes(
    listen: () => void,
  ): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
    let bytes = 0;
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return new TransformStream({
      transform(chunk, controller) {
        listen();
        bytes += chunk.length;
        if (bytes > maxBytes) {
          fail(new ModelError("RESPONSE_INVALID", `the answer exceeds ${maxBytes} bytes`));
        }
        try {
          text.decode(chunk, { stream: true });
        } catch {
          // INVARIANT: bytes that are no text are not replaced by others: the answer is refused.
          fail(new ModelError("RESPONSE_INVALID", "the answer is not UTF-8"));
        }
        controller.enqueue(chunk);
      },
      flush: () => cancel(),
      cancel(reason) {
        cancel();
        // A connection that breaks is then distinguished from an answer that the client cannot read.
        if (reason instanceof TypeError) failed ??= reason;
      },
    });
  }

  return {
    fetchThrough: (client) => (input, init) => fetchWith(client, input, init),
    failure: () => failed,
    errorBody: () => errorBody,
  };
}
