/** The inbox: questions and answers between processes. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ApprovalInbox,
  ApprovalInboxError,
  type ApprovalQuestion,
  approverOf,
  firstOf,
  impliedPermissions,
  Kernel,
} from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { InboxFolder } from "../../src/approval/inbox_folder.ts";
import { questionOf } from "../../src/approval/question.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { basename } from "@std/path";
import { denoRun } from "../cli/command_line.ts";
import { nextTurn } from "../turn.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { openShop, policyOf, REQUEST } from "./scene.ts";

/** The name of a file that is being made. */
const DRAFT = /[0-9a-f]{4}-[0-9a-f]{12}\.draft$/;

const NOW = new Date("2026-11-28T12:00:00Z");

function question(id: string = crypto.randomUUID(), more: Partial<ApprovalQuestion> = {}) {
  return questionOf({
    id,
    action: "shop.pay",
    target: "vendors/pens",
    params: { amount: 5 },
    rule: "pay",
    policy: "0".repeat(64),
    askedAt: "2026-11-28T12:00:00.000Z",
    expiresAt: "2026-11-28T12:10:00.000Z",
    ...more,
  });
}

/** An inbox in which one question waits. */
function waiting(ws: Workspace, one = question()) {
  const timer = new ManualTimer();
  const inbox = new ApprovalInbox(ws.path("inbox"), { timer });
  const abort = new AbortController();
  const answered = inbox.ask(one, abort.signal);
  /** Lets the inbox look once more. */
  const look = async () => {
    await nextTurn();
    timer.pass(200);
    await nextTurn();
  };
  return { inbox, one, answered, abort, look };
}

/** What is in the folder. */
function files(ws: Workspace): string[] {
  return Array.from(Deno.readDirSync(ws.path("inbox")), ({ name }) => name).sort();
}

Deno.test("a question is in the inbox while it waits, as a whole, and gone when it is answered", async () => {
  using ws = new Workspace();
  const { inbox, one, answered, look } = waiting(ws);
  const other = new ApprovalInbox(ws.path("inbox"));
  assertEquals(other.list(), [one]);
  assertEquals(other.get(one.id), one);
  assertEquals(Deno.statSync(ws.path("inbox")).mode! & 0o777, 0o700);
  assertEquals(Deno.statSync(ws.path(`inbox/${one.id}.question`)).mode! & 0o777, 0o600);
  assertEquals(other.answer(one, { approved: true, by: "alice" }, NOW), "answered");
  await look();
  const { approved, by } = await answered;
  assertEquals([approved, by], [true, "alice"]);
  assertEquals([inbox.list(), files(ws)], [[], []]);
  assertEquals(other.answer(one, { approved: true, by: "bob" }, NOW), "unknown");
});

Deno.test("of many answers at once one counts, and all others are told so", async () => {
  using ws = new Workspace();
  const { one, answered, look } = waiting(ws);
  const outcomes = Array.from({ length: 20 }, (_, i) =>
    new ApprovalInbox(ws.path("inbox"))
      .answer(one, { approved: i % 2 === 0, by: `person ${i}` }, NOW));
  assertEquals(outcomes, ["answered", ...Array(19).fill("already answered")]);
  await look();
  assertEquals((await answered).by, "person 0");
});

Deno.test("an answer after the time is none, and a question that nobody waits for is gone", async () => {
  using ws = new Workspace();
  const { inbox, one, answered, abort, look } = waiting(ws);
  const late = new Date(one.expiresAt);
  assertEquals(inbox.answer(one, { approved: true, by: "alice" }, late), "expired");
  abort.abort(new Error("over"));
  const rejected = assertRejects(() => answered, Error, "over");
  await look();
  await rejected;
  assertEquals([inbox.list(), files(ws)], [[], []]);
});

Deno.test("an answer to another question of the same id is refused", async () => {
  using ws = new Workspace();
  const { inbox, one, answered, look } = waiting(ws);
  const forged = question(one.id, { target: "vendors/evil" });
  assertEquals(inbox.answer(forged, { approved: true, by: "alice" }, NOW), "unknown");
  const answer = { approved: true, by: "mallory", digest: forged.digest };
  Deno.writeTextFileSync(ws.path(`inbox/${one.id}.answer`), JSON.stringify(answer));
  const rejected = assertRejects(() => answered, ApprovalInboxError, "for another question");
  await look();
  await rejected;
});

