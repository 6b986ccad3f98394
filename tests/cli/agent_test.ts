import { assertEquals, assertStringIncludes } from "@std/assert";
import { recordsOf } from "../core/record/log_file.ts";
import { verifyAuditLog } from "@agent-kernel/kernel";
import { SnapshotStore } from "../../src/reversible/mod.ts";
import { ScriptedModel } from "../../src/testing/mod.ts";
import { agentKernel, denoRun, START, submit } from "./command_line.ts";
import { agentArgs, agentScene, runScripted, startAgent } from "./agent_scene.ts";
import { ROOT, Workspace } from "../workspace.ts";

Deno.test("agent prints the text to standard output, and each outcome and a summary to standard error", async () => {
  using ws = new Workspace();
  const files = agentScene(ws, [
    {
      text: "First the note.",
      calls: [{ name: "read_file", arguments: { path: "data/note.txt" } }],
    },
    { calls: [{ name: "read_file", arguments: { path: "/etc/passwd" } }] },
    { calls: [{ name: "read_file", arguments: { path: "data/none.txt" } }] },
    { calls: [{ name: "read_fiel" }] },
    { text: "That is all.", usage: { input: 10, output: 2 } },
  ]);
  const { code, stdout, stderr } = await runScripted(files, "--base", ws.root, "Read the note");
  assertEquals({ code, stdout }, { code: 0, stdout: "First the note.\nThat is all.\n" });
  const [ok, denied, failed, invalid, empty, summary, ...more] = stderr.trimEnd().split("\n");
  assertEquals({ ok, denied, failed, invalid, empty, more }, {
    ok: "✓ OK      fs.read  data/note.txt  rule read-data",
    denied: "✗ DENIED  fs.read  /etc/passwd  NO_RULE: no rule allows it",
    failed: `! FAILED  fs.read  data/none.txt  NOT_FOUND: File not found: ${
      ws.path("data/none.txt")
    }`,
    invalid: "! INVALID read_fiel  unknown tool: read_fiel",
    empty: "",
    more: [],
  });
  assertStringIncludes(summary ?? "", "done · 4 calls: 1 ok, 1 denied, 1 failed, 1 invalid · ");
  assertStringIncludes(summary ?? "", ` · log ${files.log}`);
  assertEquals(
    recordsOf(files.log).map(({ status }) => status),
    ["OK", "DENIED", "FAILED", "INVALID"],
  );
});

Deno.test("agent tells the model of the tools whose actions some rule allows, or of the sets that are named", async (t) => {
  const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["by default", [], ["read_file", "write_file"]],
    ["--tools http", ["--tools", "http"], ["http_request"]],
    ["--tools proc,http", ["--tools", "proc,http"], ["run_command", "http_request"]],
  ];
  for (const [name, more, tools] of rows) {
    await t.step(name, async () => {
      using ws = new Workspace();
      await using model = ScriptedModel.start([{ text: "Hello" }]);
      const args = agentArgs(agentScene(ws, []), "ollama/any", "--base-url", model.baseURL);
      const { code, stderr } = await agentKernel(...args, ...more, "Hello");
      assertEquals(code, 0, stderr);
      const told = model.requests[0]?.body.tools?.map((tool) => tool.function.name);
      assertEquals(told, [...tools]);
    });
  }
});

Deno.test("agent sends the key of the model's variable to the model's host, and shows it nowhere", async () => {
  using ws = new Workspace();
  await using model = ScriptedModel.start([{ text: "Hello" }], { apiKey: "sk-test-4711" });
  const files = agentScene(ws, []);
  const args = agentArgs(files, "openai/gpt-5", "--base-url", model.baseURL, "--verbose", "Hello");
  const right = await denoRun([...START, ...args], { env: { OPENAI_API_KEY: "sk-test-4711" } });
  assertEquals({ code: right.code, stdout: right.stdout }, { code: 0, stdout: "Hello\n" });
  assertEquals(right.stderr.includes("4711"), false);
  const wrong = await denoRun([...START, ...args], { env: { OPENAI_API_KEY: "sk-wrong-4712" } });
  assertEquals({ code: wrong.code, stdout: wrong.stdout }, { code: 1, stdout: "" });
  assertStringIncludes(wrong.stderr, "the key was refused (401), check OPENAI_API_KEY");
  assertEquals(wrong.stderr.includes("4712"), false);
});

Deno.test("agent without a key says which variable it needs, exit code 1", async () => {
  using ws = new Workspace();
  const args = agentArgs(agentScene(ws, []), "groq/llama", "Hello");
  const { code, stdout, stderr } = await denoRun([...START, ...args], {
    env: { GROQ_API_KEY: "" },
  });
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertStringIncludes(stderr, "GROQ_API_KEY");
});

