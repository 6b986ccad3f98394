import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../src/version.ts";
import { agentKernel, type Scene, scene } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  submit: [
    "policy",
    "log-path",
    "base",
    "var",
    "action",
    "target",
    "params",
    "agent",
    "mcp",
    "verbose",
    "reversible",
    "snapshots",
  ],
  snapshots: ["log-path", "snapshots", "json"],
  rollback: [
    "policy",
    "no-server",
    "log-path",
    "snapshots",
    "since",
    "of",
    "preview",
    "force",
    "agent",
    "json",
  ],
  agent: ["policy", "mcp", "model", "base-url", "tools", "reversible", "max-turns", "verbose"],
  log: ["log-path", "status", "action", "agent", "since", "limit", "follow", "json"],
  limits: ["policy", "log-path", "ledger", "limit", "agent", "json"],
  approvals: ["log-path", "inbox", "as", "reason", "digest", "json"],
  suggest: ["log-path", "since", "agent", "json"],
  "validate-policy": ["policy", "json"],
  explain: ["policy", "action", "target", "params", "json"],
  "test-policy": ["policy", "examples", "json"],
  permissions: ["policy", "log-path", "format"],
  mcp: ["mcp", "log-path", "search-path", "json", "name", "env", "state"],
  serve: [
    ...["policy", "log-path", "base", "listen", "allow-origin", "reversible", "snapshots"],
    ...["openapi", "unit", "verbose"],
  ],
  token: ["role", "agent", "log-path", "json"],
  status: ["log-path"],
  stop: ["log-path"],
  protect: [
    ...["user", "project", "dry-run", "log-path", "strict", "policy", "base", "var", "mcp", "http"],
  ],
  unprotect: ["user", "project", "dry-run"],
  doctor: ["log-path"],
  "diff-policy": ["only-tighter", "base", "var", "search-path", "json"],
  replay: ["policy", "json"],
  learn: ["from", "generalise", "agent", "since", "until"],
  init: ["yes", "force", "read-only", "git", "script", "host", "shadow", "no-shadow"],
  completions: [],
  keygen: ["out", "name"],
  version: [],
};

Deno.test("agent-kernel without a command lists the commands and is wrong usage", async () => {
  const { code, stdout } = await agentKernel();
  assertEquals(code, 64);
  for (const name of Object.keys(COMMANDS)) assertMatch(stdout, new RegExp(`^  ${name} `, "m"));
});

for (const word of ["help", "--help", "-h"]) {
  Deno.test(`agent-kernel ${word} lists exactly the commands`, async () => {
    const { code, stdout } = await agentKernel(word);
    assertEquals(code, 0);
    const listed = Array.from(stdout.matchAll(/^ {2}([a-z-]+) /gm), ([, name = ""]) => name);
    assertEquals(listed.sort(), Object.keys(COMMANDS).sort());
  });
}

for (const [name, options] of Object.entries(COMMANDS)) {
  Deno.test(`agent-kernel ${name} --help names each option, as does "help ${name}"`, async () => {
    const [asked, told] = await Promise.all([
      agentKernel(name, "--help"),
      agentKernel("help", name),
    ]);
    assertEquals(asked, told);
    assertEquals({ code: asked.code, stderr: asked.stderr }, { code: 0, stderr: "" });
    assertStringIncludes(asked.stdout, `usage: agent-kernel ${name}`);
    for (const option of options) assertMatch(asked.stdout, new RegExp(`^  --${option}\\b`, "m"));
  });
}

for (const word of ["version", "--version"]) {
  Deno.test(`agent-kernel ${word} prints the version of the package`, async () => {
    const { code, stdout } = await agentKernel(word);
    assertEquals(code, 0);
    assertStringIncludes(stdout, `agent-kernel ${VERSION} `);
  });
}

