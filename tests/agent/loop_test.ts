import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AgentLoop, runAgentLoop, type ToolDef } from "../../src/agent/mod.ts";
import { ScriptedModel } from "../../src/testing/mod.ts";
import { clientOf, CountedGate, play, toolMessagesOf, TOOLS } from "./counted_gate.ts";

const call = (name: string, args: unknown, id?: string) => ({
  name,
  arguments: args,
  ...(id === undefined ? {} : { id }),
});

for (const stream of [true, false]) {
  const how = stream ? "streamed" : "whole";
  Deno.test(`a run submits the calls of ${how} answers and ends with the model's text`, async () => {
    await using gate = await CountedGate.open();
    gate.value = (key: string) => `value of ${key}`;
    const { done, requests, events } = await play(gate, [
      { text: "I look.", calls: [call("get", { key: "open/a" }), call("get", { key: "open/b" })] },
      { text: "Both are there." },
    ], { client: { stream }, instructions: "Be brief" });
    assertEquals([done.outcome, done.text], ["final", "Both are there."]);
    assertEquals(gate.effects.map(({ target }) => target).sort(), ["open/a", "open/b"]);
    assertEquals(toolMessagesOf(requests), [
      { status: "OK", data: "value of open/a" },
      { status: "OK", data: "value of open/b" },
    ]);
    const [system, user, assistant] = requests.at(-1)?.body.messages ?? [];
    assertEquals(system, { role: "system", content: "Be brief" });
    assertEquals(user, { role: "user", content: "Go on" });
    assertEquals([assistant?.role, assistant?.content], ["assistant", "I look."]);
    const said = events.flatMap((event) => event.type === "text" ? event.text : []).join("");
    assertEquals(said, "I look.Both are there.");
    await gate.assertAgreement();
  });
}

Deno.test("the events of a run come in order, done last and once", async () => {
  await using gate = await CountedGate.open();
  const { events } = await play(gate, [
    { calls: [call("get", { key: "open/a" })], usage: { input: 10, output: 3 } },
    { text: "Done", usage: { input: 20, output: 4 } },
  ]);
  assertEquals(events.map(({ type }) => type), [
    "usage",
    "tool_call",
    "decision",
    "result",
    "text",
    "usage",
    "done",
  ]);
  const [usage, toolCall, decision, result] = events;
  assert(usage?.type === "usage" && toolCall?.type === "tool_call");
  assert(decision?.type === "decision" && result?.type === "result");
  assertEquals(usage.usage, { inputTokens: 10, outputTokens: 3, requests: 1 });
  assertEquals(toolCall.request, { action: "kv.get", target: "open/a", params: {} });
  assertEquals([decision.effect, decision.id], ["allow", toolCall.call.id]);
  assertEquals([result.result.status, result.result.rule], ["OK", "reading"]);
  const done = events.at(-1);
  assert(done?.type === "done");
  assertEquals(done.usage, { inputTokens: 30, outputTokens: 7, requests: 2 });
});

Deno.test("a denial reaches the model with the reason of its rule and nothing of other rules", async () => {
  await using gate = await CountedGate.open();
  const { requests, events } = await play(gate, [
    { calls: [call("get", { key: "open/secret" }), call("get", { key: "closed" })] },
    { text: "A pity" },
  ]);
  const [denied, unnamed] = toolMessagesOf(requests);
  assertEquals(Object.keys(denied ?? {}), ["status", "error", "code"]);
  assertEquals([denied?.status, denied?.code], ["DENIED", "DENY_RULE"]);
  assert(String(denied?.error).includes("Secrets stay secret"));
  assertEquals([unnamed?.status, unnamed?.code], ["DENIED", "NO_RULE"]);
  const told = JSON.stringify(requests.at(-1)?.body);
  for (const other of ["Rather not this", "other-rule", "open/elsewhere", "open/**", "reading"]) {
    assertEquals(told.includes(other), false, other);
  }
  const effects = events.flatMap((event) => event.type === "decision" ? event.effect : []);
  assertEquals(effects, ["deny", "deny"]);
  assertEquals(gate.effects, []);
  await gate.assertAgreement();
});

