/**
 * A stream of bytes as lines, none of which may fill the memory.
 *
 * @module
 */
import { ProviderError } from "../../src/provider/provider.ts";

const NEWLINE = 0x0a;

/**
 * The lines of a stream, without their ends.
 *
 * @throws {ProviderError} `MESSAGE_TOO_LARGE`: a line is longer than the bound; no more of it is read.
 */
export async function* messageLines(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const decode = () => {
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    parts = [];
    length = 0;
    return new TextDecoder().decode(bytes).replace(/\r$/, "");
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end; (end = chunk.indexOf(NEWLINE, start)) !== -1; start = end + 1) {
      parts.push(chunk.subarray(start, end));
      length += end - start;
      if (length > maxBytes) throw tooLarge(maxBytes);
      yield decode();
    }
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > maxBytes) throw tooLarge(maxBytes);
  }
  if (length > 0) yield decode();
}

/** The error for a message over the bound. */
export function tooLarge(maxBytes: number): ProviderError {
  return new ProviderError(
    "MESSAGE_TOO_LARGE",
    `It sent a message of more than ${maxBytes} bytes; the connection was closed`,
  );
}
