/** What a submit costs, from the call to the record, without a Worker. */
import { Provider } from "../src/worker/provider.ts";
import { expect, makeFolder, openKernel } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const CALLERS = [1, 10, 64, 256];
const denied = { action: "fs.read", target: "/etc/passwd" };
const allowed = { action: "kv.get", target: "settings/theme" };

const kv = new Provider({
  name: "kv",
  isolation: "none",
  actions: { "kv.get": { kind: "name" } },
  execute: ({ target }) => target.length,
});
const capabilities = [
  { action: "fs.read", resource: `${root}/data/**` },
  { action: "kv.get", resource: "settings/**" },
];

for (const durability of ["os", "disk"] as const) {
  const kernel = await openKernel(root, capabilities, { providers: [kv], durability });
  for (
    const [name, request, status] of [
      ["denied", denied, "DENIED"],
      ["allowed, in this process", allowed, "OK"],
    ] as const
  ) {
    for (const callers of CALLERS) {
      workload({
        group: `submit, ${name}, durability ${durability}`,
        name: callers === 1 ? "1 caller" : `${callers} callers`,
        baseline: callers === 1,
        ops: durability === "os" ? Math.max(2000, 16 * callers) : 4 * callers + 16,
        callers,
        op: () => expect(kernel, request, status),
      });
    }
  }
}
