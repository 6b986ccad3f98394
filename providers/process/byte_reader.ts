/**
 * Bytes of a stream by number or up to a mark.
 *
 * @module
 */

/** Reads a stream piece by piece; what was not asked for stays to be read. */
export class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #left: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next byte, which stays to be read; `undefined` at the end. */
  async peek(): Promise<number | undefined> {
    while (this.#left.length === 0) if (!await this.#more()) return undefined;
    return this.#left[0];
  }

  /**
   * The next n bytes.
   *
   * @throws {RangeError} The stream ends before.
   */
  async read(n: number): Promise<Uint8Array> {
    while (this.#left.length < n) {
      if (!await this.#more()) throw new RangeError("The stream ends in the middle of a message");
    }
    return this.#take(n);
  }

  /**
   * The text up to a blank line of HTTP, which is read away; each byte is a character.
   *
   * @throws {RangeError} It is longer than `maxBytes`, or the stream ends before.
   */
  async readHead(maxBytes: number): Promise<string> {
    for (;;) {
      const text = String.fromCharCode(...this.#left.subarray(0, maxBytes));
      const end = text.indexOf("\r\n\r\n");
      if (end !== -1) {
        this.#take(end + 4);
        return text.slice(0, end);
      }
      if (this.#left.length >= maxBytes) throw new RangeError("The head is too long");
      if (!await this.#more()) throw new RangeError("The stream ends in the middle of a head");
    }
  }

  /** All that is left. */
  rest(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (this.#left.length === 0 && !await this.#more()) return controller.close();
        controller.enqueue(this.#take(this.#left.length));
      },
      cancel: (reason) => this.#reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  #take(n: number): Uint8Array {
    const taken = this.#left.slice(0, n);
    this.#left = this.#left.slice(n);
    return taken;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (done) return false;
    const all = new Uint8Array(this.#left.length + value.length);
    all.set(this.#left);
    all.set(value, this.#left.length);
    this.#left = all;
    return true;
  }
}
