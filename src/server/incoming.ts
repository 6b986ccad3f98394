/**
 * A request as it comes in, by whichever way.
 *
 * @module
 */

/** A request before anything of it is believed. Untrusted. */
export interface Incoming {
  /** By which way it came. */
  readonly way: "socket" | "tcp";
  readonly method: string;
  /** What stands in the request line (RFC 9112 §3.2), as it was sent where that is known. */
  readonly target: string;
  readonly headers: Headers;
  /** Its body, which is read only after the caller is known. */
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
}

/** Answers requests. Never rejects. */
export type Answerer = (incoming: Incoming) => Promise<Response>;

/** An error as it is answered. */
export function failure(
  status: number,
  code: string,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ code, error }, { status, headers });
}
