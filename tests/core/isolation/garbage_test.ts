import { assert } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { Workspace } from "../../workspace.ts";
import { HeapProvider } from "./fixtures/heap_provider.ts";

Deno.test("calls leave nothing behind: the heap of a busy Worker does not grow with them", async () => {
  using ws = new Workspace();
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "heap.size", resource: "x" }] },
    providers: [new HeapProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const heapAfter = async (calls: number) => {
    let size = 0;
    for (let i = 0; i < calls; i++) {
      size = (await kernel.submit({ action: "heap.size", target: "x" })).data as number;
    }
    return size;
  };
  const before = await heapAfter(2000);
  const after = await heapAfter(20_000);
  assert(after < 2 * before, `${before} bytes became ${after}`);
});
