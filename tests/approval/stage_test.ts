/** Approvals through a real kernel: a yes is for one action as it was shown. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { approverOf, firstOf, Kernel, Provider } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { HandClock } from "../limits/scene.ts";
import { nextTurn } from "../turn.ts";
import { Workspace } from "../workspace.ts";
import { shownChange } from "../../src/approval/shown_change.ts";
import { openShop, Person, policyOf, recordsOf, REQUEST } from "./scene.ts";

Deno.test("a rule with approval asks with all that would be done, and a yes has it done once", async () => {
  using ws = new Workspace();
  const person = new Person();
  {
    const { kernel, calls } = await openShop(ws, { approvals: { approver: person.approver } });
    await using _ = kernel;
    const submitted = kernel.submit(REQUEST);
    const { question, answer } = await person.next();
    assertEquals(calls, []);
    const { id, askedAt, expiresAt, digest, ...shown } = question;
    assertEquals(shown, {
      ...REQUEST,
      params: { amount: 5 },
      agent: "buyer",
      rule: "pay",
      reason: "money",
      policy: kernel.policy.digest,
    });
    assertEquals(Date.parse(expiresAt) - Date.parse(askedAt), 600_000);
    assertEquals(digest.length, 64);
    answer({ approved: true, by: "alice", reason: "cheap" });
    const { status, recordId } = await submitted;
    assertEquals([status, recordId, calls.length], ["OK", id, 1]);
    // The same again is another action.
    const again = kernel.submit(REQUEST);
    const second = await person.next();
    assert(second.question.id !== id && second.question.digest !== digest);
    second.answer({ approved: false, by: "bob", reason: "enough" });
    const denied = await again;
    assertEquals([denied.status, denied.code], ["DENIED", "APPROVAL_DENIED"]);
    assertEquals(denied.error, "not permitted: bob said no: enough");
    assertEquals(calls.length, 1);
    // Another rule asks nobody.
    assertEquals((await kernel.submit({ action: "shop.look", target: "x" })).status, "OK");
  }
  const [yes, no, look] = recordsOf(ws);
  const { answered_at, asked_at, id, ...facts } = yes?.stages?.["approval"] as Record<
    string,
    string
  >;
  assertEquals(facts, { by: "alice", method: "function", reason: "cheap" });
  assertEquals(id, yes?.record_id);
  assert((answered_at ?? "") >= (asked_at ?? "x"));
  assertEquals([no?.status, no?.code, no?.record_id], ["DENIED", "APPROVAL_DENIED", undefined]);
  assertEquals((no?.stages?.["approval"] as Record<string, string>)["by"], "bob");
  assertEquals(look?.stages, undefined);
});

const revoked = Proxy.revocable({}, {});
revoked.revoke();
// deno-fmt-ignore -- a row is a line
const ANSWERS: readonly { cell: string; answer?: unknown; fail?: unknown; code: string }[] = [
  { cell: "true", answer: true, code: "APPROVAL_UNAVAILABLE" },
  { cell: "nothing", answer: undefined, code: "APPROVAL_UNAVAILABLE" },
  { cell: "null", answer: null, code: "APPROVAL_UNAVAILABLE" },
  { cell: "a text", answer: "yes", code: "APPROVAL_UNAVAILABLE" },
  { cell: "a yes of nobody", answer: { approved: true }, code: "APPROVAL_UNAVAILABLE" },
  { cell: "a yes of an empty name", answer: { approved: true, by: "" }, code: "APPROVAL_UNAVAILABLE" },
  { cell: "a yes of a list in a list", answer: { approved: true, by: [["alice"]] }, code: "APPROVAL_UNAVAILABLE" },
  { cell: "a yes of an endless name", answer: { approved: true, by: "a".repeat(10_000) }, code: "APPROVAL_UNAVAILABLE" },
  { cell: "something like true", answer: { approved: 1, by: "alice" }, code: "APPROVAL_DENIED" },
  { cell: "the text true", answer: { approved: "true", by: "alice" }, code: "APPROVAL_DENIED" },
  { cell: "no word of yes or no", answer: { by: "alice" }, code: "APPROVAL_DENIED" },
  { cell: "an error as an answer", answer: new Error("no"), code: "APPROVAL_UNAVAILABLE" },
  { cell: "a proxy that was revoked", answer: { get approved() { throw revoked.proxy; } }, code: "APPROVAL_UNAVAILABLE" },
  { cell: "an exception", fail: new Error("the network is down"), code: "APPROVAL_UNAVAILABLE" },
  { cell: "an exception that cannot be read", fail: revoked.proxy, code: "APPROVAL_UNAVAILABLE" },
];
for (const { cell, answer, fail, code } of ANSWERS) {
  Deno.test(`an approver that answers ${cell} denies with ${code}`, async () => {
    using ws = new Workspace();
    const person = new Person();
    const { kernel, calls } = await openShop(ws, { approvals: { approver: person.approver } });
    await using _ = kernel;
    const submitted = kernel.submit(REQUEST);
    const asked = await person.next();
    if (fail === undefined) asked.answer(answer);
    else asked.fail(fail);
    const result = await submitted;
    assertEquals([result.status, result.code, calls], ["DENIED", code, []]);
  });
}

Deno.test("only who is named in the rule may answer", async () => {
  using ws = new Workspace();
  const person = new Person();
  const { kernel, calls } = await openShop(ws, {
    policy: policyOf({ approvers: ["alice", "bob"] }),
    approvals: { approver: person.approver },
  });
  await using _ = kernel;
  for (const [by, status] of [["mallory", "DENIED"], ["bob", "OK"]] as const) {
    const submitted = kernel.submit(REQUEST);
    const { question, answer } = await person.next();
    assertEquals(question.approvers, ["alice", "bob"]);
    answer({ approved: true, by });
    assertEquals((await submitted).status, status);
  }
  assertEquals(calls.length, 1);
});

Deno.test("nobody's answer in time denies, and takes the question back", async () => {
  using ws = new Workspace();
  const timer = new ManualTimer();
  const person = new Person();
  const { kernel, calls } = await openShop(ws, {
    policy: policyOf({ timeout: "90s" }),
    approvals: { approver: person.approver },
    timer,
  });
  await using _ = kernel;
  const submitted = kernel.submit(REQUEST);
  const { signal, answer } = await person.next();
  timer.pass(89_999);
  await nextTurn();
  assertEquals(signal.aborted, false);
  timer.pass(1);
  const { code, error } = await submitted;
  assertEquals([code, error], ["APPROVAL_TIMEOUT", "not permitted: nobody answered within 90 s"]);
  assertEquals(signal.aborted, true);
  answer({ approved: true, by: "alice" });
  await nextTurn();
  assertEquals(calls, []);
});

Deno.test("a kernel that closes does not wait for a person", async () => {
  using ws = new Workspace();
  const person = new Person();
  const { kernel, calls } = await openShop(ws, { approvals: { approver: person.approver } });
  const submitted = kernel.submit(REQUEST);
  const { signal } = await person.next();
  await kernel.close();
  assertEquals([(await submitted).code, signal.aborted, calls], ["APPROVAL_UNAVAILABLE", true, []]);
  assertEquals(recordsOf(ws).map(({ code }) => code), ["APPROVAL_UNAVAILABLE"]);
});

Deno.test("without anybody to ask, what needs a yes is denied, and the operator is told at the start", async () => {
  using ws = new Workspace();
  const { kernel, calls, warnings } = await openShop(ws);
  await using _ = kernel;
  assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_UNAVAILABLE");
  assertEquals((await kernel.submit({ action: "shop.look", target: "x" })).status, "OK");
  assertEquals(calls.length, 1);
  assertEquals(
    warnings.filter((line) => /nobody can be asked .* allow nothing: pay$/.test(line)).length,
    1,
  );
});

Deno.test("a yes is stale when the policy was replaced since", async () => {
  using ws = new Workspace();
  const person = new Person();
  const { kernel, calls } = await openShop(ws, { approvals: { approver: person.approver } });
  await using _ = kernel;
  const submitted = kernel.submit(REQUEST);
  const { answer } = await person.next();
  await kernel.reload(policyOf({ timeout: "5m" }));
  answer({ approved: true, by: "alice" });
  const { code, error } = await submitted;
  assertEquals([code, calls], ["APPROVAL_STALE", []]);
  assertEquals(error, "not permitted: alice said yes, but the policy was replaced since");
});

Deno.test("a yes is stale when it comes after its time, whatever the timer says", async () => {
  using ws = new Workspace();
  const clock = new HandClock();
  const person = new Person();
  const { kernel, calls } = await openShop(ws, {
    approvals: { approver: person.approver },
    clock: clock.now,
  });
  await using _ = kernel;
  const submitted = kernel.submit(REQUEST);
  const { answer } = await person.next();
  clock.at += 600_000;
  answer({ approved: true, by: "alice" });
  assertEquals([(await submitted).code, calls], ["APPROVAL_STALE", []]);
});

/** A kernel that asks before each write below "w", and its person. */
async function writer(ws: Workspace) {
  const person = new Person();
  const kernel = await Kernel.open({
    policy: {
      capabilities: [{ action: "fs.write", resource: ws.path("w/**"), approval: "required" }],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    approvals: { approver: person.approver },
    onWarning: () => {},
  });
  const write = (name: string, content: string) =>
    kernel.submit({ action: "fs.write", target: ws.path(`w/${name}`), params: { content } });
  return { kernel, person, write };
}

// deno-fmt-ignore -- a row is a line
const MEANWHILE: readonly { cell: string; before?: string; meanwhile: (path: string) => void; expected: string | undefined }[] = [
  { cell: "nothing", before: "a\nb\n", meanwhile: () => {}, expected: undefined },
  { cell: "another content", before: "a\n", meanwhile: (path) => Deno.writeTextFileSync(path, "c\n"), expected: "APPROVAL_STALE" },
  { cell: "the same content anew", before: "a\n", meanwhile: (path) => { Deno.removeSync(path); Deno.writeTextFileSync(path, "a\n"); }, expected: undefined },
  { cell: "its removal", before: "a\n", meanwhile: (path) => Deno.removeSync(path), expected: "APPROVAL_STALE" },
  { cell: "a file where none was", meanwhile: (path) => Deno.writeTextFileSync(path, ""), expected: "APPROVAL_STALE" },
];
for (const { cell, before, meanwhile, expected } of MEANWHILE) {
  Deno.test(`a write is shown as a diff; between question and yes: ${cell}`, async () => {
    using ws = new Workspace();
    ws.folder("w");
    if (before !== undefined) ws.file("w/a", before);
    const { kernel, person, write } = await writer(ws);
    await using _ = kernel;
    const submitted = write("a", "new\n");
    const { question: { change = "" }, answer } = await person.next();
    assertStringIncludes(change, "+ new");
    if (before !== undefined) assertStringIncludes(change, "- a");
    meanwhile(ws.path("w/a"));
    answer({ approved: true, by: "alice" });
    const { code } = await submitted;
    assertEquals(code, expected);
    if (expected === undefined) assertEquals(Deno.readTextFileSync(ws.path("w/a")), "new\n");
  });
}

Deno.test("a link that is turned elsewhere after the yes is not followed", async () => {
  using ws = new Workspace();
  ws.file("w/real/a", "a");
  ws.file("w/other/a", "other");
  ws.link("w/link", ws.path("w/real"));
  const { kernel, person, write } = await writer(ws);
  await using _ = kernel;
  const submitted = write("link/a", "new");
  const { question, answer } = await person.next();
  assertEquals(question.target, ws.path("w/real/a"));
  Deno.removeSync(ws.path("w/link"));
  ws.link("w/link", ws.path("w/other"));
  answer({ approved: true, by: "alice" });
  assertEquals((await submitted).status, "OK");
  // What was shown is what was done.
  assertEquals(Deno.readTextFileSync(ws.path("w/real/a")), "new");
  assertEquals(Deno.readTextFileSync(ws.path("w/other/a")), "other");
});

Deno.test("what is denied, malformed or over a limit asks nobody", async () => {
  using ws = new Workspace();
  const person = new Person();
  const { kernel } = await openShop(ws, {
    policy: policyOf("required", { limits: { calls: "1/session" } }),
    approvals: { approver: person.approver },
  });
  await using _ = kernel;
  const first = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: true, by: "alice" });
  assertEquals((await first).status, "OK");
  const codes = [];
  for (
    const request of [REQUEST, { ...REQUEST, target: "vendors/evil" }, { ...REQUEST, target: "" }]
  ) {
    codes.push((await kernel.submit(request)).code);
  }
  assertEquals(codes, ["BUDGET_EXHAUSTED", "DENY_RULE", "INVALID_REQUEST"]);
  assertEquals(person.asked, []);
});

