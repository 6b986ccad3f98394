/** What limits cost: a rule with them against one without, in memory and in a file. */
import type { LimitOptions } from "../src/limits/enforcement.ts";
import { Provider } from "../src/worker/provider.ts";
import { expect, makeFolder, openKernel } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const read = { action: "kv.get", target: "settings/theme", agent: "alice" };
const write = { ...read, action: "kv.set" };
const LIMITS = { calls: "1000000000/day", rate: "1000000/s" };

function kv(): Provider {
  return new Provider({
    name: "kv",
    isolation: "none",
    actions: { "kv.get": { kind: "name", effect: "none" }, "kv.set": { kind: "name" } },
    execute: ({ target }) => target.length,
  });
}

function open(rule: object, limits?: LimitOptions) {
  const capabilities = [{ id: "get", action: "kv.*", resource: "settings/**", ...rule }];
  return openKernel(root, capabilities, { providers: [kv()], ...limits && { limits } });
}

const none = await open({});
const memory = await open({ limits: LIMITS });
const file = await open({ limits: LIMITS }, { path: `${root}/ledger` });
const spent = await open({ limits: { calls: "0/day" } }, { path: `${root}/spent` });

for (const [name, request] of [["without", read], ["with", write]] as const) {
  const group = `submit in this process, an action ${name} an effect`;
  const each = { group, ops: 1000 };
  workload({
    ...each,
    name: "without limits",
    baseline: true,
    op: () => expect(none, request, "OK"),
  });
  workload({ ...each, name: "two limits, in memory", op: () => expect(memory, request, "OK") });
  workload({ ...each, name: "two limits, in a file", op: () => expect(file, request, "OK") });
  workload({
    ...each,
    name: "one that is used up, in a file",
    op: () => expect(spent, request, "DENIED"),
  });
}
