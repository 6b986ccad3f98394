/**
 * Decoding the content of files as text.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/mod.ts";

const wholeText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes UTF-8; a byte order mark is kept.
 *
 * @param piece Whether the bytes are a part of a file, which may begin or end inside of a character.
 * @throws {ProviderError} It is not UTF-8.
 */
export function decodeText(bytes: Uint8Array, path: string, piece: boolean): string {
  try {
    if (!piece) return wholeText.decode(bytes);
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(trimPartial(bytes), { stream: true });
  } catch {
    throw new ProviderError(
      "NOT_TEXT",
      `Not UTF-8 text: ${path} (encoding: "base64" reads any file)`,
    );
  }
}

function trimPartial(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < 3 && start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}
