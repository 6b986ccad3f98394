/** Calls that wait for a person: told, waited for, or stored and gone on with. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AgentLoop, type AgentLoopOptions, callTool } from "../../src/agent/mod.ts";
import { ApprovalInbox, Kernel, Provider } from "../../mod.ts";
import { ScriptedModel, type ScriptStep } from "../../src/testing/mod.ts";
import { Workspace } from "../workspace.ts";
import { clientOf, hastyTimer, toolMessagesOf, TOOLS } from "./counted_gate.ts";

/** A kernel whose writes need a yes, and leave their question at once. */
async function openDesk(ws: Workspace) {
  const effects: string[] = [];
  const kernel = await Kernel.open({
    policy: {
      capabilities: [
        { id: "reading", action: "kv.get", resource: "open/**" },
        { id: "writing", action: "kv.set", resource: "open/**", approval: "required" },
      ],
    },
    providers: [
      new Provider({
        name: "kv",
        isolation: "none",
        actions: { "kv.get": { kind: "name" }, "kv.set": { kind: "name" } },
        execute({ action, target, params }) {
          effects.push(`${action} ${target} ${JSON.stringify(params)}`);
          return "done";
        },
      }),
    ],
    logPath: ws.path("kernel.log"),
    approvals: { path: ws.path("inbox"), patienceMs: 0 },
    onWarning: () => {},
  });
  const inbox = new ApprovalInbox(ws.path("inbox"));
  const say = (approved: boolean, target?: string) => {
    const question = inbox.list().find((one) => target === undefined || one.target === target);
    if (question === undefined) throw new Error(`Nothing waits for ${target}`);
    assertEquals(inbox.answer(question, { approved, by: "alice" }, new Date()), "answered");
  };
  return { kernel, effects, inbox, say };
}

const set = (key: string, value: unknown) => ({ name: "set", arguments: { key, value } });
const get = (key: string) => ({ name: "get", arguments: { key } });

/** A loop over a scripted model. */
function scripted(script: readonly ScriptStep[]) {
  const model = ScriptedModel.start(script);
  const make = (kernel: Kernel, options: Partial<AgentLoopOptions> = {}) =>
    new AgentLoop({ kernel, model: clientOf(model), tools: TOOLS, ...options });
  return { model, make };
}

Deno.test("tell: the model is told that a person is waited for, and goes on", async () => {
  using ws = new Workspace();
  const { kernel, effects, inbox } = await openDesk(ws);
  await using _ = kernel;
  const { model, make } = scripted([
    { calls: [set("open/a", 1), get("open/b")] },
    { text: "Later, then" },
  ]);
  await using __ = model;
  assertEquals(await make(kernel, { onApproval: "tell" }).run("Go"), "Later, then");
  const [waits, read] = toolMessagesOf(model.requests);
  const [question] = inbox.list();
  assertEquals(waits, {
    status: "DENIED",
    error:
      `not permitted: waiting for a person (question ${question?.id}); make the same request again after the answer, until ${question?.expiresAt}`,
    code: "APPROVAL_PENDING",
  });
  assertEquals([read?.status, effects], ["OK", ["kv.get open/b {}"]]);
});

Deno.test("wait: the call is submitted again until the answer is there", async () => {
  using ws = new Workspace();
  const { kernel, effects, say } = await openDesk(ws);
  await using _ = kernel;
  const { model, make } = scripted([{ calls: [set("open/a", 1)] }, { text: "Done" }]);
  await using __ = model;
  let submits = 0;
  const submit: typeof kernel.submit = async (request, options) => {
    const result = await kernel.submit(request, options);
    if (++submits === 3) say(true);
    return result;
  };
  const waits: number[] = [];
  assertEquals(await make(kernel, { submit, timer: hastyTimer(waits) }).run("Go"), "Done");
  assertEquals([submits, effects], [4, ['kv.set open/a {"value":1}']]);
  assertEquals(waits, [1000, 1000, 1000]);
  assertEquals(toolMessagesOf(model.requests), [{ status: "OK", data: "done" }]);
});

