/**
 * One message at a time, from one thread to another, through memory that both share.
 *
 * @module
 */

/** Something that is sent: JSON, and beside it a text, which so need not be escaped. */
export interface Item {
  /** Without a member `text`. */
  readonly json: object;
  /** Well-formed. */
  readonly text?: string | undefined;
}

/** Bytes that a message may have. */
const CAPACITY = 256 * 1024;
/** A UTF-16 code unit takes at most three bytes, a lone digit of the frame one. */
const BYTES_A_UNIT = 3;
const FRAME = 32;

// The words before the bytes.
const STATE = 0;
const READER = 1;
/** Where the texts end and JSON begins, ... */
const TEXTS = 2;
/** ... and where that ends. */
const END = 3;
const HEADER_BYTES = 16;

const EMPTY = 0;
const FULL = 1;
const TAKEN = 2;

const AWAY = 0;
const ATTENDING = 1;
const ENDED = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A box that holds one message: some items. To wake a thread costs tens of microseconds, or hundreds on
 * a virtual machine; a thread that looks by itself finds a message within one. So messages go through
 * the box while the reader attends to it, and another way while it is away.
 *
 * The other thread may be in the hands of an attacker and can write what it likes at any time. So
 * what is read is copied before it is looked at, and no number in the box is trusted.
 */
export class Mailbox {
  /** For the other thread. */
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  /** Private to the reader. */
  #copy: Uint8Array | undefined;

  /** A new box, or the other end of one. */
  constructor(shared = new SharedArrayBuffer(HEADER_BYTES + CAPACITY)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(shared, HEADER_BYTES);
  }

  /** Whether the reader looks into it. */
  get attended(): boolean {
    return Atomics.load(this.#words, READER) === ATTENDING;
  }

  /** Whether there is a message. */
  get filled(): boolean {
    return Atomics.load(this.#words, STATE) === FULL;
  }

  /** Whether the last message was taken out. */
  get free(): boolean {
    return Atomics.load(this.#words, STATE) === EMPTY;
  }

  /**
   * Puts in the first items, as many as fit, as one message. Only while it is free.
   *
   * @returns How many; 0 if the reader is away, or the first is too large.
   */
  put(items: readonly Item[]): number {
    if (!this.attended) return 0;
    const parts: string[] = [];
    const lengths: number[] = [];
    let texts = 0;
    let room = CAPACITY - FRAME;
    for (const { json, text } of items) {
      const part = JSON.stringify(json);
      room -= (part.length + (text?.length ?? 0)) * BYTES_A_UNIT + FRAME;
      if (room < 0) break;
      parts.push(part);
      if (text === undefined) lengths.push(-1);
      else {
        const { written } = encoder.encodeInto(text, this.#bytes.subarray(texts));
        lengths.push(written);
        texts += written;
      }
    }
    if (parts.length === 0) return 0;
    const frame = `{"items":[${parts.join(",")}],"lengths":[${lengths.join(",")}]}`;
    const { written } = encoder.encodeInto(frame, this.#bytes.subarray(texts));
    this.#words[TEXTS] = texts;
    this.#words[END] = texts + written;
    Atomics.store(this.#words, STATE, FULL);
    // INVARIANT: a reader that leaves says so first and looks once more then. So either it finds this
    // message, or it is seen here that it has left; and only one of the two has the message.
    if (this.attended) return parts.length;
    const kept = Atomics.compareExchange(this.#words, STATE, FULL, EMPTY) === FULL;
    return kept ? 0 : parts.length;
  }

  /**
   * Takes out the message.
   *
   * @returns Its items as they came: objects, if they are that, with their texts as `text`.
   * @throws {SyntaxError | RangeError} It is no message.
   */
  take(): unknown[] | undefined {
    if (Atomics.compareExchange(this.#words, STATE, FULL, TAKEN) !== FULL) return undefined;
    const texts = this.#words[TEXTS] as number;
    const end = this.#words[END] as number;
    if (!(0 <= texts && texts <= end && end <= CAPACITY)) {
      throw new RangeError("Cannot read a message: it is larger than its box");
    }
    const bytes = this.#copy ??= new Uint8Array(CAPACITY);
    bytes.set(this.#bytes.subarray(0, end));
    Atomics.store(this.#words, STATE, EMPTY);
    const { items, lengths } = JSON.parse(decoder.decode(bytes.subarray(texts, end))) ?? {};
    if (!Array.isArray(items) || !Array.isArray(lengths)) {
      throw new SyntaxError("Cannot read a message: it has no items");
    }
    let at = 0;
    return items.map((item, i) => {
      const length = lengths[i];
      if (length === -1) return item;
      if (!Number.isInteger(length) || length < 0 || at + length > texts || Object(item) !== item) {
        throw new SyntaxError("Cannot read a message: it has not the texts that it says");
      }
      item.text = decoder.decode(bytes.subarray(at, at += length));
      return item;
    });
  }

  /** The reader begins to look. */
  attend(): void {
    Atomics.store(this.#words, READER, ATTENDING);
  }

  /** The reader will never look again. */
  end(): void {
    Atomics.store(this.#words, READER, ENDED);
  }

  /** Whether the reader will never look again. */
  get ended(): boolean {
    return Atomics.load(this.#words, READER) === ENDED;
  }

  /**
   * The reader stops looking, unless there is a message.
   *
   * @returns Whether it may go.
   */
  leave(): boolean {
    Atomics.store(this.#words, READER, AWAY);
    if (Atomics.load(this.#words, STATE) !== FULL) return true;
    this.attend();
    return false;
  }
}
