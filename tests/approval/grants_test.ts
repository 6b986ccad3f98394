/** What is remembered of a yes, what is done without one, and what is asked once for several. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ApprovalInbox, type KernelOptions, MemoryGrants } from "@agent-kernel/kernel";
import { asRule, covers, scopeOf } from "../../src/approval/grant.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { authorize } from "../../src/core/policy/authorize.ts";
import { FLAT, load } from "../core/policy/deciding.ts";
import { HandClock } from "../limits/scene.ts";
import { nextTurn } from "../turn.ts";
import { Workspace } from "../workspace.ts";
import { openShop, Person, policyOf, recordsOf, REQUEST } from "./scene.ts";

const REMEMBER = { remember: { for: "8h", as: "folder" } };

/** A shop whose rule has this approval. */
async function shop(ws: Workspace, approval: unknown, options: Partial<KernelOptions> = {}) {
  const person = new Person();
  const opened = await openShop(ws, {
    policy: policyOf(approval),
    approvals: { approver: person.approver },
    ...options,
  });
  return { ...opened, person };
}

Deno.test("a yes is remembered if the rule lets it and the answer says so, for the folder that was shown", async () => {
  using ws = new Workspace();
  const clock = new HandClock();
  {
    const { kernel, calls, person } = await shop(ws, REMEMBER, { clock: () => clock.now() });
    await using _ = kernel;
    const first = kernel.submit(REQUEST);
    const { question, answer } = await person.next();
    assertEquals(question.remember, { as: "folder", target: "vendors", for: "8 h" });
    answer({ approved: true, by: "alice", remember: true });
    assertEquals((await first).status, "OK");
    // Another target in the folder, other params: nobody is asked.
    const ink = { ...REQUEST, target: "vendors/ink", params: { amount: 6 } };
    assertEquals((await kernel.submit(ink)).status, "OK");
    assertEquals([calls.length, person.asked.length], [2, 0]);
    // Another agent is asked, and so is everybody after the time.
    for (const [agent, ms] of [["thief", 0], ["buyer", 8 * 3_600_000]] as const) {
      clock.at += ms;
      const other = kernel.submit({ ...ink, agent });
      (await person.next()).answer({ approved: false, by: "alice" });
      assertEquals((await other).code, "APPROVAL_DENIED");
    }
    // A deny rule is no rule that asks.
    assertEquals((await kernel.submit({ ...REQUEST, target: "vendors/evil" })).code, "DENY_RULE");
  }
  const [first, second] = recordsOf(ws).map(({ stages }) => stages?.["approval"]) as Record<
    string,
    string
  >[];
  assertEquals(second?.["grant"], first?.["remembered"]);
  assertEquals([second?.["by"], second?.["method"]], ["alice", "grant"]);
});

Deno.test("without remember in the rule, or in the answer, nothing is remembered", async () => {
  using ws = new Workspace();
  for (const [approval, remember] of [["required", true], [REMEMBER, undefined]] as const) {
    const { kernel, person } = await shop(ws, approval, { logPath: ws.path(`${remember}.log`) });
    await using _ = kernel;
    for (let i = 0; i < 2; i++) {
      const submitted = kernel.submit(REQUEST);
      const { question, answer } = await person.next();
      assertEquals(question.before, i === 0 ? undefined : { asked: 1, approved: 1 });
      answer({ approved: true, by: "alice", remember });
      assertEquals((await submitted).status, "OK");
    }
  }
});

Deno.test("a grant holds no more when the policy is another one", async () => {
  using ws = new Workspace();
  const { kernel, person } = await shop(ws, REMEMBER);
  await using _ = kernel;
  const first = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: true, by: "alice", remember: true });
  await first;
  await kernel.reload(policyOf(REMEMBER, { reason: "more money" }));
  const second = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: false, by: "alice" });
  assertEquals((await second).code, "APPROVAL_DENIED");
});

