import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ROOT, Workspace } from "../workspace.ts";
import { agentKernel, denoRun, type Ended } from "./command_line.ts";

const INPUT = { type: "object", properties: { text: { type: "string" } } };
const ECHO = { name: "echo", description: "Says it again", inputSchema: INPUT };
const PLAIN = { name: "plain", description: "Does\u202e little", inputSchema: INPUT };
const POLICY = `version: 1
capabilities:
  - action: mcp.call
    resource: h/*
    constraint: { arguments.text: { max_length: 5 } }
`;

/** A folder with a policy and a file of servers; the tools of the server can be changed. */
class Files implements Disposable {
  readonly ws = new Workspace();
  readonly tools = this.ws.file("tools.json", JSON.stringify([ECHO, PLAIN]));
  readonly policy = this.ws.file("policy.yaml", POLICY);
  readonly lockFile = this.ws.path("mcp.lock.json");
  readonly mcp: string;

  constructor(more: object = {}, top: object = {}) {
    const script = `${ROOT}/tests/providers/mcp/fixtures/hostile_server.ts`;
    const args = ["run", "-q", "--no-prompt", "-A", script, "good", this.tools];
    const server = { type: "stdio", command: "deno", args, ...more };
    const off = { command: "no-such-program", disabled: true };
    this.mcp = this.ws.file("mcp.json", JSON.stringify({ mcpServers: { h: server, off }, ...top }));
  }

  set(...tools: object[]): void {
    Deno.writeTextFileSync(this.tools, JSON.stringify(tools));
  }

  run(...args: string[]): Promise<Ended> {
    return agentKernel(...args, "--mcp", this.mcp, "--log-path", this.ws.path("kernel.log"));
  }

  call(tool: string, params: object, ...more: string[]): Promise<Ended> {
    const request = [
      "--action",
      "mcp.call",
      "--target",
      `h/${tool}`,
      "--params",
      JSON.stringify(params),
    ];
    return this.run("submit", "--policy", this.policy, ...request, ...more);
  }

  [Symbol.dispose](): void {
    this.ws[Symbol.dispose]();
  }
}

Deno.test("agent-kernel submit --mcp has a tool called, under exactly the permissions for it", async () => {
  using files = new Files();
  const done = await files.call("echo", { text: "hi" });
  assertEquals(done.code, 0, done.stderr);
  assertEquals(JSON.parse(done.stdout).data, {
    content: [{ type: "text", text: '{"text":"hi"}' }],
  });
  const denied = await files.call("echo", { arguments: { text: "too long" } });
  assertEquals([denied.code, JSON.parse(denied.stdout).code], [2, "CONSTRAINT_UNMET"]);
  const { stdout } = await files.run("permissions", "--policy", files.policy, "--format", "json");
  const { workers } = JSON.parse(stdout);
  assertEquals(workers.mcp.write, [files.ws.path(".mcp.lock.json.agent-kernel"), files.lockFile]);
  assertEquals(workers.mcp.net, []);
  // The interpreter and, for its PID namespace, bubblewrap.
  assertEquals([workers.mcp.run.length, workers.mcp.run[0]], [2, "/usr/bin/bwrap"]);
});

Deno.test("agent-kernel submit --mcp --reversible has the same permissions, and a store", async () => {
  using files = new Files();
  const done = await files.call("echo", { text: "hi" }, "--reversible");
  assertEquals(done.code, 0, done.stderr);
  const { status, reversible } = JSON.parse(done.stdout);
  assertEquals([status, reversible], ["OK", false]);
});

Deno.test("agent-kernel mcp pin, diff and list agree about a server that changes", async () => {
  using files = new Files({}, { pins: "required" });
  assertEquals(JSON.parse((await files.call("echo", { text: "" })).stdout).code, "TOOL_NOT_PINNED");

  const listed = await files.run("mcp", "list");
  assertEquals(listed.code, 0, listed.stderr);
  assertMatch(listed.stdout, /^new +h\/echo +Says it again$/m);
  assertMatch(listed.stdout, /^new +h\/plain +Does\\u202e little$/m);
  assertEquals((await files.run("mcp", "diff")).code, 1);

  const pinned = await files.run("mcp", "pin", "h", "echo");
  assertEquals(pinned.code, 0, pinned.stderr);
  assertStringIncludes(pinned.stdout, "1 tools pinned");
  assertEquals((await files.call("echo", { text: "" })).code, 0);
  assertEquals(
    JSON.parse((await files.call("plain", { text: "" })).stdout).code,
    "TOOL_NOT_PINNED",
  );

  files.set({ ...ECHO, description: "Says it again\u200b, to me" });
  const changed = await files.call("echo", { text: "" });
  assertEquals([changed.code, JSON.parse(changed.stdout).code], [2, "TOOL_CHANGED"]);
  const diff = await files.run("mcp", "diff", "h");
  assertEquals(diff.code, 1);
  assertMatch(
    diff.stdout,
    /^changed {2}h\/echo\n {2}description was .*again", is now .*\\u200b, to me"$/m,
  );
  assertEquals((await files.run("mcp", "pin")).code, 0);
  assertEquals(await files.run("mcp", "diff"), { code: 0, stdout: "", stderr: "" });
  assertEquals((await files.call("echo", { text: "" })).code, 0);
});

