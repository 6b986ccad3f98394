import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createOpenAICompatible } from "npm:@ai-sdk/openai-compatible@^3.0.92";
import {
  generateText,
  isStepCount,
  jsonSchema,
  type ModelMessage,
  streamText,
  tool,
} from "npm:ai@^7.0.173";
import { vercelAiTools } from "../../src/adapters/vercel_ai.ts";
import { CountedGate, TOOLS } from "../agent/counted_gate.ts";
import { ScriptedModel } from "../../src/testing/mod.ts";
import { adapterSuite, play, type RunAgent } from "./adapter_suite.ts";

function modelAt(baseURL: string) {
  return createOpenAICompatible({ name: "scripted", baseURL, apiKey: "sk-test-key" })("scripted");
}

const run: RunAgent = async ({ adapter, baseURL, stream, signal }) => {
  const settings = {
    model: modelAt(baseURL),
    prompt: "Go on",
    stopWhen: isStepCount(10),
    maxRetries: 0,
    ...(signal === undefined ? {} : { abortSignal: signal }),
    ...vercelAiTools(adapter),
  };
  if (!stream) return (await generateText(settings)).text;
  return await streamText(settings).text;
};

adapterSuite("Vercel AI SDK", run);

const OTHER = {
  ping: tool({
    description: "A tool of somebody else",
    inputSchema: jsonSchema({ type: "object", properties: {} }),
    execute: () => "pong",
  }),
};

Deno.test("Vercel AI SDK: an unknown tool is recorded as INVALID, and answered by the SDK", async () => {
  await using gate = await CountedGate.open();
  const { text, requests } = await play(run, gate, [
    { calls: [{ name: "no_such_tool", arguments: { key: "open/a" } }] },
    { text: "Oh" },
  ]);
  assertEquals(text, "Oh");
  assertStringIncludes(
    String(requests[1]?.body.messages.at(-1)?.content),
    "unavailable tool 'no_such_tool'",
  );
  const records = await gate.assertAgreement();
  assertEquals(records.map(({ status, action }) => [status, action]), [[
    "INVALID",
    "no_such_tool",
  ]]);
});

Deno.test("Vercel AI SDK: calls of tools that are not the kernel's are none of its business", async () => {
  await using gate = await CountedGate.open();
  const withOther: RunAgent = async ({ adapter, baseURL }) => {
    const { tools, repairToolCall } = vercelAiTools(adapter);
    const { text } = await generateText({
      model: modelAt(baseURL),
      prompt: "Go on",
      stopWhen: isStepCount(10),
      tools: { ...tools, ...OTHER },
      repairToolCall,
    });
    return text;
  };
  const { requests } = await play(withOther, gate, [
    { calls: [{ name: "ping", arguments: "{malformed" }, { name: "ping", arguments: {} }] },
    { text: "Done" },
  ]);
  const told = requests[1]?.body.messages.filter(({ role }) => role === "tool") ?? [];
  assertEquals(told.length, 2);
  assertEquals(told[1]?.content, "pong");
  assertEquals(await gate.assertAgreement(), []);
});

Deno.test("Vercel AI SDK: without repairToolCall a malformed call has no effect, and no record", async () => {
  await using gate = await CountedGate.open();
  const bare: RunAgent = async ({ adapter, baseURL }) => {
    const { tools } = vercelAiTools(adapter);
    const model = modelAt(baseURL);
    return (await generateText({ model, prompt: "Go", stopWhen: isStepCount(9), tools })).text;
  };
  const { text } = await play(bare, gate, [
    { calls: [{ name: "get", arguments: '{"key": "open/a"' }] },
    { text: "Oh" },
  ]);
  assertEquals([text, gate.effects, await gate.records()], ["Oh", [], []]);
});

for (const approved of [true, false]) {
  Deno.test(
    `Vercel AI SDK: what a human ${approved ? "approves" : "refuses"} is submitted ${
      approved ? "then" : "never"
    }, what the policy denies is denied`,
    async () => {
      await using gate = await CountedGate.open();
      await using model = ScriptedModel.start([
        {
          calls: [
            { name: "set", arguments: { key: "open/a", value: 1 } },
            { name: "set", arguments: { key: "open/secret", value: 1 } },
          ],
        },
        { text: "Done" },
      ]);
      const settings = {
        model: modelAt(model.baseURL),
        toolApproval: { set: "user-approval" as const },
        ...vercelAiTools({ kernel: gate.kernel, tools: TOOLS }),
      };
      const messages: ModelMessage[] = [{ role: "user", content: "Go on" }];
      const asked = await generateText({ ...settings, messages });
      assertEquals([gate.effects, await gate.records()], [[], []]);
      const answers = asked.content.filter((part) => part.type === "tool-approval-request")
        .map(({ approvalId }) => ({
          type: "tool-approval-response" as const,
          approvalId,
          approved,
        }));
      assertEquals(answers.length, 2);
      messages.push(...asked.response.messages, { role: "tool", content: answers });
      assertEquals((await generateText({ ...settings, messages })).text, "Done");
      const records = await gate.assertAgreement();
      assertEquals(records.map(({ status }) => status).sort(), approved ? ["DENIED", "OK"] : []);
      assertEquals(gate.effects.length, approved ? 1 : 0);
    },
  );
}

Deno.test("Vercel AI SDK: a stream shows each call and what came of it", async () => {
  await using gate = await CountedGate.open();
  await using model = ScriptedModel.start([
    {
      calls: [{ name: "get", arguments: { key: "open/a" } }, {
        name: "get",
        arguments: { key: "x" },
      }],
    },
    { text: "Done" },
  ]);
  const { fullStream } = streamText({
    model: modelAt(model.baseURL),
    prompt: "Go on",
    stopWhen: isStepCount(10),
    ...vercelAiTools({ kernel: gate.kernel, tools: TOOLS }),
  });
  const seen: unknown[] = [];
  for await (const part of fullStream) {
    if (part.type === "tool-call") seen.push([part.toolName, part.input]);
    if (part.type === "tool-result") seen.push((part.output as { status: string }).status);
    assert(part.type !== "error" && part.type !== "tool-error");
  }
  assertEquals(
    seen.slice().sort(),
    [["get", { key: "open/a" }], ["get", { key: "x" }], "DENIED", "OK"].sort(),
  );
  await gate.assertAgreement();
});
