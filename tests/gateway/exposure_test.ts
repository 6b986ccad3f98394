import { assertEquals } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { exposure } from "../../src/gateway/exposure.ts";
import { Workspace } from "../workspace.ts";

const POLICY = {
  capabilities: [
    { action: "mcp.call", resource: ["s/read_*", "t/**"] },
    { action: "mcp.call", resource: "s/write", constraint: { "arguments.path": { glob: "/a/*" } } },
    { action: "mcp.read", resource: "s/file:/srv/**" },
    { action: "fs.read", resource: "/srv/**" },
  ],
  deny: [
    { action: "mcp.call", resource: "t/delete_*" },
    { action: "mcp.call", resource: "t/send", constraint: { "arguments.to": { in: ["all"] } } },
  ],
};

// deno-fmt-ignore -- a row is a line
const CELLS: readonly (readonly [action: string, name: string, may: boolean, why: string])[] = [
  ["mcp.call", "s/read_file", true, "a pattern matches"],
  ["mcp.call", "s/write", true, "some params may hold"],
  ["mcp.call", "s/other", false, "no rule matches"],
  ["mcp.call", "t/anything", true, "all of the server"],
  ["mcp.call", "t/delete_all", false, "a deny rule without a constraint"],
  ["mcp.call", "t/send", true, "a deny rule that depends on params"],
  ["mcp.read", "s/file:/srv/a", true, "a pattern matches"],
  ["mcp.read", "s/file:/etc/a", false, "no rule matches"],
  ["mcp.prompt", "s/x", false, "no rule has the action"],
  ["mcp.read", "s", false, "no name below it"],
];
const PREFIXES: readonly (readonly [action: string, name: string, may: boolean])[] = [
  ["mcp.read", "s", true],
  ["mcp.read", "s/file:/srv/x", true],
  ["mcp.read", "s/file:/etc", false],
  ["mcp.read", "t", false],
];

Deno.test("exposure() tells what a rule could ever allow", async () => {
  using ws = new Workspace();
  await using kernel = await Kernel.open({
    policy: POLICY,
    logPath: ws.path("k.log"),
    onWarning: () => {},
  });
  const mayAllow = exposure(() => kernel.policy);
  for (const [action, name, may, why] of CELLS) {
    assertEquals(mayAllow(action, name), may, `${action} ${name}: ${why}`);
  }
  for (const [action, name, may] of PREFIXES) {
    assertEquals(mayAllow(action, name, { isPrefix: true }), may, `${action} ${name}…`);
  }
  await kernel.reload({ capabilities: [{ action: "mcp.prompt", resource: "s/*" }] });
  assertEquals([mayAllow("mcp.prompt", "s/x"), mayAllow("mcp.call", "s/read_x")], [true, false]);
});
