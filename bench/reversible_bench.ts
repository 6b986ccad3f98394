/** What it costs to be able to undo a write. */
import { dirname, fromFileUrl } from "@std/path";
import { Kernel } from "../mod.ts";
import { FilesystemProvider } from "../providers/filesystem/mod.ts";
import { ReversibleActionLayer, SnapshotStore } from "../src/reversible/mod.ts";

const base = `${dirname(dirname(fromFileUrl(import.meta.url)))}/.tmp`;
Deno.mkdirSync(base, { recursive: true });
const root = Deno.realPathSync(Deno.makeTempDirSync({ dir: base, prefix: "bench-" }));
Deno.mkdirSync(`${root}/data`);
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

const folder = `${root}/snapshots`;
const kernel = await Kernel.open({
  policy: { capabilities: [{ action: "fs.*", resource: `${root}/data/**` }] },
  providers: [new FilesystemProvider({ snapshots: folder })],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});
const store = SnapshotStore.open({ folder, maxCount: 1_000 });
const layer = new ReversibleActionLayer({ kernel, store });

let turn = 0;
/** Another content each time, so that each has to be saved. */
function content(bytes: number): string {
  return `${turn++} `.padEnd(bytes, "x");
}

for (const [name, bytes] of [["2 KB", 2_000], ["10 MB", 10_000_000]] as const) {
  const target = `${root}/data/${bytes}.txt`;
  const request = () => ({ action: "fs.write", target, params: { content: content(bytes) } });
  Deno.bench({
    name: `plain write of ${name} over as much`,
    group: name,
    baseline: true,
    fn: async () => void (await kernel.submit(request())),
  });
  Deno.bench({
    name: `the same through the layer`,
    group: name,
    fn: async () => {
      const { reversible, why } = await layer.submit(request());
      if (!reversible) throw new Error(why);
    },
  });
  Deno.bench({
    name: `the same through the layer, of a new file`,
    group: name,
    fn: async () => {
      const fresh = `${root}/data/${turn}.txt`;
      await layer.submit({ ...request(), target: fresh });
    },
  });
  Deno.bench({
    name: `a write through the layer and its rollback`,
    group: name,
    fn: async () => {
      const { recordId } = await layer.submit(request());
      const { status, error } = await layer.rollback(recordId);
      if (status !== "OK") throw new Error(error);
    },
  });
}
