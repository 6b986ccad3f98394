/**
 * The undo of a whole session: everything that one agent did, the latest first.
 *
 *     deno run -P=examples examples/04_reversible/undo_session.ts
 */
import { Kernel, readAuditLog } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ReversibleActionLayer, SnapshotStore } from "@agent-kernel/kernel/reversible";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "work/plan.md": "the plan", "work/old/notes.md": "notes" });
const { root } = workspace;
const snapshots = `${root}/snapshots`;
const work = `${root}/work`;

await using kernel = await Kernel.open({
  policy: { capabilities: [{ action: "fs.*", resource: `${work}/**` }] },
  providers: [new FilesystemProvider({ snapshots })],
  logPath: `${root}/kernel.log`,
});
using store = SnapshotStore.open({ folder: snapshots });
const layer = new ReversibleActionLayer({ kernel, store });

const session: [agent: string, action: string, name: string, params?: Record<string, unknown>][] = [
  ["tidy-bot", "fs.mkdir", "archive/2026"],
  ["tidy-bot", "fs.move", "old/notes.md", { to: `${work}/archive/2026/notes.md` }],
  ["tidy-bot", "fs.delete", "old"],
  ["writer", "fs.write", "draft.md", { content: "a draft" }],
  ["tidy-bot", "fs.write", "plan.md", { content: "" }],
];
for (const [agent, action, name, params = {}] of session) {
  const { status } = await layer.submit({ action, target: `${work}/${name}`, params, agent });
  console.log(`${agent}: ${action} ${name} ${status}`);
}

const report = await layer.rollbackAll({ of: "tidy-bot", agent: "owner" });
console.log(`undone: ${report.rolledBack.length}, left: ${report.remaining.length}`);
console.log("plan.md:", Deno.readTextFileSync(`${work}/plan.md`));
console.log("notes.md:", Deno.readTextFileSync(`${work}/old/notes.md`));
console.log("in work:", Array.from(Deno.readDirSync(work), ({ name }) => name).sort().join(" "));

for await (const line of readAuditLog(`${root}/kernel.log`, { agent: "owner" })) {
  if ("record" in line) {
    console.log(line.record.action, "undoes", line.record.undoes?.length === 36);
  }
}
