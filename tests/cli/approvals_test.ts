import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ApprovalQuestion } from "@agent-kernel/kernel";
import { agentKernel, type Ended } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

/** A policy whose writes need a yes, and commands over one log. */
function desk(ws: Workspace) {
  ws.folder("work");
  const policy = ws.file(
    "policy.yaml",
    `capabilities:
  - { id: write, action: fs.write, resource: "${
      ws.path("work/**")
    }", approval: { timeout: 2min, approvers: [alice, bob] } }
`,
  );
  const log = ["--log-path", ws.path("kernel.log")];
  return {
    approvals: (...args: string[]) => agentKernel("approvals", ...args, ...log),
    submit: (name: string) =>
      agentKernel(
        ...["submit", "--policy", policy, ...log, "--action", "fs.write"],
        ...["--target", ws.path(`work/${name}`), "--params", '{"content":"new"}', "--json"],
      ),
    explain: () =>
      agentKernel(
        ...["explain", "--policy", policy, "--action", "fs.write"],
        ...["--target", ws.path("work/a"), "--params", '{"content":"new"}'],
      ),
  };
}

/** Waits until a question is in the inbox. */
async function theQuestion(
  approvals: (...args: string[]) => Promise<Ended>,
): Promise<ApprovalQuestion> {
  for (;;) {
    const { stdout } = await approvals("list", "--json");
    const [line = ""] = stdout.split("\n");
    if (line !== "") return JSON.parse(line);
  }
}

Deno.test("submit waits for a yes that another process gives, and says how to give it", async () => {
  using ws = new Workspace();
  const { submit, approvals, explain } = desk(ws);
  assertStringIncludes(
    (await explain()).stdout,
    "approval needs a yes by alice or bob, within 2 min",
  );
  const submitted = submit("a");
  const question = await theQuestion(approvals);
  const short = question.id.slice(0, 8);
  const shown = await approvals("show", short);
  assertEquals(JSON.parse(shown.stdout), question);
  assertStringIncludes(question.change ?? "", "+ new");
  const wrong = await approvals("approve", short, "--as", "alice", "--digest", "00");
  assertEquals([wrong.code, wrong.stderr], [
    1,
    `agent-kernel approvals: the question has the digest ${question.digest}\n`,
  ]);
  const yes = await approvals("approve", short, "--as", "alice", "--digest", question.digest);
  assertEquals([yes.code, yes.stdout, yes.stderr], [
    0,
    `approved: fs.write ${ws.path("work/a")}\n`,
    "",
  ]);
  const { code, stdout, stderr } = await submitted;
  assertEquals([code, JSON.parse(stdout).status], [0, "OK"]);
  assertMatch(
    stderr,
    new RegExp(`waits for a yes until .*: agent-kernel approvals show ${short} --log-path`),
  );
  assertEquals(Deno.readTextFileSync(ws.path("work/a")), "new");
  const late = await approvals("approve", question.id, "--as", "bob");
  assertEquals(late.code, 1);
  assertMatch(late.stderr, /no question ".*" waits in /);
});

Deno.test("approvals deny ends the submit with the reason; who is not named may not answer", async () => {
  using ws = new Workspace();
  const { submit, approvals } = desk(ws);
  const denied = submit("a");
  const first = await theQuestion(approvals);
  assertEquals((await approvals("deny", first.id, "--as", "bob", "--reason", "not today")).code, 0);
  const { code, stdout } = await denied;
  assertEquals([code, JSON.parse(stdout).error], [2, "not permitted: bob said no: not today"]);
  const refused = submit("a");
  const second = await theQuestion(approvals);
  assertEquals((await approvals("approve", second.id, "--as", "mallory")).code, 0);
  const result = JSON.parse((await refused).stdout);
  assertEquals(result.code, "APPROVAL_DENIED");
  assertStringIncludes(result.error, '"mallory" answered, and may not: expected alice or bob');
});

// deno-fmt-ignore -- a row is a line
const MISUSES: readonly { args: string[]; code: number; says: RegExp }[] = [
  { args: ["approve"], code: 64, says: /approve needs the id of a question/ },
  { args: ["accept", "x"], code: 64, says: /"approvals accept" is not a form of this command/ },
  { args: ["list", "x"], code: 64, says: /"x" belongs to no option/ },
  { args: ["show", "a", "b"], code: 64, says: /"b" belongs to no option/ },
  { args: ["show", "../../etc/passwd"], code: 1, says: /no question "\.\.\/\.\.\/etc\/passwd" waits in/ },
  { args: ["deny", "01234567"], code: 1, says: /no question "01234567" waits in/ },
];
for (const { args, code, says } of MISUSES) {
  Deno.test(`approvals ${args.join(" ")} says what is wrong`, async () => {
    using ws = new Workspace();
    const ended = await desk(ws).approvals(...args);
    assertEquals(ended.code, code, ended.stderr);
    assertMatch(ended.stderr, says);
  });
}
