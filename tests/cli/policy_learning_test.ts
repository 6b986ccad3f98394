/**
 * Tests of the commands by which policies are made and compared.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pastLog, type PastRow } from "../policy_tools/past.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { agentKernel, scene, START } from "./command_line.ts";

const OLD = `capabilities:
  - { id: read, action: [fs.read, fs.list], resource: ./data/** }
  - { id: api, action: net.http, resource: "https://api.example.com/**", constraint: { method: GET } }
deny:
  - { id: secrets, action: fs.*, resource: "./data/secret*" }
`;
const NEW = `capabilities:
  - { id: read, action: [fs.read, fs.list], resource: ./data/** }
  - { id: api, action: net.http, resource: "https://*.example.com/**", constraint: { method: GET } }
deny:
  - { id: secrets, action: fs.*, resource: "./data/**/secret*" }
`;

Deno.test("diff-policy shows what is newly allowed and newly denied, with an example of each", async () => {
  using ws = new Workspace();
  const [from, to] = [ws.file("old.yaml", OLD), ws.file("new.yaml", NEW)];
  const { code, stdout } = await agentKernel("diff-policy", from, to);
  assertEquals(code, 1);
  assertStringIncludes(
    stdout,
    [
      "newly allowed: 1",
      '  net.http  https://x.example.com/x  with {"method":"GET"}',
      '    by rule api (line 3); before: not permitted: no rule allows net.http on "https://x.example.com/x"',
      "newly denied: 1",
      `  fs.read, fs.list  ${ws.root}/data/x/secret`,
    ].join("\n"),
  );
});

Deno.test("diff-policy --only-tighter fails if something is newly allowed, and only then", async () => {
  using ws = new Workspace();
  const [from, to] = [ws.file("old.yaml", OLD), ws.file("new.yaml", NEW)];
  const tighter = ws.file("tighter.yaml", NEW.replace("*.example", "api.example"));
  const exit = async (...args: string[]) => (await agentKernel("diff-policy", ...args)).code;
  assertEquals(await exit(from, to, "--only-tighter"), 1);
  assertEquals(await exit(from, tighter, "--only-tighter"), 0);
  assertEquals(await exit(from, tighter), 1);
  assertEquals(await exit(from, from), 0);
  // What refuses nothing is not tighter, whatever its rules say.
  const tried = ws.file("tried.yaml", `mode: shadow\n${OLD}`);
  assertEquals(await exit(from, tried, "--only-tighter"), 1);
  assertEquals(await exit(tried, from, "--only-tighter"), 0);
});

Deno.test("diff-policy reads the files of lists beside each policy, and says what only a session could tell", async () => {
  using ws = new Workspace();
  const policy = (name: string, condition: string) =>
    ws.file(
      name,
      `lists: { team: { file: team.txt } }
capabilities:
  - { id: send, action: mail.send, resource: "**", constraint: { to: ${condition} } }
`,
    );
  const list = "{ in: list:team }";
  const [from, to] = [policy("old/policy.yaml", list), policy("new/policy.yaml", list)];
  ws.file("old/team.txt", "ann@x.example\n");
  ws.file("new/team.txt", "ann@x.example # of sales\n");
  assertEquals(
    (await agentKernel("diff-policy", from, to)).stdout,
    "The policies allow the same\n",
  );
  ws.file("new/team.txt", "ann@x.example\neve@x.example\n");
  const { code, stdout } = await agentKernel("diff-policy", from, to, "--only-tighter");
  assertEquals(code, 1);
  assertStringIncludes(stdout, 'mail.send  x  with {"to":"eve@x.example"}');
  policy("new/policy.yaml", "{ from: [prompt, team] }");
  policy("old/policy.yaml", "{ from: [prompt] }");
  const untold = await agentKernel("diff-policy", to, from, "--only-tighter");
  assertEquals(untold.code, 0, untold.stdout);
  policy("old/policy.yaml", "{ from: [prompt], as: email }");
  const { code: failed, stdout: why } = await agentKernel(
    "diff-policy",
    to,
    from,
    "--only-tighter",
  );
  assertEquals(failed, 1);
  assertStringIncludes(
    why,
    "cannot be told  whether more is allowed by rule send (mail.send): it asks where values come from",
  );
});

Deno.test("replay says of requests in sessions what only the session could tell", async () => {
  using ws = new Workspace();
  const sent = { action: "mail.send", target: "x", params: { to: "ann@x.example" } };
  const stages = { provenance: { id: "s" } };
  const log = ws.file("kernel.log", pastLog([{ ...sent, stages }, sent]).text);
  const policy = ws.file(
    "policy.yaml",
    `capabilities:
  - { id: send, action: mail.send, resource: "**", constraint: { to: { from: [prompt] } } }