const LIMITS: readonly (readonly [string, string])[] = [
  ["--max-turns", "stopped [max turns reached] · 1 call"],
  ["--max-tool-calls", "stopped [max tool calls reached] · 1 call"],
  ["--max-tokens", "stopped [max tokens reached] · 0 calls"],
];
for (const [option, shown] of LIMITS) {
  Deno.test(`agent ${option} 1 ends the run with exit code 1`, async () => {
    using ws = new Workspace();
    const call = { name: "read_file", arguments: { path: "/etc/passwd" } };
    const files = agentScene(ws, [{ calls: [call] }, { calls: [call] }, { text: "never" }]);
    const { code, stdout, stderr } = await runScripted(files, option, "1", "Go");
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertStringIncludes(stderr, shown);
  });
}

Deno.test("agent --json prints each event as a line of JSON, and nothing else", async () => {
  using ws = new Workspace();
  const files = agentScene(ws, [
    { calls: [{ name: "read_file", arguments: { path: "/etc/passwd" } }] },
    { text: "\u202eDone" },
  ]);
  const { code, stdout, stderr } = await runScripted(files, "--json", "Go");
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(stdout.includes("\u202e"), false);
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(
    events.map(({ type }) => type),
    ["usage", "tool_call", "decision", "result", "text", "usage", "done"],
  );
  assertEquals(events.at(-1).text, "\u202eDone");
});

Deno.test("agent ends with 3 for an invalid policy, and with 1 for a script that is none", async () => {
  using ws = new Workspace();
  const files = agentScene(ws, [{ text: "Hello" }]);
  const policy = ws.file("bad.yaml", "capabilities:\n  - action: fs.read\n");
  const invalid = await runScripted({ ...files, policy }, "Go");
  assertEquals(invalid.code, 3);
  Deno.writeTextFileSync(files.script, '[{"txet": "Hello"}]');
  const wrong = await runScripted(files, "Go");
  assertEquals({ code: wrong.code, stdout: wrong.stdout }, { code: 1, stdout: "" });
  assertStringIncludes(wrong.stderr, 'turn 1 has an unknown field "txet"');
});

Deno.test("Ctrl-C while the model is asked ends the run with exit code 130", async () => {
  using ws = new Workspace();
  const asked = Promise.withResolvers<void>();
  await using model = ScriptedModel.start([() => {
    asked.resolve();
    return { text: "Let me think about this for a while", cutAfter: 300, hang: true };
  }]);
  const files = agentScene(ws, []);
  const agent = startAgent(agentArgs(files, "openai/gpt-5", "--base-url", model.baseURL, "Go"));
  await asked.promise;
  agent.kill("SIGINT");
  const { code, stderr } = await agent.output();
  assertEquals(code, 130);
  assertStringIncludes(new TextDecoder().decode(stderr), "interrupted · 0 calls");
});