/** What the model does wrong, and what it is told. */
const MISTAKES: readonly (readonly [string, string, unknown, RegExp])[] = [
  ["an unknown tool", "no_such_tool", { key: "open/a" }, /unknown tool: no_such_tool/],
  ["a tool by the name of its action", "kv.get", { key: "open/a" }, /unknown tool: kv\.get/],
  ["malformed JSON", "get", '{"key": "open/a"', /malformed JSON/],
  ["JSON that is no object", "get", "[1]", /expected a JSON object/],
  ["null", "get", "null", /expected a JSON object/],
  ["a missing argument", "get", {}, /required property "key"/],
  ["an argument of another type", "get", { key: 5 }, /\/key: .*Expected "string"/],
  ["an argument too many", "get", { key: "open/a", more: 1 }, /more/],
  ["an empty target", "get", { key: "" }, /\/key: expected a string that is not empty/],
  ["a key __proto__", "get", '{"key": "open/a", "__proto__": {"x": 1}}', /__proto__/],
];
for (const [what, name, args, expected] of MISTAKES) {
  Deno.test(`${what} is answered to the model, recorded as INVALID, and not carried out`, async () => {
    await using gate = await CountedGate.open();
    const { requests, done, events } = await play(gate, [
      { calls: [call(name, args)] },
      { calls: [call("get", { key: "open/a" })] },
      { text: "Mended" },
    ]);
    assertEquals(done.outcome, "final");
    const [told] = toolMessagesOf(requests);
    assertEquals([told?.status, told?.code], ["ERROR", "INVALID_REQUEST"]);
    assert(expected.test(String(told?.error)), String(told?.error));
    assertEquals(gate.effects.length, 1);
    const records = await gate.assertAgreement();
    assertEquals(records.map(({ status }) => status), ["INVALID", "OK"]);
    assert(expected.test(String(records[0]?.error)), String(records[0]?.error));
    const effects = events.flatMap((event) => event.type === "decision" ? event.effect : []);
    assertEquals(effects, ["none", "allow"]);
  });
}

Deno.test("an invalid call is no valid request for a submit that does not know of problems", async () => {
  await using gate = await CountedGate.open();
  const { requests } = await play(gate, [
    { calls: [call("get", { key: "open/a", more: 1 }), call("kv.get", { key: "open/a" })] },
    { text: "Done" },
  ], { submit: (request) => gate.kernel.submit(request) });
  assertEquals(toolMessagesOf(requests).map(({ status }) => status), ["ERROR", "ERROR"]);
  assertEquals(gate.effects, []);
});

Deno.test("calls of one answer run at the same time and are answered in their order", async () => {
  await using gate = await CountedGate.open();
  const second = Promise.withResolvers<void>();
  gate.value = async (key: string) => {
    // The first ends only after the second has.
    if (key === "open/1") await second.promise;
    else second.resolve();
    return key;
  };
  const { requests } = await play(gate, [
    { calls: [call("get", { key: "open/1" }), call("get", { key: "open/2" })] },
    { text: "Done" },
  ]);
  assertEquals(toolMessagesOf(requests).map(({ data }) => data), ["open/1", "open/2"]);
});

Deno.test("a result that is too long is cut with a note, and stays JSON", async () => {
  await using gate = await CountedGate.open();
  for (const value of ["\u0000é😀".repeat(5000), { rows: Array(5000).fill("row") }]) {
    gate.value = value;
    const { requests } = await play(gate, [
      { calls: [call("get", { key: "open/a" })] },
      { text: "Done" },
    ], { maxResultChars: 500 });
    const content = requests.at(-1)?.body.messages.at(-1)?.content;
    assert(typeof content === "string" && content.length <= 500 && content.isWellFormed());
    const { status, data, note } = JSON.parse(content);
    assertEquals(status, "OK");
    assert(/^cut: the first \d+ of \d+ characters$/.test(note), note);
    assert(data.length > 50);
  }
});

Deno.test("a result just below the bound is not cut", async () => {
  await using gate = await CountedGate.open();
  const { requests } = await play(gate, [
    { calls: [call("get", { key: "open/a" })] },
    { text: "Done" },
  ], { maxResultChars: '{"status":"OK","data":"some value"}'.length });
  assertEquals(toolMessagesOf(requests), [{ status: "OK", data: "some value" }]);
});

Deno.test("run() gives the text of the end, also of a used-up budget", async () => {
  await using gate = await CountedGate.open();
  const forever = [{ calls: [call("get", { key: "open/a" })] }];
  await using model = ScriptedModel.start(forever, { whenOver: "repeat" });
  const options = { kernel: gate.kernel, model: clientOf(model), tools: TOOLS };
  assertEquals(await runAgentLoop("Go", { ...options, maxTurns: 3 }), "[max turns reached]");
  assertEquals(gate.effects.length, 3);
  assertEquals(
    await runAgentLoop("Go", { ...options, maxToolCalls: 2 }),
    "[max tool calls reached]",
  );
  assertEquals(gate.effects.length, 5);
  assertEquals(await runAgentLoop("Go", { ...options, maxTokens: 1 }), "[max tokens reached]");
  assertEquals(gate.effects.length, 5);
  await gate.assertAgreement();
});

