/**
 * Run by `full_disk_test.ts` where files cannot grow: submits twice and says what came of it.
 *
 * @module
 */
import { Kernel, Provider } from "../../../mod.ts";

const [logPath = ""] = Deno.args;
const calls: string[] = [];
const kernel = await Kernel.open({
  policy: { capabilities: [{ action: "kv.put", resource: "**" }] },
  logPath,
  onWarning: () => {},
  providers: [
    new Provider({
      name: "kv",
      isolation: "none",
      actions: { "kv.put": { kind: "name" } },
      execute: ({ target }) => void calls.push(target),
    }),
  ],
});
const results = [];
for (const target of ["first", "second"]) {
  results.push(await kernel.submit({ action: "kv.put", target }));
}
const denied = await kernel.submit({ action: "kv.get", target: "third" });
await kernel.close();
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ results, denied, calls })));
