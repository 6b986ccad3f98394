/**
 * MCP over the standard input and output of a program.
 *
 * The SDK's own transport needs permission for the environment, and hands a part of it on.
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
import { messageOf } from "../../src/core/errors.ts";
import { joinedBytes } from "../../src/joined_bytes.ts";
import { ProviderError } from "../../src/worker/provider_error.ts";
import type { Credentials } from "./credentials.ts";
import { markLargeNumbers } from "./exact_numbers.ts";
import { messageLines } from "./message_lines.ts";
import { inPidNamespace } from "./pid_namespace.ts";
import type { ProgramConfig } from "./server_options.ts";
import { TextTail } from "./text_tail.ts";

/** Most lines before the first message that are no messages, such as banners of package runners. */
const MAX_BANNER_LINES = 20;
/** Most bytes of answers that wait for a server that sends requests and does not read. */
const MAX_PENDING_REPLIES = 1024 * 1024;
/** Most characters that are shown of a line that is no message. */
const MAX_SHOWN_LINE = 200;
/** How long others may hold the output of an ended program open, in milliseconds. */
const LINGER_MS = 250;
/** How long a program that was asked to end may take, in milliseconds. */
const END_MS = 2_000;

/** What a transport is made with. */
export interface StdioOptions {
  /** Most bytes of a message. */
  readonly maxMessageBytes: number;
  /** Values that are not shown. */
  readonly credentials: Credentials;
  /** The program that starts it in a PID namespace; none: it is started as it is. */
  readonly bubblewrap?: string | undefined;
  /** Called with the reason before `onclose`. */
  readonly onFailure: (error: ProviderError) => void;
  /** Gets what the program writes to standard error, line by line, without its credentials. @default nobody */
  readonly onStderr?: (text: string) => void;
  /** Called when the program has ended. @default nobody */
  readonly onEnd?: (status: { readonly code: number; readonly signal: string | null }) => void;
}

/** Starts a program and exchanges messages with it, one a line. */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #config: ProgramConfig;
  readonly #options: StdioOptions;
  readonly #stderr: TextTail;
  #child: Deno.ChildProcess | undefined;
  #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** Messages for which the write that is under way came too early. */
  #waiting: Uint8Array[] = [];
  /** The write that will take them. */
  #next: Promise<void> | undefined;
  #pendingBytes = 0;
  #bannerLines = 0;
  #heard = false;
  #closed = false;

  constructor(config: ProgramConfig, options: StdioOptions) {
    this.#config = config;
    this.#options = options;
    this.#stderr = new TextTail(options.credentials);
  }

  /** The end of what the program wrote to standard error, without its credentials. */
  get stderrTail(): string {
    return this.#stderr.text;
  }

  start(): Promise<void> {
    const { env, cwd } = this.#config;
    const { command, args } = this.#options.bubblewrap === undefined
      ? this.#config
      : inPidNamespace(this.#options.bubblewrap, this.#config);
    this.#child = new Deno.Command(command, {
      args: [...args],
      ...(cwd === undefined ? {} : { cwd }),
      clearEnv: true,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    const read = this.#read(this.#child.stdout);
    const drained = this.#stderr.drain(this.#child.stderr, this.#options.onStderr);
    this.#child.status.then(({ code, signal }) => this.#options.onEnd?.({ code, signal }));
    this.#watch(this.#child.status, read, drained);
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#input === undefined || this.#closed) throw new Error("The connection is closed");
    const bytes = new TextEncoder().encode(`${JSON.stringify(message)}\n`);
    if (!("method" in message) && this.#pendingBytes + bytes.length > MAX_PENDING_REPLIES) {
      return this.#fail("PROTOCOL_ERROR", "It asks, and does not read the answers");
    }
    this.#pendingBytes += bytes.length;
    this.#waiting.push(bytes);
    try {
      await (this.#next ??= this.#writeWaiting(this.#input));
    } catch {
      // Its status says why it ended.
      if (!this.#closed) await this.#child?.status;
    } finally {
      this.#pendingBytes -= bytes.length;
    }
  }

  /** One write for all messages that have come by then: each write may wake the program. */
  async #writeWaiting(input: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
    try {
      await input.ready; // When the write that is under way has ended.
    } finally {
      this.#next = undefined;
    }
    const bytes = joinedBytes(this.#waiting);
    this.#waiting = [];
    await input.write(bytes);
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    // Without a PID namespace the signal ends only the program. The end of its input also reaches
    // what the program has started.
    this.#input?.abort().catch(() => {/* expected: it may have ended already */});
    try {
      this.#child?.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    this.onclose?.();
    return Promise.resolve();
  }

  /**
   * Asks the program to end, as MCP wants it: its input is closed. In a PID namespace a signal would end it at once,
   * so it gets none there.
   */
  async end(signal: Deno.Signal | null): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.#closed) return;
    this.#input?.close().catch(() => {/* expected: it may have ended already */});
    if (signal !== null && this.#options.bubblewrap === undefined) {
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    }
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, END_MS);
    await Promise.race([child.status, late]);
    clearTimeout(timer);
    await this.close();
  }

  async #read(stdout: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const line of messageLines(stdout, this.#options.maxMessageBytes)) {
        if (this.#closed) return;
        if (line.trim() !== "") this.#receive(line);
      }
    } catch (error) {
      if (error instanceof ProviderError) this.#fail(error.code, error.message);
      else this.#fail("SERVER_DIED", `Its output could not be read: ${messageOf(error)}`);
    }
  }

  #receive(line: string): void {
    let message: JSONRPCMessage;
    try {
      const value = JSON.parse(markLargeNumbers(line));
      message = isResult(value) ? value : JSONRPCMessageSchema.parse(value);
    } catch {
      const banner = !this.#heard && !line.startsWith("{");
      if (banner && this.#bannerLines++ < MAX_BANNER_LINES) return;
      const shown = this.#options.credentials.conceal(line).slice(0, MAX_SHOWN_LINE);
      return this.#fail("PROTOCOL_ERROR", `It sent what is no message: "${shown}"`);
    }
    this.#heard = true;
    this.onmessage?.(message);
  }

  async #watch(
    status: Promise<Deno.CommandStatus>,
    read: Promise<void>,
    drained: Promise<void>,
  ): Promise<void> {
    // A program that has ended is over, and so is one that has closed its output.
    const ended = await Promise.race([status, read.then(() => undefined)]);
    const linger = new Promise<void>((resolve) => setTimeout(resolve, LINGER_MS));
    const known = ended ?? await Promise.race([status, linger]);
    await Promise.race([Promise.all([read, drained]), linger]);
    const how = !known
      ? "closed its output"
      : known.signal !== null
      ? `ended by ${known.signal}`
      : `ended with exit code ${known.code}`;
    this.#fail("SERVER_DIED", `It ${how}`);
  }

  #fail(code: string, why: string): void {
    if (this.#closed) return;
    this.#options.onFailure(new ProviderError(code, why));
    this.close();
  }
}

/** Of the form of nearly all messages; whose the result is, and what it holds, is for the SDK to check. */
function isResult(value: unknown): value is JSONRPCMessage {
  const { jsonrpc, id, result, ...more } = Object(value) as Readonly<Record<string, unknown>>;
  return jsonrpc === "2.0" && Number.isSafeInteger(id) && Object.keys(more).length === 0 &&
    result !== null && typeof result === "object" && !Array.isArray(result) && !("_meta" in result);
}
