/**
 * What a program writes, as far as it is kept.
 *
 * @module
 */
import { ByteBuffer } from "../byte_buffer.ts";
import { encodeBase64 } from "../filesystem/base64.ts";

/**
 * Reads a stream to its end and keeps the beginning. What is beyond the bound is read and thrown
 * away: the program is not held up, and memory stays flat.
 */
export class BoundedOutput {
  /** Settles when the stream has ended or was given up; never rejects. */
  readonly ended: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #maxBytes: number;
  readonly #kept: ByteBuffer;
  #cut = false;

  constructor(stream: ReadableStream<Uint8Array>, maxBytes: number) {
    this.#reader = stream.getReader();
    this.#maxBytes = maxBytes;
    this.#kept = new ByteBuffer(maxBytes);
    this.ended = this.#read();
  }

  /** Whether there was more. */
  get cut(): boolean {
    return this.#cut;
  }

  /** Stops reading, although somebody still has the other end. */
  async giveUp(): Promise<void> {
    await this.#reader.cancel().catch(() => {/* it has ended by itself */});
    await this.ended;
  }

  /** What was kept: as base64, or as text with a replacement for what is no UTF-8. */
  text(encoding: "utf-8" | "base64"): string {
    const { bytes } = this.#kept;
    if (encoding === "base64") return encodeBase64(bytes);
    // A character that the bound has cut in two is left out, not replaced.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: this.#cut });
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return;
        const room = this.#maxBytes - this.#kept.length;
        if (value.length > room) this.#cut = true;
        this.#kept.append(value.subarray(0, room));
      }
    } catch {
      // The pipe broke or was given up: what came before it counts.
    }
  }
}