Deno.test("grants of an inbox are shared, survive the kernel, and are revoked, also while they are used", async () => {
  using ws = new Workspace();
  const inbox = new ApprovalInbox(ws.path("inbox"));
  const approvals = { path: ws.path("inbox") };
  {
    const { kernel } = await openShop(ws, { policy: policyOf(REMEMBER), approvals });
    await using _ = kernel;
    const submitted = kernel.submit(REQUEST);
    while (inbox.list().length === 0) await nextTurn();
    const [question] = inbox.list();
    assert(question !== undefined);
    inbox.answer(question, { approved: true, by: "bob", remember: true }, new Date());
    assertEquals((await submitted).status, "OK");
  }
  const [grant] = inbox.grants();
  assertEquals([grant?.by, grant?.as, grant?.target], ["bob", "folder", "vendors"]);
  let revoke = () => {};
  const { kernel } = await openShop(ws, {
    policy: policyOf(REMEMBER),
    approvals,
    stages: [{ name: "later", enter: () => revoke() }],
  });
  await using _ = kernel;
  assertEquals((await kernel.submit(REQUEST)).status, "OK");
  revoke = () => void inbox.revoke(grant?.id ?? "");
  const { code, error } = await kernel.submit(REQUEST);
  assertEquals(code, "APPROVAL_STALE");
  assertStringIncludes(error ?? "", "the yes of bob that was remembered is gone since");
  assertEquals(inbox.grants(), []);
  assertEquals(inbox.revoke("../../etc/passwd"), false);
});

Deno.test("files in an inbox that are no grants allow nothing", async () => {
  using ws = new Workspace();
  const inbox = new ApprovalInbox(ws.path("inbox"));
  inbox.open();
  const id = crypto.randomUUID();
  const far = "9999-01-01T00:00:00.000Z";
  const contents = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    JSON.stringify({ id, as: "rule", expiresAt: far }),
  ];
  for (const content of contents) {
    Deno.writeTextFileSync(ws.path(`inbox/${crypto.randomUUID()}.grant`), content);
  }
  const { kernel } = await openShop(ws, {
    policy: policyOf({ ...REMEMBER, timeout: "1s" }),
    approvals: { path: ws.path("inbox") },
  });
  await using _ = kernel;
  assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_TIMEOUT");
});

Deno.test("an answer whose remember is anything but true is not remembered", async () => {
  using ws = new Workspace();
  const { kernel, person } = await shop(ws, REMEMBER);
  await using _ = kernel;
  const first = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: true, by: "alice", remember: "yes" });
  assertEquals((await first).status, "OK");
  const second = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: true, by: "alice" });
  assertEquals((await second).status, "OK");
});

const ASKED = { rule: "r", policy: "p", agent: "a", action: "fs.write", target: "/w/a/b.txt" };
const GRANT = {
  ...ASKED,
  ...scopeOf("folder", ASKED.target),
  id: crypto.randomUUID(),
  by: "alice",
  grantedAt: "2026-01-01T00:00:00.000Z",
  expiresAt: "2026-01-02T00:00:00.000Z",
};
const NOW = "2026-01-01T12:00:00.000Z";
// deno-fmt-ignore -- a row is a line
const CELLS: readonly [string, Partial<typeof GRANT>, Partial<typeof ASKED>, boolean][] = [
  ["the target itself", {}, {}, true],
  ["another file of the folder", {}, { target: "/w/a/c" }, true],
  ["a file of a folder in it", {}, { target: "/w/a/x/y/z" }, true],
  ["the folder itself", {}, { target: "/w/a" }, false],
  ["a folder whose name begins so", {}, { target: "/w/ab/c" }, false],
  ["the folder above", {}, { target: "/w/b.txt" }, false],
  ["another rule", {}, { rule: "s" }, false],
  ["another policy", {}, { policy: "q" }, false],
  ["another agent", {}, { agent: "b" }, false],
  ["another action", {}, { action: "fs.delete" }, false],
  ["the target alone", { as: "target", target: ASKED.target }, {}, true],
  ["the target alone, another one", { as: "target", target: ASKED.target }, { target: "/w/a/c" }, false],
  ["all of the rule", { as: "rule", target: "" }, { target: "/elsewhere" }, true],
  ["what has expired", { expiresAt: NOW }, {}, false],
  ["a grant for longer than the rule lets a yes count", { expiresAt: "9999-01-01T00:00:00.000Z" }, {}, false],
  ["a grant of which nobody knows how long it lasts", { expiresAt: "for ever" }, {}, false],
];
for (const [cell, grant, asked, expected] of CELLS) {
  Deno.test(`a grant for a folder ${expected ? "covers" : "does not cover"}: ${cell}`, () => {
    const remember = { forMs: 86_400_000, as: grant.as ?? "folder" } as const;
    const now = new Date(NOW);
    assertEquals(
      covers({ ...GRANT, ...grant }, { ...ASKED, ...asked }, { now, remember }),
      expected,
    );
  });
}

