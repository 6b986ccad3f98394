/**
 * Run by `model_kill_test.ts`, and killed by it at any moment: does things to a folder through a
 * reversible layer, and undoes some of them. Each answer becomes a line of standard output.
 *
 * @module
 */
import { Kernel } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { ReversibleActionLayer, SnapshotStore } from "../../src/reversible/mod.ts";
import { paramsOf, randomFrom, randomOperation } from "./tree_model.ts";

const [root = "", seed = ""] = Deno.args;
const folder = `${root}/snapshots`;
const kernel = await Kernel.open({
  policy: { capabilities: [{ action: "fs.*", resource: `${root}/w/**` }] },
  providers: [new FilesystemProvider({ snapshots: folder })],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});
const store = SnapshotStore.open({ folder });
const layer = new ReversibleActionLayer({ kernel, store });
const random = randomFrom(Number(seed));
const done: string[] = [];
console.log("open");
for (;;) {
  const last = random() < 0.3 ? done.pop() : undefined;
  if (last !== undefined) {
    const { status, error } = await layer.rollback(last);
    console.log(`undone ${status} ${error ?? ""}`);
    continue;
  }
  const operation = randomOperation(random);
  const { action, path } = operation;
  const params = paramsOf(operation, `${root}/w`);
  const result = await layer.submit({ action, target: `${root}/w${path}`, params });
  if (result.reversible) done.push(result.recordId as string);
  console.log(`done ${result.status}`);
}
