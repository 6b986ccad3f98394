/** `agent-kernel mcp proxy`: one server as it stands, from outside. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { recordsOf } from "../records.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { START } from "./command_line.ts";

const ODD = [
  "deno",
  "run",
  "-q",
  "--no-prompt",
  "-A",
  `${ROOT}/tests/gateway/fixtures/odd_server.ts`,
];
const POLICY = `capabilities:
  - action: [mcp.list, mcp.read]
    resource: [server, server/**]
  - action: mcp.call
    resource: [server/echo, server/odd block, server/never]
`;
/** Speaks just enough, says which process it is, and does what its input says. */
const PYTHON = `
import json, os, signal, sys
if "catch" in sys.argv: signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("started", os.environ.get("PLANTED"), file=sys.stderr, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "python", "version": "3"}}
    elif message.get("method") == "tools/list":
        result = {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
    elif message.get("method") == "tools/call":
        print("last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL) if "killed" in sys.argv else os._exit(3)
    else: continue
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
sys.exit(5)
`;

/** Stands for no options at all. */
const DEFAULTS = "(defaults)";

class Proxy implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly stderr: Promise<string>;
  #id = 0;

  constructor(ws: Workspace, command: readonly string[], ...more: string[]) {
    const policy = ws.file("config/agent-kernel/policy.yaml", POLICY);
    const given = ["--policy", policy, "--state", ws.path("state"), "--log-path", ws.path("k.log")];
    const options = more[0] === DEFAULTS ? [] : [...given, ...more];
    this.child = new Deno.Command("deno", {
      args: [...START, "mcp", "proxy", ...options, "--", ...command],
      cwd: ROOT,
      env: {
        ...{ NO_COLOR: "1", PLANTED: "yes" },
        ...{ XDG_CONFIG_HOME: ws.path("config"), XDG_STATE_HOME: ws.path("home") },
      },
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    this.#writer = this.child.stdin.getWriter();
    this.#lines = this.child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    this.stderr = new Response(this.child.stderr).text();
  }

  async ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const message = JSON.stringify({ jsonrpc: "2.0", id: ++this.#id, method, params });
    await this.#writer.write(new TextEncoder().encode(`${message}\n`));
    const { value } = await this.#lines.read();
    return JSON.parse(value ?? "null");
  }

  async initialize(protocolVersion = "2025-11-25"): Promise<Record<string, unknown>> {
    const clientInfo = { name: "t", version: "1" };
    return await this.ask("initialize", { protocolVersion, capabilities: {}, clientInfo });
  }

  async end(): Promise<number> {
    await this.#writer.close().catch(() => {/* expected: it may have ended */});
    return (await this.child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.#lines.cancel();
    await this.stderr;
  }
}

interface Answered {
  readonly result?: {
    readonly content?: readonly { readonly text: string }[];
    readonly isError?: boolean;
    readonly _meta?: Record<string, unknown>;
  };
  readonly error?: { readonly code: number; readonly message: string };
}

Deno.test("a server behind the proxy has its own name, tools and errors, as far as the policy allows them", async () => {
  using ws = new Workspace();
  {
    await using proxy = new Proxy(ws, ODD, "--agent", "claude");
    const { result } = await proxy.initialize() as { result: Record<string, unknown> };
    assertEquals(result["serverInfo"], { name: "odd", version: "1" });
    assertEquals(result["instructions"], undefined);
    const { result: listed } = await proxy.ask("tools/list") as {
      result: { tools: { name: string }[] };
    };
    assertEquals(listed.tools.map(({ name }) => name).sort(), ["echo", "never", "odd block"]);
    const call = async (name: string) =>
      await proxy.ask("tools/call", { name, arguments: { a: 1 } }) as Answered;
    assertEquals((await call("echo")).result?.content?.[0]?.text, '{"a":1}');
    const unlisted = (await call("log")).result;
    assertMatch(unlisted?.content?.[0]?.text ?? "", /^agent-kernel: There is no tool "log"/);
    const read = await proxy.ask("resources/read", { uri: "note://a" }) as {
      result: { contents: { text: string }[] };
    };
    assertEquals(read.result.contents[0]?.text, "content of note://a");
    const odd = await proxy.ask("resources/read", { uri: "note://a/../b" }) as Answered;
    assertMatch(odd.error?.message ?? "", /^agent-kernel: .*dot segment/);
    assertEquals(await proxy.end(), 0);
  }
  assertEquals(
    (await recordsOf(ws.path("k.log"))).map(({ action, target, status, agent }) =>
      [action, target, status, agent].join(" ")
    ),
    [
      "mcp.list server OK claude",
      "mcp.list server OK claude",
      "mcp.call server/echo OK claude",
      "log  INVALID claude",
      "mcp.read server/note:a OK claude",
      "mcp.read  INVALID claude",
    ],
  );
});

Deno.test("every protocol version that the SDK knows is spoken, and an unknown one answered with the newest", async () => {
  // @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
  const { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } = await import(
    "npm:@modelcontextprotocol/sdk@^1.32.2/types.js"
  );
  assertEquals(SUPPORTED_PROTOCOL_VERSIONS[0], LATEST_PROTOCOL_VERSION);
  assert(SUPPORTED_PROTOCOL_VERSIONS.length >= 5);
  for (const version of [...SUPPORTED_PROTOCOL_VERSIONS, "1999-01-01"]) {
    using ws = new Workspace();
    await using proxy = new Proxy(ws, ["python3", "-c", PYTHON]);
    const { result } = await proxy.initialize(version) as { result: Record<string, unknown> };
    const expected = version === "1999-01-01" ? LATEST_PROTOCOL_VERSION : version;
    assertEquals(result["protocolVersion"], expected);
    const { result: listed } = await proxy.ask("tools/list") as { result: { tools: unknown[] } };
    assertEquals(listed.tools.length, 1, version);
  }
});

const ENDS: readonly (readonly [how: string, args: string[], code: number])[] = [
  ["exits with 3", [], 3],
  ["is killed", ["killed"], 137],
];
for (const [how, args, code] of ENDS) {
  Deno.test(`a proxy whose server ${how} exits with ${code}, and shows its last words`, async () => {
    using ws = new Workspace();
    await using proxy = new Proxy(ws, ["python3", "-c", PYTHON, ...args]);
    await proxy.initialize();
    await proxy.ask("tools/list");
    const answer = await proxy.ask("tools/call", { name: "echo" }) as Answered;
    assertMatch(answer.result?.content?.[0]?.text ?? "agent-kernel: ", /^agent-kernel: /);
    assertEquals((await proxy.child.status).code, code);
    assertMatch(await proxy.stderr, /started yes\n(.*\n)*last words/);
    assertEquals((await recordsOf(ws.path("k.log"))).at(-1)?.code, "SERVER_DIED");
  });
}

Deno.test("a proxy whose input ends exits as its server does", async () => {
  using ws = new Workspace();
  await using proxy = new Proxy(ws, ["python3", "-c", PYTHON]);
  await proxy.initialize();
  assertEquals(await proxy.end(), 5);
});

Deno.test("a proxy that gets SIGTERM ends its server, and exits as by that signal or as the server does", async () => {
  using ws = new Workspace();
  await using proxy = new Proxy(ws, ["python3", "-c", PYTHON]);
  await proxy.initialize();
  proxy.child.kill("SIGTERM");
  const { code } = await proxy.child.status;
  // In a PID namespace its input is closed, so that it can end by itself.
  assert([5, 143].includes(code), `${code}`);
});

Deno.test("a proxy that is killed leaves no server behind", async () => {
  using ws = new Workspace();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held =
    `import socket\ns = socket.create_connection(("127.0.0.1", ${listener.addr.port}))\n`;
  await using proxy = new Proxy(ws, ["python3", "-c", held + PYTHON]);
  await proxy.initialize();
  using connection = await listener.accept();
  proxy.child.kill("SIGKILL");
  assertEquals(await connection.read(new Uint8Array(1)), null, "what it held was closed");
});

Deno.test("a server that cannot be used ends its proxy: not there, not allowed to be listed, no command", async () => {
  using ws = new Workspace();
  const dead = new Proxy(ws, ["python3", "-c", "import sys; sys.exit(9)"]);
  assertEquals(await dead.end(), 9);
  const missing = new Proxy(ws, ["no-such-program-anywhere"]);
  assertEquals(await missing.end(), 1);
  assertStringIncludes(await missing.stderr, 'there is no executable "no-such-program-anywhere"');
  const denied = new Proxy(ws, ODD, "--name", "other");
  assertEquals(await denied.end(), 2);
  assertStringIncludes(await denied.stderr, "needed is a rule {action: mcp.list, resource: other}");
  const nothing = new Proxy(ws, []);
  assertEquals(await nothing.end(), 64);
  for (const one of [dead, missing, denied, nothing]) await one[Symbol.asyncDispose]();
});

Deno.test("without options the policy, the log and the pins are in the folders of the user", async () => {
  using ws = new Workspace();
  {
    await using proxy = new Proxy(ws, ["python3", "-c", PYTHON], DEFAULTS);
    await proxy.initialize();
    await proxy.ask("tools/list");
  }
  const names = Array.from(Deno.readDirSync(ws.path("home/agent-kernel/mcp")), ({ name }) => name);
  const log = names.find((name) => name.endsWith(".log")) ?? "";
  assertMatch(log, /^server-2.*Z-\d+\.log$/);
  assert(names.some((name) => /^server-[0-9a-f]{16}\.lock\.json$/.test(name)), names.join());
  const records = await recordsOf(ws.path("home/agent-kernel/mcp", log));
  assertEquals(records.map(({ status }) => status), ["OK", "OK"]);
});

Deno.test("a server gets the variables that --env names, and no others", async () => {
  using ws = new Workspace();
  await using proxy = new Proxy(ws, ["python3", "-c", PYTHON], "--env", "PATH,HOME");
  await proxy.initialize();
  await proxy.end();
  assertMatch(await proxy.stderr, /^started None$/m);
});
