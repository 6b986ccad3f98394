/** The kernel as an MCP server: an SDK's client talks to the command as an agent starts it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client";
import type { Transport } from "npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport.js";
import { verifyAuditLog } from "@agent-kernel/kernel";
import { START } from "../cli/command_line.ts";
import { programPath } from "../providers/mcp/scene.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { odd } from "./scene.ts";

/** What an answer to `tools/call` holds. */
interface Called {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly isError?: boolean;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/** `agent-kernel mcp serve` over a folder `data`, and the lines that it exchanges. */
class Gateway implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly lines: ReadableStreamDefaultReader<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stderr: Promise<string>;
  #isClosed = false;

  constructor(ws: Workspace, policy: string, ...more: string[]) {
    ws.file("policy.yaml", policy);
    this.child = new Deno.Command("deno", {
      args: [
        ...START,
        ...["mcp", "serve", "--policy", ws.path("policy.yaml"), "--log-path", ws.path("k.log")],
        ...more,
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.child.stdin.getWriter();
    this.lines = this.child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    this.#stderr = new Response(this.child.stderr).text();
  }

  async write(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
  }

  /** Sends a line as it is, and reads the answer to it. */
  async ask(line: string): Promise<Record<string, unknown>> {
    await this.write(`${line}\n`);
    const { value } = await this.lines.read();
    return JSON.parse(value ?? "null");
  }

  async connect(): Promise<Client> {
    const transport: Transport = {
      start: () => Promise.resolve(),
      send: (message: unknown) => this.write(`${JSON.stringify(message)}\n`),
      close: () => Promise.resolve(),
    };
    const client = new Client({ name: "test", version: "1" });
    const connected = client.connect(transport);
    this.#pump(transport);
    await connected;
    return client;
  }

  async #pump(transport: Transport): Promise<void> {
    for (let next = await this.lines.read(); !next.done; next = await this.lines.read()) {
      transport.onmessage?.(JSON.parse(next.value));
    }
  }

  /** Ends its input. @returns Its exit code, and what it wrote to standard error. */
  async end(): Promise<{ code: number; stderr: string }> {
    if (!this.#isClosed) await this.#writer.close();
    this.#isClosed = true;
    const { code } = await this.child.status;
    return { code, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

const POLICY = (ws: Workspace) =>
  `capabilities:
  - action: [fs.read, fs.list]
    resource: [${ws.path("data")}, "${ws.path("data")}/**"]
`;

function recorded(ws: Workspace): unknown[] {
  return Deno.readTextFileSync(ws.path("k.log")).trim().split("\n").map((line) => {
    const { action, status, code, agent } = JSON.parse(line);
    return [action, status, code ?? null, agent ?? null];
  });
}

Deno.test("an MCP client gets the tools that the policy can allow, their results, and denials with their reason", async () => {
  using ws = new Workspace();
  ws.file("data/a.txt", "hello");
  {
    await using gateway = new Gateway(ws, POLICY(ws), "--agent", "claude");
    const client = await gateway.connect();
    assertEquals(client.getServerVersion()?.name, "agent-kernel");
    assertStringIncludes(client.getInstructions() ?? "", "a policy");
    const { tools } = await client.listTools();
    assertEquals(tools.map(({ name }: { name: string }) => name), ["read_file", "list_folder"]);
    const call = async (name: string, args: object) =>
      await client.callTool({ name, arguments: args as Record<string, unknown> }) as Called;

    const read = await call("read_file", { path: ws.path("data/a.txt") });
    assertEquals(read.content, [{ type: "text", text: "hello" }]);
    assertMatch(String(read._meta?.["agent-kernel/record_id"]), /^[0-9a-f-]{36}$/);
    const list = await call("list_folder", { path: ws.path("data") });
    assertStringIncludes(list.content[0]?.text ?? "", "a.txt");
    const denied = await call("read_file", { path: "/etc/passwd" });
    assertEquals([denied.isError, denied._meta?.["agent-kernel/code"]], [true, "NO_RULE"]);
    assertStringIncludes(denied.content[0]?.text ?? "", 'no rule allows fs.read on "/etc/passwd"');
    for (
      const [name, args] of [["write_file", {}], ["read_file", { path: 1 }], [
        "read_file",
        {},
      ]] as const
    ) {
      assertEquals((await call(name, args)).isError, true);
    }
    const { code, stderr } = await gateway.end();
    assertEquals([code, stderr], [0, ""]);
  }
  assertEquals(recorded(ws), [
    ["fs.read", "OK", null, "claude"],
    ["fs.list", "OK", null, "claude"],
    ["fs.read", "DENIED", "NO_RULE", "claude"],
    ["write_file", "INVALID", "INVALID_REQUEST", "claude"],
    ["fs.read", "INVALID", "INVALID_REQUEST", "claude"],
    ["fs.read", "INVALID", "INVALID_REQUEST", "claude"],
  ]);
  assert((await verifyAuditLog(ws.path("k.log"))).ok);
});

Deno.test("messages that are none are answered as errors, and those after them as ever", async () => {
  using ws = new Workspace();
  ws.file("data/a.txt", "hello");
  await using gateway = new Gateway(ws, POLICY(ws));
  const params =
    '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}';
  const initialize = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":${params}}`;
  const first = await gateway.ask(initialize);
  assertEquals((first["result"] as { protocolVersion: string }).protocolVersion, "2025-06-18");
  const call = (id: string, args: string) =>
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"read_file","arguments":${args}}}`;
  const inexact = '{"path":"/a","offset":9007199254740993}';
  // deno-fmt-ignore -- a row is a line
  const cells: readonly [string, unknown, number][] = [
    ["nonsense", null, -32700],
    ["[]", null, -32600],
    ['{"id":5}', 5, -32600],
    ['{"jsonrpc":"1.0","id":"x","method":"ping"}', "x", -32600],
    [call("6", inexact), 6, -32602],
    ['{"jsonrpc":"2.0","id":7,"method":"no/such"}', 7, -32601],
    ["[".repeat(100_000), null, -32700],
    ['{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', null, -32602],
    ["\\xff", null, -32700],
  ];
  for (const [line, id, code] of cells) {
    const answer = await gateway.ask(line);
    const error = answer["error"] as { readonly code: number };
    assertEquals([answer["id"], error.code], [id, code], line.slice(0, 60));
  }
  const last = await gateway.ask(`  \n${call("8", `{"path":"${ws.path("data/a.txt")}"}`)}`);
  assertEquals((last["result"] as Called).content[0]?.text, "hello");
});

Deno.test("many calls at once are answered each by its own result, and all are on record", async () => {
  using ws = new Workspace();
  for (let i = 0; i < 50; i++) ws.file(`data/${i}.txt`, `content ${i}`);
  {
    await using gateway = new Gateway(ws, POLICY(ws));
    const client = await gateway.connect();
    const texts = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
      const args = { path: ws.path(`data/${i % 50}.txt`) };
      const { content } = await client.callTool({ name: "read_file", arguments: args }) as Called;
      return content[0]?.text;
    }));
    assertEquals(texts, Array.from({ length: 200 }, (_, i) => `content ${i % 50}`));
  }
  assertEquals(recorded(ws).length, 200);
});

Deno.test("a call that is under way when the input ends has its record", async () => {
  using ws = new Workspace();
  ws.file("data/a.txt", "hello");
  {
    await using gateway = new Gateway(ws, POLICY(ws));
    await gateway.connect();
    const path = ws.path("data/a.txt");
    const params = { name: "read_file", arguments: { path } };
    await gateway.write(
      `${JSON.stringify({ jsonrpc: "2.0", id: 9, method: "tools/call", params })}\n`,
    );
    assertEquals((await gateway.end()).code, 0);
  }
  assertEquals(recorded(ws), [["fs.read", "OK", null, null]]);
});

Deno.test("a gateway whose first process is killed ends, and frees the log", async () => {
  using ws = new Workspace();
  ws.file("data/a.txt", "hello");
  {
    await using gateway = new Gateway(ws, POLICY(ws));
    await gateway.connect();
    gateway.child.kill("SIGKILL");
    await gateway.child.status;
    // Its output ends when the second process has ended.
    while (!(await gateway.lines.read().catch(() => ({ done: true }))).done);
  }
  await using gateway = new Gateway(ws, POLICY(ws));
  const client = await gateway.connect();
  const args = { path: ws.path("data/a.txt") };
  const { isError } = await client.callTool({ name: "read_file", arguments: args }) as Called;
  assertEquals(isError, undefined);
});

Deno.test("a policy that is refused, or a set of tools that there is not, ends it before it serves", async () => {
  using ws = new Workspace();
  const wrong = new Gateway(ws, "capabilities: 1\n");
  assertEquals((await wrong.end()).code, 3);
  const odd = new Gateway(ws, POLICY(ws), "--tools", "fs,magic");
  const { code, stderr } = await odd.end();
  assertEquals(code, 64);
  assertStringIncludes(stderr, 'there is no set "magic"');
});

Deno.test("the command serves tools, resources and prompts of the servers of its file, and what they say and ask", async () => {
  using ws = new Workspace();
  const mcp = ws.file(
    "mcp.json",
    JSON.stringify({ mcpServers: { s: odd(), dead: { command: "/bin/false" } } }),
  );
  const policy = `capabilities:
  - { action: [mcp.list, mcp.call, mcp.read, mcp.prompt, mcp.sample], resource: [s, "s/**"] }
  - { action: mcp.list, resource: dead }
`;
  {
    const folder = programPath("deno").replace(/\/[^/]*$/, "");
    const path = ["--search-path", `${folder}:/usr/bin:/bin`];
    await using gateway = new Gateway(ws, policy, "--mcp", mcp, ...path);
    const client = await gateway.connect();
    const { tools } = await client.listTools();
    assert(tools.some(({ name }: { name: string }) => name === "s__echo"));
    const { prompts } = await client.listPrompts();
    assertEquals(prompts.map(({ name }: { name: string }) => name), ["s__greet"]);
    const { contents } = await client.readResource({ uri: "note://a" });
    assertEquals(contents, [{ uri: "note://a", text: "content of note://a" }]);
    const progress: number[] = [];
    await client.callTool({ name: "s__progress", arguments: {} }, undefined, {
      onprogress: (one: { progress: number }) => void progress.push(one.progress),
    });
    assertEquals(progress, [1, 2, 3]);
    const asked = await client.callTool({ name: "s__sample", arguments: {} }) as Called;
    assertStringIncludes(asked.content[0]?.text ?? "", "does not say that it can sample");
    const { code, stderr } = await gateway.end();
    assertEquals(code, 0);
    assertStringIncludes(stderr, 'No tools of MCP server "dead"');
  }
  assertEquals(recorded(ws).slice(-3), [
    ["mcp.call", "OK", null, null],
    ["mcp.sample", "FAILED", "CLIENT_CANNOT", null],
    ["mcp.call", "OK", null, null],
  ]);
});
