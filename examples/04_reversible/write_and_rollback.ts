/**
 * A write that is undone: the layer saves the file before, and puts it back through the gate.
 *
 *     deno run -P=examples examples/04_reversible/write_and_rollback.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ReversibleActionLayer, SnapshotStore } from "@agent-kernel/kernel/reversible";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "work/report.md": "# Report\n\nAll is well.\n" });
const { root } = workspace;
const snapshots = `${root}/snapshots`;

await using kernel = await Kernel.open({
  policy: { capabilities: [{ action: "fs.*", resource: `${root}/work/**` }] },
  providers: [new FilesystemProvider({ snapshots })],
  logPath: `${root}/kernel.log`,
});
using store = SnapshotStore.open({ folder: snapshots });
const layer = new ReversibleActionLayer({ kernel, store });

const target = `${root}/work/report.md`;
const written = await layer.submit({
  action: "fs.write",
  target,
  params: { content: "# Report\n\noops, wrong content\n" },
});
console.log(`written: ${written.status}, reversible: ${written.reversible}`);

const { text } = await layer.preview(written.recordId as string);
console.log(text.replaceAll(`${root}/`, ""));

const undone = await layer.rollback(written.recordId);
console.log(`rolled back: ${undone.status}`);
console.log(Deno.readTextFileSync(target));
