import { assert, assertEquals, assertThrows } from "@std/assert";
import { readPins, writePins } from "../../../providers/mcp/lock_file.ts";
import type { Pin, Pins } from "../../../providers/mcp/pin.ts";
import { digestOf } from "../../../providers/mcp/tool_definition.ts";
import { ProviderError } from "../../../src/worker/provider_error.ts";
import { Workspace } from "../../workspace.ts";

const MEBIBYTE = 1024 * 1024;

/** Pins of tools that are described at length. */
function described(count: number, length: number): Pins {
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const definition = { name: `t${i}`, description: "d".repeat(length), inputSchema: {} };
      return [definition.name, { sha256: digestOf(definition), definition }];
    }),
  );
}

function refused(path: string, server: string, pins: Pins): string {
  const before = Deno.statSync(path).mtime;
  const error = assertThrows(() => writePins(path, server, pins), ProviderError);
  assertEquals(error.code, "PINS_TOO_LARGE");
  assertEquals(Deno.statSync(path).mtime, before, "the file is as it was");
  return error.message;
}

Deno.test("writePins() takes 4 MiB of pins of a server, and refuses more", () => {
  using ws = new Workspace();
  const path = ws.path("mcp.lock.json");
  const fitting = described(16, MEBIBYTE / 4 - 400);
  writePins(path, "a", fitting);
  assertEquals(readPins(path, "a"), fitting);
  assert(Deno.statSync(path).size > 4 * MEBIBYTE - 10_000);
  const said = refused(path, "b", described(16, MEBIBYTE / 4));
  assertEquals(said.includes('tools of MCP server "b"') && said.includes("4194304 bytes"), true);
  assertEquals(readPins(path, "a"), fitting);
});

Deno.test("writePins() counts what is written, not what is pinned: lists are indented", () => {
  using ws = new Workspace();
  const path = ws.path("mcp.lock.json");
  writePins(path, "a", new Map());
  let inputSchema: Record<string, unknown> = { enum: Array(19_000).fill(0) };
  for (let depth = 0; depth < 25; depth++) inputSchema = { a: inputSchema };
  const definition = { name: "t", inputSchema };
  const pin: Pin = { sha256: digestOf(definition), definition };
  writePins(path, "b", new Map([["t", pin]]));
  refused(path, "b", new Map(["t", "u", "v", "w"].map((name) => [name, pin])));
});

Deno.test("writePins() refuses what would make the file larger than what is read", () => {
  using ws = new Workspace();
  const tools = Array.from(described(16, MEBIBYTE / 4 - 400).values());
  const servers = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`s${i}`, { tools }]));
  const path = ws.file("mcp.lock.json", JSON.stringify({ version: 1, servers }));
  const said = refused(path, "other", described(1, 200_000));
  assertEquals(said.includes("67108864 bytes"), true);
  assertEquals(readPins(path, "s15").size, 16, "it can be read still");
});

Deno.test("readPins() reads all that writePins() writes, however many values there are", () => {
  using ws = new Workspace();
  const path = ws.path("mcp.lock.json");
  const pins = new Map(
    Array.from({ length: 8 }, (_, i) => {
      const definition = { name: `t${i}`, inputSchema: { enum: Array(19_000).fill(i) } };
      return [definition.name, { sha256: digestOf(definition), definition }] as const;
    }),
  );
  writePins(path, "many", pins);
  writePins(path, "few", described(1, 10));
  assertEquals([readPins(path, "many").size, readPins(path, "few").size], [8, 1]);
});

Deno.test("readPins() reads a file again when it was replaced or has changed lately, and only then", () => {
  using ws = new Workspace();
  const path = ws.path("mcp.lock.json");
  const pinned = (description: string) => {
    const definition = { name: "a", description, inputSchema: { type: "object" } };
    writePins(path, "s", new Map([["a", { sha256: digestOf(definition), definition }]]));
  };
  const read = (later: number) => readPins(path, "s", { now: Date.now() + later });
  pinned("one");
  const first = read(10_000);
  assertEquals(first.get("a")?.definition.description, "one");
  assert(read(20_000) === first);
  assert(read(0) !== first, "a change of just now would not show in its time");
  pinned("two");
  assertEquals(read(10_000).get("a")?.definition.description, "two");
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace('"name": "a"', '"name": "b"'));
  assertThrows(() => read(0), ProviderError, "does not fit");
  Deno.removeSync(path);
  assertEquals(read(10_000).size, 0);
});