Deno.test("a no gives back what was reserved", async () => {
  using ws = new Workspace();
  const person = new Person();
  const { kernel } = await openShop(ws, {
    policy: policyOf("required", { limits: { calls: "1/session" } }),
    approvals: { approver: person.approver },
  });
  await using _ = kernel;
  for (const [approved, status] of [[false, "DENIED"], [true, "OK"]] as const) {
    const submitted = kernel.submit(REQUEST);
    (await person.next()).answer({ approved, by: "alice" });
    assertEquals((await submitted).status, status);
  }
});

Deno.test("many questions wait at once, and each answer is for its own", async () => {
  using ws = new Workspace();
  const person = new Person();
  const { kernel, calls } = await openShop(ws, { approvals: { approver: person.approver } });
  await using _ = kernel;
  const submitted = Array.from(
    { length: 50 },
    (_, i) => kernel.submit({ ...REQUEST, target: `vendors/${i}` }),
  );
  const asked = [];
  while (asked.length < 50) asked.push(await person.next());
  for (const { question: { target }, answer } of asked.toReversed()) {
    answer({ approved: Number(target.slice(8)) % 2 === 0, by: "alice" });
  }
  const results = await Promise.all(submitted);
  assertEquals(results.map(({ status }) => status), results.map((_, i) => i % 2 ? "DENIED" : "OK"));
  assertEquals(calls.length, 25);
});

