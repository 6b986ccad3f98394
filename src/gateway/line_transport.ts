/**
 * MCP over streams of lines: one JSON-RPC message a line, as in the stdio transport of MCP.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport"
import type { Transport } from "npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import {
  type JSONRPCMessage,
  JSONRPCMessageSchema,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { byteLines } from "../../providers/mcp/message_lines.ts";
import { InexactNumberError, parseExactJson } from "../agent/exact_json.ts";
import { ProviderError } from "../worker/provider_error.ts";

/** Most bytes of a message; a longer one ends the connection. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
// https://www.jsonrpc.org/specification#error_object
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;
const SPACE = 0x20;
/** What is no UTF-8 would become another text. */
const STRICT = new TextDecoder("utf-8", { fatal: true });

/** A server's side of a connection over two streams. */
export class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #input: ReadableStream<Uint8Array>;
  readonly #output: WritableStreamDefaultWriter<Uint8Array>;
  #isClosed = false;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
  #end = () => {};

  /** Takes over both streams. */
  constructor(input: ReadableStream<Uint8Array>, output: WritableStream<Uint8Array>) {
    this.#input = input;
    this.#output = output.getWriter();
    this.ended = new Promise((resolve) => this.#end = resolve);
  }

  start(): Promise<void> {
    this.#read();
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) return;
    await this.#output.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.onclose?.();
      this.#end();
    }
    return Promise.resolve();
  }

  async #read(): Promise<void> {
    try {
      for await (const line of byteLines(this.#input, MAX_MESSAGE_BYTES)) {
        if (line.some((byte) => byte > SPACE)) await this.#receive(line);
      }
    } catch (error) {
      if (error instanceof ProviderError) {
        await this.#refuse(null, INVALID_REQUEST, `more than ${MAX_MESSAGE_BYTES} bytes`);
      }
      this.onerror?.(error instanceof Error ? error : new Error(String(error)));
    }
    await this.close();
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    let line = "";
    let value: unknown;
    try {
      line = STRICT.decode(bytes);
      value = parseExactJson(line);
    } catch (error) {
      // INVARIANT: a number that would be another one never reaches an action.
      return error instanceof InexactNumberError
        ? await this.#refuse(idIn(line), INVALID_PARAMS, error.message)
        : await this.#refuse(null, PARSE_ERROR, "the message is not JSON");
    }
    const parsed = JSONRPCMessageSchema.safeParse(value);
    if (parsed.success) this.onmessage?.(parsed.data);
    else await this.#refuse(idOf(value), INVALID_REQUEST, "the message is not JSON-RPC 2.0");
  }

  async #refuse(id: string | number | null, code: number, message: string): Promise<void> {
    const refusal = { jsonrpc: "2.0", id, error: { code, message } };
    await this.#output.write(new TextEncoder().encode(`${JSON.stringify(refusal)}\n`));
  }
}

function idIn(line: string): string | number | null {
  try {
    return idOf(JSON.parse(line));
  } catch {
    return null; // Too deeply nested to be read.
  }
}

function idOf(value: unknown): string | number | null {
  const { id } = Object(value) as { readonly id?: unknown };
  // A number that was changed would be the id of another message.
  return typeof id === "string" || Number.isSafeInteger(id) ? id as string | number : null;
}
