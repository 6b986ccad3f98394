/**
 * An agent whose changes can be undone: the reversible layer stands between loop and kernel.
 *
 *     deno run -P=examples examples/08_advanced/reversible_agent.ts
 */
import { Kernel, readAuditLog } from "@agent-kernel/kernel";
import { AgentLoop, fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ReversibleActionLayer, SnapshotStore } from "@agent-kernel/kernel/reversible";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "notes/plan.md": "# Plan\n\n1. Think\n" });
const { root } = workspace;
const logPath = `${root}/kernel.log`;
const snapshots = `${root}/snapshots`;
const show = () =>
  Array.from(Deno.readDirSync(`${root}/notes`), ({ name }) => name).sort().map((name) =>
    `${name}: ${JSON.stringify(Deno.readTextFileSync(`${root}/notes/${name}`))}`
  ).join(", ");

await using model = new ExampleModel([
  {
    text: "I tidy up.",
    calls: [
      { name: "write_file", arguments: { path: "notes/plan.md", content: "oops" } },
      { name: "write_file", arguments: { path: "notes/new.md", content: "more" } },
    ],
  },
  { calls: [{ name: "delete_file", arguments: { path: "notes/plan.md" } }] },
  { text: "All tidy." },
]);
{
  using store = SnapshotStore.open({ folder: snapshots });
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [{ action: ["fs.write", "fs.delete"], resource: `${root}/notes/**` }],
    },
    providers: [new FilesystemProvider({ snapshots })],
    logPath,
    base: root,
    onWarning: () => {},
  });
  const layer = new ReversibleActionLayer({ kernel, store });
  const loop = new AgentLoop({ kernel: layer, ...model.options, tools: fsTools(), agent: "tidy" });

  console.log("before:    ", show());
  console.log("the agent: ", await loop.run("Tidy up my notes."));
  console.log("after:     ", show());
  const { status, rolledBack } = await layer.rollbackAll({ of: "tidy" });
  console.log("undone:    ", status, rolledBack.length, "actions");
  console.log("restored:  ", show());
}

// What undoes goes through the gate too, and names the record that it undoes.
for await (const line of readAuditLog(logPath)) {
  if (!("record" in line)) continue;
  const { seq, status, action, target, undoes } = line.record;
  console.log(seq, status, action, target.replace(`${root}/`, ""), undoes ? "(undoes)" : "");
}
