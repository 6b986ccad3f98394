/**
 * What a rollback does not do: go over somebody else's change, or around the policy.
 *
 *     deno run -P=examples examples/04_reversible/conflicts_and_denials.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ReversibleActionLayer, SnapshotStore } from "@agent-kernel/kernel/reversible";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "work/a.txt": "old" });
const { root } = workspace;
const snapshots = `${root}/snapshots`;

await using kernel = await Kernel.open({
  // Nothing may be deleted: not by the agent, and not by a rollback either.
  policy: { capabilities: [{ action: ["fs.read", "fs.write"], resource: `${root}/work/**` }] },
  providers: [new FilesystemProvider({ snapshots })],
  logPath: `${root}/kernel.log`,
});
using store = SnapshotStore.open({ folder: snapshots });
const layer = new ReversibleActionLayer({ kernel, store });
const write = (name: string, content: string) =>
  layer.submit({ action: "fs.write", target: `${root}/work/${name}`, params: { content } });

const { recordId } = await write("a.txt", "the agent's");
Deno.writeTextFileSync(`${root}/work/a.txt`, "somebody else's");
const refused = await layer.rollback(recordId);
console.log(refused.status, refused.code);
const forced = await layer.rollback(recordId, { force: true });
console.log(forced.status, Deno.readTextFileSync(`${root}/work/a.txt`));

const made = await write("new.txt", "new");
const denied = await layer.rollback(made.recordId);
console.log(denied.status, denied.code, denied.error?.replaceAll(root, ""));

const read = await layer.submit({ action: "fs.read", target: `${root}/work/a.txt` });
console.log(read.status, read.reversible, read.why);
