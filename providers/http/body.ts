/**
 * The body of a request from its params, and the body of a response as text or base64.
 *
 * @module
 */
import { Readable } from "node:stream";
import { createGunzip, createInflate } from "node:zlib";
import { messageOf } from "../../src/core/errors.ts";
import { ProviderError } from "../../src/worker/mod.ts";
import { ByteBuffer } from "../byte_buffer.ts";
import { decodeBase64, encodeBase64 } from "../filesystem/base64.ts";

type Params = Readonly<Record<string, unknown>>;

/**
 * The content codings that are decoded (RFC 9110, section 8.4.1). Not `br`: Deno's streaming decoder
 * accepts an incomplete body.
 */
const DECODERS = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
} as const;

/** The value of `accept-encoding`. */
export const ACCEPT_ENCODING = "gzip, deflate";

/**
 * The body that the params describe, with its default content type.
 *
 * @returns `undefined` if the request has no body. A string is sent byte for byte.
 * @throws {ProviderError} `INVALID_PARAMS`
 */
export function requestBody(
  { body, encoding }: Params,
): { readonly bytes: Uint8Array; readonly type?: string } | undefined {
  if (encoding !== undefined && encoding !== "utf-8" && encoding !== "base64") {
    throw invalid('The param "encoding" has to be "utf-8" or "base64"');
  }
  if (body === undefined || body === null) return undefined;
  if (encoding === "base64") {
    if (typeof body !== "string") throw invalid('The param "body" has to be a string of base64');
    return { bytes: decodeBase64(body, "body") };
  }
  const encode = (text: string) => new TextEncoder().encode(text);
  if (typeof body === "string") return { bytes: encode(body), type: "text/plain;charset=UTF-8" };
  return { bytes: encode(JSON.stringify(body)), type: "application/json" };
}

/**
 * A body with its content coding decoded piece by piece, no further than it is read.
 *
 * @param coding The value of `content-encoding`.
 * @returns `undefined` if the coding is not known.
 */
export function decoded(
  body: AsyncIterable<Uint8Array>,
  coding: string,
): AsyncIterable<Uint8Array> | undefined {
  const name = coding.trim().toLowerCase();
  if (name === "" || name === "identity") return body;
  if (!Object.hasOwn(DECODERS, name)) return undefined;
  return undo(body, name as keyof typeof DECODERS);
}

async function* undo(
  body: AsyncIterable<Uint8Array>,
  name: keyof typeof DECODERS,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(body);
  const decoder = DECODERS[name]();
  let failure: unknown;
  source.on("error", (error) => decoder.destroy(failure = error));
  let any = false;
  source.once("data", () => any = true);
  try {
    for await (const piece of source.pipe(decoder)) yield piece;
  } catch (error) {
    if (failure !== undefined) throw failure;
    // A response without a body may still name a coding.
    if (!any) return;
    const message = `The response is refused: its body is not ${name}: ${messageOf(error)}`;
    throw new ProviderError("RESPONSE_MALFORMED", message);
  } finally {
    source.destroy();
    decoder.destroy();
  }
}

/**
 * Reads a body to its end or to a bound.
 *
 * @param bound Most bytes.
 * @returns The bytes, and whether the body is longer.
 */
export async function collect(
  pieces: AsyncIterable<Uint8Array>,
  bound: number,
): Promise<{ readonly bytes: Uint8Array; readonly cut: boolean }> {
  const kept = new ByteBuffer(bound);
  let cut = false;
  for await (const piece of pieces) {
    const room = bound - kept.length;
    kept.append(piece.subarray(0, room));
    cut = piece.length > room;
    if (cut) break;
  }
  return { bytes: kept.take(), cut };
}

/**
 * Bytes as text, according to their content type.
 *
 * @param cut Whether the bytes are the beginning of a longer body: the last character may be incomplete.
 * @returns `undefined` if the type is not one of text, or the bytes are not valid in its charset.
 */
export function textOf(bytes: Uint8Array, contentType: string, cut: boolean): string | undefined {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  const isText = type === "" || /^text\//.test(type) || /[/+](json|xml)$/.test(type) ||
    /^application\/((x-)?(javascript|ecmascript|ndjson|yaml|toml)|x-www-form-urlencoded|graphql|jsonl|sql)$/
      .test(type);
  if (!isText) return undefined;
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes, { stream: cut });
  } catch {
    return undefined;
  }
}

/** Bytes as base64. */
export const toBase64 = encodeBase64;

function invalid(message: string): ProviderError {
  return new ProviderError("INVALID_PARAMS", message);
}
