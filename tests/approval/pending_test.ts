/** Questions that are left in the inbox: answered when nobody waits, and taken up by an equal request. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type ActionRequest,
  ApprovalInbox,
  type ApprovalQuestion,
  Kernel,
  type KernelOptions,
} from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { questionOf } from "../../src/approval/question.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { HandClock } from "../limits/scene.ts";
import { nextTurn } from "../turn.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { openShop, policyOf, recordsOf, REQUEST } from "./scene.ts";

/** An inbox, and what all kernels over it have in common. */
function desk(ws: Workspace, more: Partial<KernelOptions> = {}) {
  const clock = new HandClock();
  const inbox = new ApprovalInbox(ws.path("inbox"), { clock: clock.now });
  const options = {
    approvals: { path: ws.path("inbox"), patienceMs: 0 },
    clock: clock.now,
    ...more,
  };
  return {
    clock,
    inbox,
    open: (over: Partial<KernelOptions> = {}) => openShop(ws, { ...options, ...over }),
    only(): ApprovalQuestion {
      const [question, ...others] = inbox.list();
      assertEquals(others, []);
      return question as ApprovalQuestion;
    },
    say: (approved: boolean, question = inbox.list()[0] as ApprovalQuestion) =>
      inbox.answer(question, { approved, by: "alice" }, clock.now()),
  };
}

function files(ws: Workspace): string[] {
  return Array.from(Deno.readDirSync(ws.path("inbox")), ({ name }) => name).sort();
}

Deno.test("a submit without patience leaves its question, also beyond its kernel; a yes then passes once", async () => {
  using ws = new Workspace();
  const { inbox, open, only, say, clock } = desk(ws);
  {
    const { kernel, calls } = await open();
    await using _ = kernel;
    const { status, code, error, details } = await kernel.submit(REQUEST);
    const { id, expiresAt } = only();
    assertEquals([status, code, calls], ["DENIED", "APPROVAL_PENDING", []]);
    assertEquals(
      error,
      `not permitted: waiting for a person (question ${id}); make the same request again after the answer, until ${expiresAt}`,
    );
    assertEquals(details, { question: id, expires_at: expiresAt, left_ms: 600_000 });
    assertEquals((await kernel.submit(REQUEST)).details, details);
  }
  const question = only();
  assertEquals([files(ws), inbox.stateOf(question)], [[`${question.id}.left`], "left"]);
  assertEquals([say(true), say(true)], ["answered", "already answered"]);
  assertEquals(inbox.stateOf(question), "answered");
  clock.at += 1000;
  const { kernel, calls } = await open();
  await using _ = kernel;
  assertEquals((await kernel.submit(REQUEST)).status, "OK");
  assertEquals([calls.length, files(ws)], [1, []]);
  assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_PENDING");
  assert(only().id !== question.id);
  await kernel.close();
  const shown = recordsOf(ws).map(({ code, stages }) => [code, stages?.["approval"]]);
  const { id, askedAt: asked_at } = question;
  assertEquals(shown.slice(0, 2), Array(2).fill(["APPROVAL_PENDING", { id, asked_at }]));
  assertEquals(shown[2], [undefined, {
    ...{ id, asked_at, answered_at: clock.now().toISOString() },
    ...{ by: "alice", method: "inbox" },
  }]);
});

Deno.test("with some patience the answer is waited for, then the question is left for all that wait", async () => {
  using ws = new Workspace();
  const timer = new ManualTimer();
  const { inbox, open, only, say } = desk(ws, {
    approvals: { path: ws.path("inbox"), patienceMs: 1000 },
    timer,
  });
  const { kernel, calls } = await open();
  await using _ = kernel;
  const both = [kernel.submit(REQUEST), kernel.submit(REQUEST)];
  await nextTurn();
  timer.pass(1000);
  const codes = (await Promise.all(both)).map(({ code }) => code);
  assertEquals(codes, ["APPROVAL_PENDING", "APPROVAL_PENDING"]);
  const question = only();
  const again = kernel.submit(REQUEST);
  await nextTurn();
  assertEquals([only(), inbox.stateOf(question)], [question, "waits"]);
  say(true);
  timer.pass(200);
  assertEquals([(await again).status, calls.length], ["OK", 1]);
});

