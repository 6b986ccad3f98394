/**
 * A run event by event: text as it comes, and the verdict of each call. A signal ends it.
 *
 *     deno run -P=examples examples/03_agent_loop/streaming.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { AgentLoop, fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/a.txt": "a" });
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: { capabilities: [{ action: "fs.read", resource: `${root}/data/**` }] },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
  base: root,
});
await using model = new ExampleModel([
  {
    text: "I read the file, and then some.",
    calls: [{ name: "read_file", arguments: { path: "data/a.txt" } }],
  },
  { calls: [{ name: "read_file", arguments: { path: "/etc/shadow" } }] },
  { text: "It says: a. The other one is not for me." },
]);
const loop = new AgentLoop({ kernel, ...model.options, tools: fsTools(), maxTurns: 5 });

const interruption = new AbortController(); // call its abort() to end the run
const out = new TextEncoder();
for await (const event of loop.stream("Read.", { signal: interruption.signal })) {
  switch (event.type) {
    case "text":
      Deno.stdout.writeSync(out.encode(event.text));
      break;
    case "tool_call":
      console.log(`\n  ${event.request.action} ${event.request.target}`);
      break;
    case "decision":
      console.log(`  decided: ${event.effect}`);
      break;
    case "result":
      console.log(`  ${event.result.status} ${event.result.error ?? event.result.data}`);
      break;
    case "done":
      console.log(`\nended: ${event.outcome}, ${event.usage.requests} answers`);
  }
}