// deno-fmt-ignore -- a row is a line
const CHANGES: readonly { before: string | undefined; after: string; shows: readonly string[] }[] = [
  { before: undefined, after: "a\nb\n", shows: ["line 1 of 1: 0 removed, 2 added", "+ a", "+ b", "  "] },
  { before: "a\nb\nc\nd\ne\nf\ng\n", after: "a\nb\nc\nd\nX\nf\ng\n", shows: ["line 5 of 8: 1 removed, 1 added", "  b", "  c", "  d", "- e", "+ X", "  f", "  g", "  "] },
  { before: "a\na\na\n", after: "a\na\n", shows: ["line 3 of 4: 1 removed, 0 added", "  a", "  a", "- a", "  "] },
  { before: "a\n", after: "a", shows: ["line 2 of 2: 1 removed, 0 added", "  a", "- "] },
  { before: "a", after: "a (no line break at the end)\n", shows: ["line 1 of 1: 1 removed, 2 added", "- a", "+ a (no line break at the end)", "+ "] },
  { before: "a\r\n", after: "a\n", shows: ["line 1 of 2: 1 removed, 1 added", "- a\r", "+ a", "  "] },
  { before: "a\n", after: "a\n", shows: ["nothing changes"] },
  { before: "\0", after: "a", shows: ["binary or long: a file now, 1 characters then"] },
  { before: "a", after: "x".repeat(1024 * 1024 + 1), shows: ["binary or long: a file now, 1048577 characters then"] },
];
for (const { before, after, shows } of CHANGES) {
  Deno.test(`a write of ${JSON.stringify(after.slice(0, 20))} over ${JSON.stringify(before)} shows what changes`, () => {
    using ws = new Workspace();
    const target = before === undefined ? ws.path("a") : ws.file("a", before);
    const change = shownChange({ action: "fs.write", target, params: { content: after } });
    assertEquals(change?.text.split("\n"), [...shows]);
    assertEquals(change?.hasChanged(), false);
    Deno.writeTextFileSync(target, "something else");
    assertEquals(change?.hasChanged(), true);
  });
}

