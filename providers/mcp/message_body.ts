/**
 * The body of an answer over HTTP, in whole messages.
 *
 * @module
 */
import { ByteBuffer } from "../byte_buffer.ts";
import { markLargeNumbers } from "./exact_numbers.ts";
import { tooLarge } from "./message_lines.ts";

/** How a body is read. */
export interface MessageBodyOptions {
  /** Whether it is a stream of events; otherwise it is one message. */
  readonly events: boolean;
  /** Most bytes of a message. */
  readonly maxMessageBytes: number;
  /** Called with the reason when the body breaks off without being cancelled. */
  readonly onBroken: (error: unknown) => void;
}

/**
 * Hands a body on message by message. The SDK would keep all pieces of an incomplete message, and a
 * server chooses how small they are. Numbers that `JSON.parse` would change are marked.
 *
 * @returns A stream that breaks off with `MESSAGE_TOO_LARGE` at a message over the bound.
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
            if (pending.length > 0) controller.enqueue(marked(pending.take(), events));
            return controller.close();
          }
          if (measure.add(value) > maxMessageBytes) throw tooLarge(maxMessageBytes);
          complete = measure.complete;
          pending.append(value.subarray(0, complete));
          if (complete > 0) controller.enqueue(marked(pending.take(), events));
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
    // Nothing is read before it is wanted: a body that nobody reads is not kept in memory.
  }, { highWaterMark: 0 });
}

/** Whole messages in which large numbers are marked: of events, only their data is JSON. */
function marked(bytes: Uint8Array<ArrayBuffer>, events: boolean): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  const result = events
    ? text.replace(/[^\r\n]+/g, (line) => line.startsWith("data:") ? markLargeNumbers(line) : line)
    : markLargeNumbers(text);
  return result === text ? bytes : new TextEncoder().encode(result);
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
    // Local variables: each byte is looked at, and fields would be several times slower.
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
