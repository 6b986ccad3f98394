import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Agent,
  type Model,
  OpenAIChatCompletionsModel,
  run as runAgent,
  setTracingDisabled,
} from "npm:@openai/agents@^0.20.0";
import OpenAI from "npm:openai@^7.57.0";
import { openAiAgentsTools, withMalformedCalls } from "../../src/adapters/openai_agents.ts";
import { ScriptedModel, type ScriptStep } from "../../src/testing/mod.ts";
import { CountedGate, toolMessagesOf, TOOLS } from "../agent/counted_gate.ts";
import { adapterSuite, play, type RunAgent, type RunOptions } from "./adapter_suite.ts";

// Else the SDK sends what the tools get and give to OpenAI.
setTracingDisabled(true);

const MALFORMED: readonly ScriptStep[] = [
  { calls: [{ name: "get", arguments: '{"key": "open/a"' }] },
  { text: "Oh" },
];

function bareModelAt(baseURL: string): Model {
  const client = new OpenAI({ baseURL, apiKey: "sk-test-key", maxRetries: 0 });
  return new OpenAIChatCompletionsModel(client, "scripted");
}

function modelAt(baseURL: string): Model {
  return withMalformedCalls(bareModelAt(baseURL));
}

async function runOn(
  model: Model,
  adapter: RunOptions["adapter"],
  stream: boolean,
  signal?: AbortSignal,
): Promise<string> {
  const agent = new Agent({ name: "scripted", model, tools: openAiAgentsTools(adapter) });
  const options = signal === undefined ? {} : { signal };
  if (!stream) return String((await runAgent(agent, "Go on", options)).finalOutput);
  const result = await runAgent(agent, "Go on", { ...options, stream: true });
  await result.completed;
  return String(result.finalOutput);
}

const run: RunAgent = ({ adapter, baseURL, stream, signal }) =>
  runOn(modelAt(baseURL), adapter, stream, signal);

adapterSuite("OpenAI Agents SDK", run);

for (const stream of [false, true]) {
  const how = stream ? "streamed" : "whole";
  Deno.test(`OpenAI Agents SDK: without the wrapped model a malformed ${how} call has no effect and no record, and a strict host refuses what follows`, async () => {
    await using gate = await CountedGate.open();
    const bare: RunAgent = ({ adapter, baseURL }) => runOn(bareModelAt(baseURL), adapter, stream);
    await assertRejects(() => play(bare, gate, MALFORMED), Error, "are not JSON");
    assertEquals([gate.effects, await gate.records()], [[], []]);
  });

  Deno.test(`OpenAI Agents SDK: with it a malformed ${how} call is recorded as INVALID`, async () => {
    await using gate = await CountedGate.open();
    const { text, requests } = await play(run, gate, MALFORMED, { stream });
    assertEquals(text, "Oh");
    assertEquals(toolMessagesOf(requests).map(({ code }) => code), ["INVALID_REQUEST"]);
    assertEquals((await gate.assertAgreement()).map(({ status }) => status), ["INVALID"]);
  });
}

for (const approved of [true, false]) {
  Deno.test(
    `OpenAI Agents SDK: what a human ${approved ? "approves" : "refuses"} is submitted ${
      approved ? "then" : "never"
    }, what the policy denies is denied`,
    async () => {
      await using gate = await CountedGate.open();
      await using model = ScriptedModel.start([
        {
          calls: [
            { name: "set", arguments: { key: "open/a", value: 1 } },
            { name: "set", arguments: { key: "open/secret", value: 1 } },
            { name: "get", arguments: { key: "open/b" } },
          ],
        },
        { text: "Done" },
      ]);
      const agent = new Agent({
        name: "scripted",
        model: modelAt(model.baseURL),
        tools: openAiAgentsTools({
          kernel: gate.kernel,
          tools: TOOLS,
          needsApproval: ({ action }) => action === "kv.set",
        }),
      });
      const asked = await runAgent(agent, "Go on");
      assertEquals(gate.effects.map(({ action }) => action), ["kv.get"]);
      assertEquals(asked.interruptions.length, 2);
      for (const one of asked.interruptions) {
        if (approved) asked.state.approve(one);
        else asked.state.reject(one);
      }
      assertEquals((await runAgent(agent, asked.state)).finalOutput, "Done");
      const records = await gate.assertAgreement();
      assertEquals(
        records.map(({ action, status }) => `${action} ${status}`).sort(),
        ["kv.get OK", ...(approved ? ["kv.set DENIED", "kv.set OK"] : [])],
      );
    },
  );
}

Deno.test("OpenAI Agents SDK: what submit throws ends the run", async () => {
  await using gate = await CountedGate.open();
  await gate.kernel.close();
  const error = await assertRejects(() =>
    play(run, gate, [{ calls: [{ name: "get", arguments: { key: "open/a" } }] }, { text: "Oh" }])
  );
  assertStringIncludes(String(error), "the kernel is closed");
});

Deno.test("OpenAI Agents SDK: an unknown tool ends the run, and has no effect", async () => {
  await using gate = await CountedGate.open();
  await assertRejects(
    () => play(run, gate, [{ calls: [{ name: "no_such_tool" }] }]),
    Error,
    "no_such_tool",
  );
  assertEquals([gate.effects, await gate.records()], [[], []]);
});
