import { assertEquals } from "@std/assert";
import { planMounts } from "../../../providers/process/mounts.ts";
import type { FileEntry } from "../../../src/launch/file_view.ts";
import { Workspace } from "../../workspace.ts";

/** The mounts where these may be changed and this is guarded. */
async function plan(writable: readonly FileEntry[], guarded: string) {
  const { modes } = await planMounts({
    files: {
      readable: [],
      writable,
      denied: [{ path: guarded, form: "file", guard: true, actions: ["fs.write"] }],
    },
    decide: () => Promise.reject(new Error("Nothing is to be asked")),
    systemPaths: [],
    home: undefined,
    maxEntries: 0,
    signal: new AbortController().signal,
  });
  return Object.fromEntries(modes);
}

Deno.test("a guarded folder that does not exist cannot be made by a program", async () => {
  using ws = new Workspace();
  assertEquals(
    await plan([{ path: ws.root, form: "folder" }], ws.path("node_modules")),
    { [ws.root]: "ro" },
  );
});

Deno.test("a rule for a folder in a guarded one does not let programs change it", async () => {
  using ws = new Workspace();
  const inside = ws.folder("node_modules/js-yaml");
  const beside = ws.folder("data");
  assertEquals(
    await plan(
      [{ path: inside, form: "folder" }, { path: beside, form: "folder" }],
      ws.path("node_modules"),
    ),
    { [inside]: "ro", [beside]: "rw" },
  );
});