Deno.test("the folder of what has none is the target alone", () => {
  for (const target of ["name", "https://host/", "https://host/a", "/file"]) {
    assertEquals(scopeOf("folder", target), { as: "target", target }, target);
  }
  assertEquals(scopeOf("folder", "https://host/a/b"), { as: "folder", target: "https://host/a" });
});

Deno.test("the rule that replaces a grant names its target, and nothing that a pattern would match besides", () => {
  const lines = asRule({ ...GRANT, as: "target", target: "/w/[a]*.txt" });
  assertEquals(lines.slice(1), [
    '- action: "fs.write"',
    '  resource: "/w/\\\\[a\\\\]\\\\*.txt"',
    '  agent: "a"',
  ]);
  assertStringIncludes(asRule(GRANT).join("\n"), '"/w/a/**"');
});

// deno-fmt-ignore -- a row is a line
const TARGETS: readonly [action: string, target: string, ...others: string[]][] = [
  ["fs.write", "/w/a/b.txt", "/w/a/c.txt"],
  ["fs.write", "/w/[a]*?{x,y}.txt", "/w/a.txt", "/w/[a]zz{x,y}.txt"],
  ["fs.write", "/w/${NAME}.txt", "/w/NAME.txt"],
  ["fs.write", "/w/a\\b", "/w/ab"],
  ["fs.write", "/w/q\"uote's #c: d", "/w/q"],
  ["net.http", "https://h.example/a/b?x=1&y=*", "https://h.example/a/b", "https://h.example/a/b?x=1&y=zz"],
  ["net.http", "https://h.example/a?b?c=*", "https://h.example/a?b"],
  ["net.http", "https://h.example/", "https://h.example/a"],
  ["net.http", "https://h.example:8443/a%2Fb", "https://h.example:8443/a/b"],
  ["net.http", "https://[::1]/a", "https://[::2]/a"],
  ["mcp.call", "s/tool", "s/other"],
];
for (const [action, target, ...others] of TARGETS) {
  Deno.test(`the rule that replaces a grant for ${action} ${target} loads, and allows that alone`, () => {
    const lines = asRule({ ...GRANT, action, as: "target", target }).map((line) => `  ${line}`);
    const policy = load(`capabilities:\n${lines.join("\n")}\n`);
    const { agent } = GRANT;
    const effectOn = (target: string) =>
      authorize({ action, target, agent }, { policy, world: FLAT }).decision.effect;
    assertEquals([target, ...others].map(effectOn), ["allow", ...others.map(() => "deny")]);
  });
}

