/**
 * The body of an answer over HTTP, in whole messages.
 *
 * @module
 */
import { ByteBuffer } from "../byte_buffer.ts";
import { tooLarge } from "./message_lines.ts";

/** How a body is read. */
export interface MessageBodyOptions {
  /** Whether it is a stream of events, or one message. */
  readonly events: boolean;
  /** The most that a message may hold. */
  readonly maxMessageBytes: number;
  /** Told why it broke off, unless it was cancelled. */
  readonly onBroken: (error: unknown) => void;
}

/**
 * Hands a body on message by message: the SDK, as the platform, keeps all pieces of one that is
 * under way, and a server chooses how small they are. It breaks off with a `MESSAGE_TOO_LARGE` at one
 * that is over the bound.
 */
export function messageBody(
  body: ReadableStream<Uint8Array>,
  { events, maxMessageBytes, onBroken }: MessageBodyOptions,
): ReadableStream<Uint8Array> {
  const measure = events ? new EventMeasure() : new TotalMeasure();
  const pending = new ByteBuffer(maxMessageBytes);
  const reader = body.getReader();
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        for (let complete = 0; complete === 0;) {
          const { value, done } = await reader.read();
          if (cancelled) return;
          if (done) {
            if (pending.length > 0) controller.enqueue(pending.take());
            return controller.close();
          }
          if (measure.add(value) > maxMessageBytes) throw tooLarge(maxMessageBytes);
          complete = measure.complete;
          pending.append(value.subarray(0, complete));
          if (complete > 0) controller.enqueue(pending.take());
          pending.append(value.subarray(complete));
        }
      } catch (error) {
        if (!cancelled) onBroken(error);
        await reader.cancel().catch(() => {/* expected: it is broken */});
        controller.error(error);
      }
    },
    cancel(reason) {
      cancelled = true;
      return reader.cancel(reason);
    },
    // Nothing is read ahead of who wants it: a body that nobody reads is not collected.
  }, { highWaterMark: 0 });
}

/** How much has arrived of the one message. */
class TotalMeasure {
  /** It is complete when the body ends. */
  readonly complete = 0;
  #bytes = 0;

  add(chunk: Uint8Array): number {
    return this.#bytes += chunk.length;
  }
}

/** How much has arrived of the longest event so far; an empty line ends one. */
class EventMeasure {
  #complete = 0;
  #bytes = 0;
  #lineBytes = 0;
  #before = 0;

  /** How many bytes of the last chunk belong to events that ended in it. */
  get complete(): number {
    return this.#complete;
  }

  add(chunk: Uint8Array): number {
    let most = 0;
    // A body is read byte by byte; in fields that takes a multiple of the time.
    let bytes = this.#bytes;
    let lineBytes = this.#lineBytes;
    let before = this.#before;
    this.#complete = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      bytes++;
      const sameEnd = byte === 0x0a && before === 0x0d;
      before = byte;
      // The second half of the end of an event that has been counted.
      if (sameEnd && bytes === 1) {
        this.#complete = at + 1;
        bytes = 0;
      }
      if (sameEnd) continue;
      if (byte !== 0x0a && byte !== 0x0d) {
        lineBytes++;
        continue;
      }
      if (lineBytes === 0) {
        most = Math.max(most, bytes);
        this.#complete = at + 1;
        bytes = 0;
      }
      lineBytes = 0;
    }
    this.#bytes = bytes;
    this.#lineBytes = lineBytes;
    this.#before = before;
    return Math.max(most, bytes);
  }
}
