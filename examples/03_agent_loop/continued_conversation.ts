/**
 * A conversation goes on with the next run, and can be stored and taken up by another loop.
 *
 *     deno run -P=examples examples/03_agent_loop/continued_conversation.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { AgentLoop, fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "notes/todo.txt": "water the plants" });
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: { capabilities: [{ action: ["fs.read", "fs.write"], resource: `${root}/notes/**` }] },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
  base: root,
});
await using model = new ExampleModel([
  { calls: [{ name: "read_file", arguments: { path: "notes/todo.txt" } }] },
  { text: "You want to water the plants." },
  {
    calls: [{ name: "write_file", arguments: { path: "notes/todo.txt", content: "nothing" } }],
  },
  { text: "It is crossed off." },
  { text: "You asked what is to be done, and had it crossed off." },
]);
const options = { kernel, ...model.options, tools: fsTools() };

const loop = new AgentLoop(options);
console.log(await loop.run("What is to be done? See notes/todo.txt."));
console.log(await loop.run("It is done, cross it off."));

const stored = JSON.stringify(loop);
const later = new AgentLoop({ ...options, conversation: JSON.parse(stored) });
console.log(await later.run("What did I ask of you?"));
console.log(`${later.messages.length} messages, ${later.usage.requests} answers`);
console.log("todo.txt:", Deno.readTextFileSync(`${root}/notes/todo.txt`));
