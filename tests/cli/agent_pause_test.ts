/** Runs that are stored while a person is asked, and gone on with in another process. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { agentKernel } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

/** A policy whose writes need a yes, and an agent that writes. */
function desk(ws: Workspace) {
  ws.folder("work");
  const policy = ws.file(
    "policy.yaml",
    `capabilities:
  - { action: fs.write, resource: "${ws.path("work/**")}", approval: required }
`,
  );
  const script = (name: string, turns: unknown) => ws.file(name, JSON.stringify(turns));
  const write = { name: "write_file", arguments: { path: ws.path("work/a"), content: "new" } };
  const first = script("first.json", [{ calls: [write] }]);
  const then = script("then.json", [{ text: "It is written." }]);
  const log = ["--log-path", ws.path("kernel.log")];
  const agent = (model: string, ...more: string[]) =>
    agentKernel(
      ...["agent", "--policy", policy, ...log, "--model", `scripted:${model}`, "--tools", "fs"],
      ...more,
    );
  const approvals = (...args: string[]) => agentKernel("approvals", ...args, ...log);
  return { agent, approvals, first, then };
}

Deno.test("agent --pause stores the run with exit code 4, and --resume goes on after the answer", async () => {
  using ws = new Workspace();
  const { agent, approvals, first, then } = desk(ws);
  const paused = await agent(first, "--pause", "Write it");
  assertEquals([paused.code, paused.stdout], [4, ""]);
  const file = ws.path("kernel.log.run");
  assertMatch(paused.stderr, /APPROVAL_PENDING: waiting for a person/);
  assertStringIncludes(
    paused.stderr,
    `agent-kernel: 1 call waits for a person; after the answer: agent-kernel agent --resume ${file}, with the same options`,
  );
  assertEquals((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
  const early = await agent(then, "--resume", file);
  assertEquals([early.code, early.stdout], [4, ""]);
  const { stdout } = await approvals("list", "--json");
  const question = JSON.parse(stdout);
  assertEquals(question.state, "left");
  assertEquals((await approvals("approve", question.id, "--as", "alice")).code, 0);
  const ended = await agent(then, "--resume", file);
  assertEquals([ended.code, ended.stdout], [0, "It is written.\n"]);
  assertEquals(Deno.readTextFileSync(ws.path("work/a")), "new");
  const again = await agent(then, "--resume", file);
  assertEquals(again.code, 1);
  assertMatch(again.stderr, /Cannot resume: no call waits for a person/);
});

Deno.test("agent --conversation names the file, also where a resumed run is stored", async () => {
  using ws = new Workspace();
  const { agent, first, then } = desk(ws);
  const [one, two] = [ws.path("one.json"), ws.path("two.json")];
  assertEquals((await agent(first, "--pause", "--conversation", one, "Write it")).code, 4);
  const before = Deno.readTextFileSync(one);
  assertEquals((await agent(then, "--resume", one, "--conversation", two)).code, 4);
  assertEquals(Deno.readTextFileSync(one), before);
  assertEquals(JSON.parse(Deno.readTextFileSync(two)).messages.at(-1).pending, true);
});

Deno.test("agent --resume with a prompt, a file that is none, or --conversation alone says what is wrong", async () => {
  using ws = new Workspace();
  const { agent, then } = desk(ws);
  const file = ws.file("odd.json", "{");
  const { code, stderr } = await agent(then, "--resume", file);
  assertEquals(code, 1);
  assertMatch(stderr, /Cannot resume ".*odd\.json"/);
  assertEquals((await agent(then, "--resume", file, "More")).code, 64);
  assertEquals((await agent(then, "--conversation", file, "Go")).code, 64);
});