Deno.test("calls beyond a budget are answered, not submitted, and the conversation can go on", async () => {
  await using gate = await CountedGate.open();
  const { loop, done } = await play(gate, [{
    calls: [1, 2, 3].map((i) => call("get", { key: `open/${i}` })),
  }], { maxToolCalls: 2 });
  assertEquals(done.outcome, "max_tool_calls");
  assertEquals(gate.effects.length, 2);
  const codes = loop.messages.flatMap((one) =>
    one.role === "tool" ? JSON.parse(one.content).code ?? "OK" : []
  );
  assertEquals(codes, ["OK", "OK", "NOT_SUBMITTED"]);
  const { done: next } = await play(gate, [{ text: "Fine" }], {
    conversation: JSON.parse(JSON.stringify(loop)),
  });
  assertEquals(next.text, "Fine");
});

Deno.test("tokens that a host does not report are estimated", async () => {
  await using gate = await CountedGate.open();
  const { done } = await play(gate, [{ text: "x".repeat(400), usage: null }]);
  assertEquals(done.usage.estimated, true);
  assert(done.usage.outputTokens >= 100);
});

Deno.test("the next run continues the conversation; another loop restores it", async () => {
  await using gate = await CountedGate.open();
  await using model = ScriptedModel.start([
    { calls: [call("get", { key: "open/a" }, "call_a")] },
    { text: "First" },
    { text: "Second" },
    { calls: [call("get", { key: "open/b" }, "call_a")] },
    { text: "Third" },
  ]);
  const options = { kernel: gate.kernel, model: clientOf(model), tools: TOOLS };
  const loop = new AgentLoop(options);
  assertEquals(await loop.run("One"), "First");
  assertEquals(await loop.run("Two"), "Second");
  const stored = JSON.stringify(loop);
  const restored = new AgentLoop({ ...options, conversation: JSON.parse(stored) });
  assertEquals(JSON.stringify(restored), stored);
  assertEquals(await restored.run("Three"), "Third");
  const roles = model.requests.at(-1)?.body.messages.map(({ role }) => role).join(" ");
  assertEquals(
    roles,
    "user assistant tool assistant user assistant user assistant tool",
  );
  // An id that is used again is replaced, and the call is one of its own.
  const ids = restored.messages.flatMap((one) => one.role === "tool" ? one.toolCallId : []);
  assertEquals(new Set(ids).size, 2);
  assertEquals(gate.effects.map(({ target }) => target), ["open/a", "open/b"]);
  assertEquals(restored.usage.requests, 5);
});

const BAD_CONVERSATIONS: readonly (readonly [string, unknown, RegExp])[] = [
  ["no object", "hello", /version 1/],
  ["another version", { version: 2, messages: [] }, /version 1/],
  ["a system message", { version: 1, messages: [{ role: "system", content: "x" }] }, /role/],
  ["a call without an answer", {
    version: 1,
    messages: [{
      role: "assistant",
      content: "",
      toolCalls: [{ id: "a", name: "get", arguments: "{}" }],
    }],
  }, /"a" has no answer/],
  ["an answer without a call", {
    version: 1,
    messages: [{ role: "tool", toolCallId: "a", content: "{}" }],
  }, /answers no call/],
  ["a content that is not a string", {
    version: 1,
    messages: [{ role: "user", content: { toJSON: 1 } }],
  }, /content is not a string/],
];
for (const [what, conversation, expected] of BAD_CONVERSATIONS) {
  Deno.test(`a stored conversation with ${what} is refused`, () => {
    const error = assertThrows(
      () =>
        new AgentLoop({
          submit: () => Promise.reject(new Error("unused")),
          model: { name: "none", ask: async function* () {} },
          conversation,
        }),
      TypeError,
    );
    assert(expected.test(error.message), error.message);
  });
}

Deno.test("an abort while the model speaks ends the run with the reason", async () => {
  await using gate = await CountedGate.open();
  await using model = ScriptedModel.start([{ text: "Endless", hang: true }]);
  const abort = new AbortController();
  const loop = new AgentLoop({ kernel: gate.kernel, model: clientOf(model), tools: TOOLS });
  const reason = new Error("Enough");
  for await (const event of loop.stream("Go", { signal: abort.signal })) {
    if (event.type === "text") abort.abort(reason);
    if (event.type === "done") {
      assertEquals([event.outcome, event.error], ["aborted", reason]);
    }
  }
  await assertRejects(() => loop.run("Go", { signal: abort.signal }), Error, "Enough");
});

