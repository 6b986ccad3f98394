import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AgentLoop,
  type ModelDelta,
  ModelError,
  MODELS,
  openAiClient,
  type OpenAiClientOptions,
  resolveModel,
} from "../../src/agent/mod.ts";
import { ScriptedModel, type ScriptStep } from "../../src/testing/mod.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { CountedGate, play } from "./counted_gate.ts";

const KEY = "sk-very-secret-0123456789";

async function ask(
  name: string,
  options: OpenAiClientOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<ModelDelta[]> {
  const deltas: ModelDelta[] = [];
  const messages = [{ role: "user", content: "Hi" }] as const;
  const answer = openAiClient(name, options).ask({ messages, tools: [], signal });
  for await (const delta of answer) deltas.push(delta);
  return deltas;
}

async function failureOf(asking: Promise<unknown>): Promise<ModelError> {
  try {
    await asking;
  } catch (error) {
    assert(error instanceof ModelError, String(error));
    return error;
  }
  throw new Error("It did not fail");
}

Deno.test("resolveModel() finds the host of a prefix; a bare name is OpenAI's", () => {
  for (
    const [name, prefix, model] of [
      ["gpt-5", "openai", "gpt-5"],
      ["openai/gpt-5", "openai", "gpt-5"],
      ["anthropic/claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"],
      ["openrouter/qwen/qwen3-coder:free", "openrouter", "qwen/qwen3-coder:free"],
      ["ollama/llama3", "ollama", "llama3"],
    ] as const
  ) {
    const resolved = resolveModel(name);
    assertEquals(resolved, { name, model, host: MODELS[prefix] ?? {} });
  }
});

Deno.test("resolveModel() refuses a prefix without a host, and names those that there are", () => {
  for (const name of ["nowhere/x", "constructor/x", "__proto__/x", "openai/", ""]) {
    assertThrows(() => resolveModel(name), RangeError, "anthropic, gemini, azure");
  }
  const models = { ...MODELS, mine: { baseURL: "http://127.0.0.1:1/v1" } };
  assertEquals(resolveModel("mine/x", models).host.baseURL, "http://127.0.0.1:1/v1");
});

Deno.test("each host has an address or says where it comes from, and a key unless it needs none", () => {
  assertEquals(
    Object.keys(MODELS).sort().join(" "),
    [
      "anthropic azure deepseek gemini groq litellm lmstudio mistral",
      "ollama openai openrouter together vllm xai",
    ].join(" "),
  );
  for (const [name, { baseURL, baseURLFrom, key }] of Object.entries(MODELS)) {
    assertEquals(baseURL === undefined, baseURLFrom !== undefined, name);
    const url = new URL(baseURL ?? "https://example.com");
    assert(url.protocol === "https:" || url.hostname === "127.0.0.1", name);
    assert(key !== undefined || url.hostname === "127.0.0.1", name);
  }
});

Deno.test("a key that is missing is said by the name of its variable", () => {
  Deno.env.delete("GROQ_API_KEY");
  const error = assertThrows(() => openAiClient("groq/x"), ModelError);
  assertEquals(error.code, "KEY_MISSING");
  assert(error.message.includes("--allow-env=GROQ_API_KEY"), error.message);
  openAiClient("ollama/x");
  openAiClient("vllm/x");
});

/** What a host says, and what the error says. */
const FAILURES: readonly (readonly [string, ScriptStep, string, RegExp])[] = [
  ["401", { status: 401, error: `Incorrect key ${KEY}` }, "KEY_REFUSED", /check OPENAI_API_KEY$/],
  ["403", { status: 403, error: `Not for ${KEY}` }, "KEY_REFUSED", /\(403\).*Not for \[key\]$/],
  ["404", { status: 404, error: "No model x" }, "MODEL_UNKNOWN", /\(404\): No model x$/],
  ["400", { status: 400, error: "Too long" }, "REQUEST_REFUSED", /\(400\): Too long$/],
  ["422 with another body", { status: 422, body: "<html>" }, "REQUEST_REFUSED", /\(422\)/],
  ["429", { status: 429, error: "Slow down" }, "RATE_LIMITED", /\(429\): Slow down$/],
  [
    "a redirect",
    {
      status: 307,
      headers: { location: "http://127.0.0.1:1/" },
      body: "",
    },
    "REQUEST_REFUSED",
    /redirects/,
  ],
  ["no JSON", { body: "data: {oops\n\n" }, "RESPONSE_INVALID", /not the form/],
  [
    "bytes that are not UTF-8",
    { body: [100, 97, 116, 97, 58, 32, 0xff, 0xfe, 10, 10] }, //
    "RESPONSE_INVALID",
    /not UTF-8/,
  ],
];
for (const [what, step, code, message] of FAILURES) {
  for (const stream of [true, false]) {
    if (what === "no JSON" && !stream) continue;
    Deno.test(`${what} is a ${code} (${stream ? "streamed" : "whole"}), without the key`, async () => {
      await using model = ScriptedModel.start([step]);
      const error = await failureOf(
        ask("openai/x", { baseURL: model.baseURL, apiKey: KEY, stream }),
      );
      assertEquals(error.code, code, error.message);
      assert(message.test(error.message), error.message);
      assertEquals(Deno.inspect(error, { depth: 20, showHidden: true }).includes(KEY), false);
    });
  }
}

Deno.test("a control character in a host's words does not get into the error", async () => {
  await using model = ScriptedModel.start([{ status: 400, error: "a\u001b[31m\nb" }]);
  const error = await failureOf(ask("openai/x", { baseURL: model.baseURL, apiKey: KEY }));
  // deno-lint-ignore no-control-regex -- that is the point
  assertEquals(/[\u0000-\u001f]/.test(error.message), false);
});

Deno.test("a host that cannot be reached is UNREACHABLE, with its address", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await failureOf(
    ask("openai/x", { baseURL: `http://127.0.0.1:${port}/v1`, apiKey: KEY }),
  );
  assertEquals(error.code, "UNREACHABLE");
  assert(error.message.startsWith(`Cannot ask "openai/x" at 127.0.0.1:${port}: no connection`));
});

