/**
 * The smallest agent: a model, a tool, a policy.
 *
 *     deno run -P=examples examples/03_agent_loop/first_agent.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { AgentLoop, ToolDef } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/hello.txt": "Hello, agent!" });
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: { capabilities: [{ action: "fs.read", resource: `${root}/data/**` }] },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
  base: root,
});

// A tool is data: what the model is told, and which request its call becomes.
const readFile = new ToolDef({
  name: "read_file",
  description: "Reads a text file",
  parameters: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
  action: "fs.read",
  targetFrom: "path",
});

await using model = new ExampleModel([
  { calls: [{ name: "read_file", arguments: { path: "data/hello.txt" } }] },
  { text: "The file says: Hello, agent!" },
]);
const loop = new AgentLoop({ kernel, ...model.options, tools: [readFile] });

console.log(await loop.run("What does data/hello.txt say?"));