Deno.test("agent-kernel mcp pin settles lookalikes, and refuses doubles", async () => {
  using files = new Files();
  files.set(ECHO, { ...ECHO, name: "Echo" });
  assertEquals(JSON.parse((await files.call("echo", { text: "" })).stdout).code, "TOOL_CHANGED");
  assertEquals((await files.run("mcp", "pin", "h")).code, 0);
  assertEquals((await files.call("echo", { text: "" })).code, 0);

  const before = Deno.readTextFileSync(files.lockFile);
  files.set(ECHO, ECHO);
  const { code, stderr } = await files.run("mcp", "pin", "h");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "h/echo: cannot be pinned: the server has 2 of it");
  assertEquals((await files.run("mcp", "pin", "h", "none")).code, 1);
  assertEquals(Deno.readTextFileSync(files.lockFile), before);
});

Deno.test("agent-kernel mcp list --json gives definitions, and the listing is on record", async () => {
  using files = new Files();
  const { stdout } = await files.run("mcp", "list", "--json");
  const { server, tools } = JSON.parse(stdout);
  assertEquals(server, "h");
  assertEquals(tools.map(({ definition }: { definition: object }) => definition), [ECHO, PLAIN]);
  const { action, target, status } = JSON.parse(Deno.readTextFileSync(files.ws.path("kernel.log")));
  assertEquals([action, target, status], ["mcp.list", "h", "OK"]);
  assertEquals(
    Array.from(Deno.readDirSync(files.ws.root), ({ name }) => name).includes("mcp.lock.json"),
    false,
    "looking pins nothing",
  );
});

Deno.test("a server started by the command line inherits only what its entry lists", async () => {
  using files = new Files({ inheritEnv: ["HANDED_ON"], env: { GIVEN: "1" } });
  files.set({ ...ECHO, name: "environment" });
  const args = ["submit", "--policy", files.policy, "--mcp", files.mcp];
  const log = ["--log-path", files.ws.path("kernel.log")];
  const start = ["run", "-q", "--no-prompt", "--allow-read", "--allow-run=deno", "src/cli/main.ts"];
  const { code, stdout, stderr } = await denoRun([
    ...start,
    ...args,
    ...log,
    ...["--action", "mcp.call", "--target", "h/environment", "--params", '{"text":""}'],
  ], { env: { HANDED_ON: "yes", PLANTED_SECRET: "hunter2" } });
  assertEquals(code, 0, stderr);
  const found = JSON.parse(JSON.parse(stdout).data.content[0].text);
  for (const name of ["DENO_NODE_SHIM_ACTIVE", "PATH"]) delete found[name];
  assertEquals(found, { GIVEN: "1", HANDED_ON: "yes", PWD: Deno.cwd() });
});

const WRONG: readonly (readonly [what: string, text: string, said: string])[] = [
  ["that is no JSON", "{", "Cannot use"],
  ["without servers", "{}", 'no object "mcpServers"'],
  [
    "with an SSE server",
    '{"mcpServers":{"a":{"type":"sse","url":"http://h/"}}}',
    'a: SERVER_UNREACHABLE: MCP server "a": its type is SSE',
  ],
  ["with a server that is none", '{"mcpServers":{"a":7}}', "its entry is not an object"],
  ["with unknown pins", '{"mcpServers":{},"pins":"none"}', "pins"],
  [
    "with a name that no server may have",
    '{"mcpServers":{"a b":{"command":"deno"}}}',
    "expected a name",
  ],
  [
    "with a server that has both forms",
    '{"mcpServers":{"a":{"command":"deno","url":"http://h/"}}}',
    "either a command or a url",
  ],
  [
    "with a time-out that is none",
    '{"mcpServers":{"a":{"command":"deno","timeout":"1m"}}}',
    'its timeout is "1m"',
  ],
  ["with a program that is not there", '{"mcpServers":{"a":{"command":"nope-nope"}}}', "nope-nope"],
];
for (const [what, text, said] of WRONG) {
  Deno.test(`agent-kernel mcp list refuses a file ${what}`, async () => {
    using ws = new Workspace();
    const { code, stderr } = await agentKernel("mcp", "list", "--mcp", ws.file("mcp.json", text));
    assertEquals(code, 1);
    assertStringIncludes(stderr, said);
    assert(!stderr.includes("    at "));
  });
}