Deno.test("a host that falls silent is UNREACHABLE", async () => {
  await using model = ScriptedModel.start([{ text: "Some text", hang: true, cutAfter: 450 }]);
  let ring = () => {};
  const error = await failureOf(
    (async () => {
      const client = openAiClient("openai/x", {
        baseURL: model.baseURL,
        apiKey: KEY,
        timeoutMs: 1234,
        timer: {
          now: () => 0,
          schedule(callback, ms) {
            assertEquals(ms, 1234);
            ring = callback;
            return () => {};
          },
        },
      });
      const { signal } = new AbortController();
      const messages = [{ role: "user", content: "Hi" }] as const;
      for await (const _ of client.ask({ messages, tools: [], signal })) ring();
    })(),
  );
  assertEquals(error.code, "UNREACHABLE");
  assert(error.message.includes("silent for 1234 ms"), error.message);
});

Deno.test("an answer beyond the bound is RESPONSE_INVALID", async () => {
  await using model = ScriptedModel.start([{ text: "x".repeat(10_000) }], { whenOver: "repeat" });
  const options = { baseURL: model.baseURL, apiKey: KEY, stream: false };
  const error = await failureOf(ask("openai/x", { ...options, maxResponseBytes: 5000 }));
  assertEquals(error.code, "RESPONSE_INVALID");
  assertEquals((await ask("openai/x", { ...options, maxResponseBytes: 20_000 })).length > 0, true);
});

Deno.test("a request holds what the host understands", async () => {
  await using model = ScriptedModel.start([{ text: "Hi" }], { whenOver: "repeat" });
  const base = { baseURL: model.baseURL, apiKey: KEY, maxOutputTokens: 99 };
  await ask("openai/x", { ...base, parameters: { temperature: 0, model: "not this" } });
  await ask("mistral/x", base);
  await ask("anthropic/x", { ...base, stream: false });
  await ask("azure/x", { ...base, query: { "api-version": "2024-10-21" } });
  await ask("ollama/x", { baseURL: model.baseURL });
  const seen = model.requests.map(({ path, headers, body }) => ({
    path,
    key: [headers.authorization, headers["api-key"]],
    body: { ...body, messages: undefined },
  }));
  const stream_options = { include_usage: true };
  assertEquals(JSON.parse(JSON.stringify(seen)), [
    {
      path: "/v1/chat/completions",
      key: [`Bearer ${KEY}`, null],
      body: { temperature: 0, model: "x", max_completion_tokens: 99, stream: true, stream_options },
    },
    {
      path: "/v1/chat/completions",
      key: [`Bearer ${KEY}`, null],
      body: { model: "x", max_tokens: 99, stream: true },
    },
    {
      path: "/v1/chat/completions",
      key: [`Bearer ${KEY}`, null],
      body: { model: "x", max_tokens: 99, stream: false },
    },
    {
      path: "/v1/chat/completions?api-version=2024-10-21",
      key: [null, KEY],
      body: { model: "x", max_completion_tokens: 99, stream: true, stream_options },
    },
    {
      path: "/v1/chat/completions",
      key: [null, null],
      body: { model: "x", stream: true, stream_options },
    },
  ]);
});

