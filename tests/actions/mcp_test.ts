import { assertEquals, assertThrows } from "@std/assert";
import { mcpParams } from "../../src/actions/mcp.ts";
import { CanonicalError } from "../../src/core/resource/world.ts";

Deno.test("mcpParams() gives one form, however the arguments are given", () => {
  assertEquals(mcpParams({ path: "/a" }), { arguments: { path: "/a" } });
  assertEquals(mcpParams({ arguments: { path: "/a" } }), { arguments: { path: "/a" } });
  assertEquals(mcpParams({}), { arguments: {} });
  assertEquals(mcpParams({ arguments: "-la" }), { arguments: { arguments: "-la" } });
});

Deno.test("mcpParams() refuses arguments in two places, of which a rule would see one", () => {
  assertThrows(() => mcpParams({ arguments: { path: "/a" }, path: "/b" }), CanonicalError);
});
