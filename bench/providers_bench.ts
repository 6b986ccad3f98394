/** Providers that go further than the disk, through their Workers. */
import { HttpProvider } from "../providers/http/mod.ts";
import { expect, makeFolder, openKernel } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const server = new Worker(new URL("./http_server.ts", import.meta.url), { type: "module" });
const port = await new Promise<number>((resolve) => {
  server.onmessage = ({ data }) => resolve(data);
});
const url = `http://127.0.0.1:${port}/data`;
const kernel = await openKernel(root, [{ action: "net.http", resource: url }], {
  providers: [new HttpProvider()],
});

for (const callers of [1, 64]) {
  workload({
    group: "net.http through the Worker, 2.4 KB on loopback",
    name: `${callers} in flight`,
    baseline: callers === 1,
    ops: 256,
    callers,
    op: () => expect(kernel, { action: "net.http", target: url }, "OK"),
  });
}
workload({
  group: "net.http through the Worker, 2.4 KB on loopback",
  name: "fetch without a kernel, for comparison, 1 in flight",
  ops: 256,
  op: async () => await (await fetch(url)).text(),
});
