/**
 * What was proved of a file's place holds for a second only for the very file with the very content:
 * whoever makes another one look the same, and swaps the way to it, reads nothing of it.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { assertInPlace, now, PlaceError } from "../../providers/filesystem/place.ts";
import { run, Workspace } from "../workspace.ts";

const ROUNDS = 50;

/** As the provider reads: opened first, then its place is proved. */
function read(path: string): string {
  const since = now();
  using file = Deno.openSync(path);
  assertInPlace(path, file.statSync(), since);
  const bytes = new Uint8Array(100);
  return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
}

/** Puts a link to the folder `outside` in the place of the folder `tree/d`. */
function swap(ws: Workspace): void {
  Deno.renameSync(ws.path("tree/d"), ws.path("tree/away"));
  run("ln", "-s", ws.path("outside"), ws.path("tree/d"));
}

function swapBack(ws: Workspace): void {
  Deno.removeSync(ws.path("tree/d"));
  Deno.renameSync(ws.path("tree/away"), ws.path("tree/d"));
}

Deno.test("a file outside that got the number of a proved one is not taken for it", () => {
  using ws = new Workspace();
  ws.folder("tree/d");
  ws.folder("outside");
  const path = ws.path("tree/d/f");
  for (let round = 0; round < ROUNDS; round++) {
    Deno.writeTextFileSync(path, "public");
    assertEquals(read(path), "public");
    Deno.removeSync(path);
    Deno.writeTextFileSync(ws.path("outside/f"), "secret");
    swap(ws);
    assertThrows(() => read(path), PlaceError);
    swapBack(ws);
    Deno.removeSync(ws.path("outside/f"));
  }
});

Deno.test("a proved file that was moved out and filled with something else is not taken for what it was", () => {
  using ws = new Workspace();
  ws.folder("tree/d");
  ws.folder("outside");
  const path = ws.path("tree/d/f");
  for (let round = 0; round < ROUNDS; round++) {
    Deno.writeTextFileSync(path, "public");
    assertEquals(read(path), "public");
    const { mtime } = Deno.statSync(path);
    Deno.renameSync(path, ws.path("outside/f"));
    Deno.writeTextFileSync(ws.path("outside/f"), "secret");
    Deno.utimeSync(ws.path("outside/f"), mtime as Date, mtime as Date);
    swap(ws);
    assertThrows(() => read(path), PlaceError);
    swapBack(ws);
    Deno.removeSync(ws.path("outside/f"));
  }
});
