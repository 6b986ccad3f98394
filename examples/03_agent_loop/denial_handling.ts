/**
 * What a model is told when something is denied or wrong: enough to go on, nothing of other rules.
 * What is left on record: everything.
 *
 *     deno run -P=examples examples/03_agent_loop/denial_handling.ts
 */
import { Kernel, readAuditLog } from "@agent-kernel/kernel";
import { AgentLoop, fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/a.txt": "a", "data/private/diary.txt": "dear diary" });
const { root } = workspace;
const logPath = `${root}/kernel.log`;

await using model = new ExampleModel([
  { calls: [{ name: "read_file", arguments: { path: "data/private/diary.txt" } }] },
  { calls: [{ name: "read_file", arguments: { path: "/etc/passwd" } }] },
  { calls: [{ name: "read_file", arguments: { file: "data/a.txt" } }] }, // a wrong argument
  { calls: [{ name: "read_file", arguments: '{"path": "data/a.t' }] }, // malformed JSON
  { calls: [{ name: "format_disk" }] }, // a tool that it was never given
  { calls: [{ name: "read_file", arguments: { path: "data/a.txt" } }] }, // and it has learned
  { text: "The diary is closed to me. data/a.txt says: a" },
]);
{
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [{ id: "data", action: "fs.read", resource: `${root}/data/**` }],
      deny: [{
        id: "diary",
        action: "fs.*",
        resource: `${root}/data/private/**`,
        reason: "diaries are private",
      }],
    },
    providers: [new FilesystemProvider()],
    logPath,
    base: root,
  });
  const loop = new AgentLoop({ kernel, ...model.options, tools: fsTools({ readOnly: true }) });
  const text = await loop.run("Read everything that you can find in data.");
  console.log("The model is told:");
  for (const { role, content } of loop.messages) {
    if (role === "tool") console.log(" ", content.replaceAll(root, "…"));
  }
  console.log("It ends:", text);
}

console.log("On record:");
for await (const line of readAuditLog(logPath)) {
  if (!("record" in line)) continue;
  const { status, code = "", action, target, rule = "" } = line.record;
  console.log(" ", status, code, action, target.replace(root, "…"), rule);
}