// deno-fmt-ignore -- a row is a line
const DAMAGED: readonly { cell: string; damage: (path: string, whole: string, ws: Workspace) => void }[] = [
  { cell: "another target", damage: (path, whole) => Deno.writeTextFileSync(path, whole.replace("pens", "evil")) },
  { cell: "half of it", damage: (path, whole) => Deno.writeTextFileSync(path, whole.slice(0, 100)) },
  { cell: "nothing", damage: (path) => Deno.writeTextFileSync(path, "") },
  { cell: "a text", damage: (path) => Deno.writeTextFileSync(path, '"x"') },
  { cell: "no file", damage: (path) => { Deno.removeSync(path); Deno.mkdirSync(path); } },
  { cell: "a link", damage: (path, whole, ws) => { Deno.removeSync(path); ws.link(`inbox/${basename(path)}`, ws.file("elsewhere", whole)); } },
];
for (const { cell, damage } of DAMAGED) {
  Deno.test(`a question that was changed in the inbox is none: ${cell}`, async () => {
    using ws = new Workspace();
    const { inbox, one, answered, abort, look } = waiting(ws);
    const path = ws.path(`inbox/${one.id}.question`);
    damage(path, Deno.readTextFileSync(path), ws);
    assertEquals([inbox.get(one.id), inbox.list()], [undefined, []]);
    assertEquals(inbox.answer(one, { approved: true, by: "alice" }, NOW), "unknown");
    abort.abort();
    const rejected = assertRejects(() => answered);
    await look();
    await rejected;
  });
}

for (const id of ["", "..", "../../etc/passwd", "a/b", "x".repeat(36), "%2e%2e"]) {
  Deno.test(`no file outside of the inbox is a question: ${JSON.stringify(id)}`, () => {
    using ws = new Workspace();
    assertEquals(new ApprovalInbox(ws.path("inbox")).get(id), undefined);
  });
}

Deno.test("an inbox that cannot be made is told at the start", async () => {
  using ws = new Workspace();
  const error = await assertRejects(
    () => openShop(ws, { approvals: { path: ws.path("none/inbox") } }),
    ApprovalInboxError,
  );
  assert(error.message.endsWith("; the folder above it has to exist"), error.message);
});

Deno.test("an inbox in which others can write denies, and so does an answer of another user", async () => {
  using ws = new Workspace();
  const { kernel, calls } = await openShop(ws, { approvals: { path: ws.path("inbox") } });
  await using _ = kernel;
  Deno.chmodSync(ws.path("inbox"), 0o777);
  const { code, error } = await kernel.submit(REQUEST);
  assertEquals([code, calls], ["APPROVAL_UNAVAILABLE", []]);
  assert(/is not a folder of this user alone, expected mode 0700/.test(error ?? ""), error);
});

Deno.test("a question whose process has ended is none, and leaves the list", async () => {
  using ws = new Workspace();
  const { inbox, one, answered, abort, look } = waiting(ws);
  // As after kill -9: the file is there, and nobody holds its lock.
  const left = question();
  Deno.writeTextFileSync(ws.path(`inbox/${left.id}.question`), JSON.stringify(left));
  assertEquals(inbox.list(), [one]);
  assertEquals(inbox.answer(left, { approved: true, by: "alice" }, NOW), "unknown");
  abort.abort();
  const rejected = assertRejects(() => answered);
  await look();
  await rejected;
});

Deno.test("no action may read or change the inbox, also where none is used", async () => {
  using ws = new Workspace();
  ws.file("inbox/x.answer", "{}");
  ws.file("kernel.log.approvals/x.answer", "{}");
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.*", resource: ws.path("**") }] },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    approvals: {
      approver: firstOf(
        new ApprovalInbox(ws.path("inbox")),
        approverOf(() => ({ approved: false, by: "bob" })),
      ),
    },
    onWarning: () => {},
  });
  for (const folder of ["inbox", "kernel.log.approvals"]) {
    const target = ws.path(`${folder}/x.answer`);
    for (
      const [action, params] of [["fs.read", {}], ["fs.write", { content: "y" }], [
        "fs.delete",
        {},
      ]] as const
    ) {
      assertEquals((await kernel.submit({ action, target, params })).code, "GUARDED");
    }
    const into = {
      action: "fs.move",
      target: ws.file("y", "y"),
      params: { to: ws.path(`${folder}/y`) },
    };
    assertEquals((await kernel.submit(into)).code, "GUARDED");
  }
});

