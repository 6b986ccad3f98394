/** Answers in the forms of different hosts, from a real server through the real client of OpenAI. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { AgentLoop, ModelError, type RunOutcome } from "../../src/agent/mod.ts";
import type { ScriptedTurn } from "../../src/testing/mod.ts";
import { clientOf, CountedGate, hastyTimer, play, toolMessagesOf, TOOLS } from "./counted_gate.ts";
import { ScriptedModel } from "../../src/testing/mod.ts";

type Json = Readonly<Record<string, unknown>>;

/** A streamed answer of these chunks. */
function sse(chunks: readonly unknown[], { bom = "" } = {}): ScriptedTurn {
  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
  return { body: `${bom}${events}data: [DONE]\n\n` };
}

/** Chunks with one choice, and the end. */
function stream(deltas: readonly unknown[], finish_reason: unknown = "stop"): ScriptedTurn {
  return sse([
    ...deltas.map((delta) => ({ choices: [{ index: 0, delta }] })),
    { choices: [{ index: 0, delta: {}, finish_reason }] },
  ]);
}

/** An answer in one piece. */
function whole(message: Json, finish_reason = "stop"): ScriptedTurn {
  const body = JSON.stringify({ choices: [{ index: 0, message, finish_reason }] });
  return { body, headers: { "content-type": "application/json" } };
}

function callOf(args: unknown, more: Json = {}): Json {
  return { id: "call_00_a", type: "function", function: { name: "get", arguments: args }, ...more };
}

const CALL = callOf('{"key":"open/a"}');

/** The assistant's message with tool calls in the last request. */
function sentBack(requests: ScriptedModel["requests"]): Json {
  const { messages = [] } = requests.at(-1)?.body ?? {};
  return messages.findLast(({ tool_calls }) => tool_calls !== undefined) as unknown as Json;
}

/** Fields that a host sends with a tool call, in pieces, and what it gets back. */
const EXTRAS: readonly (readonly [what: string, deltas: readonly Json[], back: Json])[] = [
  ["reasoning_content (DeepSeek)", [
    { role: "assistant", content: null, reasoning_content: "The file is " },
    { reasoning_content: "needed." },
  ], { reasoning_content: "The file is needed." }],
  ["reasoning (Groq, Ollama, vLLM)", [
    { reasoning: "hm" },
    { reasoning: null },
    { reasoning: ", yes" },
  ], { reasoning: "hm, yes" }],
  ["reasoning_details with indexes (OpenRouter)", [
    { reasoning_details: [{ type: "reasoning.text", text: "One ", index: 0, format: "a" }] },
    { reasoning_details: [{ type: "reasoning.text", text: "two", index: 0, signature: null }] },
    { reasoning_details: [{ type: "reasoning.text", signature: "c2ln", index: 0 }] },
    { reasoning_details: [{ type: "reasoning.encrypted", data: "eA==", id: "r1", index: 1 }] },
  ], {
    reasoning_details: [
      { type: "reasoning.text", text: "One two", index: 0, format: "a", signature: "c2ln" },
      { type: "reasoning.encrypted", data: "eA==", id: "r1", index: 1 },
    ],
  }],
  ["encrypted reasoning that is repeated, unchanged", [
    { reasoning_details: [{ type: "reasoning.encrypted", data: "eA==" }] },
    { reasoning_details: [{ type: "reasoning.encrypted", data: "eQ==" }] },
  ], {
    reasoning_details: [
      { type: "reasoning.encrypted", data: "eA==" },
      { type: "reasoning.encrypted", data: "eQ==" },
    ],
  }],
  ["thinking_blocks (LiteLLM)", [
    { thinking_blocks: [{ type: "thinking", thinking: "One ", signature: "" }] },
    { thinking_blocks: [{ type: "thinking", thinking: "two" }] },
    { thinking_blocks: [{ type: "thinking", thinking: "", signature: "s1" }] },
    { thinking_blocks: [{ type: "thinking", thinking: "Three" }] },
  ], {
    thinking_blocks: [
      { type: "thinking", thinking: "One two", signature: "s1" },
      { type: "thinking", thinking: "Three" },
    ],
  }],
  ["extra_content of the message (Gemini)", [
    { extra_content: { google: { thought_signature: "c2ln" } } },
  ], { extra_content: { google: { thought_signature: "c2ln" } } }],
  ["nothing", [{ content: null }], {}],
  ["fields that are not known", [{ audio: "x", annotations: [], prefix: true }], {}],
];
for (const [what, deltas, back] of EXTRAS) {
  Deno.test(`a host that sends ${what} with a tool call gets it back, also after a restore`, async () => {
    await using gate = await CountedGate.open();
    const { requests, loop } = await play(gate, [
      stream([...deltas, { tool_calls: [{ index: 0, ...CALL }] }], "tool_calls"),
      { text: "Done" },
    ]);
    const expected = { ...back, role: "assistant", content: null, tool_calls: [CALL] };
    assertEquals(sentBack(requests), expected);
    const again = await play(gate, [{ text: "Still here" }], {
      conversation: JSON.parse(JSON.stringify(loop)),
    });
    assertEquals(sentBack(again.requests), expected);
  });
}

