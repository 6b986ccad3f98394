/** What it costs to be able to undo a write. */
import { FilesystemProvider } from "../providers/filesystem/mod.ts";
import { ReversibleActionLayer, SnapshotStore } from "../src/reversible/mod.ts";
import { makeFolder, openKernel } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
Deno.mkdirSync(`${root}/work`);
const folder = `${root}/snapshots`;
const kernel = await openKernel(root, [{ action: "fs.*", resource: `${root}/work/**` }], {
  providers: [new FilesystemProvider({ snapshots: folder })],
});
const store = SnapshotStore.open({ folder, maxCount: 1_000 });
const layer = new ReversibleActionLayer({ kernel, store });

for (const [size, bytes, ops] of [["2 KB", 2_000, 64], ["10 MB", 10_000_000, 2]] as const) {
  const group = `fs.write of ${size} over as much, 1 in flight; without: the kernel alone`;
  const target = `${root}/work/${bytes}.txt`;
  // Another content each time, so that each has to be saved.
  const request = (i: number, path = target) => ({
    ...{ action: "fs.write", target: path, params: { content: `${i} `.padEnd(bytes, "x") } },
  });
  const expectOk = ({ status, error }: { status: string; error?: string }) => {
    if (status !== "OK") throw new Error(error);
  };
  workload({
    ...{ group, ops, name: "through the layer", baseline: true },
    op: async (i) => expectOk(await layer.submit(request(i))),
    bare: async (i) => expectOk(await kernel.submit(request(i))),
  });
  workload({
    ...{ group, ops, name: "through the layer, of a new file" },
    op: async (i) => expectOk(await layer.submit(request(i, `${root}/work/${bytes}-${i}.txt`))),
  });
  workload({
    ...{ group, ops, name: "through the layer, and rolled back" },
    op: async (i) => {
      const { recordId } = await layer.submit(request(i));
      expectOk(await layer.rollback(recordId as string));
    },
  });
}
