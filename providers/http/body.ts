/**
 * Bodies: of a request from its params, of a response as text or base64.
 *
 * @module
 */
import { Readable } from "node:stream";
import { createGunzip, createInflate } from "node:zlib";
import { ProviderError } from "../../src/worker/mod.ts";
import { ByteBuffer } from "../byte_buffer.ts";
import { decodeBase64, encodeBase64 } from "../filesystem/base64.ts";

type Params = Readonly<Record<string, unknown>>;

/**
 * The content codings that are undone (RFC 9110, section 8.4.1). Not `br`: the decoder of Deno that
 * works piece by piece takes a part for the whole.
 */
const DECODERS = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
} as const;

/** What a request says of the codings that it takes. */
export const ACCEPT_ENCODING = "gzip, deflate";

/** The body that the params describe, with its default type. */
export function requestBody(
  { body, encoding }: Params,
): { readonly bytes: Uint8Array; readonly type?: string } | undefined {
  if (encoding !== undefined && encoding !== "utf-8" && encoding !== "base64") {
    throw invalid('The param "encoding" has to be "utf-8" or "base64"');
  }
  if (body === undefined || body === null) return undefined;
  if (encoding === "base64") {
    if (typeof body !== "string") throw invalid('The param "body" has to be a text of base64');
    return { bytes: decodeBase64(body, "body") };
  }
  const encode = (text: string) => new TextEncoder().encode(text);
  if (typeof body === "string") return { bytes: encode(body), type: "text/plain;charset=UTF-8" };
  return { bytes: encode(JSON.stringify(body)), type: "application/json" };
}

/**
 * A body without its content coding, read piece by piece so that no more is decoded than is asked for.
 *
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
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProviderError("RESPONSE_MALFORMED", `The response is refused: no ${name}: ${reason}`);
  } finally {
    source.destroy();
    decoder.destroy();
  }
}

/** Reads until the end or the bound. */
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
 * The text that bytes stand for according to their content type.
 *
 * @param cut They are a part, so that the last character may be one too.
 * @returns `undefined` if it is no text, or not in the charset that it is said to be in.
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
