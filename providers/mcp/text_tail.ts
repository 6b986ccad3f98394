/**
 * The end of a stream that has to be read, and is of interest only when something went wrong.
 *
 * @module
 */
import { ByteBuffer } from "../byte_buffer.ts";
import type { Credentials } from "./credentials.ts";

/** Keeps the end of what a server writes. */
export class TextTail {
  readonly #credentials: Credentials;
  readonly #maxLength: number;
  readonly #maxBytes: number;
  readonly #bytes: ByteBuffer;
  #read = 0;

  /** @param maxLength How much of it is shown. */
  constructor(credentials: Credentials, maxLength = 2048) {
    this.#credentials = credentials;
    this.#maxLength = maxLength;
    this.#maxBytes = maxLength + credentials.maxBytes;
    this.#bytes = new ByteBuffer(2 * this.#maxBytes);
  }

  /** The end of it, as text without the server's credentials. */
  get text(): string {
    const bytes = this.#keepEnd();
    const text = new TextDecoder().decode(bytes);
    // INVARIANT: the rest of a value whose beginning is gone is not shown. It lies within as many
    // bytes as the longest value has; whatever stands there is left out.
    const { maxBytes } = this.#credentials;
    const unsure = this.#read > bytes.length
      ? new TextDecoder().decode(bytes.subarray(0, maxBytes)).length
      : 0;
    const start = Math.max(unsure, text.length - this.#maxLength);
    return this.#credentials.conceal(text, start).trim();
  }

  /** Reads a stream to its end; never rejects. */
  async drain(stream: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of stream) this.#add(chunk);
    } catch {
      // Whoever wrote it is gone: what there is has been read.
    }
  }

  #add(chunk: Uint8Array): void {
    this.#read += chunk.length;
    this.#bytes.append(chunk.subarray(-this.#maxBytes));
    if (this.#bytes.length >= 2 * this.#maxBytes) this.#keepEnd();
  }

  #keepEnd(): Uint8Array {
    const end = this.#bytes.take().subarray(-this.#maxBytes);
    this.#bytes.append(end);
    return end;
  }
}
