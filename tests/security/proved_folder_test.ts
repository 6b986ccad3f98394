/**
 * The proof of a folder holds for all files that are made in it, and ends when anything above it changes.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { assertMadeInPlace, now, PathChangedError } from "../../providers/filesystem/path_check.ts";
import { run, Workspace } from "../workspace.ts";

/** `ctime` is in whole seconds and nobody can set it: folders grow old only by waiting. */
const UNTIL_OLD_MS = 1100;

/** Makes a file as the provider does. @returns Whether the proof of its folder had to be made anew. */
function make(path: string): boolean {
  const since = now();
  Deno.writeTextFileSync(path, "x", { createNew: true });
  let asked = false;
  assertMadeInPlace(path, () => {
    asked = true;
    return Deno.lstatSync(path);
  }, { since });
  return asked;
}

/** What is done between two files, with the folder of both, and what comes of it. */
const CHANGES: readonly [what: string, change: (ws: Workspace) => void, outcome: string][] = [
  ["nothing", () => {}, "proved"],
  ["new files in the folder", (ws) => void ws.file("tree/d/other"), "proved"],
  ["a new file above the folder", (ws) => void ws.file("tree/other"), "proved anew"],
  ["a link in the place of the folder", (ws) => {
    Deno.renameSync(ws.path("tree/d"), ws.path("tree/away"));
    run("ln", "-s", ws.path("outside"), ws.path("tree/d"));
  }, "refused"],
  ["a link in the place of the folder above", (ws) => {
    Deno.renameSync(ws.path("tree"), ws.path("away"));
    run("ln", "-s", ws.path("outside"), ws.path("tree"));
  }, "refused"],
  ["a link that was there and is gone", (ws) => {
    Deno.renameSync(ws.path("tree/d"), ws.path("tree/away"));
    run("ln", "-s", ws.path("outside"), ws.path("tree/d"));
    Deno.removeSync(ws.path("tree/d"));
    Deno.renameSync(ws.path("tree/away"), ws.path("tree/d"));
  }, "proved anew"],
];

for (const [what, change, outcome] of CHANGES) {
  // Made here, so that what is above the workspace can be out of reach: other tests change it.
  const ws = new Workspace();
  for (const name of ["tree/d", "outside/d"]) ws.folder(name);
  const made = now();
  Deno.test({
    name: `the proof of a folder after ${what}: ${outcome}`,
    permissions: { read: [ws.root], write: [ws.root], run: ["ln"] },
    async fn() {
      using _ = ws;
      await new Promise((resolve) => setTimeout(resolve, made + UNTIL_OLD_MS - now()));
      assertEquals(make(ws.path("tree/d/first")), true);
      assertEquals(make(ws.path("tree/d/second")), false);
      change(ws);
      if (outcome === "refused") {
        assertThrows(() => make(ws.path("tree/d/third")), PathChangedError);
      } else assertEquals(make(ws.path("tree/d/third")), outcome === "proved anew");
    },
  });
}