Deno.test("an abort while an action runs ends the run; the action is on record", async () => {
  await using gate = await CountedGate.open();
  const abort = new AbortController();
  const finish = Promise.withResolvers<string>();
  gate.value = () => {
    abort.abort(new Error("Enough"));
    return finish.promise;
  };
  await using model = ScriptedModel.start([
    { calls: [call("get", { key: "open/1" }), call("get", { key: "open/2" })] },
  ]);
  const loop = new AgentLoop({
    kernel: gate.kernel,
    model: clientOf(model),
    tools: TOOLS,
    concurrency: 1,
  });
  await assertRejects(() => loop.run("Go", { signal: abort.signal }), Error, "Enough");
  finish.resolve("late");
  await gate.kernel.close();
  const codes = loop.messages.flatMap((one) =>
    one.role === "tool" ? JSON.parse(one.content).code : []
  );
  assertEquals(codes, ["ABORTED", "NOT_SUBMITTED"]);
  const records = await gate.assertAgreement();
  assertEquals(records.map(({ target }) => target), ["open/1"]);
});

Deno.test("the time of a run ends it, also with a client that ignores the signal", async () => {
  await using gate = await CountedGate.open();
  let ring = () => {};
  const loop = new AgentLoop({
    kernel: gate.kernel,
    model: {
      name: "stuck",
      ask: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => {
            ring();
            return new Promise(() => {});
          },
        }),
      }),
    },
    maxDurationMs: 1000,
    timer: {
      now: () => 0,
      schedule(callback, ms) {
        assertEquals(ms, 1000);
        ring = callback;
        return () => {};
      },
    },
  });
  assertEquals(await loop.run("Go"), "[max duration reached]");
});

Deno.test("a reader that stops reading the events ends the run", async () => {
  await using gate = await CountedGate.open();
  await using model = ScriptedModel.start([{ text: "Endless", hang: true }, { text: "Again" }]);
  const loop = new AgentLoop({ kernel: gate.kernel, model: clientOf(model) });
  for await (const event of loop.stream("Go")) if (event.type === "text") break;
  assertEquals(await loop.run("Go on"), "Again");
});

Deno.test("a kernel that is closed ends the run with its error; later calls are not submitted", async () => {
  await using gate = await CountedGate.open();
  await gate.kernel.close();
  const { done, loop } = await play(gate, [{
    calls: [call("get", { key: "open/1" }), call("get", { key: "open/2" })],
  }], { concurrency: 1 });
  assertEquals(done.outcome, "failed");
  assertEquals((done.error as { code?: string }).code, "KERNEL_CLOSED");
  assertEquals(loop.messages.filter(({ role }) => role === "tool").length, 2);
});

Deno.test("after a submit that throws no further call is submitted", async () => {
  await using gate = await CountedGate.open();
  const asked: string[] = [];
  const { done } = await play(gate, [{
    calls: [1, 2, 3].map((i) => call("get", { key: `open/${i}` })),
  }], {
    concurrency: 1,
    submit: ({ target }) => {
      asked.push(target);
      throw new Error("Out of order");
    },
  });
  assertEquals([done.outcome, (done.error as Error).message], ["failed", "Out of order"]);
  assertEquals(asked, ["open/1"]);
});

Deno.test("a submit that resolves to something that is not an ActionResult ends the run", async () => {
  await using gate = await CountedGate.open();
  for (const result of [undefined, null, "OK", { status: "YES" }]) {
    const { done } = await play(gate, [{ calls: [call("get", { key: "open/1" })] }], {
      submit: () => Promise.resolve(result as never),
    });
    assertEquals(done.outcome, "failed");
  }
});

Deno.test("a loop refuses to run twice at the same time", async () => {
  await using gate = await CountedGate.open();
  await using model = ScriptedModel.start([{ text: "One" }]);
  const loop = new AgentLoop({ kernel: gate.kernel, model: clientOf(model) });
  const first = loop.run("Go");
  await assertRejects(() => loop.run("Go"), TypeError, "is running");
  assertEquals(await first, "One");
});

Deno.test("a loop is refused without a kernel, with two tools of one name, and with bounds that are not positive", () => {
  const model = { name: "none", ask: async function* () {} };
  const submit = () => Promise.reject(new Error("unused"));
  assertThrows(() => new AgentLoop({ model }), TypeError, "kernel or submit");
  const [tool] = TOOLS as [ToolDef];
  assertThrows(() => new AgentLoop({ model, submit, tools: [tool, tool] }), TypeError, '"get"');
  for (const maxTurns of [0, -1, NaN, 1.5]) {
    assertThrows(() => new AgentLoop({ model, submit, maxTurns }), RangeError, "maxTurns");
  }
});

Deno.test("the agent's name is in each record", async () => {
  await using gate = await CountedGate.open();
  await play(gate, [
    { calls: [call("get", { key: "open/1" }), call("nothing", {})] },
    { text: "Done" },
  ], { agent: "researcher" });
  assertEquals((await gate.records()).map(({ agent }) => agent), ["researcher", "researcher"]);
});