Deno.test("equal requests that wait share one question, and each is done and recorded by itself", async () => {
  using ws = new Workspace();
  {
    const { kernel, calls, person } = await shop(ws, "required");
    await using _ = kernel;
    const equal = [kernel.submit(REQUEST), kernel.submit(REQUEST), kernel.submit(REQUEST)];
    const other = kernel.submit({ ...REQUEST, params: { amount: 6 } });
    const first = await person.next();
    const second = await person.next();
    assertEquals([first, second].map(({ question }) => question.params["amount"]), [5, 6]);
    second.answer({ approved: false, by: "alice" });
    assertEquals((await other).code, "APPROVAL_DENIED");
    first.answer({ approved: true, by: "alice" });
    assertEquals((await Promise.all(equal)).map(({ status }) => status), ["OK", "OK", "OK"]);
    assertEquals([calls.length, person.asked.length], [3, 0]);
    // Whoever comes later is asked anew.
    const later = kernel.submit(REQUEST);
    (await person.next()).answer({ approved: false, by: "alice" });
    assertEquals((await later).code, "APPROVAL_DENIED");
  }
  const ids = recordsOf(ws).filter(({ status }) => status === "OK").map(({ record_id, stages }) => [
    record_id,
    (stages?.["approval"] as Record<string, string>)["id"],
  ]);
  assertEquals(new Set(ids.map(([own]) => own)).size, 3);
  assertEquals(new Set(ids.map(([, question]) => question)).size, 1);
});

Deno.test("with after, so many actions of an agent are done without a question, and more again after the time", async () => {
  using ws = new Workspace();
  const timer = new ManualTimer();
  const { kernel, person, calls } = await shop(ws, { after: "2/min" }, { timer });
  await using _ = kernel;
  for (let i = 0; i < 2; i++) assertEquals((await kernel.submit(REQUEST)).status, "OK");
  const third = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: false, by: "alice" });
  assertEquals((await third).code, "APPROVAL_DENIED");
  assertEquals((await kernel.submit({ ...REQUEST, agent: "other" })).status, "OK");
  timer.pass(60_000);
  assertEquals((await kernel.submit(REQUEST)).status, "OK");
  assertEquals([calls.length, person.asked.length], [4, 0]);
});

Deno.test("grants in memory are listed, kept and taken back", () => {
  const grants = new MemoryGrants();
  grants.grant(GRANT);
  assertEquals(grants.grants(), [GRANT]);
  assertEquals([grants.revoke(GRANT.id), grants.revoke(GRANT.id)], [true, false]);
});

Deno.test("a plan of several requests is one question; each part passes once, as it was shown", async () => {
  using ws = new Workspace();
  const clock = new HandClock();
  {
    const { kernel, person, calls } = await shop(ws, "required", { clock: () => clock.now() });
    await using _ = kernel;
    const ink = { ...REQUEST, target: "vendors/ink", params: { amount: 7 } };
    const look = { action: "shop.look", target: "x" };
    const planned = kernel.requestApproval([REQUEST, look, ink]);
    const { question, answer } = await person.next();
    assertEquals([question.action, question.target], ["plan", "2 actions"]);
    assertEquals(Object.keys(question.params).length, 2);
    answer({ approved: true, by: "alice" });
    const yes = await planned;
    assert(yes.approved);
    for (const request of [REQUEST, look, ink]) {
      assertEquals((await kernel.submit(request)).status, "OK");
    }
    assertEquals([calls.length, person.asked.length], [3, 0]);
    // Once, and nothing else.
    for (const request of [REQUEST, { ...ink, params: { amount: 8 } }]) {
      const again = kernel.submit(request);
      (await person.next()).answer({ approved: false, by: "alice" });
      assertEquals((await again).code, "APPROVAL_DENIED");
    }
  }
  const parts = recordsOf(ws).filter(({ action, status }) =>
    action === "shop.pay" && status === "OK"
  );
  const plans = parts.map(({ stages }) => (stages?.["approval"] as Record<string, string>)["plan"]);
  assertEquals([plans.length, new Set(plans).size], [2, 1]);
});