Deno.test("a file that is no UTF-8 is not shown as something else, and a folder is no file", () => {
  using ws = new Workspace();
  const path = ws.path("a");
  Deno.writeFileSync(path, new Uint8Array([0xff, 0xfe, 0x41]));
  const shown = (target: string) =>
    shownChange({ action: "fs.write", target, params: { content: "x" } })?.text;
  assertEquals(shown(path), "binary or long: a file now, 1 characters then");
  assertEquals(shown(ws.folder("b")), "binary or long: a file now, 1 characters then");
  assertEquals(shownChange({ action: "fs.read", target: path, params: {} }), undefined);
});

Deno.test("a move onto what needs a yes asks for it, as does a move away from it", async () => {
  using ws = new Workspace();
  ws.file("free/x", "x");
  ws.file("site/index", "site");
  const person = new Person();
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { id: "free", action: "fs.*", resource: ws.path("free/**") },
        {
          id: "site",
          action: ["fs.write", "fs.delete", "fs.read"],
          resource: ws.path("site/**"),
          approval: "required",
        },
        { id: "move", action: "fs.move", resource: ws.path("site/**") },
      ],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    approvals: { approver: person.approver },
    onWarning: () => {},
  });
  const move = (from: string, to: string) =>
    kernel.submit({
      action: "fs.move",
      target: ws.path(from),
      params: { to: ws.path(to), overwrite: true },
    });
  for (const [from, to] of [["free/x", "site/index"], ["site/index", "free/y"]] as const) {
    const submitted = move(from, to);
    const { question, answer } = await person.next();
    assertEquals([question.rule, question.target], ["site", ws.path(from)]);
    answer({ approved: false, by: "alice" });
    assertEquals((await submitted).code, "APPROVAL_DENIED");
  }
  assertEquals(Deno.readTextFileSync(ws.path("site/index")), "site");
});

