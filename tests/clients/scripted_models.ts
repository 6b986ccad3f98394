/**
 * A model on loopback that plays a list of calls, in the protocols that coding agents speak.
 *
 * @module
 */

/** One call that the model makes. */
export interface ScriptedCall {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Of Codex: under which name it has the tools of an MCP server. */
  readonly namespace?: string;
}

/** What the model was sent: which tools it has, and what its calls gave. */
export interface SeenRequest {
  readonly tools: readonly string[];
  /** Texts of the results so far, as the agent tells them. */
  readonly results: readonly string[];
}

// deno-lint-ignore no-explicit-any -- bodies of other people's protocols, of which a few members are looked at
type Body = any;

/** Plays one call after the other, then says "finished". It keeps no state: where it is, follows from the history. */
export class ScriptedAgentModel implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #calls: readonly ScriptedCall[];
  #serial = 0;

  constructor(calls: readonly ScriptedCall[]) {
    this.#calls = calls;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  get baseURL(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The results of all calls, from the last request that had them. */
  get results(): readonly string[] {
    return this.seen.toSorted((a, b) => a.results.length - b.results.length).at(-1)?.results ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const text = await request.text();
    const body: Body = text === "" ? {} : JSON.parse(text);
    if (pathname.endsWith("/count_tokens")) return Response.json({ input_tokens: 10 });
    if (pathname.endsWith(":countTokens")) return Response.json({ totalTokens: 10 });
    if (pathname.endsWith("/messages")) return this.#messages(body);
    if (pathname.endsWith("/responses")) return this.#responses(body);
    if (pathname.endsWith("/chat/completions")) return this.#chat(body);
    if (pathname.endsWith("/models")) {
      return Response.json({ object: "list", data: [{ id: "scripted", object: "model" }] });
    }
    if (/:(stream)?generateContent$/i.test(pathname)) {
      return this.#generate(body, pathname.includes(":stream"));
    }
    return Response.json({ error: { message: "not scripted" } }, { status: 404 });
  }

  /** The next call; `undefined` after the last one, and for requests without tools, like that for a title. */
  #next(seen: SeenRequest): (ScriptedCall & { readonly id: string }) | undefined {
    if (seen.tools.length === 0) return undefined;
    this.seen.push(seen);
    const call = this.#calls[seen.results.length];
    return call && { ...call, id: `call_${++this.#serial}` };
  }

  /** Anthropic Messages, streamed or not: Claude Code. */
  #messages(body: Body): Response {
    const blocks: Body[] = body.messages.flatMap((message: Body) =>
      Array.isArray(message.content) ? message.content : []
    );
    const call = this.#next({
      tools: (body.tools ?? []).map(({ name }: Body) => name),
      results: blocks.filter(({ type }) => type === "tool_result").map(({ content }) =>
        textOf(content)
      ),
    });
    const block = call === undefined
      ? { type: "text", text: "finished" }
      : { type: "tool_use", id: call.id, name: call.tool, input: call.input };
    const stop_reason = call === undefined ? "end_turn" : "tool_use";
    const usage = { input_tokens: 10, output_tokens: 5 };
    const message = {
      ...{ id: `msg_${++this.#serial}`, type: "message", role: "assistant", model: body.model },
      ...{ usage, stop_sequence: null },
    };
    if (!body.stream) return Response.json({ ...message, content: [block], stop_reason });
    const delta = call === undefined
      ? { type: "text_delta", text: "finished" }
      : { type: "input_json_delta", partial_json: JSON.stringify(call.input) };
    const start = call === undefined ? { ...block, text: "" } : { ...block, input: {} };
    return events([
      { type: "message_start", message: { ...message, content: [], stop_reason: null } },
      { type: "content_block_start", index: 0, content_block: start },
      { type: "content_block_delta", index: 0, delta },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage },
      { type: "message_stop" },
    ]);
  }

  /** OpenAI Responses, streamed: Codex. */
  #responses(body: Body): Response {
    const input: Body[] = Array.isArray(body.input) ? body.input : [];
    const call = this.#next({
      tools: (body.tools ?? []).map(({ name, type }: Body) => name ?? type),
      results: input.filter(({ type }) => /_call_output$/.test(type ?? "")).map(({ output }) =>
        textOf(output)
      ),
    });
    const id = `item_${++this.#serial}`;
    const item = call === undefined
      ? {
        ...{ type: "message", id, role: "assistant", status: "completed" },
        content: [{ type: "output_text", text: "finished", annotations: [] }],
      }
      : typeof call.input["freeform"] === "string"
      ? {
        ...{ type: "custom_tool_call", id, call_id: call.id, name: call.tool },
        ...{ input: call.input["freeform"], status: "completed" },
      }
      : {
        ...{ type: "function_call", id, call_id: call.id, name: call.tool, status: "completed" },
        arguments: JSON.stringify(call.input),
        ...call.namespace === undefined ? {} : { namespace: call.namespace },
      };
    const response = { id: `resp_${++this.#serial}`, object: "response", model: body.model };
    const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
    return events([
      { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
      { type: "response.output_item.added", output_index: 0, item },
      { type: "response.output_item.done", output_index: 0, item },
      {
        type: "response.completed",
        response: { ...response, status: "completed", output: [item], usage },
      },
    ]);
  }

  /** OpenAI Chat Completions, streamed or not: Qwen Code, Copilot CLI, opencode. */
  #chat(body: Body): Response {
    const call = this.#next({
      tools: (body.tools ?? []).map((tool: Body) => tool.function?.name),
      results: body.messages.filter(({ role }: Body) => role === "tool").map((message: Body) =>
        textOf(message.content)
      ),
    });
    const toolCalls = call && [{
      ...{ index: 0, id: call.id, type: "function" },
      function: { name: call.tool, arguments: JSON.stringify(call.input) },
    }];
    const message = {
      ...{ role: "assistant", content: call === undefined ? "finished" : null },
      ...toolCalls && { tool_calls: toolCalls },
    };
    const finish_reason = call === undefined ? "stop" : "tool_calls";
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
    const base = { id: `chat_${++this.#serial}`, model: body.model, created: 0 };
    if (!body.stream) {
      const choices = [{ index: 0, message, finish_reason }];
      return Response.json({ ...base, object: "chat.completion", choices, usage });
    }
    const chunk = { ...base, object: "chat.completion.chunk" };
    return events([
      { ...chunk, choices: [{ index: 0, delta: message, finish_reason: null }] },
      { ...chunk, choices: [{ index: 0, delta: {}, finish_reason }], usage },
    ], "data: [DONE]\n\n");
  }

  /** Gemini's generateContent, streamed or not. */
  #generate(body: Body, isStreamed: boolean): Response {
    const parts: Body[] = (body.contents ?? []).flatMap((content: Body) => content.parts ?? []);
    const call = this.#next({
      tools: (body.tools ?? []).flatMap(({ functionDeclarations = [] }: Body) =>
        functionDeclarations.map(({ name }: Body) => name)
      ),
      results: parts.filter((part) => part.functionResponse !== undefined).map((part) =>
        JSON.stringify(part.functionResponse.response)
      ),
    });
    const part = call === undefined
      ? { text: "finished" }
      : { functionCall: { id: call.id, name: call.tool, args: call.input } };
    const answer = {
      candidates: [{ content: { role: "model", parts: [part] }, finishReason: "STOP", index: 0 }],
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
    };
    return isStreamed ? events([answer]) : Response.json(answer);
  }
}

/** Server-sent events; those with a type are named by it. */
function events(list: readonly Readonly<Record<string, unknown>>[], end = ""): Response {
  const text = list.map((data) =>
    `${typeof data["type"] === "string" ? `event: ${data["type"]}\n` : ""}data: ${
      JSON.stringify(data)
    }\n\n`
  );
  return new Response(text.join("") + end, { headers: { "content-type": "text/event-stream" } });
}

function textOf(content: Body): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map(({ text = "" }) => text).join("\n") : "";
}
