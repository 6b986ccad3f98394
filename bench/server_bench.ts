/** The resident kernel: what a hook and a call of the gateway take beside the bare ones. */
import { TextLineStream } from "@std/streams";
import { McpGateway } from "../src/gateway/mcp_gateway.ts";
import { HookDesk } from "../src/hooks/desk.ts";
import { hookCommand } from "../src/protect/hook_command.ts";
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client";
import { StreamableHTTPClientTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/client/streamableHttp.js";
import { InMemoryTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/inMemory.js";
import { Server } from "npm:@modelcontextprotocol/sdk@^1.32.2/server/index.js";
import {
  type CallToolRequest,
  CallToolRequestSchema,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { makeFolder, openKernel, ROOT } from "./fixture.ts";
import { CAPABILITIES, echo, providers } from "./resident_server.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const kernel = await openKernel(root, CAPABILITIES, { providers: providers(`${root}/k.server`) });

/** A resident kernel in a process of its own: its socket, its address and a token for it. */
const resident = await (async () => {
  const own = `${root}/resident`;
  Deno.mkdirSync(own);
  const socket = `${own}/k.server/kernel.sock`;
  const child = new Deno.Command("deno", {
    args: [
      ...["run", "-q", "--no-prompt", "--unstable-worker-options", `--config=${ROOT}/deno.json`],
      ...["--allow-read", `--allow-write=${own}`, `--allow-net=127.0.0.1,unix:${socket}`],
      ...[`${ROOT}/bench/resident_server.ts`, own],
    ],
    ...{ stdin: "piped", stdout: "piped" },
  }).spawn();
  globalThis.addEventListener("unload", () => child.kill("SIGKILL"));
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TextLineStream(),
  ).getReader();
  const { value = "{}" } = await reader.read();
  return JSON.parse(value) as { socket: string; origin: string; token: string; bare: string };
})();
const { origin, token, socket, bare } = resident;

const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
const payload = (i: number) =>
  JSON.stringify({
    ...{ hook_event_name: "PreToolUse", session_id: "s", cwd: root, tool_use_id: `t${i}` },
    ...{ tool_name: "TodoWrite", tool_input: { i } },
  });

async function allowed(answer: Promise<string>): Promise<void> {
  const text = await answer;
  if (!text.includes('"allow"')) throw new Error(`The hook answered ${text}`);
}

const HOOKS = "a hook of Claude Code, before a call";
workload({
  ...{ group: HOOKS, name: "over HTTP, with a token", baseline: true, ops: 128 },
  op: (i) =>
    allowed(
      fetch(`${origin}/v1/hooks/claude`, { method: "POST", headers, body: payload(i) })
        .then((answer) => answer.text()),
    ),
});
workload({
  ...{ group: HOOKS, name: "HookDesk alone, without HTTP", ops: 512 },
  op: (i) =>
    allowed(
      new HookDesk({ kernel }).answer("claude", "before", JSON.parse(payload(i)))
        .then(({ stdout }) => stdout),
    ),
});
workload({
  ...{ group: HOOKS, name: "a bare server of node:http, for comparison", ops: 128 },
  op: (i) =>
    allowed(
      fetch(bare, { method: "POST", headers, body: payload(i) })
        .then((answer) => answer.text()),
    ),
});

async function shell(line: string, input: string): Promise<string> {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", line],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { stdout, stderr } = await child.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}
const line = hookCommand("before", { agent: "claude", socket });
workload({
  ...{ group: HOOKS, name: "as a process, as protect installs it", ops: 4, iterations: 10 },
  op: (i) => allowed(shell(line, payload(i))),
});
workload({
  ...{ group: HOOKS, name: "sh and cat, for comparison", ops: 4, iterations: 10 },
  op: () => allowed(shell("cat", '"allow"')),
});

async function called(client: Client, i: number): Promise<void> {
  const { isError } = await client.callTool({ name: "echo", arguments: { i } });
  if (isError) throw new Error("The call failed");
}

async function inMemory(serve: (transport: InMemoryTransport) => Promise<void>): Promise<Client> {
  const [own, theirs] = InMemoryTransport.createLinkedPair();
  await serve(theirs);
  const client = new Client({ name: "bench", version: "1.0.0" });
  await client.connect(own);
  return client;
}

const GATEWAY = "a call of the MCP gateway, echo in this process, durability os";
const inProcess = await inMemory((transport) =>
  new McpGateway({ kernel, tools: [echo] }).connect(transport)
);
const plain = await inMemory(async (transport) => {
  const server = new Server({ name: "bench", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, ({ params }: CallToolRequest) => ({
    content: [{ type: "text" as const, text: JSON.stringify(params.arguments) }],
  }));
  await server.connect(transport);
});
const overHttp = new Client({ name: "bench", version: "1.0.0" });
await overHttp.connect(
  new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit: { headers } }),
);
for (const callers of [1, 64]) {
  const flight = `${callers} in flight`;
  workload({
    ...{ group: GATEWAY, name: `client and server of the SDK alone, for comparison, ${flight}` },
    ...{ ops: 1024, callers, op: (i: number) => called(plain, i) },
  });
  workload({
    ...{ group: GATEWAY, name: `through the kernel, ${flight}`, baseline: callers === 1 },
    ...{ ops: 1024, callers, op: (i: number) => called(inProcess, i) },
  });
  workload({
    ...{ group: GATEWAY, name: `over HTTP at /mcp, client in this process too, ${flight}` },
    ...{ ops: 128, callers, op: (i: number) => called(overHttp, i) },
  });
}