Deno.test("a move needs the yes of a rule that holds only in its session", async () => {
  using ws = new Workspace();
  ws.file("w/a", "x");
  const person = new Person();
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { id: "move", action: ["fs.move", "fs.read", "fs.delete"], resource: ws.path("w/**") },
        {
          ...{ id: "asked", action: "fs.write", resource: ws.path("w/**"), approval: "required" },
          target: { from: ["prompt"], as: "path" },
        },
      ],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    approvals: { approver: person.approver },
    onWarning: () => {},
  });
  await using session = await kernel.session({ prompt: `Please make ${ws.path("w/b")}` });
  const params = { to: ws.path("w/b") };
  const submitted = session.submit({ action: "fs.move", target: ws.path("w/a"), params });
  const asked = await Promise.race([person.next(), submitted]);
  assert("question" in asked, JSON.stringify(asked));
  assertEquals([asked.question.action, asked.question.rule], ["fs.move", "asked"]);
  asked.answer({ approved: false, by: "alice" });
  assertEquals((await submitted).code, "APPROVAL_DENIED");
  assertEquals(Deno.readTextFileSync(ws.path("w/a")), "x");
  // Elsewhere the rule does not hold, so that nothing allows it.
  const other = { ...params, to: ws.path("w/c") };
  const denied = await session.submit({ action: "fs.move", target: ws.path("w/a"), params: other });
  assertEquals([denied.status, denied.code], ["DENIED", "CONSTRAINT_UNMET"]);
});

Deno.test("several rules with approval are one question, for who may answer all of them", async () => {
  using ws = new Workspace();
  ws.file("a/x", "x");
  ws.folder("b");
  ws.folder("c");
  const person = new Person();
  const rule = (id: string, approvers: string[], timeout: string) => ({
    id,
    action: "fs.*",
    resource: ws.path(`${id}/**`),
    approval: { approvers, timeout },
  });
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        rule("a", ["alice", "bob"], "5m"),
        rule("b", ["bob", "carol"], "2m"),
        rule("c", ["dave"], "2m"),
      ],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    approvals: { approver: person.approver },
    onWarning: () => {},
  });
  const move = (to: string) =>
    kernel.submit({ action: "fs.move", target: ws.path("a/x"), params: { to: ws.path(to) } });
  const submitted = move("b/x");
  const { question, answer } = await person.next();
  assertEquals([question.rule, question.approvers], ["a, b", ["bob"]]);
  assertEquals(Date.parse(question.expiresAt) - Date.parse(question.askedAt), 120_000);
  answer({ approved: true, by: "bob" });
  assertEquals((await submitted).status, "OK");
  ws.file("a/x", "x");
  const none = await move("c/x");
  assertEquals(none.code, "APPROVAL_UNAVAILABLE");
  assertStringIncludes(none.error ?? "", 'rules "a, c" have no approver in common');
});