Deno.test("the address and the key of azure come from its variables", async () => {
  await using model = ScriptedModel.start([{ text: "Hi" }]);
  Deno.env.set("AZURE_OPENAI_ENDPOINT", new URL(model.baseURL).origin + "/");
  Deno.env.set("AZURE_OPENAI_API_KEY", KEY);
  try {
    await ask("azure/deployed", {});
  } finally {
    Deno.env.delete("AZURE_OPENAI_ENDPOINT");
    Deno.env.delete("AZURE_OPENAI_API_KEY");
  }
  const [request] = model.requests;
  assertEquals([request?.path, request?.headers["api-key"]], ["/openai/v1/chat/completions", KEY]);
  assertEquals(assertThrows(() => openAiClient("azure/deployed"), ModelError).code, "KEY_MISSING");
});

Deno.test("what a host adds to a call goes back to it", async () => {
  await using gate = await CountedGate.open();
  const extra_content = { google: { thought_signature: "c2ln" } };
  const chunk = {
    choices: [{
      index: 0,
      delta: {
        tool_calls: [{
          id: "call_1",
          type: "function",
          function: { name: "get", arguments: '{"key":"open/a"}' },
          extra_content,
        }],
      },
      finish_reason: "stop",
    }],
  };
  const { requests, loop } = await play(gate, [
    { body: `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n` },
    { text: "Done" },
  ]);
  const [call] = requests.at(-1)?.body.messages.at(-2)?.tool_calls ?? [];
  assertEquals((call as { extra_content?: unknown }).extra_content, extra_content);
  const again = new AgentLoop({
    kernel: gate.kernel,
    model: "ollama/x",
    conversation: JSON.parse(JSON.stringify(loop)),
  });
  assertEquals(again.messages, loop.messages);
});

const PROGRAM = `
import { openAiClient } from "@agent-kernel/kernel/agent";
const [baseURL] = Deno.args;
const { signal } = new AbortController();
try {
  const client = openAiClient("groq/x", baseURL === undefined ? {} : { baseURL });
  for await (const delta of client.ask({ messages: [{ role: "user", content: "Hi" }], tools: [], signal })) {
    if (delta.type === "text") console.log(delta.text);
  }
} catch (error) {
  console.log(error.code, error.message);
}
`;

function runProgram(flags: readonly string[], args: readonly string[]): Promise<string> {
  using ws = new Workspace();
  const program = ws.file("program.ts", PROGRAM);
  const { stdout, stderr } = new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", `--config=${ROOT}/deno.json`, ...flags, program, ...args],
    env: { GROQ_API_KEY: KEY, OPENAI_API_KEY: "other", NO_COLOR: "1" },
  }).outputSync();
  return Promise.resolve(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}

Deno.test("a client needs the name of its key and the address of its host, and nothing more", async () => {
  const server = new Deno.Command("deno", {
    args: [
      "run",
      "-q",
      "--no-prompt",
      `--config=${ROOT}/deno.json`,
      "--allow-net=127.0.0.1",
      `${ROOT}/tests/agent/model_server.ts`,
    ],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const baseURL = ((await reader.read()).value ?? "").trim();
    const net = `--allow-net=${new URL(baseURL).host}`;
    const env = "--allow-env=GROQ_API_KEY";
    assertEquals((await runProgram([net, env], [baseURL])).trim(), "Hello!");
    const unconnected = await runProgram([env], [baseURL]);
    assert(unconnected.startsWith("NOT_PERMITTED"), unconnected);
    assert(unconnected.includes(`start it with ${net}`), unconnected);
    const keyless = await runProgram([net], []);
    assert(keyless.startsWith("KEY_MISSING"), keyless);
  } finally {
    server.kill();
    await reader.cancel();
    await server.status;
  }
});
