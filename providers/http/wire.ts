/**
 * The bytes of HTTP/1.1 (RFC 9112): one request, one response.
 *
 * Strict: what two programs could read differently is refused, not guessed.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { ProviderError } from "../../src/worker/mod.ts";

/** A request that is ready to be sent. */
export interface Outgoing {
  readonly method: string;
  /** In canonical form. */
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Whether the connection may be used again afterwards; otherwise the server is told to close it. */
  readonly keepAlive: boolean;
}

/** The start of a response. */
export interface ResponseHead {
  readonly status: number;
  /** Whether the server leaves the connection open (RFC 9112, section 9.3). */
  readonly persistent: boolean;
  /** Names in lower case, in their order; a name can come more than once. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Most bytes before a body: interim responses, status line, header fields. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Most bytes of a line between chunks, and of all trailers. */
const MAX_CHUNK_LINE_BYTES = 4096;
/** Bytes of the two line ends of a chunk. */
const FRAME_BYTES = 4;
/** Most bytes that the framing of chunks may have beyond their data. */
const MAX_FRAMING_BYTES = 1024 * 1024;

/** The bytes of a request up to its body. */
export function headOf({ method, url, headers, body, keepAlive }: Outgoing): Uint8Array {
  const hasLength = body !== undefined || ["POST", "PUT", "PATCH"].includes(method);
  const fields = Object.entries({
    host: url.host,
    ...headers,
    ...(hasLength ? { "content-length": String(body?.length ?? 0) } : {}),
    connection: keepAlive ? "keep-alive" : "close",
  });
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  // INVARIANT: no header can contain a line break, and each character is one byte.
  const odd = lines.find((line) => /[^\t\x20-\x7e]/.test(line));
  if (odd !== undefined) {
    const name = odd.slice(0, odd.indexOf(":"));
    throw new ProviderError("INVALID_PARAMS", `The header "${name}" has to be in ASCII`);
  }
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Reads responses from a connection, one after the other. */
export class ResponseReader {
  readonly #connection: Deno.Conn;
  readonly #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(16 * 1024);
  #start = 0;
  #end = 0;
  /** A read that was started while no response was expected. */
  #early: Promise<number | null> | undefined;
  #received = 0;
  #complete = false;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** How many bytes have come since the last call of `listen`, or since the start. */
  get received(): number {
    return this.#received;
  }

  /**
   * Whether the last response has been read to its end, by a length or by chunks, and nothing has come
   * after it.
   */
  get isAtEnd(): boolean {
    return this.#complete && this.#start === this.#end;
  }

  /**
   * Reads on while no response is expected. What comes then is for the next `head()`; it is up to the
   * caller not to ask for it where a byte came before the request.
   *
   * @param onEvent Called when bytes, the end or an error have come.
   */
  listen(onEvent: () => void): void {
    this.#received = 0;
    this.#complete = false;
    this.#early = this.#connection.read(this.#buffer);
    this.#early.then(onEvent, onEvent);
  }

  /** Reads up to the body. Interim responses are skipped. */
  async head(): Promise<ResponseHead> {
    const budget = { bytes: MAX_HEAD_BYTES };
    for (;;) {
      const { status, minor } = statusOf(this.#lineHere(budget) ?? await this.#line(budget));
      const fields = await this.#fields(budget);
      if (status === 101) throw malformed("it switches to another protocol");
      if (status < 200) continue;
      const options = valuesOf(fields, "connection").join(",").toLowerCase().split(/[ \t]*,[ \t]*/);
      const persistent = minor === 1 && options.every((one) => one === "" || one === "keep-alive");
      return { status, fields, persistent };
    }
  }

  /** The body of the response with that head, in pieces. */
  async *body({ status, fields }: ResponseHead, method: string): AsyncGenerator<Uint8Array> {
    const lengths = valuesOf(fields, "content-length");
    const codings = valuesOf(fields, "transfer-encoding");
    if (method === "HEAD" || status === 304) return void (this.#complete = true);
    if (status === 204) {
      // A server that announces a body may send it (RFC 9112, section 6.3, forbids it to).
      return void (this.#complete = lengths.length + codings.length === 0);
    }
    if (codings.length > 0) {
      if (lengths.length > 0) throw malformed("it has a length and is in chunks too");
      if (codings.length > 1 || codings[0]?.toLowerCase() !== "chunked") {
        throw malformed(`its transfer coding is not "chunked"`);
      }
      yield* this.#chunks();
      return void (this.#complete = true);
    }
    if (lengths.length === 0) return yield* this.#rest();
    const length = Number(lengths[0]);
    if (lengths.length > 1 || !/^\d+$/.test(lengths[0] ?? "") || !Number.isSafeInteger(length)) {
      throw malformed("its length is not one number");
    }
    yield* this.#exactly(length);
    this.#complete = true;
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    let data = 0;
    let framing = 0;
    for (;;) {
      const line = await this.#line({ bytes: MAX_CHUNK_LINE_BYTES });
      const size = /^([0-9a-f]{1,12})[ \t]*(;.*)?$/i.exec(line)?.[1];
      if (size === undefined) throw malformed("a chunk has no size");
      if (Number(`0x${size}`) === 0) break;
      data += Number(`0x${size}`);
      framing += line.length + FRAME_BYTES;
      // Each chunk costs time, even if it holds one byte.
      if (framing > MAX_FRAMING_BYTES + data) throw malformed("its chunks hold next to nothing");
      yield* this.#exactly(Number(`0x${size}`));
      if (await this.#line({ bytes: 2 }) !== "") throw malformed("a chunk is longer than its size");
    }
    // Trailers are not part of the result, but have to be complete.
    await this.#fields({ bytes: MAX_CHUNK_LINE_BYTES });
  }

  async *#exactly(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      const piece = await this.#some(left);
      if (piece === undefined) throw malformed("it ends before its end");
      left -= piece.length;
      yield piece;
    }
  }

  async *#rest(): AsyncGenerator<Uint8Array> {
    for (let piece = await this.#some(Infinity); piece !== undefined;) {
      yield piece;
      piece = await this.#some(Infinity);
    }
  }

  async #fields(budget: { bytes: number }): Promise<[string, string][]> {
    const fields: [string, string][] = [];
    for (;;) {
      // Most heads come in one piece: then there is nothing to wait for.
      const line = this.#lineHere(budget) ?? await this.#line(budget);
      if (line === "") return fields;
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
      if (name === undefined || value === undefined) throw malformed("a header field has no name");
      fields.push([name.toLowerCase(), value]);
    }
  }

  /** A line without its end, byte by byte as characters (ISO 8859-1). */
  async #line(budget: { bytes: number }): Promise<string> {
    let line = "";
    for (;;) {
      const at = this.#lineFeed();
      line += this.#taken(at === -1 ? this.#end : at + 1, budget);
      if (at !== -1) return withoutEnd(line);
      if (!await this.#fill()) throw malformed("it ends before its end");
    }
  }

  /** The same, if all of the line has come. */
  #lineHere(budget: { bytes: number }): string | undefined {
    const at = this.#lineFeed();
    return at === -1 ? undefined : withoutEnd(this.#taken(at + 1, budget));
  }

  /** Where the next line feed is; -1 if it has not come. */
  #lineFeed(): number {
    const at = this.#buffer.indexOf(10, this.#start);
    return at < this.#end ? at : -1;
  }

  /** The bytes up to there, as characters. */
  #taken(end: number, budget: { bytes: number }): string {
    budget.bytes -= end - this.#start;
    if (budget.bytes < 0) throw malformed("its header fields are too long");
    const text = latin1(this.#buffer.subarray(this.#start, end));
    this.#start = end;
    return text;
  }

  /** A copy of the next bytes, at most so many; `undefined` at the end of the stream. */
  async #some(most: number): Promise<Uint8Array | undefined> {
    if (this.#start === this.#end && !await this.#fill()) return undefined;
    const end = Math.min(this.#end, this.#start + most);
    const piece = this.#buffer.slice(this.#start, end);
    this.#start = end;
    return piece;
  }

  async #fill(): Promise<boolean> {
    try {
      const early = this.#early;
      this.#early = undefined;
      const count = await (early ?? this.#connection.read(this.#buffer));
      this.#start = 0;
      this.#end = count ?? 0;
      this.#received += this.#end;
      return count !== null;
    } catch (error) {
      throw new ProviderError("CONNECTION_LOST", `The connection was lost: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

/** All values of a field. */
export function valuesOf(fields: ResponseHead["fields"], name: string): string[] {
  return fields.filter(([one]) => one === name).map(([, value]) => value);
}

function withoutEnd(line: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  if (!line.endsWith("\r\n") || /[\0-\x08\x0a-\x1f\x7f]/.test(line.slice(0, -2))) {
    throw malformed("a line of its head holds control characters");
  }
  return line.slice(0, -2);
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes as the characters with the same numbers. */
export function latin1(bytes: Uint8Array): string {
  // ASCII is the same in both, and decoded at a tenth of the cost.
  const ascii = DECODER.decode(bytes);
  if (!/[^\0-\x7f]/.test(ascii)) return ascii;
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return text;
}

function statusOf(line: string): { readonly status: number; readonly minor: number } {
  const [, minor, status] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(line) ?? [];
  if (status === undefined) throw malformed("it has no HTTP/1.1 status line");
  return { status: Number(status), minor: Number(minor) };
}

function malformed(what: string): ProviderError {
  return new ProviderError("RESPONSE_MALFORMED", `The response is refused: ${what}`);
}
