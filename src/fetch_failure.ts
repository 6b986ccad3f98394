/**
 * What a failed `fetch` means, in words.
 *
 * @module
 */
import { messageOf } from "./core/errors.ts";

/** What the causes of a failed fetch mean, most of which have no code. */
const UNREACHED: readonly (readonly [RegExp, string])[] = [
  [/dns error|lookup address/i, "its host name is not known"],
  [/connection refused/i, "nothing listens at its address"],
  [/certificate|UnknownIssuer/i, "its TLS certificate is not accepted"],
  [/\btls\b|handshake|InvalidContentType/i, "it does not speak TLS"],
  [/unreachable/i, "its network cannot be reached"],
  [/timed? ?out/i, "it did not answer in time"],
  [/reset|closed|broken pipe|before message completed/i, "it closed the connection"],
];

/**
 * Why a server was not reached, to be put behind a colon. The message of `fetch` is "fetch failed"; its cause says
 * more.
 *
 * @param error What `fetch` has thrown.
 */
export function fetchFailure(error: unknown): string {
  const { cause } = Object(error) as { readonly cause?: unknown };
  if (!(cause instanceof Error)) return messageOf(error);
  const why = cause.message.replace(/^.*?\): /, "").replace(/ \(os error \d+\)/g, "");
  const known = UNREACHED.find(([pattern]) => pattern.test(why))?.[1];
  return known === undefined ? `it cannot be reached: ${why}` : `${known} (${why})`;
}