Deno.test("approvals have an approver or a path, not both, and the folder is granted if a rule asks", () => {
  using ws = new Workspace();
  const options = (policy: object) => ({
    policy,
    logPath: ws.path("kernel.log"),
    approvals: { path: ws.path("inbox") },
  });
  const granted = (policy: object) => {
    const { read } = impliedPermissions(options(policy)).process.allow;
    return read !== true && read.includes(ws.path("inbox"));
  };
  assertEquals(granted(policyOf()), true);
  assertEquals(granted({ capabilities: [] }), false);
});

Deno.test("a kernel with an inbox works in a process with exactly the permissions that it implies", async () => {
  using ws = new Workspace();
  const options = `{
    policy: { capabilities: [{ id: "r", action: "a.b", resource: "**", approval: "required" }] },
    providers: [new Provider({ name: "a", isolation: "none", actions: { "a.b": { kind: "name" } }, execute: () => 1 })],
    logPath: "${ws.path("kernel.log")}",
    approvals: { path: "${ws.path("inbox")}", onQuestion: () => setTimeout(yes) },
    onWarning: () => {},
  }`;
  const script = ws.file(
    "run.ts",
    `import { ApprovalInbox, impliedPermissions, Kernel, Provider } from "${ROOT}/mod.ts";
     const inbox = new ApprovalInbox("${ws.path("inbox")}");
     function yes() {
       const [question] = inbox.list();
       console.log(inbox.answer(question, { approved: true, by: "alice" }, new Date()));
     }
     const options = ${options};
     if (Deno.args[0] === "flags") console.log(JSON.stringify(impliedPermissions(options).flags));
     else {
       await using kernel = await Kernel.open(options);
       console.log((await kernel.submit({ action: "a.b", target: "x" })).status);
     }`,
  );
  const flags = await denoRun(["run", "-q", "--no-prompt", "--allow-read", script, "flags"]);
  const ran = await denoRun([
    ...["run", "-q", ...JSON.parse(flags.stdout || "[]")],
    ...[`--config=${ROOT}/deno.json`, script],
  ]);
  assertEquals([ran.stdout, ran.stderr], ["answered\nOK\n", ""]);
});

Deno.test("what a process left that was killed while it wrote is removed, what a living one writes is not", async () => {
  using ws = new Workspace();
  const path = ws.path("inbox");
  const inbox = new InboxFolder(path);
  inbox.make();
  // Killed in the middle: the file is there, and its content is being made.
  const script = ws.file(
    "draft.ts",
    `import { InboxFolder } from "${ROOT}/src/approval/inbox_folder.ts";
     const inbox = new InboxFolder("${path}");
     const id = crypto.randomUUID();
     inbox.publish(inbox.pathOf(id, "question"), { toJSON: () => Deno.kill(Deno.pid, "SIGKILL") });`,
  );
  const { signal } = await new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", "-A", `--config=${ROOT}/deno.json`, script],
  }).output();
  assertEquals(signal, "SIGKILL");
  // Of an older version, which wrote before it locked, and of a check of the owner.
  ws.file(`inbox/${crypto.randomUUID()}.answer.${crypto.randomUUID()}.draft`, '{"id":');
  ws.file(`inbox/${crypto.randomUUID()}.draft`);
  const others = ["notes.draft", `${crypto.randomUUID()}.draft.txt`].map((name) =>
    ws.file(`inbox/${name}`)
  );
  const drafts = () =>
    Array.from(Deno.readDirSync(path), ({ name }) => name).filter((name) => DRAFT.test(name));
  assertEquals(drafts().length, 3);
  const id = crypto.randomUUID();
  let seen: string[] = [];
  inbox.publish(inbox.pathOf(id, "question"), {
    toJSON() {
      // Somebody else opens the inbox while this one is being written.
      new ApprovalInbox(path).open();
      seen = drafts();
      return { whole: true };
    },
  });
  assertEquals([seen.length, seen[0]?.startsWith(id)], [1, true]);
  assertEquals(inbox.read(inbox.pathOf(id, "question")), { whole: true });
  assertEquals(drafts(), []);
  for (const other of others) assert(Deno.statSync(other).isFile);
});
