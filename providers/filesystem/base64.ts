/**
 * Base64 (RFC 4648 §4), strict.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { ProviderError } from "../../src/worker/mod.ts";

/** Bytes as base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/**
 * Base64 with padding as bytes.
 *
 * @param text What is decoded.
 * @param param Name of the param that holds it, for the message.
 * @throws {ProviderError} It is not base64 with padding.
 */
export function decodeBase64(text: string, param = "content"): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new ProviderError("INVALID_PARAMS", `The param "${param}" is not base64 with padding`);
  }
  return new Uint8Array(Buffer.from(text, "base64"));
}
