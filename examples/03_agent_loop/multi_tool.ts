/**
 * Several tool calls in one answer: they run at the same time and are answered in their order.
 *
 *     deno run -P=examples examples/03_agent_loop/multi_tool.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { AgentLoop, fsTools, httpTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/prices.csv": "pen,2\nink,7\n" });
const { root } = workspace;

await using rates = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  () => Response.json({ EUR: 1, USD: 1.1 }),
);
const url = `http://127.0.0.1:${rates.addr.port}/rates`;

await using kernel = await Kernel.open({
  policy: {
    capabilities: [
      { action: "fs.read", resource: `${root}/data/**` },
      { action: "net.http", resource: url, constraint: { method: "GET" } },
    ],
  },
  providers: [new FilesystemProvider(), new HttpProvider()],
  logPath: `${root}/kernel.log`,
  base: root,
  // The process may do more than this policy implies, because all examples share its permissions.
  onWarning: () => {},
});

await using model = new ExampleModel([
  {
    text: "I need both.",
    calls: [
      { name: "http_request", arguments: { url } },
      { name: "read_file", arguments: { path: "data/prices.csv" } },
      { name: "http_request", arguments: { url, method: "DELETE" } },
    ],
  },
  { text: "A pen is 2.20 USD, ink is 7.70 USD." },
]);
const loop = new AgentLoop({ kernel, ...model.options, tools: [...fsTools(), ...httpTools()] });
console.log(await loop.run(`Prices in USD, please. The rates are at ${url}.`));

for (const message of loop.messages) {
  if (message.role !== "tool") continue;
  const { status, data, error } = JSON.parse(message.content);
  console.log(status, error?.replace(url, "…/rates") ?? JSON.stringify(data.body ?? data));
}
