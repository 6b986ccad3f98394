/**
 * The result of `net.http`: the parts of a response that the agent sees.
 *
 * @module
 */
import { type ProviderContext, ProviderError } from "../../src/worker/mod.ts";
import { collect, decoded, textOf, toBase64 } from "./body.ts";
import type { Credentials } from "./credentials.ts";
import { latin1, type ResponseHead, valuesOf } from "./wire.ts";

/** Most bytes of a character, in any charset. */
const BYTES_A_CHARACTER = 4;

/** The `data` of a result. */
export interface HttpResult {
  readonly status_code: number;
  /** Names in lower case. Several values are joined by commas; `set-cookie` is a list. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
  /** Present if the body is not text. */
  readonly encoding?: "base64";
  /** The URL of the last redirect; present if there was one. */
  readonly url?: string;
}

/** What a result is made with. */
export interface ResultOptions {
  readonly context: ProviderContext;
  readonly credentials: Credentials;
  readonly params: Readonly<Record<string, unknown>>;
  /** The URL of the last redirect. */
  readonly url?: string;
}

/**
 * Reads a body up to the bounds of the result, decodes it, and redacts secrets.
 *
 * @throws {ProviderError} `INVALID_PARAMS`, `RESPONSE_MALFORMED`, `CONNECTION_LOST`
 */
export async function resultOf(
  { status, fields }: ResponseHead,
  body: AsyncIterable<Uint8Array>,
  { context, credentials, params, url }: ResultOptions,
): Promise<HttpResult> {
  const codings = valuesOf(fields, "content-encoding").join(",");
  const plain = decoded(body, codings);
  const headers = headersOf(fields, plain !== undefined && codings !== "", credentials);
  const start = {
    status_code: status,
    headers,
    ...(url === undefined ? {} : { url: credentials.redact(url) }),
  };
  const room = Math.max(0, context.maxOutputBytes - JSON.stringify(start).length - 64);
  const bound = Math.min(room, mostBytes(params) ?? room);
  // Bytes after the bound are read to find a secret that lies across it; they are not shown.
  const { bytes, cut: isLonger } = await collect(
    plain ?? body,
    bound + credentials.reach * BYTES_A_CHARACTER,
  );
  const cut = isLonger || bytes.length > bound;
  const type = valuesOf(fields, "content-type")[0] ?? "";
  const textUpTo = (end: number) => textOf(bytes.subarray(0, end), type, cut);
  const text = plain === undefined ? undefined : textUpTo(bytes.length);
  if (text !== undefined) {
    const shown = credentials.redact(text, cut ? textUpTo(bound)?.length : text.length);
    const kept = shown.slice(0, room);
    if (cut || kept.length < shown.length) context.markTruncated();
    return { ...start, body: kept.toWellFormed() };
  }
  const most = Math.floor(room / 4) * 3;
  const end = Math.min(bound, most);
  if (isLonger || bytes.length > end) context.markTruncated();
  const shown = credentials.redact(latin1(bytes), Math.min(end, bytes.length)).slice(0, most);
  return {
    ...start,
    body: toBase64(Uint8Array.from(shown, (char) => char.charCodeAt(0))),
    encoding: "base64",
  };
}

function headersOf(
  fields: ResponseHead["fields"],
  isDecoded: boolean,
  credentials: Credentials,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const [name, raw] of fields) {
    if (name === "__proto__") continue; // A result may not have this key.
    // They describe the encoded body.
    if (isDecoded && (name === "content-encoding" || name === "content-length")) continue;
    const value = credentials.redact(raw);
    const before = headers[name];
    if (name === "set-cookie") headers[name] = [...(before ?? []) as string[], value];
    else headers[credentials.redact(name)] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}

function mostBytes({ max_bytes: value }: Readonly<Record<string, unknown>>): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ProviderError(
    "INVALID_PARAMS",
    'The param "max_bytes" has to be a whole number from 0',
  );
}
