/** What is held in memory. */
import type { Kernel } from "../mod.ts";
import { FilesystemProvider } from "../providers/filesystem/mod.ts";
import { Provider } from "../src/worker/provider.ts";
import { expect, makeFolder, openKernel } from "./fixture.ts";
import { quantity } from "./workload.ts";

const root = makeFolder();
Deno.mkdirSync(`${root}/data`);
Deno.writeTextFileSync(`${root}/data/a.txt`, "x".repeat(2400));
const WORKERS = 10;
const SUBMITS = 20_000;

quantity({
  group: "memory",
  name: `a Worker (resident, mean of ${WORKERS})`,
  unit: "MB",
  async measure() {
    const kernels: Kernel[] = [];
    for (let i = 0; i <= WORKERS; i++) {
      const capabilities = [{ action: "fs.read", resource: `${root}/data/**` }];
      kernels.push(await openKernel(root, capabilities, { providers: [new FilesystemProvider()] }));
    }
    const startWorker = (kernel: Kernel) =>
      expect(kernel, { action: "fs.read", target: `${root}/data/a.txt` }, "OK");
    // What is needed once only is not counted.
    await startWorker(kernels[0] as Kernel);
    const before = Deno.memoryUsage().rss;
    for (const kernel of kernels.slice(1)) await startWorker(kernel);
    const held = Deno.memoryUsage().rss - before;
    for (const kernel of kernels) await kernel.close();
    return held / WORKERS / 1e6;
  },
});

quantity({
  group: "memory",
  name: `1,000 submits in flight (heap, mean of ${SUBMITS / 1000})`,
  unit: "kB",
  async measure() {
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    let inside = 0;
    const waiting = new Provider({
      name: "waiting",
      isolation: "none",
      actions: { "wait.here": { kind: "name" } },
      async execute() {
        if (++inside === SUBMITS) entered.resolve();
        await gate.promise;
        return null;
      },
    });
    await using kernel = await openKernel(root, [{ action: "wait.here", resource: "**" }], {
      providers: [waiting],
    });
    const before = Deno.memoryUsage().heapUsed;
    const submits = Array.from(
      { length: SUBMITS },
      (_, i) => expect(kernel, { action: "wait.here", target: `a/${i}` }, "OK"),
    );
    await entered.promise;
    const held = Deno.memoryUsage().heapUsed - before;
    gate.resolve();
    await Promise.all(submits);
    return held / (SUBMITS / 1000) / 1000;
  },
});