`,
  );
  const { code, stdout } = await agentKernel("replay", "--policy", policy, log);
  assertEquals(code, 1);
  assertMatch(stdout, /^1 of 2 verdicts would change\n/);
  assertMatch(stdout, /1 cannot be told: .* what a session knew/);
});

Deno.test("diff-policy compares limits, and says of paths of arguments that it cannot be told", async () => {
  using ws = new Workspace();
  const policy = (name: string, more: string) =>
    ws.file(name, `capabilities:\n  - { id: a, action: proc.exec, resource: ls${more} }\n`);
  const diff = async (from: string, to: string) => {
    const { code, stdout } = await agentKernel("diff-policy", from, to, "--only-tighter");
    return [code, stdout.trim()];
  };
  const [none, ten, five] = [
    policy("none.yaml", ""),
    policy("ten.yaml", ", limits: { calls: 10/day }"),
    policy("five.yaml", ", limits: { calls: 5/day }"),
  ];
  assertEquals(await diff(ten, five), [0, "tighter  a: calls 5/day instead of calls 10/day"]);
  assertEquals(await diff(five, ten), [1, "looser  a: calls 10/day instead of calls 5/day"]);
  assertEquals(await diff(ten, none), [1, "looser  a: no limit calls 10/day"]);
  assertEquals(await diff(none, ten), [0, "tighter  a: a limit calls 10/day"]);
  const [some, other] = [
    policy("some.yaml", ", paths: { operands: fs.read }"),
    policy("other.yaml", ", paths: { operands: fs.list }"),
  ];
  assertEquals(await diff(some, other), [
    1,
    "cannot be told  a: paths, or limits of each program",
  ]);
});

Deno.test("diff-policy compares rules for programs that this machine does not have", async () => {
  using ws = new Workspace();
  const policy = (name: string, program: string) =>
    ws.file(name, `capabilities:\n  - { action: proc.exec, resource: ${program} }\n`);
  const { code, stdout } = await agentKernel(
    "diff-policy",
    policy("a.yaml", "no-such-program"),
    policy("b.yaml", "no-such-program-either"),
    "--only-tighter",
  );
  assertEquals(code, 1);
  assertStringIncludes(stdout, "no-such-program-either");
});

Deno.test("diff-policy says which of the two policies is refused", async () => {
  using ws = new Workspace();
  const [from, to] = [ws.file("old.yaml", OLD), ws.file("new.yaml", "capabilites: []\n")];
  const { code, stderr } = await agentKernel("diff-policy", from, to);
  assertEquals(code, 3);
  assertStringIncludes(stderr, to);
  assertStringIncludes(stderr, 'did you mean "capabilities"?');
});

const ROWS: readonly PastRow[] = [
  { action: "fs.read", target: "/srv/app/a.txt", agent: "claude" },
  { action: "fs.read", target: "/srv/app/b.txt", agent: "claude" },
  { action: "fs.read", target: "/srv/app/.env", agent: "claude", code: "DENY_RULE" },
  {
    action: "proc.exec",
    target: "/usr/bin/git",
    params: { args: ["status"], cwd: "/srv/app" },
    agent: "claude",
  },
];

Deno.test("learn prints a policy that replay finds no fault with", async () => {
  using ws = new Workspace();
  const log = ws.file("kernel.log", pastLog(ROWS).text);
  const learnt = await agentKernel("learn", log);
  assertEquals([learnt.code, learnt.stderr], [0, ""]);
  const policy = ws.file("learnt.yaml", learnt.stdout);
  const valid = await agentKernel("validate-policy", policy);
  assertEquals(valid.code, 0, valid.stderr);
  const replayed = await agentKernel("replay", "--policy", policy, log);
  assertEquals([replayed.code, replayed.stdout], [0, "0 of 4 verdicts would change\n"]);
});

Deno.test("replay groups the verdicts that change by rule, exit code 1", async () => {
  using ws = new Workspace();
  const log = ws.file("kernel.log", pastLog(ROWS).text);
  const policy = ws.file(
    "other.yaml",
    `capabilities:
  - { id: env, action: fs.read, resource: /srv/app/.env }
  - { id: ask, action: fs.read, resource: /srv/app/a.txt, approval: required }
