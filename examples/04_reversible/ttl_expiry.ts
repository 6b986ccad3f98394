/**
 * A snapshot is kept for a time. Here the clock is ours, so that nobody has to wait.
 *
 *     deno run -P=examples examples/04_reversible/ttl_expiry.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ReversibleActionLayer, SnapshotStore } from "@agent-kernel/kernel/reversible";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "work/a.txt": "old", "work/b.txt": "old" });
const { root } = workspace;
const snapshots = `${root}/snapshots`;
let now = Date.now();

await using kernel = await Kernel.open({
  policy: { capabilities: [{ action: "fs.*", resource: `${root}/work/**` }] },
  providers: [new FilesystemProvider({ snapshots })],
  logPath: `${root}/kernel.log`,
});
using store = SnapshotStore.open({
  folder: snapshots,
  ttlMs: 60 * 60 * 1000,
  clock: () => new Date(now),
});
const layer = new ReversibleActionLayer({ kernel, store });

const params = { content: "new" };
const first = await layer.submit({ action: "fs.write", target: `${root}/work/a.txt`, params });
now += 45 * 60 * 1000;
const second = await layer.submit({ action: "fs.write", target: `${root}/work/b.txt`, params });
now += 30 * 60 * 1000;

for (const [name, { recordId }] of Object.entries({ first, second })) {
  const { status, error = "" } = await layer.rollback(recordId);
  console.log(`${name}: ${status} ${error.replace(/".*"/, "")}`);
}
const { expired, bytes } = store.gc();
console.log(`collected: ${expired}, bytes left: ${bytes}`);
