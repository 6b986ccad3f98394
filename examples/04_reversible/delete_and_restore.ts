/**
 * A deleted program comes back with its bytes, its mode and its time; a file that an agent made goes
 * again, with the folders that were made for it.
 *
 *     deno run -P=examples examples/04_reversible/delete_and_restore.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ReversibleActionLayer, SnapshotStore } from "@agent-kernel/kernel/reversible";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "work/tool.sh": "#!/bin/sh\necho hello\n" });
const { root } = workspace;
const snapshots = `${root}/snapshots`;
const tool = `${root}/work/tool.sh`;
Deno.chmodSync(tool, 0o755);
Deno.utimeSync(tool, new Date(0), new Date("2020-02-29T12:00:00Z"));

await using kernel = await Kernel.open({
  policy: { capabilities: [{ action: "fs.*", resource: `${root}/work/**` }] },
  providers: [new FilesystemProvider({ snapshots })],
  logPath: `${root}/kernel.log`,
});
using store = SnapshotStore.open({ folder: snapshots });
const layer = new ReversibleActionLayer({ kernel, store });

const deleted = await layer.submit({ action: "fs.delete", target: tool });
console.log(`deleted: ${deleted.status}`);
await layer.rollback(deleted.recordId);
const { mode, mtime } = Deno.statSync(tool);
console.log(`back with mode ${((mode ?? 0) & 0o777).toString(8)}, of ${mtime?.toISOString()}`);

const target = `${root}/work/new/folders/note.txt`;
const made = await layer.submit({ action: "fs.write", target, params: { content: "note" } });
const { steps } = await layer.rollback(made.recordId);
for (const { action, target } of steps) console.log(action, target.slice(root.length));
console.log("left:", Array.from(Deno.readDirSync(`${root}/work`), ({ name }) => name).join());