`,
  );
  const { code, stdout } = await agentKernel("replay", "--policy", policy, log);
  assertEquals(code, 1);
  const lines = stdout.trim().split("\n");
  assertEquals(lines[0], "4 of 4 verdicts would change");
  const groups = lines.slice(2).map((line) => line.split(/\s{2,}/)).map(([to, was, rule, action]) =>
    [to, was, rule, action].join(" ")
  );
  assertEquals(groups.toSorted(), [
    "allowed denied env fs.read",
    "asked allowed ask fs.read",
    "denied allowed (none) fs.read",
    "denied allowed (none) proc.exec",
  ]);
});

Deno.test("replay and learn say of params that are not in the log how to log them", async () => {
  using ws = new Workspace();
  const [, , , exec] = ROWS;
  assert(exec !== undefined);
  const log = ws.file("kernel.log", pastLog([{ ...exec, logged: false }]).text);
  const policy = ws.file(
    "git.yaml",
    `capabilities:
  - { action: proc.exec, resource: /usr/bin/git, constraint: { args: [status] } }
`,
  );
  const replayed = await agentKernel("replay", "--policy", policy, log);
  assertEquals(replayed.code, 1);
  assertMatch(replayed.stdout, /1 cannot be told: they depend on params .*--log-params/);
  const learnt = await agentKernel("learn", log);
  assertMatch(
    learnt.stderr,
    /1 left out: proc.exec without params in the log \(see --log-params\)/,
  );
});

Deno.test("replay and learn count damaged lines, and fail", async () => {
  using ws = new Workspace();
  const log = ws.file("kernel.log", `${pastLog(ROWS.slice(0, 1)).text}{"x":1}\n\xff\n`);
  const policy = ws.file("all.yaml", "capabilities: [{ action: fs.read, resource: /srv/** }]\n");
  for (const args of [["replay", "--policy", policy, log], ["learn", log]]) {
    const { code, stderr } = await agentKernel(...args);
    assertEquals(code, 1);
    assertStringIncludes(stderr, '2 damaged lines; "log verify" says which');
  }
});

Deno.test("submit --log-params puts params on record", async () => {
  using ws = new Workspace();
  const { policy, log, note } = scene(ws);
  const { code } = await agentKernel(
    ...["submit", "--policy", policy, "--log-path", log, "--action", "fs.read"],
    ...["--target", note, "--log-params"],
  );
  assertEquals(code, 0);
  const record = JSON.parse(Deno.readTextFileSync(log));
  assertEquals(record.params_values, { encoding: "utf-8" });
});

Deno.test("init writes a policy that holds, and overwrites nothing without --force", async () => {
  using ws = new Workspace();
  ws.folder("app/.git");
  ws.file(
    "app/package.json",
    '{ "scripts": { "test": "x", "build": "x", "deploy": "x", "a b": "x" } }',
  );
  ws.file("app/deno.json", '{\n  "tasks": { "check": "x" }\n}\n');
  ws.file("app/.mcp.json", '{ "mcpServers": { "github": { "command": "x" }, "../x": {} } }');
  ws.folder("app/.claude");
  const app = ws.path("app");
  const first = await agentKernel("init", app, "--yes");
  assertEquals(first.code, 0, first.stderr);
  assertMatch(
    first.stdout,
    /Next:\n {2}agent-kernel test-policy .*\n {2}agent-kernel serve .*protect claude\n {2}agent-kernel learn /,
  );
  const text = Deno.readTextFileSync(ws.path("app/policy.yaml"));
  assertMatch(text, /^# yaml-language-server: \$schema=/);
  assertStringIncludes(text, '{"in":[["test"],["run","build"]]}');
  assert(!/deploy|a b|\.\.\/x/.test(text), text);
  assertStringIncludes(text, '"github/**"');
  const { permissions, tasks } = JSON.parse(Deno.readTextFileSync(ws.path("app/deno.json")));
  assertEquals(tasks, { check: "x" });
  assertEquals(permissions["agent-kernel"].write, [app]);
  const tested = await agentKernel("test-policy", ws.path("app/policy.yaml"));
  assertEquals(tested.code, 0, tested.stdout);

  const again = await agentKernel("init", app, "--yes", "--read-only");
  assertEquals(again.code, 1);
  assertStringIncludes(again.stderr, "is there already; --force overwrites it");
  assertEquals(Deno.readTextFileSync(ws.path("app/policy.yaml")), text);
  const forced = await agentKernel("init", app, "--yes", "--read-only", "--git=none", "--force");
  assertEquals(forced.code, 0, forced.stderr);
  const other = Deno.readTextFileSync(ws.path("app/policy.yaml"));
  assert(!/id: (write|git)/.test(other), other);
});

Deno.test("init asks on a terminal only, and takes options for answers", async () => {
  using ws = new Workspace();
  const app = ws.folder("app");
  const silent = await agentKernel("init", app);
  assertEquals(silent.code, 64);
  assertStringIncludes(silent.stderr, "there is no terminal to ask on; --yes takes the defaults");
  for (const wrong of ["--git=push", "--host=a/b", "--script=sh -c 'x'"]) {
    assertEquals((await agentKernel("init", app, "--yes", wrong)).code, 64, wrong);
  }
  const answered = await agentKernel(
    ...["init", app, "--yes", "--shadow", "--host=api.example.com", "--script=make test"],
  );
  assertEquals(answered.code, 0, answered.stderr);
  const text = Deno.readTextFileSync(ws.path("app/policy.yaml"));
  assertStringIncludes(text, "\nmode: shadow\n");
  assertStringIncludes(text, '"https://api.example.com/**"');
  assertStringIncludes(text, '{"in":[["test"]]}');
});

Deno.test("init asks for what no option says, and writes the answers", async () => {
  using ws = new Workspace();
  ws.folder("app/.git");
  const { success, stdout } = await new Deno.Command("python3", {
    args: [
      ...["tests/cli/terminal_answers.py", "n|commit|make test, make lint||y", "deno", ...START],
      ...["init", ws.path("app"), "--host=api.example.com"],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1", TERM: "dumb" },
    stdin: "null",
  }).output();
  const seen = new TextDecoder().decode(stdout);
  assert(success, seen);
  const text = Deno.readTextFileSync(ws.path("app/policy.yaml"));
  assert(!text.includes("id: write"), text);
  assertStringIncludes(text, "id: git-commit");
  assertStringIncludes(text, '{"in":[["test"],["lint"]]}');
  assertStringIncludes(text, "https://api.example.com/**");
});

Deno.test("init follows no link that stands in the place of the policy", async () => {
  using ws = new Workspace();
  const app = ws.folder("app");
  const outside = ws.file("outside.txt", "keep");
  ws.link("app/policy.yaml", outside);
  assertEquals((await agentKernel("init", app, "--yes")).code, 1);
  assertEquals((await agentKernel("init", app, "--yes", "--force")).code, 1);
  assertEquals(Deno.readTextFileSync(outside), "keep");
});

Deno.test("a command that there is not gets a guess", async () => {
  const { code, stderr } = await agentKernel("difpolicy");
  assertEquals(code, 64);
  assertStringIncludes(stderr, 'there is no command "difpolicy", did you mean "diff-policy"?');
  assert(!(await agentKernel("xyzzy")).stderr.includes("did you mean"));
});

Deno.test("validate-policy warns of rules that change nothing", async () => {
  using ws = new Workspace();
  const policy = ws.file(
    "dead.yaml",
    `capabilities:
  - { id: all, action: fs.read, resource: /w/** }
  - { id: some, action: fs.read, resource: [/w/x/*, "/w/*.ts"] }
  - { id: denied, action: fs.write, resource: /s/x/** }
  - { id: never, action: fs.read, resource: /z/**, constraint: { length: { min: 5, max: 3 } } }
  - { id: fine, action: fs.read, resource: [/w/x/*, /v] }
deny:
  - { id: s, action: fs.*, resource: /s/** }
  - { id: again, action: fs.write, resource: /s/x/y }
`,
  );
  const { code, stderr } = await agentKernel("validate-policy", policy);
  assertEquals(code, 0);
  const warnings = stderr.trim().split("\n").map((line) => line.replace(/^warning: /, ""));
  assertEquals(warnings.filter((line) => /^(all|some|denied|never|fine|s|again):/.test(line)), [
    "some: is never the rule that decides: rules before it allow all of it",
    "denied: allows nothing: deny rules deny all of it",
    "never: no params meet its constraint: it allows nothing",
    "again: takes nothing away: other deny rules deny all of it that is allowed",
  ]);
});
