/**
 * A box in shared memory: holds one batch of messages from one thread to another.
 *
 * @module
 */

/** The most bytes of a batch. Larger ones are sent as messages of the Worker. */
const CAPACITY = 64 * 1024;
/** A UTF-16 code unit takes at most three bytes. */
const BYTES_PER_UNIT = 3;

// The 32-bit words before the bytes.
const STATE = 0;
const LENGTH = 1;
/** How many batches the writer has posted as messages instead. */
const POSTED = 2;
/** How many of those the reader has got. */
const RECEIVED = 3;
const HEADER_BYTES = 16;

// The states. Only the reader leaves IDLE and FILLED, the writer only fills a box that is POLLED.
const IDLE = 0;
const POLLED = 1;
const FILLED = 2;
const CLOSED = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * One end of a box. The reader polls it for a moment; only then does the writer fill it, so that each
 * batch is either in the box or posted, and batches cannot overtake each other.
 *
 * INVARIANT: the other thread may be in the hands of an attacker and can write anything at any time.
 * What is read is copied before it is parsed, no number is trusted, and nothing waits without bound.
 */
export class Box {
  /** For the other thread. */
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  #copy: Uint8Array | undefined;
  /** The private count of the messages that this end has posted, or received. */
  #messages = 0;

  /** @param shared The memory of the other end. @default a new box */
  constructor(shared = new SharedArrayBuffer(HEADER_BYTES + CAPACITY)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(shared, HEADER_BYTES);
  }

  /**
   * The writer fills the box.
   *
   * @returns Whether it did. Otherwise the batch has to be posted.
   */
  fill(batch: readonly unknown[]): boolean {
    if (!this.#isIn(POLLED) || Atomics.load(this.#words, RECEIVED) !== this.#messages) return false;
    let text: string;
    try {
      text = JSON.stringify(batch);
    } catch {
      return false; // Not JSON, for example a bigint in a question: posting tells what is wrong with it.
    }
    if (text.length * BYTES_PER_UNIT > CAPACITY) return false;
    this.#words[LENGTH] = encoder.encodeInto(text, this.#bytes).written;
    return Atomics.compareExchange(this.#words, STATE, POLLED, FILLED) === POLLED;
  }

  /** The writer is about to post a batch. */
  countPosted(): void {
    Atomics.store(this.#words, POSTED, ++this.#messages);
  }

  /** The reader has got a posted batch. */
  countReceived(): void {
    Atomics.store(this.#words, RECEIVED, ++this.#messages);
  }

  /**
   * The reader begins to poll.
   *
   * @returns Whether it may: not while posted batches are on their way.
   */
  startPolling(): boolean {
    if (Atomics.load(this.#words, POSTED) !== this.#messages) return false;
    return Atomics.compareExchange(this.#words, STATE, IDLE, POLLED) === IDLE;
  }

  /** Whether there is a batch in it. */
  get isFilled(): boolean {
    return this.#isIn(FILLED);
  }

  /** The reader stops polling, unless the box has been filled. */
  stopPolling(): void {
    Atomics.compareExchange(this.#words, STATE, POLLED, IDLE);
  }

  /**
   * The reader takes out the batch.
   *
   * @returns Anything, it is untrusted.
   * @throws {SyntaxError | RangeError} It cannot be read.
   */
  take(): unknown {
    const length = this.#words[LENGTH] as number;
    if (length < 0 || length > CAPACITY) {
      throw new RangeError(`Cannot read a batch of ${length} bytes, the most is ${CAPACITY}`);
    }
    const copy = this.#copy ??= new Uint8Array(CAPACITY);
    copy.set(this.#bytes.subarray(0, length));
    Atomics.compareExchange(this.#words, STATE, FILLED, IDLE);
    return JSON.parse(decoder.decode(copy.subarray(0, length)));
  }

  /** The reader will never read again. */
  close(): void {
    Atomics.store(this.#words, STATE, CLOSED);
  }

  /** Whether the reader will never read again. */
  get isClosed(): boolean {
    return this.#isIn(CLOSED);
  }

  #isIn(state: number): boolean {
    return Atomics.load(this.#words, STATE) === state;
  }
}
