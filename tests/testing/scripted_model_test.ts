import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import OpenAI from "npm:openai@^7.57.0";
import { ScriptedModel, type ScriptedModelOptions, scriptFrom } from "../../src/testing/mod.ts";

const KEY = "sk-scripted";

function clientFor(model: ScriptedModel, apiKey = KEY): OpenAI {
  return new OpenAI({ baseURL: model.baseURL, apiKey, maxRetries: 0, logLevel: "off" });
}

const messages = [{ role: "user", content: "What is in {{file}}?" }] as const;

Deno.test("a scripted model speaks to OpenAI's own client, streamed and whole", async () => {
  const turn = {
    text: "Reading {{file}}, because: {{prompt}}",
    calls: [{ name: "read_file", arguments: { path: "{{file}}" } }],
  };
  await using model = ScriptedModel.start([turn, turn], { variables: { file: "/w/a.txt" } });
  const client = clientFor(model);
  const whole = await client.chat.completions.create({ model: "x", messages: [...messages] });
  const runner = client.chat.completions.stream({ model: "x", messages: [...messages] });
  const streamed = await runner.finalChatCompletion();
  for (const { choices: [choice] } of [whole, streamed]) {
    assertEquals(choice?.message.content, "Reading /w/a.txt, because: What is in {{file}}?");
    const [call] = choice?.message.tool_calls ?? [];
    assert(call?.type === "function");
    assertEquals(call.function, {
      ...call.function,
      name: "read_file",
      arguments: '{"path":"/w/a.txt"}',
    });
    assertEquals(choice?.finish_reason, "tool_calls");
  }
  assertEquals(model.requests.map(({ body }) => body.stream ?? false), [false, true]);
});

Deno.test("a step can be a function of the request, and {{result}} is the last result", async () => {
  await using model = ScriptedModel.start([
    ({ body }) => ({ text: `${body.messages.length} messages, {{result}}` }),
  ]);
  const answer = await clientFor(model).chat.completions.create({
    model: "x",
    messages: [
      ...messages,
      {
        role: "assistant",
        tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "a", content: "forty-two" },
    ],
  });
  assertEquals(answer.choices[0]?.message.content, "3 messages, forty-two");
});

Deno.test("a script that is over refuses, or repeats its last turn", async () => {
  for (const whenOver of ["error", "repeat"] as const) {
    await using model = ScriptedModel.start([{ text: "Once" }], { whenOver });
    const ask = () =>
      clientFor(model).chat.completions.create({ model: "x", messages: [...messages] });
    await ask();
    if (whenOver === "error") await assertRejects(ask, Error, "over after 1 turn");
    else assertEquals((await ask()).choices[0]?.message.content, "Once");
  }
});

/** Requests that a real host refuses, and how. */
const REFUSALS: readonly (readonly [string, ScriptedModelOptions, object[], string])[] = [
  ["another key", { apiKey: "other" }, [...messages], "401 Incorrect API key"],
  ["another model", { models: ["y"] }, [...messages], "404 The model 'x' does not exist"],
  ["no messages", {}, [], "400 messages: expected a list"],
  ["a result without a call", {}, [{ role: "tool", tool_call_id: "a", content: "x" }], "400"],
  ["a call without a result", {}, [{
    role: "assistant",
    tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
  }], "400 messages: the tool calls a have no answer"],
  ["arguments that are not JSON", {}, [{
    role: "assistant",
    tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{" } }],
  }, { role: "tool", tool_call_id: "a", content: "x" }], "400 messages[0]: the arguments"],
  ["an unknown role", {}, [{ role: "root", content: "x" }], "400 messages[0]: unknown role"],
];
for (const [what, options, messages, error] of REFUSALS) {
  Deno.test(`a scripted model refuses ${what}`, async () => {
    await using model = ScriptedModel.start([{ text: "Hi" }], options);
    const body = { model: "x", messages } as unknown as OpenAI.ChatCompletionCreateParams;
    await assertRejects(() => clientFor(model).chat.completions.create(body), Error, error);
    assertEquals(model.requests, []);
  });
}

Deno.test("a scripted model lists its models", async () => {
  await using model = ScriptedModel.start([], { models: ["a", "b"] });
  const { data } = await clientFor(model).models.list();
  assertEquals(data.map(({ id }) => id), ["a", "b"]);
});

Deno.test("scriptFrom() takes turns as data, and says what is wrong with others", () => {
  const turns = [
    { text: "Hi", calls: [{ name: "f", arguments: { a: 1 }, id: "x" }], usage: null },
    { status: 429, headers: { "retry-after": "1" }, error: "Slow down" },
    { body: [1, 2], cutAfter: 1, hang: false, finish: "stop" },
  ];
  assertEquals(scriptFrom(JSON.parse(JSON.stringify(turns))), turns);
  for (
    const [bad, message] of [
      [{}, "expected a list"],
      [["x"], "turn 1 is not an object"],
      [[{ text: "Hi" }, { txt: "Hi" }], 'turn 2 has an unknown field "txt"'],
      [[{ constructor: 1 }], 'unknown field "constructor"'],
      [[{ text: 5 }], 'malformed "text"'],
      [[{ calls: [{ arguments: {} }] }], 'malformed "calls"'],
      [[{ calls: [{ name: "f", args: {} }] }], 'malformed "calls"'],
      [[{ headers: { a: 1 } }], 'malformed "headers"'],
      [[{ body: ["x"] }], 'malformed "body"'],
    ] as const
  ) assertThrows(() => scriptFrom(bad), TypeError, message);
});