Deno.test("a no to what was left is told to the next request, and used up", async () => {
  using ws = new Workspace();
  const { open, say, only } = desk(ws);
  const { kernel, calls } = await open();
  await using _ = kernel;
  await kernel.submit(REQUEST);
  const { id } = only();
  say(false);
  assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_DENIED");
  assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_PENDING");
  assert(only().id !== id);
  assertEquals(calls, []);
});

Deno.test("of 1,000 equal requests one takes the yes that was left, and the others ask anew, together", async () => {
  using ws = new Workspace();
  const { open, say, only } = desk(ws);
  const { kernel, calls } = await open();
  await using _ = kernel;
  await kernel.submit(REQUEST);
  const { id } = only();
  say(true);
  const results = await Promise.all(Array.from({ length: 1000 }, () => kernel.submit(REQUEST)));
  assertEquals(results.filter(({ status }) => status === "OK").length, 1);
  assertEquals(results.filter(({ code }) => code === "APPROVAL_PENDING").length, 999);
  assertEquals(calls.length, 1);
  assert(only().id !== id);
});

Deno.test("of many that take up one question at once one gets the answer, and all others learn that it is gone", async () => {
  using ws = new Workspace();
  const { open, only, say, clock } = desk(ws);
  const { kernel } = await open();
  await using _ = kernel;
  await kernel.submit(REQUEST);
  const question = only();
  const timer = new ManualTimer();
  const { signal } = new AbortController();
  const answers = Array.from(
    { length: 50 },
    () => new ApprovalInbox(ws.path("inbox"), { timer, clock: clock.now }).takeUp(question, signal),
  );
  say(true);
  timer.pass(200);
  const taken = (await Promise.all(answers)).filter((answer) => answer !== undefined);
  assertEquals(taken.map(({ by }) => by), ["alice"]);
  assertEquals([timer.waiting, files(ws)], [0, []]);
});

Deno.test("what was left and has expired is removed by whoever looks, and its yes is none", async () => {
  using ws = new Workspace();
  const { open, say, clock, inbox, only } = desk(ws);
  const { kernel, calls } = await open();
  await using _ = kernel;
  await kernel.submit(REQUEST);
  const question = only();
  say(true);
  clock.at = Date.parse(question.expiresAt);
  assertEquals([inbox.list(), files(ws)], [[], []]);
  assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_PENDING");
  assert(only().id !== question.id);
  assertEquals(calls, []);
});

Deno.test("after a reload of the policy what was left is not taken up", async () => {
  using ws = new Workspace();
  const { open, say } = desk(ws);
  const { kernel, calls } = await open();
  await using _ = kernel;
  await kernel.submit(REQUEST);
  say(true);
  await kernel.reload(policyOf("required", { reason: "another" }));
  assertEquals([(await kernel.submit(REQUEST)).code, calls], ["APPROVAL_PENDING", []]);
});

// deno-fmt-ignore -- a row is a line
const OTHERS: readonly { cell: string; request: ActionRequest }[] = [
  { cell: "another agent", request: { ...REQUEST, agent: "mallory" } },
  { cell: "no agent", request: { action: "shop.pay", target: "vendors/pens", params: { amount: 5 } } },
  { cell: "other params", request: { ...REQUEST, params: { amount: 6 } } },
  { cell: "more params", request: { ...REQUEST, params: { amount: 5, tip: 1 } } },
  { cell: "another target", request: { ...REQUEST, target: "vendors/ink" } },
];
for (const { cell, request } of OTHERS) {
  Deno.test(`a yes that waits in the inbox is not for a request with ${cell}`, async () => {
    using ws = new Workspace();
    const { open, say } = desk(ws);
    const { kernel, calls } = await open();
    await using _ = kernel;
    await kernel.submit(REQUEST);
    say(true);
    assertEquals([(await kernel.submit(request)).code, calls], ["APPROVAL_PENDING", []]);
    assertEquals((await kernel.submit(REQUEST)).status, "OK");
  });
}

