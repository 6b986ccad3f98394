/**
 * The end of a stream that is read all the time, and shown only when something went wrong.
 *
 * @module
 */
import { ByteBuffer } from "../byte_buffer.ts";
import type { Credentials } from "./credentials.ts";

/** Most characters that are told on. */
const MAX_TOLD = 1024 * 1024;
const MAX_LINE = 64 * 1024;

/** Keeps the last bytes of what a server writes. */
export class TextTail {
  readonly #credentials: Credentials;
  readonly #maxLength: number;
  readonly #maxBytes: number;
  readonly #bytes: ByteBuffer;
  #read = 0;

  /**
   * @param credentials What is replaced in the text.
   * @param maxLength Most characters that are shown.
   */
  constructor(credentials: Credentials, maxLength = 2048) {
    this.#credentials = credentials;
    this.#maxLength = maxLength;
    this.#maxBytes = maxLength + credentials.maxBytes;
    this.#bytes = new ByteBuffer(2 * this.#maxBytes);
  }

  /** The end of the stream as text, with the server's credentials replaced. */
  get text(): string {
    const bytes = this.#keepEnd();
    const text = new TextDecoder().decode(bytes);
    // INVARIANT: the rest of a value whose beginning is lost is not shown. It lies within as many
    // bytes as the longest value has; everything there is left out.
    const { maxBytes } = this.#credentials;
    const unsure = this.#read > bytes.length
      ? new TextDecoder().decode(bytes.subarray(0, maxBytes)).length
      : 0;
    const start = Math.max(unsure, text.length - this.#maxLength);
    return this.#credentials.conceal(text, start).trim();
  }

  /**
   * Reads a stream to its end; never rejects.
   *
   * @param onLine Gets each line too, up to 1 MiB of them, with the server's credentials replaced.
   */
  async drain(
    stream: ReadableStream<Uint8Array>,
    onLine?: (text: string) => void,
  ): Promise<void> {
    const lines = onLine === undefined ? undefined : new ToldLines(this.#credentials, onLine);
    try {
      for await (const chunk of stream) {
        this.#add(chunk);
        lines?.add(chunk);
      }
    } catch {
      // The writer has ended: all that it wrote has been read.
    }
    lines?.end();
  }

  #add(chunk: Uint8Array): void {
    this.#read += chunk.length;
    this.#bytes.append(chunk.subarray(-this.#maxBytes));
    if (this.#bytes.length >= 2 * this.#maxBytes) this.#keepEnd();
  }

  #keepEnd(): Uint8Array {
    const end = this.#bytes.take().subarray(-this.#maxBytes);
    this.#bytes.append(end);
    return end;
  }
}

/**
 * Lines that are told on. INVARIANT: only whole lines are, so that no credential is cut in two; what is too long for
 * a line is left out.
 */
class ToldLines {
  readonly #credentials: Credentials;
  readonly #onLine: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";
  #isTooLong = false;
  #told = 0;

  constructor(credentials: Credentials, onLine: (text: string) => void) {
    this.#credentials = credentials;
    this.#onLine = onLine;
  }

  add(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#tell(`${line}\n`);
    if (this.#rest.length <= MAX_LINE) return;
    this.#rest = "";
    this.#isTooLong = true;
  }

  end(): void {
    if (this.#rest !== "" || this.#isTooLong) this.#tell(this.#rest);
  }

  #tell(line: string): void {
    const text = this.#isTooLong ? "…\n" : this.#credentials.conceal(line);
    this.#isTooLong = false;
    if (this.#told > MAX_TOLD) return;
    this.#told += text.length;
    this.#onLine(this.#told > MAX_TOLD ? "…\n" : text);
  }
}
