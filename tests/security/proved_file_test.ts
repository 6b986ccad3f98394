/**
 * A file that was proved to be in its place stays open for a second, and only for the very file with the
 * very content: whoever makes another one look the same, and swaps the way to it, has nothing of it read.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openInPlace } from "../../providers/filesystem/open_file.ts";
import type { RegularFile } from "../../providers/filesystem/regular_file.ts";
import { PathChangedError } from "../../providers/filesystem/path_check.ts";
import { nextTurn } from "../turn.ts";
import { run, Workspace } from "../workspace.ts";

const ROUNDS = 50;

/** What closes the files that stay open, as the end of a kernel does. */
let closeFiles: (() => void) | undefined;

/** The file that is read. */
function fileAt(path: string): RegularFile {
  using opened = openInPlace(path, { onClose: (cleanup) => closeFiles = cleanup });
  return opened.file;
}

function read(path: string): string {
  using opened = openInPlace(path, { onClose: (cleanup) => closeFiles = cleanup });
  return new TextDecoder().decode(opened.file.read(0, opened.size));
}

/** Until the file stays open: it has been left alone for longer than a `ctime` is exact. */
async function untilKept(path: string): Promise<void> {
  while (fileAt(path) !== fileAt(path)) await nextTurn();
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
    closeFiles?.();
  });
}

Deno.test(
  "a file that stays open is not read through a swapped folder, nor after it was moved or replaced",
  async () => {
    using ws = new Workspace();
    ws.folder("tree/d");
    ws.folder("outside");
    const [inside, outside] = [ws.path("tree/d/f"), ws.path("outside/f")];
    for (const [what, exchange] of EXCHANGES) {
      Deno.writeTextFileSync(inside, "public");
      await untilKept(inside);
      assertEquals(read(inside), "public");
      exchange(inside, outside);
      swap(ws);
      assertThrows(() => read(inside), PathChangedError, undefined, what);
      swapBack(ws);
      Deno.removeSync(outside);
    }
    closeFiles?.();
  },
);

Deno.test("what is written to a file that stays open is read, as is another one in its place", async () => {
  using ws = new Workspace();
  const path = ws.file("f", "one");
  await untilKept(path);
  Deno.writeTextFileSync(path, "second");
  assertEquals(read(path), "second");
  Deno.writeTextFileSync(ws.path("g"), "third");
  Deno.renameSync(ws.path("g"), path);
  assertEquals(read(path), "third");
  Deno.removeSync(path);
  assertThrows(() => read(path), Error, "File not found");
  closeFiles?.();
});

Deno.test("few files stay open, for a second, and not after the kernel has closed the provider", async () => {
  using ws = new Workspace();
  const paths = Array.from({ length: 40 }, (_, i) => ws.file(`f${i}`, "x"));
  const [path = ""] = paths;
  await untilKept(path);
  const first = fileAt(path);
  for (const one of paths) assertEquals(read(one), "x");
  assert(fileAt(path) !== first, "more than 32 stay open");
  const second = fileAt(path);
  while (fileAt(path) === second) await nextTurn();
  const third = fileAt(path);
  closeFiles?.();
  assert(fileAt(path) !== third, "it is open still");
  closeFiles?.();
});
