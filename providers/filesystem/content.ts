/**
 * The content of files, as bytes and as text.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/mod.ts";

const wholeText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A piece of a text may begin or end inside of a character; a whole text may not. */
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
