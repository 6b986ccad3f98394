import { assertEquals, assertThrows } from "@std/assert";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import { CanonicalError } from "../../src/core/resource/world.ts";
import { settledWorld } from "../../src/policy_tools/settled_world.ts";
import { Workspace } from "../workspace.ts";

/** A real world that counts what it is asked. */
function counted() {
  const real = denoWorld();
  const asked: string[] = [];
  const world = {
    ...real,
    realPath(path: string) {
      asked.push(path);
      return real.realPath(path);
    },
    readLink(path: string) {
      asked.push(path);
      return real.readLink(path);
    },
  };
  return { world, asked };
}

Deno.test("settledWorld() answers as the world does, and asks it once", () => {
  using ws = new Workspace();
  const file = ws.file("a/file", "x");
  const link = ws.link("link", ws.path("a"));
  const { world, asked } = counted();
  const settled = settledWorld(world).world;
  for (let i = 0; i < 3; i++) {
    assertEquals(settled.realPath(file), file);
    assertEquals(settled.realPath(`${link}/file`), file);
    assertEquals(settled.readLink(link), ws.path("a"));
    assertEquals(settled.readLink(file), undefined);
  }
  assertEquals(asked, [file, `${link}/file`, link, file]);
});

Deno.test("settledWorld() knows from the list of a folder what is not in it", () => {
  using ws = new Workspace();
  ws.file("file");
  const { world, asked } = counted();
  const settled = settledWorld(world).world;
  for (const name of ["none", "other", "file.x"]) {
    assertEquals(settled.realPath(ws.path(name)), undefined);
    assertEquals(settled.readLink(ws.path(name)), undefined);
  }
  assertEquals(asked, []);
  // In a folder that is none, the system itself is asked.
  assertEquals(settled.realPath(ws.path("file/inside")), undefined);
  assertEquals(settled.realPath(ws.path("none/inside")), undefined);
  assertEquals(asked, [ws.path("file/inside"), ws.path("none/inside")]);
});

Deno.test("settledWorld() asks for each name where the folder cannot be listed, or holds too many", () => {
  using ws = new Workspace();
  const many = Array.from({ length: 1001 }, (_, i) => `${i}`);
  for (const names of [undefined, many]) {
    const { world, asked } = counted();
    const settled = settledWorld(world, () => names).world;
    assertEquals(settled.realPath(ws.path("none")), undefined);
    assertEquals(asked, [ws.path("none")]);
  }
  const { world, asked } = counted();
  assertEquals(settledWorld(world, () => many.slice(1)).world.realPath("/none"), undefined);
  assertEquals(asked, []);
});

Deno.test("settledWorld() throws again what the world has thrown", () => {
  using ws = new Workspace();
  ws.link("loop", ws.path("loop"));
  const { world, asked } = counted();
  const settled = settledWorld(world).world;
  for (let i = 0; i < 2; i++) {
    assertThrows(() => settled.readLink(ws.path("loop/x")), CanonicalError, "loop");
  }
  assertEquals(asked, [ws.path("loop/x")]);
});

Deno.test("settledWorld() remembers nothing beyond its end", () => {
  using ws = new Workspace();
  const file = ws.path("file");
  const settled = settledWorld(denoWorld());
  assertEquals(settled.world.realPath(file), undefined);
  ws.link("file", "/");
  assertEquals(settled.world.realPath(file), undefined);
  settled.end();
  assertEquals(settled.world.realPath(file), "/");
  assertEquals(settled.world.readLink(file), "/");
});
