import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ApprovalInbox } from "@agent-kernel/kernel";
import { HookDesk } from "../../src/hooks/desk.ts";
import { Workspace } from "../workspace.ts";
import { hookScene, verdictOf } from "./scene.ts";
import { recordsOf } from "../records.ts";

Deno.test("a call is permitted before, reported after, and a refused one says why", async () => {
  using ws = new Workspace();
  const { root, kernel, desk, logPath, payload } = await hookScene(ws);
  const call = payload("Write", { file_path: `${root}/a`, content: "x" });
  assertEquals(verdictOf((await desk.answer("claude", "before", call)).stdout)[0], "allow");
  const after = { ...call, tool_response: { ok: true }, duration_ms: 7 };
  assertEquals(await desk.answer("claude", "after", after), {
    stdout: "{}",
    stderr: "",
    exitCode: 0,
  });
  const refused = payload("Write", { file_path: "/etc/passwd", content: "x" });
  const [decision, reason] = verdictOf((await desk.answer("claude", "before", refused)).stdout);
  assertEquals(decision, "deny");
  assertStringIncludes(reason, 'fs.write on "/etc/passwd": no rule allows');
  await kernel.close();
  const records = await recordsOf(logPath);
  assertEquals(records.map(({ status, action, agent }) => [status, action, agent]), [
    ["PERMITTED", "fs.write", "claude"],
    ["DONE", "fs.write", "claude"],
    ["DENIED", "fs.write", "claude"],
  ]);
  assertEquals(records[0]?.stages?.["hook"], { tool: "Write", conversation: "s1", call: "t1" });
  assertEquals([records[1]?.permit, records[1]?.duration_ms], [records[0]?.record_id, 7]);
  assertEquals(Array.from(Deno.readDirSync(root)), []);
});

