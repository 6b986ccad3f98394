/** Providers that go further than a file, through their Workers. */
import { HttpProvider } from "../providers/http/mod.ts";
import { McpProvider } from "../providers/mcp/mod.ts";
import { ProcessProvider } from "../providers/process/mod.ts";
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
    group: "net.http through the Worker, 2.4 KB on loopback",
    name: `${callers} in flight`,
    baseline: callers === 1,
    ops: 256,
    callers,
    op: () => expect(kernel, { action: "net.http", target: url }, "OK"),
  });
}
workload({
  group: "net.http through the Worker, 2.4 KB on loopback",
  name: "fetch without a kernel, for comparison, 1 in flight",
  ops: 256,
  op: async () => await (await fetch(url)).text(),
});

const PROGRAM = "/usr/bin/true";
for (const sandbox of ["off", "auto"] as const) {
  const kernel = await openKernel(root, [{ action: "proc.exec", resource: PROGRAM }], {
    providers: [new ProcessProvider({ sandbox })],
  });
  for (const callers of [1, 64]) {
    workload({
      group: `proc.exec of ${PROGRAM}`,
      name: `sandbox ${sandbox}, ${callers} in flight`,
      baseline: sandbox === "off" && callers === 1,
      ops: 64,
      callers,
      op: () => expect(kernel, { action: "proc.exec", target: PROGRAM }, "OK"),
    });
  }
}
workload({
  group: `proc.exec of ${PROGRAM}`,
  name: "Deno.Command without a kernel, for comparison, 1 in flight",
  ops: 64,
  op: () => new Deno.Command(PROGRAM).output(),
});

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
for (const callers of [1, 64]) {
  workload({
    group: "mcp.call over standard input and output",
    name: `${callers} in flight`,
    baseline: callers === 1,
    ops: 256,
    callers,
    op: (i) =>
      expect(
        tools,
        { action: "mcp.call", target: "bench/echo", params: { arguments: { i } } },
        "OK",
      ),
  });
}
