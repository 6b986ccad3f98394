/** What led to no action is on record: plans that got no yes, and questions whose process has ended. */
import { assertEquals, assertMatch } from "@std/assert";
import { ApprovalInbox, approverOf } from "@agent-kernel/kernel";
import { questionOf } from "../../src/approval/question.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { nextTurn } from "../turn.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { openShop, Person, policyOf, recordsOf, REQUEST } from "./scene.ts";

const PLAN = [REQUEST, { ...REQUEST, target: "vendors/ink" }, {
  action: "shop.look",
  target: "x",
}];

Deno.test("a plan that was denied leaves a record of each of its requests, and asks nobody again", async () => {
  using ws = new Workspace();
  const person = new Person();
  const { kernel, calls } = await openShop(ws, { approvals: { approver: person.approver } });
  await using _ = kernel;
  const asked = kernel.requestApproval(PLAN);
  const { question, answer } = await person.next();
  answer({ approved: false, by: "alice", reason: "not today" });
  assertEquals((await asked).approved, false);
  await kernel.close();
  assertEquals([person.asked, calls], [[], []]);
  const records = recordsOf(ws);
  assertEquals(records.map(({ target, status, code }) => [target, status, code]), [
    ["vendors/pens", "DENIED", "APPROVAL_DENIED"],
    ["vendors/ink", "DENIED", "APPROVAL_DENIED"],
  ]);
  const { answered_at, ...facts } = records[0]?.stages?.["approval"] as Record<string, string>;
  const { id: plan, askedAt: asked_at } = question;
  assertEquals(facts, { plan, asked_at, by: "alice", method: "function", reason: "not today" });
  assertMatch(answered_at ?? "", /Z$/);
  assertEquals(records[0]?.agent, "buyer");
});

Deno.test("a plan that nobody answers, or nobody can be asked about, leaves its records too", async () => {
  const never = approverOf(() => new Promise(() => {}));
  const fails = approverOf(() => Promise.reject(new Error("the network is down")));
  for (
    const [code, approvals] of [
      ["APPROVAL_TIMEOUT", { approver: never }],
      ["APPROVAL_UNAVAILABLE", { approver: fails }],
      ["APPROVAL_UNAVAILABLE", {}],
    ] as const
  ) {
    using ws = new Workspace();
    const timer = new ManualTimer();
    const { kernel, calls } = await openShop(ws, { approvals, timer });
    const asked = kernel.requestApproval([REQUEST]);
    await nextTurn();
    timer.pass(600_000);
    const answer = await asked;
    assertEquals(answer.approved ? "" : answer.code, code);
    await kernel.close();
    assertEquals(recordsOf(ws).map(({ status, code }) => [status, code]), [["DENIED", code]]);
    assertEquals(calls, []);
  }
});

Deno.test("a plan that a closing kernel takes back is on record before the log is closed", async () => {
  using ws = new Workspace();
  const person = new Person();
  const { kernel } = await openShop(ws, { approvals: { approver: person.approver } });
  const asked = kernel.requestApproval([REQUEST]);
  await person.next();
  await kernel.close();
  assertEquals((await asked).approved, false);
  assertEquals(recordsOf(ws).map(({ code }) => code), ["APPROVAL_UNAVAILABLE"]);
});

Deno.test("a question whose process was killed is recorded once when a kernel is opened, and is gone", async () => {
  using ws = new Workspace();
  const script = ws.file(
    "ask.ts",
    `import { Kernel, Provider } from "${ROOT}/mod.ts";
     const kernel = await Kernel.open({
       policy: ${JSON.stringify(policyOf())},
       providers: [new Provider({
         name: "shop", isolation: "none", execute: () => 1,
         actions: { "shop.pay": { kind: "name" }, "shop.look": { kind: "name", effect: "none" } },
       })],
       logPath: "${ws.path("other.log")}",
       approvals: { path: "${ws.path("inbox")}" },
       onWarning: () => {},
     });
     kernel.submit(${JSON.stringify(REQUEST)});
     kernel.requestApproval([${JSON.stringify({ ...REQUEST, target: "vendors/ink" })}]);`,
  );
  const inbox = new ApprovalInbox(ws.path("inbox"));
  const child = new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", "-A", `--config=${ROOT}/deno.json`, script],
  }).spawn();
  while (inbox.list().length < 2) await nextTurn();
  const asked = inbox.list();
  child.kill("SIGKILL");
  await child.status;
  assertEquals(inbox.list(), []);
  // Of what an answer was given to without effect, nothing is left either.
  const orphan = crypto.randomUUID();
  Deno.writeTextFileSync(ws.path(`inbox/${orphan}.answer`), "{}");
  const approvals = { path: ws.path("inbox") };
  for (let i = 0; i < 2; i++) {
    const { kernel, calls, warnings } = await openShop(ws, { approvals });
    await kernel.close();
    assertEquals([calls, warnings.filter((line) => /approvals:/.test(line))], [[], []]);
  }
  const records = recordsOf(ws);
  assertEquals(
    records.map(({ target, status, code, agent }) => [target, status, code, agent]).sort(),
    [
      ["vendors/ink", "DENIED", "APPROVAL_UNAVAILABLE", "buyer"],
      ["vendors/pens", "DENIED", "APPROVAL_UNAVAILABLE", "buyer"],
    ],
  );
  for (const { target, error, stages } of records) {
    assertEquals(error, "not permitted: the process that asked has ended");
    const { id, askedAt: asked_at } = asked.find(({ action }) =>
      (action === "plan") === (target === "vendors/ink")
    ) ?? { id: "", askedAt: "" };
    const facts = target === "vendors/ink" ? { plan: id, asked_at } : { id, asked_at };
    assertEquals(stages?.["approval"], facts);
  }
  assertEquals(Array.from(Deno.readDirSync(ws.path("inbox"))), []);
});

// deno-fmt-ignore -- a row is a line
const FORGED: readonly { cell: string; content: object; records: string[] }[] = [
  { cell: "what another rule allows without a yes", content: { action: "shop.look", target: "x", params: {} }, records: ["DENIED APPROVAL_UNAVAILABLE"] },
  { cell: "what no rule allows", content: { action: "shop.pay", target: "elsewhere", params: {} }, records: ["DENIED NO_RULE"] },
  { cell: "what is no request", content: { action: "shop.pay", target: "", params: {} }, records: ["INVALID INVALID_REQUEST"] },
  { cell: "a plan of what is none", content: { action: "plan", target: "2", params: { 1: null, 2: [1] } }, records: ["INVALID INVALID_REQUEST", "INVALID INVALID_REQUEST"] },
];
for (const { cell, content, records } of FORGED) {
  Deno.test(`a file that looks like a question of a process that has ended does nothing: ${cell}`, async () => {
    using ws = new Workspace();
    Deno.mkdirSync(ws.path("inbox"), { mode: 0o700 });
    const question = questionOf({
      ...{ id: crypto.randomUUID(), rule: "pay", policy: "0".repeat(64), params: {} },
      ...{ askedAt: "2026-01-01T00:00:00.000Z", expiresAt: "2026-01-01T01:00:00.000Z" },
      ...content as { action: string; target: string },
    });
    Deno.writeTextFileSync(ws.path(`inbox/${question.id}.question`), JSON.stringify(question));
    const { kernel, calls } = await openShop(ws, { approvals: { path: ws.path("inbox") } });
    await kernel.close();
    assertEquals(calls, []);
    assertEquals(recordsOf(ws).map(({ status, code }) => `${status} ${code}`), records);
  });
}