Deno.test("of two writes to one file that were shown the same, the second is stale", async () => {
  using ws = new Workspace();
  ws.file("w/a", "v0");
  const { kernel, person, write } = await writer(ws);
  await using _ = kernel;
  const submitted = [write("a", "v1"), write("a", "v2")];
  const asked = [await person.next(), await person.next()];
  for (const { answer } of asked) answer({ approved: true, by: "alice" });
  const codes = (await Promise.all(submitted)).map(({ code }) => code);
  assertEquals(codes.filter((code) => code === "APPROVAL_STALE").length, 1);
  assertEquals(codes.filter((code) => code === undefined).length, 1);
  // The file is free again.
  const third = write("a", "v3");
  (await person.next()).answer({ approved: true, by: "alice" });
  assertEquals((await third).status, "OK");
});

Deno.test("a listener and a callback that throw are warnings, and end nothing", async () => {
  using ws = new Workspace();
  const { kernel, warnings } = await openShop(ws, {
    approvals: {
      approver: approverOf((_, signal) => {
        signal.addEventListener("abort", () => {
          throw new Error("from listener");
        });
        return { approved: true, by: "alice" };
      }),
      onQuestion: (() => Promise.reject(new Error("from callback"))) as () => void,
    },
  });
  await using _ = kernel;
  assertEquals((await kernel.submit(REQUEST)).status, "OK");
  await nextTurn();
  for (const text of ["from listener", "from callback"]) {
    assertEquals(warnings.filter((line) => line.includes(text)).length, 1, text);
  }
});

Deno.test("nobody who is asked can change what the next one sees", async () => {
  using ws = new Workspace();
  const seen: unknown[] = [];
  const changing = approverOf((question) => {
    (question.params as Record<string, unknown>)["amount"] = 1;
    return { approved: true, by: "mallory" };
  });
  const looking = approverOf((question) => {
    seen.push(question.params["amount"]);
    return { approved: true, by: "alice" };
  });
  const { kernel, calls } = await openShop(ws, {
    approvals: { approver: firstOf(changing, looking) },
  });
  await using _ = kernel;
  await kernel.submit(REQUEST);
  assertEquals([seen, (calls[0] as typeof REQUEST).params], [[5], { amount: 5 }]);
});

Deno.test("a question of a provider ends with its call, and a part of another action is no way around a yes", async () => {
  using ws = new Workspace();
  const person = new Person();
  const decided: unknown[] = [];
  const asking = new Provider({
    name: "asking",
    isolation: "none",
    actions: { "ask.do": { kind: "name" }, "own.do": { kind: "name" } },
    records: ["net.connect"],
    async execute(_, { decide }) {
      decided.push((await decide({ action: "own.do", target: "secret" })).allowed);
      decide({ action: "net.connect", target: "https://a.example/" });
      await nextTurn();
      return "done";
    },
  });
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { id: "ask", action: "ask.do", resource: "*" },
        { id: "own", action: "own.do", resource: "*", approval: "required" },
        { id: "out", action: "net.connect", resource: "https://a.example/", approval: "required" },
      ],
    },
    providers: [asking],
    logPath: ws.path("kernel.log"),
    approvals: { approver: person.approver },
    onWarning: () => {},
  });
  const submitted = kernel.submit({ action: "ask.do", target: "x" });
  const { question, signal } = await person.next();
  assertEquals([question.action, question.askedBy], ["net.connect", "ask.do"]);
  assertEquals((await submitted).status, "OK");
  assertEquals([decided, signal.aborted], [[false], true]);
  assertEquals(recordsOf(ws).map(({ action, code }) => [action, code]), [
    ["net.connect", "APPROVAL_UNAVAILABLE"],
    ["ask.do", undefined],
  ]);
});

Deno.test("a rule without approval before one with it is warned of", async () => {
  using ws = new Workspace();
  const open = async (capabilities: object[]) => {
    const { kernel, warnings } = await openShop(ws, { policy: { capabilities } });
    await kernel.close();
    return warnings.filter((line) => line.includes("nobody is asked for what"));
  };
  const asks = { id: "asks", action: "shop.pay", resource: "vendors/big", approval: "required" };
  const free = { id: "free", action: "shop.*", resource: "vendors/**" };
  assertEquals((await open([free, asks])).length, 1);
  assertEquals(await open([asks, free]), []);
});