Deno.test("a host gets the reasoning of a whole answer back, and none of an answer without tool calls", async () => {
  await using gate = await CountedGate.open();
  const { requests } = await play(gate, [
    whole({ content: null, reasoning_content: "Why", tool_calls: [CALL] }, "tool_calls"),
    whole({ content: "Done", reasoning_content: "Because" }),
  ], { client: { stream: false } });
  assertEquals(sentBack(requests).reasoning_content, "Why");
  const { loop } = await play(gate, [whole({ content: "Done", reasoning_content: "Because" })], {
    client: { stream: false },
  });
  assertEquals(JSON.stringify(loop).includes("Because"), false);
});

Deno.test("another host gets neither the reasoning nor the signatures of the first one", async () => {
  await using gate = await CountedGate.open();
  const extra_content = { google: { thought_signature: "c2ln" } };
  const { loop } = await play(gate, [
    stream([{ reasoning: "hm", tool_calls: [{ index: 0, ...CALL, extra_content }] }], "tool_calls"),
    { text: "Done" },
  ]);
  await using other = ScriptedModel.start([{ text: "Hi" }]);
  const groq = new AgentLoop({
    kernel: gate.kernel,
    model: "groq/x",
    modelOptions: { baseURL: other.baseURL },
    conversation: JSON.parse(JSON.stringify(loop)),
  });
  await groq.run("Go on");
  assertEquals(sentBack(other.requests), { role: "assistant", content: null, tool_calls: [CALL] });
});