Deno.test("a plan that is denied, or out of date, lets nothing through", async () => {
  using ws = new Workspace();
  const clock = new HandClock();
  const { kernel, person } = await shop(ws, { timeout: "1m" }, { clock: () => clock.now() });
  await using _ = kernel;
  const evil = { ...REQUEST, target: "vendors/evil" };
  const denied = await kernel.requestApproval([REQUEST, evil]);
  assertEquals(denied.approved ? "" : denied.code, "DENY_RULE");
  const no = kernel.requestApproval([REQUEST]);
  (await person.next()).answer({ approved: false, by: "alice", reason: "later" });
  assertEquals(await no, {
    approved: false,
    code: "APPROVAL_DENIED",
    error: "not permitted: alice said no: later",
  });
  const yes = kernel.requestApproval([REQUEST]);
  (await person.next()).answer({ approved: true, by: "alice" });
  assert((await yes).approved);
  clock.at += 60_000;
  const late = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: false, by: "alice" });
  assertEquals((await late).code, "APPROVAL_DENIED");
  const replaced = kernel.requestApproval([REQUEST]);
  (await person.next()).answer({ approved: true, by: "alice" });
  await replaced;
  await kernel.reload(policyOf({ timeout: "2m" }));
  const stale = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: false, by: "alice" });
  assertEquals((await stale).code, "APPROVAL_DENIED");
});

Deno.test("grants in a folder that others can write in, or for more than the rule says, are none", async () => {
  using ws = new Workspace();
  const inbox = new ApprovalInbox(ws.path("inbox"));
  const policy = policyOf({ ...REMEMBER, timeout: "1s" });
  const approvals = { path: ws.path("inbox") };
  const { kernel } = await openShop(ws, { policy, approvals });
  await using _ = kernel;
  const now = new Date();
  const grant = {
    ...{ rule: "pay", action: "shop.pay", agent: "buyer", policy: kernel.policy.digest },
    ...{ by: "mallory", grantedAt: now.toISOString() },
    expiresAt: new Date(now.getTime() + 60_000).toISOString(),
  };
  inbox.grant({ ...grant, id: crypto.randomUUID(), as: "rule", target: "" });
  assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_TIMEOUT");
  inbox.grant({ ...grant, id: crypto.randomUUID(), as: "folder", target: "vendors" });
  assertEquals((await kernel.submit(REQUEST)).status, "OK");
  Deno.chmodSync(ws.path("inbox"), 0o777);
  assertEquals((await kernel.submit(REQUEST)).code, "APPROVAL_UNAVAILABLE");
  Deno.chmodSync(ws.path("inbox"), 0o700);
});

Deno.test("a request that comes after the answer is another question", async () => {
  using ws = new Workspace();
  const { kernel, person, calls } = await shop(ws, "required");
  await using _ = kernel;
  const first = kernel.submit(REQUEST);
  const { answer } = await person.next();
  answer({ approved: true, by: "alice" });
  // The answer takes some microtasks to arrive.
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const second = kernel.submit(REQUEST);
  (await person.next()).answer({ approved: false, by: "alice" });
  assertEquals([(await first).status, (await second).code], ["OK", "APPROVAL_DENIED"]);
  assertEquals(calls.length, 1);
});

Deno.test("the question of a plan names each agent and rule", async () => {
  using ws = new Workspace();
  const { kernel, person } = await shop(ws, "required");
  await using _ = kernel;
  const planned = kernel.requestApproval([REQUEST, { ...REQUEST, agent: "thief" }]);
  const { question, answer } = await person.next();
  const agents = Object.values(question.params).map((one) => (one as { agent: string }).agent);
  assertEquals([agents, question.agent, question.reason], [["buyer", "thief"], undefined, "money"]);
  answer({ approved: false, by: "alice" });
  await planned;
});

Deno.test("a planned write passes only over the file that was shown, and one at a time", async () => {
  using ws = new Workspace();
  const { FilesystemProvider } = await import("@agent-kernel/kernel/providers/filesystem");
  const target = ws.file("a.bin", new Uint8Array([0, 1, 2]));
  const { kernel, person } = await shop(ws, "required", {
    policy: {
      capabilities: [{ id: "w", action: "fs.write", resource: target, approval: "required" }],
    },
    providers: [new FilesystemProvider({ isolation: "none" })],
  });
  await using _ = kernel;
  const write = { action: "fs.write", target, params: { content: "new" } };
  const planned = kernel.requestApproval([write]);
  (await person.next()).answer({ approved: true, by: "alice" });
  assert((await planned).approved);
  ws.file("a.bin", new Uint8Array([0, 9, 9]));
  assertEquals((await kernel.submit(write)).code, "APPROVAL_STALE");
});
