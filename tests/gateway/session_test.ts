import { assertEquals } from "@std/assert";
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client/index.js";
import { InMemoryTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/inMemory.js";
import { McpGateway } from "../../src/gateway/mcp_gateway.ts";
import { ToolDef } from "../../src/agent/tool_def.ts";
import { scene } from "../provenance/scene.ts";

Deno.test("a gateway on a session submits for it, and labels results", async () => {
  await using world = await scene({
    sources: [{ id: "contacts", action: "contacts.search", fields: "*.email" }],
    capabilities: [{ action: ["mail.read", "contacts.search"], resource: "**" }],
  });
  await using session = await world.kernel.session({ id: "mcp-1" });
  const tool = (name: string, action: string) =>
    new ToolDef({ name, description: name, action, target: "x" });
  const tools = [
    tool("read", "mail.read"),
    tool("search", "contacts.search"),
    tool("send", "mail.send"),
  ];
  const gateway = new McpGateway({ kernel: session, tools });
  const [here, there] = InMemoryTransport.createLinkedPair();
  await gateway.connect(here);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(there);
  const label = async (name: string) => {
    const { _meta = {} } = await client.callTool({ name, arguments: {} });
    return _meta["agent-kernel/provenance"];
  };
  assertEquals(await label("read"), { trusted: "none" });
  assertEquals(await label("search"), { trusted: "part", sources: ["contacts"] });
  assertEquals(await label("send"), undefined);
  await client.close();
  const ids = world.records().map(({ stages }) => Object(Object(stages)["provenance"])["id"]);
  assertEquals(ids, ["mcp-1", "mcp-1", "mcp-1"]);
});