/** Ways to send a text, and the text. */
const TEXTS: readonly (readonly [what: string, turn: ScriptedTurn, text: string])[] = [
  [
    "content as a list of parts (Mistral)",
    stream([
      { content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] },
      { content: [{ type: "text", text: "North " }, { type: "reference", reference_ids: [1] }] },
      { content: [{ type: "text", text: "sold more." }] },
    ]),
    "North sold more.",
  ],
  [
    "content as a list of strings",
    stream([{ content: ["North ", "sold more."] }]),
    "North sold more.",
  ],
  ["content as one part", stream([{ content: { type: "text", text: "North" } }]), "North"],
  [
    "parts that are none",
    stream([{ content: [null, 5, { type: "text", text: 7 }, { text: "x" }] }]),
    "x",
  ],
  [
    "message instead of delta",
    sse([
      { choices: [{ index: 0, message: { content: "North" }, finish_reason: "stop" }] },
    ]),
    "North",
  ],
  ["one body instead of a stream", whole({ content: "North" }), "North"],
  ["a byte order mark before the stream", {
    body: [
      0xef,
      0xbb,
      0xbf,
      ...new TextEncoder().encode(String(stream([{ content: "North" }]).body)),
    ],
  }, "North"],
  [
    "chunks of two choices",
    sse([
      { choices: [{ index: 1, delta: { content: "South" } }] },
      { choices: [{ index: 0, delta: { content: "North" } }] },
      { choices: [{ index: 1, delta: {}, finish_reason: "length" }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    ]),
    "North",
  ],
  [
    'finish_reason "" until the end',
    sse([
      { choices: [{ index: 0, delta: { content: "North" }, finish_reason: "" }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    ]),
    "North",
  ],
  ["another word for the end (Together)", stream([{ content: "North" }], "eos"), "North"],
  ["a NUL character", stream([{ content: "a\u0000b" }]), "a\u0000b"],
];
for (const [what, turn, text] of TEXTS) {
  Deno.test(`the text of an answer is found: ${what}`, async () => {
    await using gate = await CountedGate.open();
    const { done } = await play(gate, [turn]);
    assertEquals([done.outcome, done.text], ["final", text], String(done.error));
  });
}

Deno.test("the text of a whole answer is found in a list of parts", async () => {
  await using gate = await CountedGate.open();
  const content = [{ type: "thinking", thinking: "hm" }, { type: "text", text: "North" }];
  const { done } = await play(gate, [whole({ content })], { client: { stream: false } });
  assertEquals([done.outcome, done.text], ["final", "North"]);
});

/** Answers that are not complete: finish reason, how the run ends, and the text. */
const INCOMPLETE: readonly (readonly [reason: string, outcome: RunOutcome, code: string])[] = [
  ["length", "truncated", "ANSWER_TRUNCATED"],
  ["model_length", "truncated", "ANSWER_TRUNCATED"],
  ["MAX_TOKENS", "truncated", "ANSWER_TRUNCATED"],
  ["a word of no host", "truncated", "ANSWER_TRUNCATED"],
  ["content_filter", "withheld", "ANSWER_WITHHELD"],
  ["SAFETY", "withheld", "ANSWER_WITHHELD"],
];
for (const [reason, outcome, code] of INCOMPLETE) {
  for (const text of ["Keep these three files: a.csv", ""]) {
    Deno.test(`an answer with the finish reason ${reason} and ${text === "" ? "no" : "some"} text ends the run as ${outcome}`, async () => {
      await using gate = await CountedGate.open();
      const { done, requests, loop } = await play(gate, [stream([{ content: text }], reason)]);
      assertEquals([done.outcome, done.text, done.finishReason], [outcome, text, reason]);
      assert(done.error instanceof ModelError);
      assertEquals(done.error.code, code);
      assert(done.error.message.includes(`"${reason}"`), done.error.message);
      assertEquals(requests.length, 1);
      assertEquals(loop.messages.length, text === "" ? 1 : 2);
      await using model = ScriptedModel.start([stream([{ content: text }], reason)]);
      const again = new AgentLoop({ kernel: gate.kernel, model: clientOf(model) });
      await assertRejects(() => again.run("Go"), ModelError, "Cannot use the answer");
    });
  }
  Deno.test(`the tool calls of an answer with the finish reason ${reason} are not submitted`, async () => {
    await using gate = await CountedGate.open();
    for (
      const turn of [
        stream([{ tool_calls: [{ index: 0, ...CALL }] }], reason),
        whole({ content: null, tool_calls: [CALL] }, reason),
      ]
    ) {
      const { done, events, loop } = await play(gate, [turn]);
      assertEquals(done.outcome, outcome);
      assertEquals(events.some(({ type }) => type === "tool_call"), false);
      assertEquals(loop.messages.some(({ role }) => role === "tool"), false);
    }
    assertEquals([gate.effects, await gate.records()], [[], []]);
  });
}

Deno.test("a complete answer tells its finish reason, and its tool calls are submitted", async () => {
  await using gate = await CountedGate.open();
  const { done } = await play(gate, [
    stream([{ tool_calls: [{ index: 0, ...CALL }] }], "stop"),
    { text: "Done" },
  ]);
  assertEquals([done.outcome, done.finishReason], ["final", "stop"]);
  assertEquals(gate.effects.length, 1);
});

Deno.test("a refusal of the model ends the run as withheld, with its words", async () => {
  await using gate = await CountedGate.open();
  for (
    const turn of [
      stream([{ refusal: "I cannot " }, { refusal: "help." }]),
      whole({ content: null, refusal: "I cannot help." }),
    ]
  ) {
    const { done } = await play(gate, [turn]);
    assertEquals([done.outcome, done.text, done.finishReason], [
      "withheld",
      "I cannot help.",
      "refusal",
    ]);
  }
});

/** Answers that are asked for again. */
const BROKEN: readonly (readonly [what: string, turn: ScriptedTurn, code: string])[] = [
  ['the finish reason "error"', stream([{ content: "Half" }], "error"), "SERVER_FAILED"],
  [
    "a host without resources (DeepSeek)",
    stream([], "insufficient_system_resource"),
    "SERVER_FAILED",
  ],
  [
    "an error of the choice (OpenRouter)",
    sse([{
      choices: [{
        index: 0,
        delta: {},
        error: { code: 502, message: "Upstream" },
        finish_reason: "error",
      }],
    }]),
    "SERVER_FAILED",
  ],
  [
    "tool calls that are announced and missing",
    stream([{ content: "" }], "tool_calls"),
    "RESPONSE_CUT",
  ],
  [
    "no finish reason",
    sse([{ choices: [{ index: 0, delta: { content: "Half" } }] }]),
    "RESPONSE_CUT",
  ],
];
for (const [what, turn, code] of BROKEN) {
  Deno.test(`an answer with ${what} is asked for again`, async () => {
    await using gate = await CountedGate.open();
    const { done, events } = await play(gate, [turn, { text: "Whole" }], { timer: hastyTimer([]) });
    assertEquals([done.outcome, done.text], ["final", "Whole"]);
    const codes = events.flatMap((event) => event.type === "retry" ? event.error.code : []);
    assertEquals(codes, [code]);
  });
}

/** Ways to send the arguments of a call, and what is carried out. */
const ARGUMENTS: readonly (readonly [what: string, call: Json, keys: readonly string[]])[] = [
  ["as an object", callOf({ key: "open/a" }), ["open/a"]],
  ["as null, of a tool that needs some", callOf(null), []],
  ["as a list", callOf([]), []],
  ["as JSON in JSON", callOf('"{\\"key\\":\\"open/a\\"}"'), []],
  ["with a NUL character", callOf('{"key":"open/a\\u0000"}'), []],
  ["without a function", { id: "x", type: "function" }, []],
];
for (const stream of [true, false]) {
  for (const [what, call, keys] of ARGUMENTS) {
    Deno.test(`arguments ${what} (${stream ? "streamed" : "whole"}) lead to ${keys.length} actions and one record`, async () => {
      await using gate = await CountedGate.open();
      const turn = stream
        ? sse([{
          choices: [{
            index: 0,
            delta: { tool_calls: [{ index: 0, ...call }] },
            finish_reason: "tool_calls",
          }],
        }])
        : whole({ content: null, tool_calls: [call] }, "tool_calls");
      const { done } = await play(gate, [turn, { text: "Done" }], { client: { stream } });
      assertEquals(done.outcome, "final", String(done.error));
      assertEquals(gate.effects.map(({ target }) => target), keys);
      assertEquals((await gate.assertAgreement()).length, 1);
    });
  }
}

Deno.test("each result has the id of its call, in the order of the calls, also if they end in another order", async () => {
  await using gate = await CountedGate.open();
  const last = Promise.withResolvers<void>();
  gate.value = async (key: string) => {
    if (key === "open/c") last.resolve();
    else await last.promise;
    return key;
  };
  const ids = ["call_2", "call_1", "call_0"];
  const { requests } = await play(gate, [
    {
      calls: ["a", "b", "c"].map((key, i) => ({
        id: `${ids[i]}`,
        name: "get",
        arguments: { key: `open/${key}` },
      })),
    },
    { text: "Done" },
  ]);
  const results = requests.at(-1)?.body.messages.filter(({ role }) => role === "tool");
  assertEquals(results?.map(({ tool_call_id }) => tool_call_id), ids);
  assertEquals(toolMessagesOf(requests).map(({ data }) => data), ["open/a", "open/b", "open/c"]);
});

Deno.test("of two calls with one id the second is INVALID, and both have an answer with an id of its own", async () => {
  await using gate = await CountedGate.open();
  const { requests } = await play(gate, [
    stream([{ tool_calls: [{ index: 0, ...CALL }, { index: 1, ...CALL }] }], "tool_calls"),
    { text: "Done" },
  ], { tools: TOOLS });
  assertEquals(toolMessagesOf(requests).map(({ status }) => status), ["OK", "ERROR"]);
  const ids = requests.at(-1)?.body.messages.flatMap(({ tool_call_id }) => tool_call_id ?? []);
  assertEquals(new Set(ids).size, 2);
  assertEquals(gate.effects.length, 1);
});
