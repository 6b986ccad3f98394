import { assert, assertEquals } from "@std/assert";
import { ModelError, openAiClient } from "../../src/agent/mod.ts";
import { hostMessage } from "../../src/agent/host_message.ts";
import { ScriptedModel, type ScriptedTurn } from "../../src/testing/mod.ts";
import { CountedGate, play } from "./counted_gate.ts";

const KEY = "sk-very-secret-0123456789";

/** Bodies of errors, and the words in them. */
const BODIES: readonly (readonly [what: string, body: unknown, words: string])[] = [
  ["OpenAI", { error: { message: "Too long", type: "x", code: null } }, "Too long"],
  [
    "Gemini",
    [{ error: { code: 400, message: "API key expired. Please renew the API key." } }],
    "API key expired. Please renew the API key.",
  ],
  ["Mistral", {
    object: "error",
    message: {
      detail: [{
        type: "extra_forbidden",
        loc: ["body", "stream_options"],
        msg: "Extra inputs are not permitted",
      }],
    },
    type: "invalid_request_error",
  }, "body.stream_options: Extra inputs are not permitted"],
  ["vLLM", { object: "error", message: "No such model", code: 404 }, "No such model"],
  ["FastAPI", { detail: "Not Found" }, "Not Found"],
  [
    "FastAPI with a list",
    { detail: [{ loc: ["body", 0], msg: "Field required" }] },
    "body.0: Field required",
  ],
  ["Ollama", { error: "model 'x' not found" }, "model 'x' not found"],
  ["OpenRouter", {
    error: {
      message: "Provider returned error",
      code: 400,
      metadata: { raw: '{"error":{"message":"tools are not supported"}}', provider_name: "X" },
    },
  }, "Provider returned error: tools are not supported"],
  [
    "problem details",
    { type: "about:blank", title: "Forbidden", detail: "Not from here" },
    "Not from here",
  ],
  ["a list of errors", { errors: [{ message: "First" }, { message: "Second" }] }, "First"],
  ["plain text", "upstream timed out", "upstream timed out"],
  ["a page", "<html><head><title>413</title></head><body>Too large</body></html>", "413 Too large"],
  ["JSON as text", '{"error":{"message":"Too long"}}', "Too long"],
  ["nothing", {}, ""],
  ["null", null, ""],
  ["a number", 5, ""],
  ["an empty message", { error: { message: "", code: "x" } }, ""],
];
for (const [what, body, words] of BODIES) {
  Deno.test(`the words of an error are found in the form of ${what}`, () => {
    assertEquals(hostMessage(body), words);
  });
}

Deno.test("the words of an error are one short line without the key, control and bidi characters", () => {
  const words = hostMessage({
    error: { message: `a\u001b[31m\r\n\u202eb\u2028${KEY}${"x".repeat(999)}` },
  }, KEY);
  assert(words.startsWith("a [31m b [key]xxx"), words);
  assertEquals(words.length, 300);
  assertEquals(hostMessage({ error: { message: "plain" } }, ""), "plain");
});

Deno.test("the words of an error are found in bounded time and depth, whatever the body is", () => {
  let deep: unknown = "here";
  for (let i = 0; i < 5000; i++) deep = { error: deep };
  assertEquals(hostMessage(deep), "");
  assertEquals(hostMessage("<".repeat(1_000_000)).length, 300);
  assertEquals(hostMessage(`{"error":"${"x".repeat(1_000_000)}`).length, 300);
});

/** Answers that are errors: what the client says. */
const ANSWERS:
  readonly (readonly [what: string, turn: ScriptedTurn, code: string, message: RegExp])[] = [
    [
      "a list with status 400",
      {
        status: 400,
        body: '[{"error":{"message":"API key expired","status":"INVALID_ARGUMENT"}}]',
      },
      "REQUEST_REFUSED",
      /refused \(400\): API key expired$/,
    ],
    [
      "another form with status 422",
      {
        status: 422,
        body: '{"object":"error","message":{"detail":[{"loc":["body","n"],"msg":"Extra"}]}}',
      },
      "REQUEST_REFUSED",
      /refused \(422\): body\.n: Extra$/,
    ],
    [
      "text with status 503",
      { status: 503, body: "no healthy upstream" },
      "SERVER_FAILED",
      /failed \(503\): no healthy upstream$/,
    ],
    [
      "an error with status 200",
      {
        headers: { "content-type": "application/json" },
        body: '{"error":{"message":"this model has no tools"}}',
      },
      "REQUEST_REFUSED",
      /the request was refused: this model has no tools$/,
    ],
    [
      "a status in the body of status 200",
      {
        headers: { "content-type": "application/json" },
        body: '{"error":{"message":"Slow down","code":429}}',
      },
      "RATE_LIMITED",
      /\(429\): Slow down$/,
    ],
    [
      "a refused key in the body of status 200",
      {
        headers: { "content-type": "application/json" },
        body: `{"error":{"message":"Bad key ${KEY.slice(0, 9)}***","code":"401"}}`,
      },
      "KEY_REFUSED",
      /check OPENAI_API_KEY$/,
    ],
    [
      "a web page with status 200",
      {
        headers: { "content-type": "text/html" },
        body: "<html><body>Please log in</body></html>",
      },
      "RESPONSE_INVALID",
      /not the form of an answer: Please log in$/,
    ],
    [
      "JSON that is no answer",
      {
        headers: { "content-type": "application/json" },
        body: '{"models":[]}',
      },
      "RESPONSE_INVALID",
      /not the form of an answer$/,
    ],
  ];
for (const stream of [true, false]) {
  for (const [what, turn, code, message] of ANSWERS) {
    Deno.test(`${what} (${stream ? "streamed" : "whole"}) is a ${code} with the words of the host`, async () => {
      await using model = ScriptedModel.start([turn]);
      const client = openAiClient("openai/x", { baseURL: model.baseURL, apiKey: KEY, stream });
      let error: unknown;
      try {
        const { signal } = new AbortController();
        for await (
          const _ of client.ask({ messages: [{ role: "user", content: "Hi" }], tools: [], signal })
        );
      } catch (thrown) {
        error = thrown;
      }
      assert(error instanceof ModelError, String(error));
      assertEquals(error.code, code, error.message);
      assert(message.test(error.message), error.message);
      assertEquals(Deno.inspect(error, { depth: 20, showHidden: true }).includes(KEY), false);
    });
  }
}

Deno.test("an error in the middle of a stream is a failure of the host, with its words", async () => {
  await using gate = await CountedGate.open();
  for (
    const body of [
      'data: {"error":{"message":"overloaded"}}\n\n',
      'data: {"object":"error","message":"overloaded"}\n\n',
    ]
  ) {
    const { done } = await play(gate, [{ body }], { retry: { retries: 0 } });
    assert(done.error instanceof ModelError);
    assertEquals(done.error.code, "SERVER_FAILED");
    assert(done.error.message.endsWith("the host broke off: overloaded"), done.error.message);
  }
});

Deno.test("an error with status 200 is not asked for again", async () => {
  await using gate = await CountedGate.open();
  const { done, requests } = await play(gate, [{
    headers: { "content-type": "application/json" },
    body: '{"error":{"message":"this model has no tools"}}',
  }]);
  assertEquals([done.outcome, requests.length], ["failed", 1]);
});
