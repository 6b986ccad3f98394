/** The resident kernel: what a hook and a call of the gateway take beside the bare ones. */
import { createServer } from "node:http";
import { Provider } from "../src/worker/mod.ts";
import { ApprovalInbox } from "../src/approval/inbox.ts";
import type { ToolDef } from "../src/agent/tool_def.ts";
import { McpGateway } from "../src/gateway/mcp_gateway.ts";
import { HookDesk } from "../src/hooks/desk.ts";
import { agentToolProvider } from "../src/hooks/provider.ts";
import { hookCommand } from "../src/protect/hook_command.ts";
import { makeServerFolder } from "../src/server/folder.ts";
import { shownAddress } from "../src/server/listen_address.ts";
import { ResidentServer } from "../src/server/resident.ts";
import { TokenFile, tokenFileOf } from "../src/server/tokens.ts";
import { SYSTEM_TIMER } from "../src/system_timer.ts";
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client";
import { StreamableHTTPClientTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/client/streamableHttp.js";
import { InMemoryTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/inMemory.js";
import { Server } from "npm:@modelcontextprotocol/sdk@^1.32.2/server/index.js";
import {
  type CallToolRequest,
  CallToolRequestSchema,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { makeFolder, openKernel } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const folder = `${root}/k.server`;
makeServerFolder(folder);
const socket = `${folder}/kernel.sock`;
const kernel = await openKernel(root, [
  { action: "agent.tool", resource: "TodoWrite" },
  { action: "bench.echo", resource: "echo" },
], {
  providers: [
    agentToolProvider(folder, []),
    new Provider({
      ...{ name: "bench", isolation: "none" },
      actions: { "bench.echo": { kind: "name", effect: "none", params: ["i"] } },
      execute: ({ params }) => params,
    }),
  ],
});
const echo: ToolDef = {
  ...{ name: "echo", description: "Echo", action: "bench.echo" },
  parameters: { type: "object", properties: { i: { type: "number" } }, required: ["i"] },
  toRequest: ({ i }) => ({ target: "echo", params: { i } }),
};
const token = new TokenFile(tokenFileOf(socket)).add("bench", {
  agents: ["claude"],
  now: new Date(),
});
const server = await ResidentServer.open(socket, {
  ...{ kernel, hooks: new HookDesk({ kernel }), inbox: new ApprovalInbox(`${root}/inbox`) },
  ...{ logPath: `${root}/none.log`, timer: SYSTEM_TIMER, clock: () => new Date() },
  ...{ status: () => ({}), explain: () => ({}), limits: () => [] },
  tools: () => Promise.resolve([echo]),
  onWarning: (line) => console.error(line),
  listen: { hostname: "127.0.0.1", port: 0 },
});
const origin = `http://${server.address && shownAddress(server.address)}`;

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
const bare = createServer((request, response) => {
  request.resume().on("end", () => response.end('{"permissionDecision":"allow"}'));
});
bare.listen(0, "127.0.0.1");
const { port } = bare.address() as { port: number };
workload({
  ...{ group: HOOKS, name: "a bare server of node:http, for comparison", ops: 128 },
  op: (i) =>
    allowed(
      fetch(`http://127.0.0.1:${port}`, { method: "POST", headers, body: payload(i) })
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
globalThis.addEventListener("unload", () => bare.closeAllConnections());
