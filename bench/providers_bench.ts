/** Providers that go further than a file, through their Workers. */
import { HttpProvider } from "../providers/http/mod.ts";
import { McpProvider } from "../providers/mcp/mod.ts";
import { ProcessProvider } from "../providers/process/mod.ts";
import { TextLineStream } from "@std/streams";
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client";
import type { Transport } from "npm:@modelcontextprotocol/sdk@^1.32.2/shared/transport.js";
import { expect, makeFolder, openKernel, ROOT } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const server = new Worker(new URL("./http_server.ts", import.meta.url), { type: "module" });
const port = await new Promise<number>((resolve) => {
  server.onmessage = ({ data }) => resolve(data);
});
const url = `http://127.0.0.1:${port}/data`;
const kernel = await openKernel(root, [{ action: "net.http", resource: url }], {
  providers: [new HttpProvider()],
});

for (const callers of [1, 64]) {
  workload({
    group: "net.http through the Worker, 2.4 KB on loopback; without: fetch",
    name: `${callers} in flight`,
    baseline: callers === 1,
    ops: 256,
    callers,
    op: () => expect(kernel, { action: "net.http", target: url }, "OK"),
    bare: async () => await (await fetch(url)).text(),
  });
}

const PROGRAM = "/usr/bin/true";
const BUBBLEWRAP = ["/usr/bin/bwrap", "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent"];
const BARE = { off: [PROGRAM], auto: [...BUBBLEWRAP, PROGRAM] };
for (const sandbox of ["off", "auto"] as const) {
  const kernel = await openKernel(root, [{ action: "proc.exec", resource: PROGRAM }], {
    providers: [new ProcessProvider({ sandbox })],
  });
  const [program = "", ...args] = BARE[sandbox];
  for (const callers of [1, 64]) {
    workload({
      group: `proc.exec of ${PROGRAM}; without: Deno.Command, with a sandbox bubblewrap`,
      name: `sandbox ${sandbox}, ${callers} in flight`,
      baseline: sandbox === "off" && callers === 1,
      ops: 64,
      callers,
      op: () => expect(kernel, { action: "proc.exec", target: PROGRAM }, "OK"),
      async bare() {
        const { success } = await new Deno.Command(program, { args }).output();
        if (!success) throw new Error(`${program} failed`);
      },
    });
  }
}

const args = [
  "run",
  "-q",
  "--no-prompt",
  `--config=${ROOT}/deno.json`,
  `${ROOT}/bench/mcp_server.ts`,
];
const tools = await openKernel(root, [{ action: "mcp.call", resource: "bench/**" }], {
  providers: [
    new McpProvider({
      servers: { bench: { command: "deno", args, inheritEnv: ["DENO_DIR", "HOME"] } },
      lockFile: `${root}/mcp.lock.json`,
    }),
  ],
});
/** The SDK's client, with its messages a line each on the pipes of the server. */
async function sdkClient(): Promise<Client> {
  const server = new Deno.Command("deno", { args, stdin: "piped", stdout: "piped" }).spawn();
  const writer = server.stdin.getWriter();
  const lines = server.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TextLineStream(),
  );
  const transport: Transport = {
    start: () => Promise.resolve(),
    send: (message: unknown) =>
      writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`)),
    close: () => writer.close(),
  };
  (async () => {
    for await (const line of lines) transport.onmessage?.(JSON.parse(line));
  })();
  const client = new Client({ name: "bench", version: "1.0.0" });
  await client.connect(transport);
  globalThis.addEventListener("unload", () => server.kill());
  return client;
}
let client: Client;
for (const callers of [1, 64]) {
  workload({
    group: "mcp.call over standard input and output; without: the SDK's client",
    name: `${callers} in flight`,
    baseline: callers === 1,
    ops: 256,
    callers,
    async before() {
      client ??= await sdkClient();
    },
    op: (i) =>
      expect(
        tools,
        { action: "mcp.call", target: "bench/echo", params: { arguments: { i } } },
        "OK",
      ),
    bare: (i) => client.callTool({ name: "echo", arguments: { i } }),
  });
}