const REQUEST = ["--action", "fs.read", "--target", "/a"];
const WRONG: readonly (readonly [string, (scene: Scene) => string[], string])[] = [
  ["an unknown command", () => ["remove"], '"remove"'],
  ["an unknown option", ({ policy }) => ["validate-policy", "--polisy", policy], "--polisy"],
  ["submit without a policy", () => ["submit", ...REQUEST], "--policy"],
  [
    "submit without an action",
    (s) => ["submit", "--policy", s.policy, "--target", "a"],
    "--action",
  ],
  ["submit without a target", (s) => ["submit", "--policy", s.policy, "--action", "a"], "--target"],
  [
    "params that are no JSON",
    (s) => ["submit", "--policy", s.policy, ...REQUEST, "--params", "{a"],
    "--params",
  ],
  [
    "params that are no object",
    (s) => ["submit", "--policy", s.policy, ...REQUEST, "--params", "[1]"],
    "--params",
  ],
  ["explain without a policy", () => ["explain", ...REQUEST], "--policy"],
  [
    "a target of several words without quotes, for submit",
    (s) => ["submit", "--policy", s.policy, ...REQUEST, "b.txt"],
    "b.txt",
  ],
  [
    "a target of several words without quotes, for explain",
    (s) => ["explain", "--policy", s.policy, ...REQUEST, "b.txt"],
    "b.txt",
  ],
  [
    "a second policy, which nobody would look at",
    (s) => ["validate-policy", s.policy, "other.yaml"],
    "other.yaml",
  ],
  ["a log command that does not exist", () => ["log", "verfiy"], "verfiy"],
  ["a status that does not exist", () => ["log", "--status", "ENDED"], "ENDED"],
  ["a limit that is no number", () => ["log", "--limit", "-1"], "--limit"],
  ["a time that is none", () => ["log", "--since", "yesterday"], "yesterday"],
  [
    "an unknown format of permissions",
    (s) => ["permissions", "--policy", s.policy, "--format", "xml"],
    "xml",
  ],
  [
    "a store for a submit that saves nothing",
    (s) => ["submit", "--policy", s.policy, ...REQUEST, "--snapshots", "x"],
    "--reversible",
  ],
  ["rollback of nothing", (s) => ["rollback", "--policy", s.policy], "--since"],
  [
    "rollback of an action, and of all",
    (s) => ["rollback", "--policy", s.policy, "id", "--since", "1m"],
    "--since",
  ],
  [
    "a preview of many",
    (s) => ["rollback", "--policy", s.policy, "--since", "1m", "--preview"],
    "--preview",
  ],
  ["an age that is none", (s) => ["rollback", "--policy", s.policy, "--since", "1y"], "1y"],
  ["rollback without a policy", () => ["rollback", "id"], "--policy"],
  ["mcp without a verb", () => ["mcp"], "list, pin or diff"],
  [
    "mcp proxy without a command",
    () => ["mcp", "proxy", "--policy", "x.yaml"],
    "there is no command",
  ],
  [
    "mcp proxy with options of another verb",
    () => ["mcp", "proxy", "--mcp", "x", "--", "y"],
    "--mcp is not for mcp proxy",
  ],
  ["mcp list without a file of servers", () => ["mcp", "list"], "--mcp"],
  ["keygen without a file", () => ["keygen"], "--out"],
  ["a variable without a value", (s) => ["explain", "--policy", s.policy, "--var", "X"], "--var X"],
];
for (const [what, args, named] of WRONG) {
  Deno.test(`wrong usage, exit code 64: ${what}`, async () => {
    using ws = new Workspace();
    const { code, stdout, stderr } = await agentKernel(...args(scene(ws)));
    assertEquals({ code, stdout }, { code: 64, stdout: "" }, stderr);
    assertStringIncludes(stderr, named);
    assertEquals(stderr.includes("    at "), false);
  });
}

// deno-fmt-ignore -- a row is a line
const WRONG_OPTIONS: readonly { args: string[]; says: string }[] = [
  { args: ["submit", "--polcy", "x"], says: "there is no option --polcy, did you mean --policy?" },
  { args: ["log", "--limt=2"], says: "there is no option --limt, did you mean --limit?" },
  { args: ["explain", "--nothing-like-it"], says: "there is no option --nothing-like-it\n" },
  { args: ["submit", "-p", "x"], says: "there is no option -p\n" },
  { args: ["submit", "--policy"], says: "--policy" },
];
for (const { args, says } of WRONG_OPTIONS) {
  Deno.test(`a wrong option is named, with the one that is likely meant: ${args.join(" ")}`, async () => {
    const { code, stderr } = await agentKernel(...args);
    assertEquals(code, 64);
    assertStringIncludes(stderr, says);
    assertMatch(stderr, /^usage: agent-kernel /m);
  });
}

Deno.test("a log or a ledger in a folder that is not there names the folder", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  for (const more of [[], ["--ledger", ws.path("none/ledger")]]) {
    const log = more.length === 0 ? ws.path("none/kernel.log") : files.log;
    const { code, stderr } = await agentKernel(
      ...["submit", "--policy", files.policy, "--log-path", log],
      ...["--action", "fs.read", "--target", "/etc/passwd", ...more],
    );
    // Without limits in the policy no ledger is opened.
    assertEquals(code, more.length === 0 ? 1 : 2, stderr);
    if (more.length === 0) {
      assertStringIncludes(stderr, `; the folder "${ws.path("none")}" has to exist`);
    }
  }
});
