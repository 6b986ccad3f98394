/**
 * What was proved of a file's place holds for a second only for the very file with the very content:
 * whoever makes another one look the same, and swaps the way to it, reads nothing of it.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { assertInPlace, now, PathChangedError } from "../../providers/filesystem/path_check.ts";
import { RegularFile } from "../../providers/filesystem/regular_file.ts";
import { run, Workspace } from "../workspace.ts";

const ROUNDS = 50;

/** As the provider reads: opened first, then its place is proved. */
function read(path: string): string {
  const since = now();
  using file = new RegularFile(path);
  assertInPlace(path, file.info, since);
  return new TextDecoder().decode(file.read(0, 100));
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

const EXCHANGES: readonly [what: string, exchange: (inside: string, outside: string) => void][] = [
  ["a file outside that got the number of a proved one is not taken for it", (inside, outside) => {
    Deno.removeSync(inside);
    Deno.writeTextFileSync(outside, "secret");
  }],
  [
    "a proved file that was moved out and filled with something else is not taken for what it was",
    (inside, outside) => {
      const { mtime } = Deno.statSync(inside);
      Deno.renameSync(inside, outside);
      Deno.writeTextFileSync(outside, "secret");
      Deno.utimeSync(outside, mtime as Date, mtime as Date);
    },
  ],
];
for (const [what, exchange] of EXCHANGES) {
  Deno.test(what, () => {
    using ws = new Workspace();
    ws.folder("tree/d");
    ws.folder("outside");
    const [inside, outside] = [ws.path("tree/d/f"), ws.path("outside/f")];
    for (let round = 0; round < ROUNDS; round++) {
      Deno.writeTextFileSync(inside, "public");
      assertEquals(read(inside), "public");
      exchange(inside, outside);
      swap(ws);
      assertThrows(() => read(inside), PathChangedError);
      swapBack(ws);
      Deno.removeSync(outside);
    }
  });
}
