/**
 * A ring buffer in shared memory: messages from one thread to another, in order.
 *
 * @module
 */

/** Bytes for messages. */
const CAPACITY = 256 * 1024;
/** The most bytes of one message. Larger ones are sent as messages of the Worker. */
const MAX_BYTES = CAPACITY / 4;
/** A UTF-16 code unit takes at most three bytes. */
const BYTES_PER_UNIT = 3;

// The 32-bit words before the bytes.
/** Where the writer puts its next message. */
const HEAD = 0;
/** Where the reader takes its next message. */
const TAIL = 1;
/** Counts what the writer has told the reader of; what the reader waits at. */
const SIGNAL = 2;
/** How many messages the writer has posted instead. */
const POSTED = 3;
/** Whether the reader will never read again. */
const CLOSED = 4;
const HEADER_WORDS = 5;
const HEADER_BYTES = HEADER_WORDS * 4;

/** Before the bytes of a message: how many, and the number of the message. */
const ENTRY_BYTES = 8;
/** Instead of a number of bytes: the next message is at the beginning. */
const WRAP = -1;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * One end of a ring with one writer and one reader.
 *
 * INVARIANT: the other thread may be in the hands of an attacker and can write anything at any time.
 * What is read is copied before it is parsed, no number is trusted, and nothing waits without bound.
 */
export class Ring {
  /** For the other thread. */
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  /** Where this end is: the head of a writer, the tail of a reader. */
  #at = 0;
  #copy: Uint8Array | undefined;

  /** @param shared The memory of the other end. @default a new ring */
  constructor(shared = new SharedArrayBuffer(HEADER_BYTES + CAPACITY)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
    this.#bytes = new Uint8Array(shared, HEADER_BYTES);
  }

  /**
   * The writer puts a message into the ring.
   *
   * @param number Of the message; the reader takes messages in the order of their numbers.
   * @returns Whether it did: it has to be posted if it is no JSON, or there is no room.
   */
  push(number: number, message: unknown): boolean {
    let text: string | undefined;
    try {
      text = JSON.stringify(message);
    } catch {
      return false; // For example a bigint in a question: posting tells what is wrong with it.
    }
    if (text === undefined || text.length * BYTES_PER_UNIT > MAX_BYTES) return false;
    const needed = ENTRY_BYTES + text.length * BYTES_PER_UNIT;
    const tail = Atomics.load(this.#words, TAIL);
    // One word stays free: a full ring would look like an empty one.
    const isBehind = this.#at < tail;
    if (this.#at + needed > Math.min(isBehind ? tail : CAPACITY, CAPACITY) - 4) {
      if (isBehind || needed > tail - 4) return false;
      this.#words[HEADER_WORDS + this.#at / 4] = WRAP;
      this.#at = 0;
    }
    const start = this.#at + ENTRY_BYTES;
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(start, start + needed));
    this.#words[HEADER_WORDS + this.#at / 4] = written;
    // Modulo 2^32, like all counts here: a kernel that runs for days gets past that.
    this.#words[HEADER_WORDS + this.#at / 4 + 1] = number | 0;
    this.#at = start + roundedUp(written);
    Atomics.store(this.#words, HEAD, this.#at);
    return true;
  }

  /** The writer is about to post a message. */
  countPosted(): void {
    Atomics.add(this.#words, POSTED, 1);
  }

  /** The writer tells the reader that there is something, in the ring or posted. */
  signal(): void {
    Atomics.add(this.#words, SIGNAL, 1);
    Atomics.notify(this.#words, SIGNAL);
  }

  /** Whether the reader has taken all that is in the ring. */
  get isEmpty(): boolean {
    return Atomics.load(this.#words, HEAD) === this.#at;
  }

  /** Whether the message with the number is next; one that was posted before it may still be on its way. */
  hasNext(number: number): boolean {
    if (this.isEmpty) return false;
    const isWrapped = this.#words[HEADER_WORDS + this.#at / 4] === WRAP;
    const at = isWrapped ? 0 : this.#at;
    return this.#words[HEADER_WORDS + at / 4 + 1] === (number | 0);
  }

  /**
   * The reader takes out the message with the number.
   *
   * @returns Anything, it is untrusted; `undefined` if that message is not in the ring, or not yet.
   * @throws {SyntaxError | RangeError} It cannot be read.
   */
  take(number: number): { readonly message: unknown } | undefined {
    const head = Atomics.load(this.#words, HEAD);
    if (head === this.#at) return undefined;
    if (head < 0 || head >= CAPACITY || head % 4 !== 0) throw unreadable(`ends at ${head}`);
    if (this.#words[HEADER_WORDS + this.#at / 4] === WRAP && this.#at !== 0) {
      this.#at = 0;
      return this.take(number);
    }
    const end = this.#at < head ? head : CAPACITY;
    const start = this.#at + ENTRY_BYTES;
    const length = this.#words[HEADER_WORDS + this.#at / 4] as number;
    if (length < 0 || length > MAX_BYTES || start + length > end) {
      throw unreadable(`has a message of ${length} bytes`);
    }
    if (this.#words[HEADER_WORDS + this.#at / 4 + 1] !== (number | 0)) return undefined;
    const copy = this.#copy ??= new Uint8Array(MAX_BYTES);
    copy.set(this.#bytes.subarray(start, start + length));
    this.#at = (start + roundedUp(length)) % CAPACITY;
    Atomics.store(this.#words, TAIL, this.#at);
    return { message: JSON.parse(decoder.decode(copy.subarray(0, length))) };
  }

  /** What the reader waits to see changed. */
  get signals(): number {
    return Atomics.load(this.#words, SIGNAL);
  }

  /** Whether the reader has got all messages that the writer has posted: so many. */
  hasPosted(received: number): boolean {
    return Atomics.load(this.#words, POSTED) === (received | 0);
  }

  /**
   * The reader waits, and does nothing else.
   *
   * @param signals What it saw before it found nothing to read.
   * @param ms How long at most.
   */
  wait(signals: number, ms: number): void {
    Atomics.wait(this.#words, SIGNAL, signals, ms);
  }

  /**
   * The reader waits beside everything else.
   *
   * @param signals What it saw before it found nothing to read.
   * @returns `undefined` if there has been a signal since.
   */
  waitAsync(signals: number): Promise<unknown> | undefined {
    const { async, value } = Atomics.waitAsync(this.#words, SIGNAL, signals);
    return async ? value : undefined;
  }

  /** The reader will never read again, and does not wait any more. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    Atomics.notify(this.#words, SIGNAL);
  }

  /** Whether the reader will never read again. */
  get isClosed(): boolean {
    return Atomics.load(this.#words, CLOSED) === 1;
  }
}

function roundedUp(bytes: number): number {
  return (bytes + 3) & ~3;
}

function unreadable(how: string): RangeError {
  return new RangeError(`Cannot read a ring of ${CAPACITY} bytes that ${how}`);
}