/** An agent with an action under way, and a way to let that end. */
async function underWay(ws: Workspace) {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    reached.resolve();
    await released.promise;
    return new Response("late");
  });
  const url = `http://127.0.0.1:${server.addr.port}/slow`;
  const files = agentScene(ws, [{ calls: [{ name: "http_request", arguments: { url } }] }]);
  Deno.writeTextFileSync(
    files.policy,
    `capabilities:\n  - { id: slow, action: net.http, resource: "${url}" }\n`,
  );
  const agent = startAgent(agentArgs(files, `scripted:${files.script}`, "Go"));
  await reached.promise;
  const stderr = agent.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let shown = "";
  return {
    ...{ agent, files, url },
    release: () => released.resolve(),
    async until(text: string): Promise<void> {
      while (!shown.includes(text)) shown += (await stderr.read()).value ?? "";
    },
    async end(): Promise<{ code: number; shown: string }> {
      for (let piece; !(piece = await stderr.read()).done;) shown += piece.value;
      await agent.stdout.cancel();
      const { code } = await agent.status;
      return { code, shown };
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("Ctrl-C while an action is under way waits for its record, and shows its outcome", async () => {
  using ws = new Workspace();
  await using run = await underWay(ws);
  run.agent.kill("SIGINT");
  await run.until("Stopping");
  assertEquals(recordsOf(run.files.log), []);
  run.release();
  const { code, shown } = await run.end();
  assertEquals(code, 130);
  assertStringIncludes(shown, `✓ OK      net.http  ${run.url}  rule slow\n`);
  assertStringIncludes(shown, "interrupted · 1 call: 1 ok");
  const { log } = run.files;
  assertEquals(recordsOf(log).map(({ status, rule }) => [status, rule]), [["OK", "slow"]]);
  assertEquals((await verifyAuditLog(log)).ok, true);
});

Deno.test("SIGTERM and then SIGINT, as one Ctrl-C may arrive, wait for what is under way", async () => {
  using ws = new Workspace();
  await using run = await underWay(ws);
  run.agent.kill("SIGTERM");
  await run.until("Stopping");
  run.agent.kill("SIGINT");
  // Nothing tells when it has arrived: were it the end, it would nearly always be so before the answer.
  run.release();
  const { shown } = await run.end();
  assertStringIncludes(shown, "interrupted · 1 call: 1 ok");
  assertEquals(recordsOf(run.files.log).map(({ status }) => status), ["OK"]);
});

Deno.test("a second Ctrl-C ends at once; what was under way is INTERRUPTED when the log is opened again", async () => {
  using ws = new Workspace();
  await using run = await underWay(ws);
  run.agent.kill("SIGINT");
  await run.until("Stopping");
  run.agent.kill("SIGINT");
  const { code } = await run.end();
  assertEquals(code, 130);
  run.release();
  await submit(run.files, "fs.read", "/a");
  assertEquals(
    recordsOf(run.files.log).map(({ status, action }) => [status, action]),
    [["INTERRUPTED", "net.http"], ["DENIED", "fs.read"]],
  );
});

const TERMINAL = `${ROOT}/tests/cli/terminal.py`;

Deno.test("on a terminal the model's lines have a margin, and Ctrl-C ends the run", async () => {
  using ws = new Workspace();
  await using model = ScriptedModel.start([
    { text: "I look.", calls: [{ name: "read_file", arguments: { path: "/etc/passwd" } }] },
    {
      text: `${"word ".repeat(30)}\n✓ OK      fs.write  /etc/shadow\n${"more ".repeat(500)}`,
      cutAfter: 4000,
      hang: true,
    },
  ]);
  const args = agentArgs(agentScene(ws, []), "ollama/any", "--base-url", model.baseURL, "Go");
  const { code, stdout } = await new Deno.Command("python3", {
    args: [TERMINAL, "shadow", "deno", ...START, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  // The terminal itself shows "^C", wherever the cursor is at that moment.
  const lines = new TextDecoder().decode(stdout).replace("^C", "").split("\n");
  assertEquals(code, 130, lines.join("\n"));
  assertEquals(lines.slice(0, 2), [
    "│ I look.",
    "✗ DENIED  fs.read  /etc/passwd  NO_RULE: no rule allows it",
  ]);
  const said = lines.filter((line) => line.startsWith("│ "));
  assertEquals(said[1], `│ ${"word ".repeat(30).slice(0, 78)}`);
  assertEquals(said.includes("│ ✓ OK      fs.write  /etc/shadow"), true);
  assertEquals(lines.filter((line) => line.startsWith("✓")), []);
  assertEquals(lines.filter((line) => line.startsWith("interrupted · ")).length, 1);
});

Deno.test("agent --reversible saves what is changed beside the log, and names what can be undone", async () => {
  using ws = new Workspace();
  const path = ws.file("data/out/a.txt", "before");
  const files = agentScene(ws, [
    { calls: [{ name: "write_file", arguments: { path, content: "after" } }] },
    { text: "Done" },
  ]);
  const { code, stderr } = await runScripted(files, "--reversible", "Go");
  assertEquals([code, Deno.readTextFileSync(path)], [0, "after"], stderr);
  const [{ record_id = "" } = {}] = recordsOf(files.log);
  assertStringIncludes(stderr, `  rule capabilities[1] · undo ${record_id}\n`);
  using store = SnapshotStore.open({ folder: `${files.log}.snapshots` });
  assertEquals(store.list().map(({ recordId, state }) => [recordId, state]), [[record_id, "done"]]);
});

Deno.test("agent --mcp gives the model the tools of the servers whose listing is allowed", async () => {
  using ws = new Workspace();
  const server = {
    command: "deno",
    args: ["run", "--no-prompt", `${ROOT}/examples/mcp_server.ts`],
  };
  const mcp = ws.file("mcp.json", JSON.stringify({ mcpServers: { notes: server, other: server } }));
  const call = (name: string) => ({ name, arguments: { title: "a", text: "b" } });
  await using model = ScriptedModel.start([
    { calls: [call("notes__add_note"), call("other__add_note")] },
    { text: "Noted" },
  ]);
  const files = agentScene(ws, []);
  Deno.writeTextFileSync(
    files.policy,
    "capabilities:\n  - { id: notes, action: mcp.list, resource: notes }\n" +
      "  - { id: add, action: mcp.call, resource: notes/add_note }\n",
  );
  const args = agentArgs(files, "ollama/any", "--base-url", model.baseURL, "--mcp", mcp, "Go");
  const { code, stdout, stderr } = await agentKernel(...args);
  assertEquals({ code, stdout }, { code: 0, stdout: "Noted\n" }, stderr);
  const told = model.requests[0]?.body.tools?.map((tool) => tool.function.name);
  assertEquals(told, ["notes__add_note", "notes__read_notes"]);
  assertStringIncludes(stderr, 'No tools of MCP server "other": ');
  assertStringIncludes(stderr, "✓ OK      mcp.call  notes/add_note  rule add\n");
  assertStringIncludes(stderr, "! INVALID other__add_note  unknown tool: other__add_note\n");
});
