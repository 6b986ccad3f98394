/**
 * The end of a stream that has to be read, and is of interest only when something went wrong.
 *
 * @module
 */

/** Keeps the last bytes of a stream. */
export class TextTail {
  readonly #maxBytes: number;
  #bytes: Uint8Array = new Uint8Array();

  constructor(maxBytes = 2048) {
    this.#maxBytes = maxBytes;
  }

  /** The end of it, as text. */
  get text(): string {
    return new TextDecoder().decode(this.#bytes).trim();
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
    const kept = Math.max(0, this.#maxBytes - chunk.length);
    const bytes = new Uint8Array(
      Math.min(this.#bytes.length, kept) + Math.min(chunk.length, this.#maxBytes),
    );
    const before = this.#bytes.subarray(this.#bytes.length - Math.min(this.#bytes.length, kept));
    bytes.set(before);
    bytes.set(chunk.subarray(-this.#maxBytes), before.length);
    this.#bytes = bytes;
  }
}
