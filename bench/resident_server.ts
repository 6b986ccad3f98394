/**
 * A resident kernel with one tool that echoes. As a program it serves in the folder that is its argument, and says
 * where on one line of JSON.
 *
 * @module
 */
import { createServer } from "node:http";
import { Provider } from "../src/worker/mod.ts";
import { ApprovalInbox } from "../src/approval/inbox.ts";
import { ToolDef } from "../src/agent/tool_def.ts";
import { HookDesk } from "../src/hooks/desk.ts";
import { agentToolProvider } from "../src/hooks/provider.ts";
import { makeServerFolder } from "../src/server/folder.ts";
import { shownAddress } from "../src/server/listen_address.ts";
import { ResidentServer } from "../src/server/resident.ts";
import { TokenFile, tokenFileOf } from "../src/server/tokens.ts";
import { SYSTEM_TIMER } from "../src/system_timer.ts";
import { openKernel } from "./fixture.ts";

/** What its policy allows. */
export const CAPABILITIES: readonly object[] = [
  { action: "agent.tool", resource: "TodoWrite" },
  { action: "bench.echo", resource: "echo" },
];

/** The tool. */
export const echo: ToolDef = new ToolDef({
  ...{ name: "echo", description: "Echo", action: "bench.echo", target: "echo" },
  parameters: { type: "object", properties: { i: { type: "number" } }, required: ["i"] },
  paramsFrom: { i: "i" },
});

/** Its providers, the echo in the process itself. */
export function providers(folder: string): Provider[] {
  return [
    agentToolProvider(folder, []),
    new Provider({
      ...{ name: "bench", isolation: "none" },
      actions: { "bench.echo": { kind: "name", effect: "none", params: ["i"] } },
      execute: ({ params }) => params,
    }),
  ];
}

if (import.meta.main) {
  const [root = ""] = Deno.args;
  const folder = `${root}/k.server`;
  makeServerFolder(folder);
  const socket = `${folder}/kernel.sock`;
  const kernel = await openKernel(root, CAPABILITIES, { providers: providers(folder) });
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
  // The least that answers a hook, for comparison.
  const bare = createServer((request, response) => {
    request.resume().on("end", () => response.end('{"permissionDecision":"allow"}'));
  });
  await new Promise<void>((resolve) => bare.listen(0, "127.0.0.1", resolve));
  const { port } = bare.address() as { port: number };
  console.log(JSON.stringify({ socket, origin, token, bare: `http://127.0.0.1:${port}` }));
  // It ends with whoever started it.
  while (await Deno.stdin.read(new Uint8Array(64)) !== null);
  Deno.exit();
}