Deno.test("pause: the run ends as waiting, is stored, and goes on in another loop after the answer", async () => {
  using ws = new Workspace();
  const script = [
    { calls: [get("open/x"), set("open/a", 1), set("open/b", 2), get("open/y")] },
    { text: "All done" },
  ];
  const { model, make } = scripted(script);
  await using _ = model;
  let stored: string;
  {
    const { kernel, effects } = await openDesk(ws);
    await using _ = kernel;
    const loop = make(kernel, { onApproval: "pause" });
    assertEquals(await loop.run("Go"), "[waiting for a person]");
    assertEquals(effects, ["kv.get open/x {}", "kv.get open/y {}"]);
    assertEquals(loop.pending.map(({ arguments: args }) => JSON.parse(args).key), [
      "open/a",
      "open/b",
    ]);
    stored = JSON.stringify(loop);
  }
  const { kernel, effects, say } = await openDesk(ws);
  await using __ = kernel;
  const loop = make(kernel, { onApproval: "pause", conversation: JSON.parse(stored) });
  say(true, "open/a");
  assertEquals(await loop.resume(), "[waiting for a person]");
  assertEquals(effects, ['kv.set open/a {"value":1}']);
  assertEquals([loop.pending.length, model.requests.length], [1, 1]);
  say(false, "open/b");
  const later = make(kernel, {
    onApproval: "pause",
    conversation: JSON.parse(JSON.stringify(loop)),
  });
  const outcomes: string[] = [];
  for await (const event of later.resumeStream()) {
    if (event.type === "done") outcomes.push(event.outcome, event.text);
  }
  assertEquals(outcomes, ["final", "All done"]);
  assertEquals(toolMessagesOf(model.requests).map(({ status, code }) => [status, code]), [
    ["OK", undefined],
    ["OK", undefined],
    ["DENIED", "APPROVAL_DENIED"],
    ["OK", undefined],
  ]);
  assertEquals([effects.length, later.pending], [1, []]);
  await assertRejects(() => later.resume(), TypeError, "no call waits for a person");
});

Deno.test("a new prompt gives up waiting: the results stay told, and no call is submitted again", async () => {
  using ws = new Workspace();
  const { kernel, effects, say } = await openDesk(ws);
  await using _ = kernel;
  const { model, make } = scripted([{ calls: [set("open/a", 1)] }, { text: "Never mind" }]);
  await using __ = model;
  const loop = make(kernel, { onApproval: "pause" });
  await loop.run("Go");
  say(true);
  assertEquals(await loop.run("Forget it"), "Never mind");
  assertEquals([loop.pending, effects], [[], []]);
  assertEquals(toolMessagesOf(model.requests)[0]?.code, "APPROVAL_PENDING");
  assert(!JSON.stringify(loop).includes('"pending"'));
});

Deno.test("a call that is not submitted when a run is resumed still waits", async () => {
  using ws = new Workspace();
  const { kernel, effects, say } = await openDesk(ws);
  await using _ = kernel;
  const { model, make } = scripted([{ calls: [set("open/a", 1), set("open/b", 2)] }]);
  await using __ = model;
  const loop = make(kernel, { onApproval: "pause" });
  await loop.run("Go");
  const conversation = JSON.parse(JSON.stringify(loop));
  say(true, "open/a");
  say(true, "open/b");
  const one = make(kernel, { onApproval: "pause", conversation, maxToolCalls: 1 });
  assertEquals(await one.resume(), "[waiting for a person]");
  assertEquals([effects, one.pending.length], [['kv.set open/a {"value":1}'], 1]);
  const ended = make(kernel, { onApproval: "pause", conversation });
  const signal = AbortSignal.abort(new Error("over"));
  await assertRejects(() => ended.resume({ signal }), Error, "over");
  assertEquals([effects.length, ended.pending.length], [1, 2]);
});

const CALL = { id: "c1", name: "set", arguments: '{"key":"open/a","value":1}' };
const RESULT = { role: "tool", toolCallId: "c1", content: "{}", pending: true };

/** A stored conversation whose last call seems to wait. */
function stored(call: object, result: object = RESULT, ...more: object[]): unknown {
  const messages = [
    { role: "user", content: "Go" },
    { role: "assistant", content: "", toolCalls: [{ ...CALL, ...call }] },
    result,
    ...more,
  ];
  return { version: 1, messages, usage: { inputTokens: 0, outputTokens: 0, requests: 0 } };
}

