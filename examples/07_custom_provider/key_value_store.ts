/**
 * A provider that lives in the process, because what it works on does: a map.
 *
 *     deno run -P=examples examples/07_custom_provider/key_value_store.ts
 */
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { Provider, ProviderError } from "@agent-kernel/kernel/provider";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();

const store = new Map<string, unknown>([["team/motd", "hello"]]);
const keyValueStore = new Provider({
  name: "kv",
  isolation: "none", // has to be asked for: there is no Worker between it and the process
  actions: { "kv.get": { kind: "name" }, "kv.set": { kind: "name" } },
  execute({ action, target, params }) {
    if (action === "kv.set") store.set(target, params.value ?? null);
    if (!store.has(target)) throw new ProviderError("NOT_FOUND", `No such key: ${target}`);
    return store.get(target);
  },
});

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - { action: kv.get, resource: "**" }
  - { action: kv.set, resource: team/**, constraint: { value: { max_length: 20 } } }
deny:
  - { action: kv.*, resource: "**/password", reason: passwords are not for agents }
`,
  },
  providers: [keyValueStore],
  logPath: `${workspace.root}/kernel.log`,
  onWarning: (line) => console.log("warning:", line),
});

const requests: ActionRequest[] = [
  { action: "kv.get", target: "team/motd" },
  { action: "kv.set", target: "team/motd", params: { value: "good morning" } },
  { action: "kv.set", target: "team/motd", params: { value: "x".repeat(21) } },
  { action: "kv.set", target: "team/../admin/motd", params: { value: "x" } },
  { action: "kv.get", target: "team/password" },
  { action: "kv.get", target: "team/none" },
];
for (const request of requests) {
  const { status, code = "", data, error } = await kernel.submit(request);
  console.log(request.action, request.target, "→", status, code, data ?? error);
}
console.log("the map:", store);
