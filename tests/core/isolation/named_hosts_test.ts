import { assertEquals } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { Provider } from "@agent-kernel/kernel/provider";
import { Workspace } from "../../workspace.ts";

Deno.test("a provider is told which hosts the policy names for its own actions", async () => {
  using ws = new Workspace();
  const provider = new Provider({
    name: "hosts",
    isolation: "none",
    actions: { "hosts.tell": { kind: "url" } },
    execute: (_request, { hosts }) => hosts,
  });
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: "hosts.tell", resource: ["http://a.example/**", "http://*.b.example/**"] },
        { action: "net.http", resource: "http://c.example/**" },
      ],
    },
    providers: [provider],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const { data } = await kernel.submit({ action: "hosts.tell", target: "http://a.example/" });
  assertEquals(data, ["a.example:80"]);
});
