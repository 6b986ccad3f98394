/**
 * A server that answers as a model does, by a script.
 *
 * @module
 */
import { problemOfRequest } from "./chat_request.ts";
import type { ChatRequest, ScriptedRequest, ScriptStep } from "./script.ts";
import { bytesOfTurn, type Scripted } from "./scripted_answer.ts";

/** Options of {@linkcode ScriptedModel.start}. */
export interface ScriptedModelOptions {
  /** Values for `{{name}}` in the script. @default {} */
  readonly variables?: Readonly<Record<string, string>>;
  /** After the last turn: an error 400, or the last turn again. @default "error" */
  readonly whenOver?: "error" | "repeat";
  /** The only accepted key; the error for another one repeats it, as some hosts do. @default any */
  readonly apiKey?: string;
  /** The only models that exist. @default any */
  readonly models?: readonly string[];
  /** Port on 127.0.0.1. @default a free one */
  readonly port?: number;
}

/**
 * A server with OpenAI's chat completions on 127.0.0.1. It answers by a script, streamed or not, and
 * keeps the requests. Like real hosts it refuses malformed conversations, for example a tool call
 * without a result. It needs `--allow-net=127.0.0.1`.
 *
 * @example
 * ```ts
 * import { ScriptedModel } from "@agent-kernel/kernel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using model = ScriptedModel.start([{ text: "Hello, {{who}}!" }], {
 *   variables: { who: "kernel" },
 * });
 * const response = await fetch(`${model.baseURL}/chat/completions`, {
 *   method: "POST",
 *   body: JSON.stringify({ model: "any", messages: [{ role: "user", content: "Hi" }] }),
 * });
 * const { choices } = await response.json();
 * assertEquals(choices[0].message.content, "Hello, kernel!");
 * assertEquals(model.requests.length, 1);
 * ```
 */
export class ScriptedModel implements AsyncDisposable {
  /** The `baseURL` for clients. */
  readonly baseURL: string;
  /** All requests so far. */
  readonly requests: readonly ScriptedRequest[];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #hanging: Set<() => void>;

  private constructor(
    server: Deno.HttpServer<Deno.NetAddr>,
    requests: ScriptedRequest[],
    hanging: Set<() => void>,
  ) {
    this.#server = server;
    this.#hanging = hanging;
    this.requests = requests;
    this.baseURL = `http://127.0.0.1:${server.addr.port}/v1`;
  }

  /**
   * Starts a server.
   *
   * @param script The turns, one for each request.
   * @param options Variables, and what the server accepts.
   * @returns The server, to be closed.
   */
  static start(
    script: readonly ScriptStep[],
    options: ScriptedModelOptions = {},
  ): ScriptedModel {
    const requests: ScriptedRequest[] = [];
    const hanging = new Set<() => void>();
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: options.port ?? 0, onListen: () => {} },
      async (request) => {
        const { pathname, search } = new URL(request.url);
        const { models, apiKey } = options;
        const authorization = request.headers.get("authorization") ??
          request.headers.get("api-key") ?? "";
        if (apiKey !== undefined && !authorization.endsWith(apiKey)) {
          await request.body?.cancel();
          return refusal(401, `Incorrect API key provided: ${authorization}`);
        }
        if (pathname.endsWith("/models")) {
          const data = (models ?? ["scripted"]).map((id) => ({ id, object: "model" }));
          return Response.json({ object: "list", data });
        }
        if (request.method !== "POST" || !pathname.endsWith("/chat/completions")) {
          await request.body?.cancel();
          return refusal(404, `Unknown request: ${request.method} ${pathname}`);
        }
        const body: unknown = await request.json().catch(() => undefined);
        const problem = problemOfRequest(body);
        if (problem !== undefined) return refusal(400, problem);
        const received: ScriptedRequest = {
          path: pathname + search,
          headers: Object.fromEntries(request.headers),
          body: body as ChatRequest,
        };
        const { model = "" } = received.body;
        if (models !== undefined && !models.includes(model)) {
          return refusal(404, `The model '${model}' does not exist`);
        }
        const position = requests.push(received) - 1;
        const step = script[position] ??
          (options.whenOver === "repeat" ? script.at(-1) : undefined);
        if (step === undefined) {
          return refusal(400, `The script is over after ${script.length} turns`);
        }
        const turn = typeof step === "function" ? step(received) : step;
        return respond(bytesOfTurn(turn, received, position, options.variables ?? {}), hanging);
      },
    );
    return new ScriptedModel(server, requests, hanging);
  }

  /** Stops the server, and ends the answers that hang. */
  async close(): Promise<void> {
    for (const release of this.#hanging) release();
    await this.#server.shutdown();
  }

  /** Calls {@linkcode ScriptedModel.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function refusal(status: number, message: string): Response {
  return Response.json({ error: { message, type: "invalid_request_error" } }, { status });
}

function respond(
  { bytes, status, headers, cutAfter, hang }: Scripted,
  hanging: Set<() => void>,
): Response {
  if (cutAfter === undefined && !hang) return new Response(bytes, { status, headers });
  let sent = false;
  let release = () => {};
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!sent) {
        sent = true;
        controller.enqueue(bytes.slice(0, cutAfter));
        return;
      }
      if (hang) {
        await new Promise<void>((resolve) => {
          release = resolve;
          hanging.add(release);
        });
      }
      controller.close();
    },
    cancel() {
      hanging.delete(release);
      release();
    },
  });
  // A body that is shorter than announced has the server break the connection.
  const announced: Record<string, string> = hang ? {} : { "content-length": `${bytes.length}` };
  return new Response(body, { status, headers: { ...headers, ...announced } });
}