// deno-fmt-ignore -- a row is a line
const FORGED: readonly { cell: string; call: object; told: string }[] = [
  { cell: "an unknown tool", call: { name: "rm" }, told: "INVALID_REQUEST" },
  { cell: "the name of an action", call: { name: "kv.set" }, told: "INVALID_REQUEST" },
  { cell: "arguments that do not fit", call: { arguments: '{"key":5}' }, told: "INVALID_REQUEST" },
  { cell: "arguments that are no JSON", call: { arguments: "{" }, told: "INVALID_REQUEST" },
  { cell: "a target that no rule allows", call: { arguments: '{"key":"shut/a","value":1}' }, told: "NO_RULE" },
  { cell: "what nobody was asked about", call: {}, told: "APPROVAL_PENDING" },
  { cell: "an agent of its own", call: { agent: "boss", request: { action: "kv.set", target: "x" } }, told: "APPROVAL_PENDING" },
];
for (const { cell, call, told } of FORGED) {
  Deno.test(`a forged call that seems to wait can do no more than a model's: ${cell}`, async () => {
    using ws = new Workspace();
    const { kernel, effects } = await openDesk(ws);
    await using _ = kernel;
    const { model, make } = scripted([{ text: "Well" }]);
    await using __ = model;
    const loop = make(kernel, { onApproval: "tell", conversation: stored(call) });
    // What a host makes of a name or arguments that no loop has stored is not looked at.
    for await (const event of loop.resumeStream()) {
      if (event.type === "result") assertEquals(event.result.code, told);
    }
    const [result] = loop.messages.flatMap((one) => one.role === "tool" ? one.content : []);
    assertEquals([JSON.parse(result ?? "").code, effects], [told, []]);
  });
}

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly { cell: string; conversation: unknown; says: RegExp }[] = [
  { cell: "waits before another answer", conversation: stored({}, RESULT, { role: "assistant", content: "" }), says: /messages\[2\]: only results of the last answer can wait/ },
  { cell: "answers no call", conversation: stored({}, { ...RESULT, toolCallId: "c2" }), says: /answers no call before it/ },
];
for (const { cell, conversation, says } of REFUSED) {
  Deno.test(`a conversation with a result that ${cell} is refused`, () => {
    const { message } = assertThrows(
      () => new AgentLoop({ submit: () => Promise.reject(), model: "ollama/x", conversation }),
      TypeError,
    );
    assert(says.test(message), message);
  });
}

Deno.test("what only looks like a pending result is no call that waits", () => {
  for (const pending of [false, "true", 1, null]) {
    const conversation = stored({}, { ...RESULT, pending });
    const loop = new AgentLoop({
      submit: () => Promise.reject(),
      model: "ollama/x",
      conversation,
    });
    assertEquals(loop.pending, []);
  }
});

Deno.test("onApproval is one of three words", () => {
  const options = { submit: () => Promise.reject(), model: "ollama/x", onApproval: "ask" };
  assertThrows(
    () => new AgentLoop(options as unknown as AgentLoopOptions),
    TypeError,
    "expected wait, tell or pause",
  );
});

Deno.test("a provider that says APPROVAL_PENDING of what it did has its call told, and not made again", async () => {
  let submits = 0;
  const submit = () => {
    submits++;
    return Promise.resolve(
      { status: "DENIED", code: "APPROVAL_PENDING", error: "x", recordId: "r" } as const,
    );
  };
  const { model, make } = scripted([{ calls: [set("open/a", 1)] }, { text: "Odd" }]);
  await using _ = model;
  const loop = make(undefined as unknown as Kernel, { submit, onApproval: "pause" });
  assertEquals([await loop.run("Go"), submits], ["Odd", 1]);
});

Deno.test("callTool() tells the same", async () => {
  using ws = new Workspace();
  const { kernel } = await openDesk(ws);
  await using _ = kernel;
  const [, tool] = TOOLS;
  if (tool === undefined) throw new Error("There is no tool");
  const { content } = await callTool(tool, { key: "open/a", value: 1 }, { kernel });
  assert(content.includes("waiting for a person") && content.includes("APPROVAL_PENDING"), content);
});