/** How a file of a question that was left can be forged: each has a yes beside it. */
// deno-fmt-ignore -- a row is a line
const FORGED: readonly { cell: string; forge: (left: ApprovalQuestion) => object; answers?: (left: ApprovalQuestion) => object }[] = [
  { cell: "other params and the old digest", forge: (left) => ({ ...left, params: { amount: 1 } }) },
  { cell: "other params and a digest of them", forge: (left) => remade(left, { params: { amount: 1 } }) },
  { cell: "another policy", forge: (left) => remade(left, { policy: "0".repeat(64) }) },
  { cell: "another rule", forge: (left) => remade(left, { rule: "look" }) },
  { cell: "other approvers", forge: (left) => remade(left, { approvers: ["alice"] }) },
  { cell: "a reason that the policy does not have", forge: (left) => remade(left, { reason: "harmless" }) },
  { cell: "more time", forge: (left) => remade(left, { expiresAt: "2099-01-01T00:00:00.000Z" }) },
  { cell: "times in the future", forge: (left) => remade(left, { askedAt: "2098-12-31T23:50:00.000Z", expiresAt: "2099-01-01T00:00:00.000Z" }) },
  { cell: "a time in another form", forge: (left) => remade(left, { expiresAt: left.expiresAt.replace("Z", "+00:00") }) },
  { cell: "a count that is a text", forge: (left) => remade(left, { before: { asked: "\x1b[2J", approved: 1 } as never }) },
  { cell: "a time to remember that is a text", forge: (left) => remade(left, { remember: { as: "target", target: "x", for: "ever\x1b[2J" } }) },
  { cell: "the question itself, and an answer to another digest", forge: (left) => left, answers: () => ({ digest: "0".repeat(64) }) },
];
for (const { cell, forge, answers = ({ digest }: ApprovalQuestion) => ({ digest }) } of FORGED) {
  Deno.test(`a file in the inbox with ${cell} lets nothing through`, async () => {
    using ws = new Workspace();
    const { open, only } = desk(ws);
    const { kernel, calls } = await open();
    await using _ = kernel;
    await kernel.submit(REQUEST);
    const left = only();
    const forged = forge(left) as ApprovalQuestion;
    Deno.writeTextFileSync(ws.path(`inbox/${left.id}.left`), JSON.stringify(forged));
    const answer = { approved: true, by: "alice", ...answers(forged) };
    Deno.writeTextFileSync(ws.path(`inbox/${left.id}.answer`), JSON.stringify(answer));
    const { status, code } = await kernel.submit(REQUEST);
    assertEquals([status, calls], ["DENIED", []]);
    assertMatch(String(code), /^APPROVAL_(PENDING|UNAVAILABLE)$/);
  });
}

function remade(left: ApprovalQuestion, over: Partial<ApprovalQuestion>): ApprovalQuestion {
  const { digest: _, ...content } = { ...left, ...over };
  return questionOf(content);
}

Deno.test("an answer of another user to what was left denies, and is used up", async () => {
  using ws = new Workspace();
  const { open, say, only } = desk(ws);
  const { kernel, calls } = await open();
  await using _ = kernel;
  await kernel.submit(REQUEST);
  const { id } = only();
  say(true);
  try {
    Deno.chownSync(ws.path(`inbox/${id}.answer`), 65_534, 65_534);
  } catch {
    return; // Only root can give a file away.
  }
  const { code, error } = await kernel.submit(REQUEST);
  assertEquals([code, calls], ["APPROVAL_UNAVAILABLE", []]);
  assertMatch(error ?? "", /the answer is of another user \(65534\)/);
  assertEquals(files(ws), []);
});

