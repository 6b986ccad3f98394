/**
 * MCP over the standard input and output of a program.
 *
 * The SDK's own transport wants permission for the environment, and hands a good part of it on.
 *
 * @module
 */
// @ts-types="@modelcontextprotocol/sdk/shared/transport"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import { type JSONRPCMessage, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import { ProviderError } from "../../src/worker/provider_error.ts";
import type { Credentials } from "./credentials.ts";
import { messageLines } from "./message_lines.ts";
import type { ProgramConfig } from "./server_options.ts";
import { TextTail } from "./text_tail.ts";

/** What a program may say before its first message: banners of package runners, for example. */
const MAX_BANNER_LINES = 20;
/** How much may wait to be read by a server that asks and does not listen. */
const MAX_PENDING_REPLIES = 1024 * 1024;
/** How much is shown of a line that is no message. */
const MAX_SHOWN_LINE = 200;
/** How long the output of a program that has ended may be held open by others. */
const LINGER_MS = 250;

/** What a transport is made with. */
export interface StdioOptions {
  /** The most that a message may hold. */
  readonly maxMessageBytes: number;
  /** What is not shown of what it says. */
  readonly credentials: Credentials;
  /** Told why it is over, before `onclose`. */
  readonly onFailure: (error: ProviderError) => void;
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
    const { command, args, env, cwd } = this.#config;
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
    const drained = this.#stderr.drain(this.#child.stderr);
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
    try {
      await this.#input.write(bytes);
    } catch {
      // Why it ended is told by its status.
      if (!this.#closed) await this.#child?.status;
    } finally {
      this.#pendingBytes -= bytes.length;
    }
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    // The end of its input also reaches what the program has started, which the signal does not.
    this.#input?.abort().catch(() => {/* expected: it may have ended already */});
    try {
      this.#child?.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    this.onclose?.();
    return Promise.resolve();
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
      message = JSONRPCMessageSchema.parse(JSON.parse(line));
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
    // Output without an end, or an end of output without one of the program: both are over.
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
