/**
 * One connection and the requests that go over it, one after the other.
 *
 * @module
 */
import { type CheckedConnection, close, CloseOnAbort } from "./connection.ts";
import { headOf, type Outgoing, type ResponseHead, ResponseReader } from "./wire.ts";

/** A connection to one origin. Never two requests at once. */
export class HttpConnection {
  /** The IP address that was checked when it was made. */
  readonly address: string;
  readonly #connection: Deno.Conn;
  readonly #reader: ResponseReader;
  #outgoing: Outgoing | undefined;
  #head: ResponseHead | undefined;
  #guard: CloseOnAbort | undefined;
  #sent = false;
  #usable = true;

  constructor({ connection, address }: CheckedConnection) {
    this.#connection = connection;
    this.#reader = new ResponseReader(connection);
    this.address = address;
  }

  /** Whether the server has sent nothing since the request. */
  get isSilent(): boolean {
    return this.#reader.received === 0;
  }

  /**
   * Whether the next request may use this connection: the last response is complete to the byte, the
   * whole request was sent, both sides keep the connection open, and nothing has come since.
   *
   * INVARIANT: a byte that does not belong to a response makes the connection unusable. Otherwise a
   * server could have the rest of one response taken for the next one.
   */
  get isReusable(): boolean {
    return this.#usable;
  }

  /**
   * Sends a request and reads the head of its response.
   *
   * @param signal Closes the connection, until `finish` is called.
   */
  async request(outgoing: Outgoing, signal: AbortSignal): Promise<ResponseHead> {
    const head = headOf(outgoing);
    this.#outgoing = outgoing;
    this.#head = undefined;
    this.#sent = false;
    this.#guard = new CloseOnAbort(this.#connection, signal);
    // A server may answer before it has read everything, and then not read on.
    this.#send([head, outgoing.body ?? new Uint8Array()]).catch(() => {/* the reader fails too */});
    return this.#head = await this.#reader.head();
  }

  /** The body of the response, in pieces. */
  body(): AsyncGenerator<Uint8Array> {
    const { method } = this.#outgoing as Outgoing;
    return this.#reader.body(this.#head as ResponseHead, method);
  }

  /**
   * Ends the request. Afterwards the connection is idle or closed.
   *
   * @param onUnusable Called when an idle connection can no longer be used: the server has closed it,
   * or has sent what nobody asked for.
   * @returns Whether it is reusable.
   */
  finish(onUnusable: () => void): boolean {
    this.#guard?.[Symbol.dispose]();
    this.#usable = this.#outgoing?.keepAlive === true && this.#head?.persistent === true &&
      this.#sent && this.#reader.isAtEnd;
    if (!this.#usable) {
      this.close();
      return false;
    }
    const request = this.#outgoing;
    this.#reader.listen(() => {
      // Once the next request has begun, what comes is its response.
      if (this.#outgoing !== request) return;
      this.close();
      onUnusable();
    });
    return true;
  }

  /** Closes it for good. */
  close(): void {
    this.#usable = false;
    close(this.#connection);
  }

  async #send(pieces: readonly Uint8Array[]): Promise<void> {
    for (const bytes of pieces) {
      for (let done = 0; done < bytes.length;) {
        done += await this.#connection.write(bytes.subarray(done));
      }
    }
    this.#sent = true;
  }
}