Deno.test("a write is not carried out over another file than the one that was shown when it was left", async () => {
  for (const before of ["old\n", "\0 binary"]) {
    using ws = new Workspace();
    const target = ws.file("work/a", before);
    const { inbox, clock } = desk(ws);
    await using kernel = await Kernel.open({
      policy: {
        capabilities: [{ action: "fs.write", resource: ws.path("work/**"), approval: "required" }],
      },
      providers: [new FilesystemProvider({ isolation: "none" } as never)],
      logPath: ws.path("kernel.log"),
      approvals: { path: ws.path("inbox"), patienceMs: 0 },
      clock: clock.now,
      onWarning: () => {},
    });
    const write = { action: "fs.write", target, params: { content: "new\n" } };
    await kernel.submit(write);
    const [question] = inbox.list() as [ApprovalQuestion];
    inbox.answer(question, { approved: true, by: "alice" }, clock.now());
    Deno.writeTextFileSync(target, before.replace("o", "x").replace("binary", "binarx"));
    assertEquals((await kernel.submit(write)).code, "APPROVAL_PENDING");
    Deno.writeTextFileSync(target, before);
    assertEquals((await kernel.submit(write)).status, "OK");
    assertEquals(Deno.readTextFileSync(target), "new\n");
  }
});

Deno.test("an approver that keeps no questions is waited for as long as the rule says", async () => {
  using ws = new Workspace();
  const timer = new ManualTimer();
  const { kernel } = await openShop(ws, {
    approvals: {
      approver: { method: "slow", ask: () => new Promise(() => {}) },
      patienceMs: 0,
    },
    timer,
  });
  await using _ = kernel;
  const submitted = kernel.submit(REQUEST);
  await nextTurn();
  timer.pass(600_000);
  assertEquals((await submitted).code, "APPROVAL_TIMEOUT");
});

Deno.test("a patience that is no time is refused at the start", async () => {
  using ws = new Workspace();
  for (const patienceMs of [-1, NaN]) {
    const error = await openShop(ws, { approvals: { path: ws.path("inbox"), patienceMs } })
      .then(() => undefined, (error) => error);
    assert(error instanceof RangeError, String(error));
  }
});

/** A process that submits the request until it passes, and says so; it has a log of its own. */
function claimant(ws: Workspace, name: string): Deno.ChildProcess {
  const script = ws.file(
    `${name}.ts`,
    `import { Kernel, Provider } from "${ROOT}/mod.ts";
     await using kernel = await Kernel.open({
       policy: ${JSON.stringify(policyOf())},
       providers: [new Provider({
         name: "shop", isolation: "none",
         actions: { "shop.pay": { kind: "name" }, "shop.look": { kind: "name", effect: "none" } },
         execute() { Deno.writeTextFileSync("${
      ws.path("done")
    }", "${name}\\n", { append: true }); },
       })],
       logPath: "${ws.path(`${name}.log`)}",
       approvals: { path: "${ws.path("inbox")}", patienceMs: 60_000 },
       onWarning: () => {},
     });
     console.log("ready");
     await kernel.submit(${JSON.stringify(REQUEST)});`,
  );
  return new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", "-A", `--config=${ROOT}/deno.json`, script],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

Deno.test("of processes that wait for one answer one passes, also if another is killed meanwhile", async () => {
  using ws = new Workspace();
  const inbox = new ApprovalInbox(ws.path("inbox"));
  {
    const { kernel } = await openShop(ws, {
      approvals: { path: ws.path("inbox"), patienceMs: 0 },
    });
    await using _ = kernel;
    assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_PENDING");
  }
  const [question] = inbox.list() as [ApprovalQuestion];
  const children = ["a", "b", "c"].map((name) => claimant(ws, name));
  try {
    for (const { stdout } of children) {
      const reader = stdout.getReader();
      await reader.read();
      await reader.cancel();
    }
    children[0]?.kill("SIGKILL");
    await children[0]?.status;
    inbox.answer(question, { approved: true, by: "alice" }, new Date());
    // The one that did not get it asks anew.
    while (!inbox.list().some(({ id }) => id !== question.id)) await nextTurn();
    const passed = await Promise.race(children.slice(1).map((child) => child.status));
    assertEquals(passed.success, true);
    assertEquals(Deno.readTextFileSync(ws.path("done")).trim().split("\n").length, 1);
  } finally {
    for (const child of children) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    }
  }
});
