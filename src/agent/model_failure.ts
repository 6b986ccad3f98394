/**
 * Errors of hosts as {@linkcode ModelError}: what failed, why, and what to do.
 *
 * @module
 */
import { fetchFailure } from "../fetch_failure.ts";
import { hostMessage, onOneLine } from "./host_message.ts";
import { ModelError, type ModelErrorCode } from "./model_client.ts";

/** The host that was asked. */
export interface AskedHost {
  /** Name of the model, with the prefix of the host. */
  readonly name: string;
  readonly baseURL: string;
  /** Environment variable of the key. */
  readonly keyName: string | undefined;
  /** The key, to keep it out of messages. */
  readonly key: string | undefined;
}

/** An answer of a host that is an error. */
export interface HostError {
  /** HTTP status. @default the code in the body, if it is a status */
  readonly status?: number | undefined;
  /** The body, parsed or not. */
  readonly body: unknown;
  readonly headers: Headers | undefined;
}

/** What a status means; `key` stands for where the key comes from. */
type Meaning = readonly [code: ModelErrorCode, why: (status: number, key: string) => string];

const MEANINGS: Readonly<Record<number, Meaning>> = {
  401: ["KEY_REFUSED", (status, key) => `the key was refused (${status}), check ${key}`],
  403: ["KEY_REFUSED", (status, key) => `the key may not do this (${status}), check ${key}`],
  404: ["MODEL_UNKNOWN", (status) => `no such model, or no such address (${status})`],
  408: ["SERVER_FAILED", (status) => `the host failed (${status})`],
  409: ["SERVER_FAILED", (status) => `the host failed (${status})`],
  429: ["RATE_LIMITED", (status) => `too many requests, or no credit (${status})`],
};
const SERVER_FAILED: Meaning = ["SERVER_FAILED", (status) => `the host failed (${status})`];
const REFUSED: Meaning = ["REQUEST_REFUSED", (status) => `the request was refused (${status})`];

/**
 * The error for a host that answered with one.
 *
 * INVARIANT: nothing of the request gets into the error, so neither does the key. It has no `cause`:
 * the errors of the client hold headers and bodies.
 *
 * @param error What the host sent.
 * @param host The host.
 * @param otherwise What an error without a status means. @default a request that was refused
 */
export function hostFailure(
  { status, body, headers }: HostError,
  host: AskedHost,
  { otherwise = ["REQUEST_REFUSED", "the request was refused"] }: {
    readonly otherwise?: readonly [code: ModelErrorCode, why: string];
  } = {},
): ModelError {
  const known = status ?? statusIn(body);
  const words = hostMessage(body, host.key);
  const [code, why] = known === undefined ? otherwise : meaningOf(known, host.keyName ?? "apiKey");
  // The words of a 401 often repeat the key, with some of its letters replaced.
  const shown = words === "" || known === 401 ? "" : `: ${words}`;
  return failure(host, code, `${why}${shown}`, retryAfter(headers));
}

/**
 * The error for an answer that is not one.
 *
 * @param body What the host sent. @default not known
 */
export function noAnswer(host: AskedHost, body?: unknown): ModelError {
  const words = hostMessage(body, host.key);
  const shown = words === "" ? "" : `: ${words}`;
  return failure(host, "RESPONSE_INVALID", `the answer has not the form of an answer${shown}`);
}

/**
 * The error for a connection that failed.
 *
 * @param error What was thrown.
 */
export function connectionFailure(error: unknown, host: AskedHost): ModelError {
  if (error instanceof ModelError) return failure(host, error.code, error.message);
  if (error instanceof Deno.errors.NotCapable) {
    const flag = `--allow-net=${addressOf(host)}`;
    return failure(
      host,
      "NOT_PERMITTED",
      `the process may not connect to it, start it with ${flag}`,
    );
  }
  const why = onOneLine(fetchFailure(error), host.key);
  return failure(host, "UNREACHABLE", `no connection, or it broke off (${why})`);
}

function meaningOf(status: number, key: string): readonly [ModelErrorCode, string] {
  const [code, why] = MEANINGS[status] ?? (status >= 500 ? SERVER_FAILED : REFUSED);
  return [code, why(status, key)];
}

function failure(
  host: AskedHost,
  code: ModelErrorCode,
  why: string,
  retryAfterMs?: number,
): ModelError {
  return new ModelError(code, `Cannot ask "${host.name}" at ${addressOf(host)}: ${why}`, {
    retryAfterMs,
  });
}

function addressOf({ baseURL }: AskedHost): string {
  try {
    const { hostname, port, protocol } = new URL(baseURL);
    return `${hostname}:${port || (protocol === "http:" ? 80 : 443)}`;
  } catch {
    // Only a message becomes less precise.
    return "its address";
  }
}

/** Gateways answer 200 and put the status of the model's host into the body. */
function statusIn(body: unknown): number | undefined {
  const { code, status } = Object(body) as Record<string, unknown>;
  return [code, status].map(Number).find((one) => Number.isInteger(one) && one >= 400 && one < 600);
}

/** RFC 9110, section 10.2.3: seconds or a date; a date counts from the `Date` of the same answer. */
function retryAfter(headers: Headers | undefined): number | undefined {
  if (headers === undefined) return undefined;
  const exact = Number(headers.get("retry-after-ms") ?? NaN);
  if (exact >= 0) return exact;
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value.trim())
    ? Number(value) * 1000
    : Date.parse(value) - Date.parse(headers.get("date") ?? new Date().toUTCString());
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
