/**
 * A stream of bytes as lines of bounded length.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/provider_error.ts";
import { ByteBuffer } from "../byte_buffer.ts";

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
  for await (const line of byteLines(stream, maxBytes)) {
    yield new TextDecoder().decode(line).replace(/\r$/, "");
  }
}

/** The same as bytes, which are good until the next line is asked for. */
export async function* byteLines(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const line = new ByteBuffer(maxBytes);
  const add = (piece: Uint8Array) => {
    if (line.length + piece.length > maxBytes) throw tooLarge(maxBytes);
    line.append(piece);
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end; (end = chunk.indexOf(NEWLINE, start)) !== -1; start = end + 1) {
      add(chunk.subarray(start, end));
      yield line.take();
    }
    add(chunk.subarray(start));
  }
  if (line.length > 0) yield line.take();
}

/** The error for a message over the bound. */
export function tooLarge(maxBytes: number): ProviderError {
  return new ProviderError(
    "MESSAGE_TOO_LARGE",
    `It sent a message of more than ${maxBytes} bytes; the connection was closed`,
  );
}