// deno-fmt-ignore -- a row is a line
const CALLS: readonly { tool: string; input: (root: string) => object; expected: "allow" | "deny"; actions: readonly string[] }[] = [
  { tool: "Read", input: (r) => ({ file_path: `${r}/a` }), expected: "allow", actions: ["PERMITTED fs.read"] },
  { tool: "Read", input: () => ({ file_path: "a" }), expected: "allow", actions: ["PERMITTED fs.read"] },
  { tool: "Read", input: () => ({ file_path: "../../etc/passwd" }), expected: "deny", actions: ["DENIED fs.read"] },
  { tool: "Read", input: (r) => ({ file_path: `${r}/sub/.env` }), expected: "deny", actions: ["DENIED fs.read"] },
  { tool: "Read", input: (r) => ({ file_path: `${r}/a`, path: `${r}/b` }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Read", input: () => ({}), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Read", input: () => ({ file_path: ["a"] }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Read", input: () => ({ file_path: "~/x" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Edit", input: (r) => ({ file_path: `${r}/a`, old_string: "a", new_string: "b" }), expected: "allow", actions: ["PERMITTED fs.write"] },
  { tool: "Edit", input: (r) => ({ file_path: `${r}/.claude/settings.json` }), expected: "deny", actions: ["DENIED fs.write"] },
  { tool: "Glob", input: () => ({ pattern: "**" }), expected: "allow", actions: ["PERMITTED fs.list"] },
  { tool: "Glob", input: () => ({ pattern: "**", path: "/etc" }), expected: "deny", actions: ["DENIED fs.list"] },
  { tool: "Glob", input: () => ({ pattern: "./{src,lib}/**/.*/[a-z]*.*.{ts,d.ts}" }), expected: "allow", actions: ["PERMITTED fs.list"] },
  ...["/etc/*", " /etc/*", "../*", "a/../../*", "{/etc,a}/*", "{a,/etc}/*", "{,a}/etc/*", "{}/etc/*", "{a,{,b}}/etc/*", "a{/..,b}/*", "a/.{a,.}/*", "..", "./../*", "{a,}/etc/*", ".{.,a}/*", "{.,a}./*", "[.][.]/*", "\\/etc/*", "?(a)/etc/*", "@(/etc)/*", "~/*", 1, [".."]]
    .map((pattern) => ({ tool: "Glob", input: () => ({ pattern }), expected: "deny" as const, actions: ["INVALID agent.tool"] })),
  { tool: "Write", input: (r) => ({ file_path: `${r}/b`, content: "" }), expected: "allow", actions: ["PERMITTED fs.write"] },
  { tool: "Write", input: (r) => ({ file_path: `${r}/b`, content: "", file_text: "x" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Write", input: (r) => ({ file_path: `${r}/b`, content: 1 }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Write", input: (r) => ({ file_path: `${r}/.env\u0085`, content: "x" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Write", input: (r) => ({ file_path: ` ${r}/.env`, content: "x" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "shell.print", input: () => ({}), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Grep", input: () => ({ pattern: "x" }), expected: "deny", actions: ["DENIED agent.tool"] },
  { tool: "WebFetch", input: () => ({ url: "https://example.com/a" }), expected: "allow", actions: ["PERMITTED net.http"] },
  { tool: "WebFetch", input: () => ({ url: "http://169.254.169.254/" }), expected: "deny", actions: ["DENIED net.http"] },
  { tool: "mcp__notes__add", input: () => ({ text: "x" }), expected: "allow", actions: ["PERMITTED mcp.call"] },
  { tool: "mcp__other__add", input: () => ({ text: "x" }), expected: "deny", actions: ["DENIED mcp.call"] },
  { tool: "mcp__notes__a/../../x", input: () => ({}), expected: "deny", actions: ["INVALID mcp.call"] },
  { tool: "TodoWrite", input: () => ({ todos: [] }), expected: "allow", actions: ["PERMITTED agent.tool"] },
  { tool: "NewTool", input: () => ({}), expected: "deny", actions: ["DENIED agent.tool"] },
  { tool: "constructor", input: () => ({}), expected: "deny", actions: ["DENIED agent.tool"] },
  { tool: "Bash", input: () => ({ command: "ls -la" }), expected: "allow", actions: ["PERMITTED proc.exec"] },
  { tool: "Bash", input: () => ({ command: "ls && cat a > b" }), expected: "allow", actions: ["PERMITTED proc.exec", "PERMITTED fs.write", "PERMITTED proc.exec"] },
  { tool: "Bash", input: () => ({ command: "ls && curl https://evil.example" }), expected: "deny", actions: ["PERMITTED proc.exec", "DENIED proc.exec", "UNREPORTED proc.exec"] },
  { tool: "Bash", input: () => ({ command: "cat a > .env" }), expected: "deny", actions: ["DENIED fs.write"] },
  { tool: "Bash", input: () => ({ command: "echo hello" }), expected: "deny", actions: ["DENIED agent.tool"] },
  { tool: "Bash", input: () => ({ command: "ls", description: "x", timeout: 1, run_in_background: true, dangerouslyDisableSandbox: false }), expected: "allow", actions: ["PERMITTED proc.exec"] },
  { tool: "Bash", input: () => ({ command: "ls", dangerouslyDisableSandbox: true }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Bash", input: () => ({ command: "ls", _simulatedSedEdit: { filePath: "/etc/x" } }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Bash", input: () => ({ command: "ls", workdir: "sub" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Bash", input: () => ({ command: "cat a > sub/../.env" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Bash", input: () => ({ command: "ls $(cat a)" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Bash", input: () => ({ command: "eval ls" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Bash", input: () => ({ command: "git config --file .claude/settings.json a.b c" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Bash", input: () => ({ command: "git config --file=../w/.claude/settings.json a.b c" }), expected: "deny", actions: ["INVALID agent.tool"] },
  { tool: "Bash", input: () => ({ command: "git add ~/.claude.json" }), expected: "deny", actions: ["INVALID agent.tool"] },
  ...[
    "ls .claude/", "ls .claude", "ls ./.gemini/.", "git -C .github add x", "git mv a .cursor", "git add .vscode",
    "git -O.claude/settings.json", "git -O.claude", "git --file=.claude/settings.json", "git a=b=.mcp.json", "git -x=.mcp.json",
    "cat .//.claude//settings.json", "cat .claude/skills/x/SKILL.md", "cat .claude/commands/x", "cat .claude/agents",
    "cat ~//.claude/settings.json", "cat ~/.claude", "cat ~/.config", "cat //etc/claude-code/x", "cat é/../.mcp.json", "cat 'a b/../.mcp.json'",
    "cd .claude && git clean", "cd .claude && cat settings.json", "cat link/settings.json", "cat link", "cat --x=link/hooks/new",
  ].map((command) => ({ tool: "Bash", input: () => ({ command }), expected: "deny" as const, actions: ["INVALID agent.tool"] })),
  ...["ls .", "ls -la", "ls ~", "ls ..", "ls /", "ls .github/workflows", "git add .claude-x", "ls 'é a'", "git a====b"]
    .map((command) => ({ tool: "Bash", input: () => ({ command }), expected: "allow" as const, actions: ["PERMITTED proc.exec"] })),
  { tool: "Bash", input: () => ({}), expected: "deny", actions: ["INVALID agent.tool"] },
];

Deno.test("each tool of Claude Code is the actions that it would do", async (t) => {
  for (const { tool, input, expected, actions } of CALLS) {
    await t.step(`${tool} ${JSON.stringify(input("ROOT"))}: ${expected}`, async () => {
      using ws = new Workspace();
      ws.file("w/a", "");
      ws.folder("w/.claude");
      ws.link("w/link", ".claude");
      const { root, kernel, desk, logPath, payload } = await hookScene(ws);
      const { stdout } = await desk.answer("claude", "before", payload(tool, input(root)));
      const [decision, reason] = verdictOf(stdout);
      assertEquals(decision, expected, reason);
      const end = expected === "allow" ? "" : "agent-kernel";
      assertStringIncludes(reason, end);
      const records = await recordsOf(logPath);
      assertEquals(records.map(({ status, action }) => `${status} ${action}`), actions);
      await kernel.close();
    });
  }
});

Deno.test("what a hook cannot have sent is a no, and never an error that an agent takes for a yes", async () => {
  using ws = new Workspace();
  const { kernel, desk, payload } = await hookScene(ws);
  const good = payload("TodoWrite", {});
  const odd: unknown[] = [
    ...[null, undefined, 1, "x", [], {}],
    { ...good, tool_name: undefined },
    { ...good, tool_input: null },
    { ...good, tool_input: [1] },
    { ...good, cwd: "relative" },
    { ...good, session_id: "" },
  ];
  for (const one of odd) {
    const { stdout, exitCode } = await desk.answer("claude", "before", one);
    assertEquals([verdictOf(stdout)[0], exitCode], ["deny", 0], JSON.stringify(one));
    const after = await desk.answer("claude", "after", one);
    assertEquals([after.exitCode, after.stdout], [1, ""], JSON.stringify(one));
  }
  const unknown = await desk.answer("nobody", "before", good);
  assertEquals([unknown.exitCode, unknown.stdout], [2, ""]);
  await kernel.close();
});

Deno.test("a kernel that throws, or has no record, is a no", async () => {
  const payload = {
    ...{ session_id: "s", cwd: "/", tool_name: "TodoWrite", tool_input: {}, tool_use_id: "t" },
  };
  const report = () => Promise.resolve(false);
  const kernels = [
    { report, permit: () => Promise.reject(new Error("closed")) },
    { report, permit: () => Promise.resolve({ status: "OK" as const }) },
    {
      report,
      permit: () => Promise.resolve({ status: "ERROR" as const, code: "AUDIT_UNAVAILABLE" }),
    },
  ];
  for (const kernel of kernels) {
    const { stdout } = await new HookDesk({ kernel }).answer("claude", "before", payload);
    assertEquals(verdictOf(stdout)[0], "deny");
  }
});

Deno.test("the end of a session, and calls without ids, find their permits", async () => {
  using ws = new Workspace();
  const { kernel, desk, logPath, payload } = await hookScene(ws);
  const call = payload("TodoWrite", { n: 1 }, { tool_use_id: undefined });
  // Twice the same, then one report: the newer is done, the other is not known.
  await desk.answer("claude", "before", call);
  await desk.answer("claude", "before", call);
  await desk.answer("claude", "after", { ...call, error: "it failed" });
  await desk.answer("claude", "before", { ...call, session_id: "other" });
  await desk.answer("claude", "session-end", { session_id: "s1", cwd: "/" });
  const records = await recordsOf(logPath);
  const [first, second, done, other, unreported] = records;
  assertEquals(records.length, 5);
  assertEquals([done?.status, done?.permit, done?.code], [
    "DONE",
    second?.record_id,
    "REPORTED_FAILURE",
  ]);
  assertEquals([unreported?.status, unreported?.permit], ["UNREPORTED", first?.record_id]);
  assertEquals(other?.status, "PERMITTED");
  await kernel.close();
});

// deno-fmt-ignore -- a row is a line
const AGENTS: readonly { agent: string; payload: object; yes: object; no: object }[] = [
  { agent: "codex", payload: { session_id: "s", cwd: "/W", tool_name: "apply_patch", tool_use_id: "1", tool_input: { command: "*** Begin Patch\n*** Update File: a\n*** Move to: b\n@@\n-x\n+y\n*** End Patch" } },
    yes: {}, no: { hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision: "deny" } } },
  { agent: "gemini", payload: { session_id: "s", cwd: "/W", tool_name: "write_file", tool_input: { file_path: "/W/a", content: "x" } },
    yes: { decision: "allow" }, no: { decision: "deny" } },
  { agent: "gemini", payload: { session_id: "s", cwd: "/W", tool_name: "mcp_notes_add", tool_input: {}, mcp_context: { server_name: "notes", tool_name: "add" } },
    yes: { decision: "allow" }, no: { decision: "deny" } },
  { agent: "qwen", payload: { session_id: "s", cwd: "/W", tool_name: "read_file", tool_use_id: "1", tool_input: { absolute_path: "/W/a" } },
    yes: { hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision: "allow" } }, no: { hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision: "deny" } } },
  { agent: "copilot", payload: { sessionId: "s", cwd: "/W", toolName: "create", toolArgs: { path: "/W/a", file_text: "x" } },
    yes: { permissionDecision: "allow" }, no: { permissionDecision: "deny" } },
  { agent: "copilot", payload: { sessionId: "s", cwd: "/W", toolName: "notes-add", toolArgs: {} },
    yes: { permissionDecision: "allow" }, no: { permissionDecision: "deny" } },
];

for (const { agent, payload, yes, no } of AGENTS) {
  Deno.test(`${agent} gets its own form of yes and no: ${JSON.stringify(payload).slice(0, 80)}`, async () => {
    using ws = new Workspace();
    ws.file("w/a", "x");
    const { root, kernel, desk } = await hookScene(ws);
    const here = JSON.parse(JSON.stringify(payload).replaceAll("/W", root));
    const elsewhere = JSON.parse(
      JSON.stringify(payload).replaceAll("/W", "/etc").replaceAll("notes", "others"),
    );
    const without = (stdout: string) =>
      JSON.parse(stdout, (key, value) => /reason/i.test(key) ? undefined : value);
    assertEquals(without((await desk.answer(agent, "before", here)).stdout), yes);
    assertEquals(without((await desk.answer(agent, "before", elsewhere)).stdout), no);
    await kernel.close();
  });
}

Deno.test("a call that needs a person's yes is refused with how to go on, and passes once after the yes", async () => {
  using ws = new Workspace();
  const inbox = new ApprovalInbox(ws.path("inbox"));
  const { kernel, desk, logPath, payload } = await hookScene(ws, {
    policy: {
      capabilities: [{ id: "ask", action: "agent.tool", resource: "Deploy", approval: "required" }],
    },
    approvals: { path: ws.path("inbox"), patienceMs: 1 },
  });
  const call = () => desk.answer("claude", "before", payload("Deploy", { to: "production" }));
  const [decision, reason] = verdictOf((await call()).stdout);
  assertEquals(decision, "deny");
  assertStringIncludes(reason, "waiting for a person");
  const [question, ...more] = inbox.list();
  assert(question !== undefined && more.length === 0);
  assertEquals(inbox.answer(question, { approved: true, by: "alice" }, new Date()), "answered");
  assertEquals(verdictOf((await call()).stdout)[0], "allow");
  assertEquals(verdictOf((await call()).stdout)[0], "deny");
  await kernel.close();
  assertEquals((await recordsOf(logPath)).slice(0, 3).map(({ status, code }) => [status, code]), [
    ["DENIED", "APPROVAL_PENDING"],
    ["PERMITTED", undefined],
    ["DENIED", "APPROVAL_PENDING"],
  ]);
});

Deno.test("a tool of Copilot that could be one of two MCP servers is refused", async () => {
  using ws = new Workspace();
  const { root, kernel, desk } = await hookScene(ws);
  const payload = { sessionId: "s", cwd: root, toolName: "notes-add-all", toolArgs: {} };
  const { stdout } = await desk.answer("copilot", "before", payload);
  assertEquals(JSON.parse(stdout).permissionDecision, "deny");
  await kernel.close();
});

// deno-fmt-ignore -- a row is a line
const OTHERS: readonly { agent: string; tool: string; input: object; expected: string; target?: string }[] = [
  ...["gemini", "qwen"].flatMap((agent) => [
    { agent, tool: "read_file", input: { file_path: "/W/a" }, expected: "PERMITTED fs.read", target: "/W/a" },
    { agent, tool: "read_file", input: { file_path: "/W/%2eenv" }, expected: "INVALID agent.tool" },
    { agent, tool: "write_file", input: { file_path: "/W/%2Eenv", content: "x" }, expected: "INVALID agent.tool" },
    { agent, tool: "list_directory", input: { path: "/W/%2e%2e" }, expected: "INVALID agent.tool" },
    { agent, tool: "read_file", input: { file_path: "a" }, expected: "INVALID agent.tool" },
    { agent, tool: "write_file", input: { file_path: "a", content: "x" }, expected: "INVALID agent.tool" },
    { agent, tool: "replace", input: { file_path: ".env", old_string: "a", new_string: "b" }, expected: "INVALID agent.tool" },
    { agent, tool: "edit", input: { file_path: ".env", old_string: "a", new_string: "b" }, expected: "INVALID agent.tool" },
    { agent, tool: "glob", input: { pattern: "/etc/*" }, expected: "INVALID agent.tool" },
    { agent, tool: "run_shell_command", input: { command: "ls", shell: "sh" }, expected: "INVALID agent.tool" },
    { agent, tool: "run_shell_command", input: { command: "echo hello" }, expected: "DENIED agent.tool", target: "shell.print" },
  ]),
  { agent: "gemini", tool: "run_shell_command", input: { command: "> b", dir_path: "sub" }, expected: "PERMITTED fs.write", target: "/W/sub/b" },
  { agent: "gemini", tool: "run_shell_command", input: { command: "> b", dir_path: "/etc" }, expected: "DENIED fs.write", target: "/etc/b" },
  { agent: "gemini", tool: "run_shell_command", input: { command: "> b", dir_path: "s%75b" }, expected: "INVALID agent.tool" },
  { agent: "gemini", tool: "run_shell_command", input: { command: "> b", directory: "sub" }, expected: "INVALID agent.tool" },
  { agent: "qwen", tool: "run_shell_command", input: { command: "> b", directory: "/etc" }, expected: "DENIED fs.write", target: "/etc/b" },
  { agent: "codex", tool: "Bash", input: { command: "> b", workdir: "/etc" }, expected: "INVALID agent.tool" },
  { agent: "copilot", tool: "bash", input: { command: "ls", description: "x", sessionId: "1", mode: "sync" }, expected: "PERMITTED proc.exec" },
  { agent: "copilot", tool: "bash", input: { command: "ls", env: {} }, expected: "INVALID agent.tool" },
  { agent: "claude", tool: "Bash", input: { command: "echo hello" }, expected: "DENIED agent.tool", target: "shell.print" },
];

for (const { agent, tool, input, expected, target } of OTHERS) {
  Deno.test(`${agent}: ${tool} ${JSON.stringify(input)} is ${expected}`, async () => {
    using ws = new Workspace();
    ws.file("w/a", "");
    const { root, kernel, desk, logPath, payload } = await hookScene(ws);
    const given = JSON.parse(JSON.stringify(input).replaceAll("/W", root));
    const copilot = { sessionId: "s", toolName: tool, toolArgs: given };
    await desk.answer(agent, "before", payload(tool, given, copilot));
    const [record, ...more] = await recordsOf(logPath);
    assertEquals([`${record?.status} ${record?.action}`, more.length], [expected, 0]);
    if (target !== undefined) assertEquals(record?.target, target.replace("/W", root));
    await kernel.close();
  });
}

// deno-fmt-ignore -- a row is a line
const CONDITIONS: readonly { content: unknown; deny?: true; written: "allow" | "deny" }[] = [
  { content: { max_bytes: 10 }, written: "allow" },
  { content: { glob: "x*" }, written: "allow" },
  { content: { not: { glob: "*secret*" } }, written: "allow" },
  { content: "x", written: "allow" },
  { content: { glob: "*secret*" }, deny: true, written: "allow" },
  { content: { min: 5, max_bytes: 0 }, deny: true, written: "allow" },
];
for (const { content, deny, written } of CONDITIONS) {
  Deno.test(`a rule that ${deny ? "denies" : "allows"} by ${JSON.stringify(content)} lets no content pass that is not known`, async () => {
    using ws = new Workspace();
    const root = ws.folder("w");
    const rule = {
      id: "rule",
      action: "fs.write",
      resource: `${root}/**`,
      constraint: { content },
    };
    const all = { id: "all", action: "fs.write", resource: `${root}/**` };
    const policy = deny ? { capabilities: [all], deny: [rule] } : { capabilities: [rule] };
    const { kernel, desk, payload } = await hookScene(ws, { policy });
    const decide = async (agent: string, tool: string, input: object) => {
      const { stdout } = await desk.answer(agent, "before", payload(tool, input));
      return stdout === "{}" ? "allow" : verdictOf(stdout)[0];
    };
    const file_path = `${root}/a`;
    assertEquals(await decide("claude", "Write", { file_path, content: "x" }), written);
    assertEquals(await decide("claude", "Write", { file_path }), "deny");
    assertEquals(await decide("claude", "Edit", { file_path, new_string: "x" }), "deny");
    assertEquals(await decide("claude", "Bash", { command: `> ${root}/a` }), "deny");
    const command = `*** Begin Patch\n*** Add File: ${root}/a\n+x\n*** End Patch`;
    assertEquals(await decide("codex", "apply_patch", { command }), "deny");
    await kernel.close();
  });
}

Deno.test("settings are known by their real paths as well as by those that were given", async () => {
  using ws = new Workspace();
  const real = ws.folder("w");
  ws.folder("w/.claude");
  const link = ws.path("link to w");
  ws.link("link to w", real);
  const kernel = {
    permit: () => Promise.resolve({ status: "OK" as const, recordId: "1" }),
    report: () => Promise.resolve(true),
  };
  const decide = async (root: string, cwd: string, command: string) => {
    const desk = new HookDesk({ kernel, settings: [`${root}/.claude/settings.json`] });
    const call = { session_id: "s", cwd, tool_name: "Bash", tool_input: { command } };
    return verdictOf((await desk.answer("claude", "before", call)).stdout)[0];
  };
  for (const root of [real, link]) {
    for (const cwd of [real, link]) {
      for (const named of [".", real, link]) {
        const files = [".claude/settings.json", ".claude", ".claude/x"];
        const decided = files.map((file) => decide(root, cwd, `cat '${named}/${file}'`));
        assertEquals(await Promise.all(decided), ["deny", "deny", "allow"]);
      }
    }
  }
});

/** A kernel that permits everything, and what it was told. */
function listening() {
  const permitted: string[] = [];
  const reports: [recordId: string, report: string][] = [];
  const kernel = {
    permit: ({ target }: { target: string }) => {
      permitted.push(target);
      return Promise.resolve({ status: "OK" as const, recordId: String(permitted.length) });
    },
    report: (id: string, { notDone = "done" }: { notDone?: string } = {}) => {
      reports.push([id, notDone]);
      return Promise.resolve(true);
    },
  };
  return { desk: new HookDesk({ kernel }), permitted, reports };
}

Deno.test("a session that goes on does not end the reports of its calls", async () => {
  const { desk, reports } = listening();
  const of = { session_id: "s", cwd: "/" };
  const call = { ...of, tool_name: "TodoWrite", tool_input: {}, tool_use_id: "1" };
  await desk.answer("claude", "before", call);
  for (const source of ["compact", "resume"]) {
    await desk.answer("claude", "session-start", { ...of, source });
  }
  assertEquals(reports, []);
  await desk.answer("claude", "after", call);
  assertEquals(reports, [["1", "done"]]);
  for (const [name, source] of [["session-start", "clear"], ["session-end", "resume"]] as const) {
    await desk.answer("claude", "before", call);
    await desk.answer("claude", name, { ...of, source });
    assertEquals(reports.at(-1)?.[1], "the session ended before a report came");
  }
});

Deno.test("no name of a session or call is taken for another", async () => {
  const { desk, reports } = listening();
  const call = (session_id: string, tool_use_id: string) => ({
    ...{ session_id, cwd: "/", tool_name: "TodoWrite", tool_input: {}, tool_use_id },
  });
  await desk.answer("claude", "before", call("a", "b #c"));
  await desk.answer("claude", "after", call("a #b", "c"));
  await desk.answer("claude", "after", call("a #b #c", ""));
  await desk.answer("claude", "session-end", { session_id: "a #b", cwd: "/" });
  assertEquals(reports, []);
});

Deno.test("no more than 10000 calls wait for a report, however many of them are alike", async () => {
  const { desk, reports } = listening();
  const call = { session_id: "s", cwd: "/", tool_name: "TodoWrite", tool_input: {} };
  for (let i = 0; i < 10_002; i++) await desk.answer("claude", "before", call);
  const evicted = "10000 newer calls wait for a report";
  assertEquals(reports, [["1", evicted], ["2", evicted]]);
  await desk.answer("claude", "after", call);
  assertEquals(reports.at(-1), ["10002", "done"]);
  await desk.answer("claude", "session-end", { session_id: "s", cwd: "/" });
  assertEquals(reports.length, 10_002);
});

// deno-fmt-ignore -- a row is a line
const MCP_NAMES: readonly [tool: string, server: unknown, expected: string | undefined][] = [
  ["mcp__a__b", undefined, "a/b"],
  ["mcp__a_b__c_d", undefined, "a_b/c_d"],
  ["mcp__a__b", null, "a/b"],
  ["mcp__a__b__c", undefined, undefined],
  ["mcp__a___b", undefined, undefined],
  ["mcp____a__b", undefined, "__a/b"],
  ["mcp__a__b__c", { name: "a" }, "a/b__c"],
  ["mcp__a__b__c", { name: "a__b" }, "a__b/c"],
  ["mcp__a__b", { name: "b" }, undefined],
  ["mcp__a__", { name: "a" }, undefined],
  ["TodoWrite", { name: "a" }, undefined],
  ["mcp__a__b", {}, undefined],
  ["mcp__a__b", "a", undefined],
  ["mcp__a", undefined, "mcp__a"],
];
for (const [tool, mcp_server, expected] of MCP_NAMES) {
  Deno.test(`${tool} of ${JSON.stringify(mcp_server)} is ${expected ?? "refused"}`, async () => {
    const { desk, permitted } = listening();
    const call = { session_id: "s", cwd: "/", tool_name: tool, tool_input: {}, mcp_server };
    const { stdout } = await desk.answer("claude", "before", call);
    assertEquals(permitted, expected === undefined ? [] : [expected]);
    assertEquals(verdictOf(stdout)[0], expected === undefined ? "deny" : "allow");
  });
}

Deno.test("settings are settings in other letters too, as some file systems see them", async () => {
  using ws = new Workspace();
  const { root, kernel, desk, payload } = await hookScene(ws);
  const decide = async (tool: string, input: object) =>
    verdictOf((await desk.answer("claude", "before", payload(tool, input))).stdout);
  for (
    const name of [
      ".CLAUDE/settings.json",
      ".claude/Settings.JSON",
      ".Codex/x",
      ".cl\u200caude/hooks/x",
    ]
  ) {
    const [decision, reason] = await decide("Write", { file_path: `${root}/${name}`, content: "" });
    assertEquals(decision, "deny", name);
    assertStringIncludes(reason, "letter case", name);
    assertEquals((await decide("Bash", { command: `git add '${name}'` }))[0], "deny", name);
  }
  // Near misses, and what only speaks of settings.
  for (const name of [".claudes/settings.json", "claude/settings.json", "Settings.json"]) {
    assertEquals(
      (await decide("Write", { file_path: `${root}/${name}`, content: "" }))[0],
      "allow",
    );
  }
  const about = { file_path: `${root}/a.md`, content: `${root}/.CLAUDE/settings.json` };
  assertEquals((await decide("Write", about))[0], "allow");
  await kernel.close();
});

Deno.test("no command names the folder of the socket, or the one above", async () => {
  using ws = new Workspace();
  const kernel = {
    permit: () => Promise.resolve({ status: "OK" as const, recordId: "1" }),
    report: () => Promise.resolve(true),
  };
  const above = ws.folder("state");
  const desk = new HookDesk({
    kernel,
    settings: [`${above}/k.log.server`],
    folders: [above],
  });
  const decide = async (command: string) => {
    const call = { session_id: "s", cwd: ws.root, tool_name: "Bash", tool_input: { command } };
    return verdictOf((await desk.answer("claude", "before", call)).stdout)[0];
  };
  const commands = [
    ...[
      "mv state x",
      "mv state/ x",
      "rm -r state/k.log.server",
      "cat state/k.log.server/kernel.sock",
    ],
    ...["cd state && rm -r .", "ls STATE", "cat state/k.log", "ls ."],
  ];
  const decided = [];
  for (const command of commands) decided.push(await decide(command));
  assertEquals(decided, [...Array(6).fill("deny"), "allow", "allow"]);
});
