import { assert, assertEquals } from "@std/assert";
import {
  type AIMessage,
  type AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  type ToolMessage,
} from "npm:@langchain/core@^1.4.0/messages";
import type { StructuredTool } from "npm:@langchain/core@^1.4.0/tools";
import { ChatOpenAI } from "npm:@langchain/openai@^1.6.0";
import { langchainTools, withMalformedCalls } from "../../src/adapters/langchain.ts";
import { ScriptedModel } from "../../src/testing/mod.ts";
import { CountedGate, TOOLS } from "../agent/counted_gate.ts";
import { adapterSuite, play, type RunAgent } from "./adapter_suite.ts";

function modelAt(baseURL: string, tools: StructuredTool[]) {
  return new ChatOpenAI({
    model: "scripted",
    apiKey: "sk-test-key",
    configuration: { baseURL },
    maxRetries: 0,
  }).bindTools(tools);
}

const run: RunAgent = async ({ adapter, baseURL, stream, signal }) => {
  const tools = langchainTools(adapter);
  const model = modelAt(baseURL, tools);
  const options = signal === undefined ? {} : { signal };
  const messages: BaseMessage[] = [new HumanMessage("Go on")];
  for (let turn = 0; turn < 10; turn++) {
    let answer: AIMessageChunk | undefined;
    if (stream) {
      for await (const chunk of await model.stream(messages, options)) {
        answer = answer === undefined ? chunk : answer.concat(chunk);
      }
    } else answer = await model.invoke(messages, options);
    const message = withMalformedCalls(answer as unknown as AIMessage);
    messages.push(message);
    const calls = message.tool_calls ?? [];
    if (calls.length === 0) return message.text;
    messages.push(
      ...await Promise.all(calls.map((call) => {
        const tool = tools.find(({ name }) => name === call.name);
        return tool?.invoke({ ...call, type: "tool_call" }, options);
      })),
    );
  }
  throw new Error("Too many turns");
};

adapterSuite("LangChain", run);

Deno.test("LangChain: the message of a call says how it ended, with the whole result beside it", async () => {
  await using gate = await CountedGate.open();
  const [get] = langchainTools({ kernel: gate.kernel, tools: TOOLS });
  assert(get !== undefined);
  const started: string[] = [];
  get.callbacks = [{
    handleToolStart: (_tool: unknown, input: string) => void started.push(input),
  }];
  const told: ToolMessage[] = [];
  for (const key of ["open/a", "open/secret"]) {
    told.push(
      await get.invoke({ type: "tool_call", id: `id of ${key}`, name: "get", args: { key } }),
    );
  }
  assertEquals(
    told.map(({ status, tool_call_id, name, artifact }) => [
      status,
      tool_call_id,
      name,
      artifact.rule,
    ]),
    [
      ["success", "id of open/a", "get", "reading"],
      ["error", "id of open/secret", "get", "no-secrets"],
    ],
  );
  assertEquals(JSON.parse(String(told[0]?.content)), { status: "OK", data: "some value" });
  assertEquals(started.map((input) => JSON.parse(input)), [
    { key: "open/a" },
    { key: "open/secret" },
  ]);
  await gate.assertAgreement();
});

Deno.test("LangChain: arguments without a call give what the model would be told", async () => {
  await using gate = await CountedGate.open();
  const [get] = langchainTools({ kernel: gate.kernel, tools: TOOLS });
  assertEquals(JSON.parse(await get?.invoke({ key: "open/a" })), {
    status: "OK",
    data: "some value",
  });
  assertEquals(JSON.parse(await get?.invoke({ key: "closed" })).code, "NO_RULE");
  await gate.assertAgreement();
});

Deno.test("LangChain: without withMalformedCalls a malformed call has no effect, and no record", async () => {
  await using gate = await CountedGate.open();
  await using model = ScriptedModel.start([
    { calls: [{ name: "get", arguments: '{"key": "open/a"' }] },
  ]);
  const answer = await modelAt(model.baseURL, langchainTools({ kernel: gate.kernel, tools: TOOLS }))
    .invoke("Go on");
  assertEquals([answer.tool_calls, answer.invalid_tool_calls?.length], [[], 1]);
  const mended = withMalformedCalls(answer as unknown as AIMessage);
  assertEquals(mended.tool_calls?.map(({ args }) => args), [{ $malformed: '{"key": "open/a"' }]);
  assertEquals(mended.usage_metadata, answer.usage_metadata);
  assertEquals(await gate.records(), []);
});

Deno.test("LangChain: what it makes of cut arguments of a stream passes the gate like any other call", async () => {
  await using gate = await CountedGate.open();
  const { text } = await play(run, gate, [
    { calls: [{ name: "get", arguments: '{"key": "open/secret' }] },
    { text: "Oh" },
  ], { stream: true });
  assertEquals([text, gate.effects], ["Oh", []]);
  assertEquals((await gate.assertAgreement()).map(({ status }) => status), ["DENIED"]);
});
