import { assertEquals, assertThrows } from "@std/assert";
import { actionTable, STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import type { ActionSpec } from "../../src/core/resource/kind.ts";

const tableOf = (actions: Record<string, Partial<ActionSpec>>) =>
  actionTable(new Map(Object.keys(actions).map((action) => [action, { name: "own", actions }])));

Deno.test("actionTable() holds the standard actions, whether a provider carries them out or not", () => {
  assertEquals(tableOf({}), STANDARD_ACTIONS);
  assertEquals(Object.keys(STANDARD_ACTIONS), [
    "fs.read",
    "fs.list",
    "fs.stat",
    "fs.write",
    "fs.delete",
    "fs.mkdir",
    "fs.move",
    "net.http",
    "net.connect",
    "proc.exec",
    "mcp.call",
    "mcp.list",
    "mcp.read",
    "mcp.prompt",
    "mcp.complete",
    "mcp.sample",
    "mcp.elicit",
    "mcp.roots",
  ]);
});

Deno.test("actionTable() resolves {} of a provider to what the standard action means", () => {
  const table = tableOf({ "fs.write": {}, "db.query": { kind: "name" } });
  assertEquals(table["fs.write"], STANDARD_ACTIONS["fs.write"]);
  assertEquals(table["db.query"], { kind: "name" });
  assertEquals(tableOf({ "fs.read": STANDARD_ACTIONS["fs.read"] ?? {} }), STANDARD_ACTIONS);
});

for (const spec of [{ kind: "name" }, { kind: "path" }, { effect: "none" }] as const) {
  Deno.test(`actionTable() refuses ${JSON.stringify(spec)} as another meaning of fs.write`, () => {
    assertThrows(
      () => tableOf({ "fs.write": spec }),
      TypeError,
      'the meaning of "fs.write" is fixed',
    );
  });
}

Deno.test("actionTable() refuses an action of one's own without a kind", () => {
  assertThrows(() => tableOf({ "db.query": {} }), TypeError, "has no kind");
  assertThrows(() => tableOf({ constructor: {} }), TypeError, "has no kind");
});
