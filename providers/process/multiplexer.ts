/**
 * Many streams over one pair of pipes: how a sandbox without a network reaches the proxy outside.
 *
 * A frame is `u8 type, u32 channel, u32 n` (big-endian), and for `DATA` n bytes. Either side may send
 * up to a window of bytes that the other one has not yet consumed; `CREDIT` gives n bytes back.
 *
 * @module
 */

/** One stream in each direction. */
export interface Channel {
  readonly id: number;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Ends both directions at once. */
  reset(): void;
}

/** What a multiplexer is made with. */
export interface MultiplexerOptions {
  /** Called for a channel that the other side has opened. Without it, those are reset. */
  readonly accept?: (channel: Channel) => void;
}

/**
 * Both ends run the same class; in the sandbox it is source text in a `data:` URL, so it refers to
 * nothing outside of itself.
 *
 * INVARIANT: the other side is not trusted. It can make this one hold no more than a window for each
 * of `MAX_CHANNELS` channels.
 */
export class Multiplexer {
  static readonly MAX_CHANNELS = 256;
  static readonly WINDOW = 262_144;
  static readonly MAX_FRAME = 32_768;
  static readonly #HEADER = 9;
  static readonly #OPEN = 0;
  static readonly #DATA = 1;
  static readonly #END = 2;
  static readonly #CREDIT = 3;
  static readonly #RESET = 4;

  readonly #output: WritableStreamDefaultWriter<Uint8Array>;
  readonly #accept: ((channel: Channel) => void) | undefined;
  readonly #ends = new Map<number, {
    data(bytes: Uint8Array): void;
    end(): void;
    credit(n: number): void;
    fail(): void;
  }>();
  #failed = false;

  constructor(output: WritableStream<Uint8Array>, { accept }: MultiplexerOptions = {}) {
    this.#output = output.getWriter();
    this.#accept = accept;
  }

  /**
   * Opens a channel.
   *
   * @param id Its number, not in use; `silent` if the other side opens the same one by itself.
   */
  open(id: number, { silent = false }: { readonly silent?: boolean } = {}): Channel {
    if (!silent) this.#send(Multiplexer.#OPEN, id, 0);
    return this.#channel(id);
  }

  /**
   * Reads frames until the input ends; then all channels fail.
   *
   * @throws {RangeError} The other side does not keep to the protocol.
   */
  async run(input: ReadableStream<Uint8Array>): Promise<void> {
    let buffered = new Uint8Array(0);
    try {
      for await (const bytes of input) {
        const all = new Uint8Array(buffered.length + bytes.length);
        all.set(buffered);
        all.set(bytes, buffered.length);
        buffered = all.subarray(this.#consume(all));
      }
    } finally {
      this.#failed = true;
      for (const end of [...this.#ends.values()]) end.fail();
    }
  }

  /** Settles when all that was sent is written. */
  async flush(): Promise<void> {
    await this.#output.ready;
    await this.#output.write(new Uint8Array(0));
  }

  /** Handles whole frames; returns how many bytes they were. */
  #consume(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (bytes.length - at >= Multiplexer.#HEADER) {
      const type = view.getUint8(at);
      const id = view.getUint32(at + 1);
      const n = view.getUint32(at + 5);
      const size = Multiplexer.#HEADER + (type === Multiplexer.#DATA ? n : 0);
      if (size > Multiplexer.#HEADER + Multiplexer.MAX_FRAME) {
        throw new RangeError("frame too long");
      }
      if (bytes.length - at < size) break;
      this.#handle(type, id, n, bytes.slice(at + Multiplexer.#HEADER, at + size));
      at += size;
    }
    return at;
  }

  #handle(type: number, id: number, n: number, data: Uint8Array): void {
    const end = this.#ends.get(id);
    switch (type) {
      case Multiplexer.#OPEN:
        if (end !== undefined) throw new RangeError("channel opened twice");
        if (this.#accept === undefined || this.#ends.size >= Multiplexer.MAX_CHANNELS) {
          this.#send(Multiplexer.#RESET, id, 0);
          return;
        }
        return this.#accept(this.#channel(id));
      // For one that was closed a moment ago, there may be something under way.
      case Multiplexer.#DATA:
        return end?.data(data);
      case Multiplexer.#END:
        return end?.end();
      case Multiplexer.#CREDIT:
        return end?.credit(n);
      case Multiplexer.#RESET:
        return end?.fail();
      default:
        throw new RangeError("unknown frame");
    }
  }

  #channel(id: number): Channel {
    let credit = Multiplexer.WINDOW;
    let queued = 0;
    let isEnded = false;
    let isWritten = false;
    let wakeWriter = () => {};
    let failWriter = () => {};
    let reader!: ReadableStreamDefaultController<Uint8Array>;
    const close = () => this.#ends.delete(id);
    const failed = () => new Deno.errors.ConnectionReset("The connection was closed");
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        reader = controller;
      },
      cancel: () => reset(),
    }, { highWaterMark: Multiplexer.WINDOW, size: (chunk) => chunk.length });
    // Bytes that have left the queue were consumed: the other side may send as many again.
    const consumed = readable.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>(
        {
          transform: (chunk, controller) => {
            queued -= chunk.length;
            controller.enqueue(chunk);
            if (!isEnded) this.#send(Multiplexer.#CREDIT, id, chunk.length);
          },
        },
        undefined,
        { highWaterMark: 0 },
      ),
    );
    const writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        failWriter = () => controller.error(failed());
        // A write that waits for credit would hold up an abort.
        controller.signal.addEventListener("abort", () => {
          isWritten = true;
          reset();
        });
      },
      write: async (chunk) => {
        for (let at = 0; at < chunk.length;) {
          while (credit === 0) await new Promise<void>((resolve) => wakeWriter = resolve);
          if (!this.#ends.has(id)) throw failed();
          const part = chunk.subarray(at, at + Math.min(credit, Multiplexer.MAX_FRAME));
          credit -= part.length;
          at += part.length;
          await this.#send(Multiplexer.#DATA, id, part.length, part);
        }
      },
      close: () => {
        isWritten = true;
        this.#send(Multiplexer.#END, id, 0);
        if (isEnded) close();
      },
    });
    const fail = () => {
      if (!close()) return;
      if (!isEnded) reader.error(failed());
      if (!isWritten) failWriter();
      credit = Infinity;
      wakeWriter();
    };
    const reset = () => {
      if (this.#ends.has(id)) this.#send(Multiplexer.#RESET, id, 0);
      fail();
    };
    this.#ends.set(id, {
      data: (bytes) => {
        if (isEnded) return;
        queued += bytes.length;
        if (queued > Multiplexer.WINDOW) return reset();
        reader.enqueue(bytes);
      },
      end: () => {
        if (isEnded) return;
        isEnded = true;
        reader.close();
        if (isWritten) close();
      },
      credit: (n) => {
        credit = Math.min(credit + n, Multiplexer.WINDOW);
        wakeWriter();
      },
      fail,
    });
    if (this.#failed) fail();
    return { id, readable: consumed, writable, reset };
  }

  #send(type: number, id: number, n: number, data?: Uint8Array): Promise<void> {
    const frame = new Uint8Array(Multiplexer.#HEADER + (data?.length ?? 0));
    const view = new DataView(frame.buffer);
    view.setUint8(0, type);
    view.setUint32(1, id);
    view.setUint32(5, n);
    if (data !== undefined) frame.set(data, Multiplexer.#HEADER);
    // If the other side is gone, the input ends too, and that fails all channels.
    return this.#output.write(frame).catch(() => {});
  }
}
