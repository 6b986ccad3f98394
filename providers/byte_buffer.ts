/**
 * Bytes that arrive in pieces of any size.
 *
 * @module
 */

/**
 * Copies pieces into one buffer. A piece may be one byte of a buffer of its own: who keeps pieces,
 * keeps a multiple of what was sent.
 */
export class ByteBuffer {
  readonly #maxBytes: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  #length = 0;

  /** @param maxBytes What it does not grow beyond in advance; that more comes is up to the caller. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** What there is, as long as nothing is put to it. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Puts a copy of a piece to the end. */
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

  /** Hands over what there is, and starts anew: what was large is not kept for what is small. */
  take(): Uint8Array<ArrayBuffer> {
    const { bytes } = this;
    this.#bytes = new Uint8Array();
    this.#length = 0;
    return bytes;
  }
}
