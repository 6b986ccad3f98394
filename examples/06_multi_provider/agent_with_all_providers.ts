/**
 * An agent with files, HTTP and programs, and one policy over all of them.
 *
 *     deno run -P=examples examples/06_multi_provider/agent_with_all_providers.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { AgentLoop, fsTools, httpTools, procTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/orders.csv": "ink,7\npen,2\n" });
const { root } = workspace;

await using shop = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  (request) => Response.json({ ok: true, method: request.method }),
);
const url = `http://127.0.0.1:${shop.addr.port}/orders`;

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - { action: fs.read, resource: ${root}/data/** }
  - { action: proc.exec, resource: sort }
  - { action: net.http, resource: ${url}, constraint: { method: POST } }
deny:
  - action: net.http
    resource: ${url}
    constraint: { method: DELETE }
    reason: orders are never deleted by an agent
`,
  },
  providers: [new FilesystemProvider(), new HttpProvider(), new ProcessProvider()],
  logPath: `${root}/kernel.log`,
  base: root,
  onWarning: () => {},
});

await using model = new ExampleModel([
  { calls: [{ name: "read_file", arguments: { path: "data/orders.csv" } }] },
  { calls: [{ name: "run_command", arguments: { command: "sort", stdin: "pen,2\nink,7\n" } }] },
  {
    calls: [
      { name: "http_request", arguments: { url, method: "POST", body: ["ink", "pen"] } },
      { name: "http_request", arguments: { url, method: "DELETE" } },
      { name: "run_command", arguments: { command: "wc", args: ["-l", "data/orders.csv"] } },
    ],
  },
  { text: "The orders are sent. I could neither delete the old ones nor count lines with wc." },
]);
const loop = new AgentLoop({
  kernel,
  ...model.options,
  tools: [...fsTools(), ...httpTools(), ...procTools()],
  agent: "clerk",
});
for await (const event of loop.stream(`Sort data/orders.csv and send it to ${url}.`)) {
  if (event.type === "result") {
    const { status, rule = "-", error = "" } = event.result;
    console.log(status, rule, error.replaceAll(url, "…/orders"));
  }
  if (event.type === "done") console.log(event.text);
}
