/**
 * Bytes that arrive in pieces of any size.
 *
 * @module
 */

/**
 * Copies pieces into one buffer. Keeping the pieces themselves could take many times the memory: each
 * may be one byte of a large buffer.
 */
export class ByteBuffer {
  readonly #maxBytes: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  #length = 0;

  /** @param maxBytes The size up to which the buffer doubles; beyond it, it grows by what is appended. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** The bytes so far; valid until the next `append` or `take`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Appends a copy of a piece. */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const doubled = Math.min(2 * this.#bytes.length, this.#maxBytes);
      const grown = new Uint8Array(Math.max(length, doubled));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** Returns the bytes so far and starts with an empty buffer: a large one is not kept. */
  take(): Uint8Array<ArrayBuffer> {
    const { bytes } = this;
    this.#bytes = new Uint8Array();
    this.#length = 0;
    return bytes;
  }
}
