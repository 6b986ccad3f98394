/**
 * What went wrong with a model, said so that it can be mended.
 *
 * @module
 */
import { ModelError, type ModelErrorCode } from "./model_client.ts";

/** What is known about where a model was asked. */
export interface Place {
  readonly name: string;
  readonly baseURL: string;
  /** Environment variable of the key. */
  readonly keyName: string | undefined;
  /** To keep it out of messages. */
  readonly key: string | undefined;
}

/** Most characters of a host's own words. */
const MAX_SHOWN = 300;

/**
 * What a host's answer means.
 *
 * INVARIANT: nothing of the request, so not the key either, gets into the error. It has no `cause`:
 * the errors of the client hold headers and bodies.
 */
export function explain(error: unknown, place: Place): ModelError {
  const { status, headers, error: body } = Object(error) as Record<string, unknown>;
  const words = ownWords(body, place);
  const say = sayer(place, retryAfter(headers));
  if (typeof status !== "number") {
    return body === undefined || body === null
      ? say("RESPONSE_INVALID", "the answer has not the form of an answer")
      : say("SERVER_FAILED", `the host broke off${words}`);
  }
  const key = place.keyName ?? "apiKey";
  switch (true) {
    case status === 401:
      // The host's words often repeat the key.
      return say("KEY_REFUSED", `the key was refused (401), check ${key}`);
    case status === 403:
      return say("KEY_REFUSED", `the key may not do this (403), check ${key}${words}`);
    case status === 404:
      return say("MODEL_UNKNOWN", `no such model, or no such address (404)${words}`);
    case status === 429:
      return say("RATE_LIMITED", `too many requests, or no credit (429)${words}`);
    case status >= 500 || status === 408 || status === 409:
      return say("SERVER_FAILED", `the host failed (${status})${words}`);
    default:
      return say("REQUEST_REFUSED", `the request was refused (${status})${words}`);
  }
}

/** What a failed connection means. */
export function explainConnection(error: unknown, place: Place): ModelError {
  const say = sayer(place);
  if (error instanceof ModelError) return say(error.code, error.message);
  if (error instanceof Deno.errors.NotCapable) {
    const flag = `--allow-net=${hostOf(place)}`;
    return say("NOT_PERMITTED", `the process may not connect to it, start it with ${flag}`);
  }
  const why = cleaned(error instanceof Error ? error.message : String(error), place);
  return say("UNREACHABLE", `no connection, or it broke off (${why})`);
}

function sayer(
  place: Place,
  retryAfterMs?: number,
): (code: ModelErrorCode, why: string) => ModelError {
  return (code, why) =>
    new ModelError(code, `Cannot ask "${place.name}" at ${hostOf(place)}: ${why}`, {
      retryAfterMs,
    });
}

function hostOf({ baseURL }: Place): string {
  try {
    const { hostname, port, protocol } = new URL(baseURL);
    return `${hostname}:${port || (protocol === "http:" ? 80 : 443)}`;
  } catch {
    return "its address";
  }
}

function ownWords(body: unknown, place: Place): string {
  const { message } = Object(body) as Record<string, unknown>;
  const words = typeof message === "string" ? message : typeof body === "string" ? body : "";
  return words === "" ? "" : `: ${cleaned(words, place)}`;
}

function cleaned(text: string, { key }: Place): string {
  const safe = key === undefined ? text : text.replaceAll(key, "[key]");
  // deno-lint-ignore no-control-regex -- what a host says may end up on a terminal
  return safe.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, MAX_SHOWN);
}

/** RFC 9110 §10.2.3: seconds or a date; a date counts from the `Date` of the same answer. */
function retryAfter(headers: unknown): number | undefined {
  if (!(headers instanceof Headers)) return undefined;
  const exact = Number(headers.get("retry-after-ms") ?? NaN);
  if (exact >= 0) return exact;
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value.trim())
    ? Number(value) * 1000
    : Date.parse(value) - Date.parse(headers.get("date") ?? new Date().toUTCString());
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
