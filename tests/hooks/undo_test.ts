import { assertEquals, assertStringIncludes } from "@std/assert";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ReversibleActionLayer, SnapshotStore } from "@agent-kernel/kernel/reversible";
import { HookDesk } from "../../src/hooks/desk.ts";
import { agentToolProvider } from "../../src/hooks/provider.ts";
import { settingsOf } from "../../src/hooks/settings.ts";
import { Workspace } from "../workspace.ts";
import { hookScene, verdictOf } from "./scene.ts";

/** A kernel whose hooks save what agents change, and an agent that does what it is permitted. */
async function scene(ws: Workspace) {
  const snapshots = ws.path("snapshots");
  const settings = settingsOf(ws.path("home"), ws.path("w"));
  const { kernel, root, payload } = await hookScene(ws, {
    providers: [
      agentToolProvider(ws.path("kernel.log.server"), settings),
      new FilesystemProvider({ snapshots }),
    ],
  });
  const store = SnapshotStore.open({ folder: snapshots });
  const layer = new ReversibleActionLayer({ kernel, store });
  const warnings: string[] = [];
  const desk = new HookDesk({
    ...{ kernel, settings, undo: layer },
    onWarning: (line) => warnings.push(line),
  });
  let serial = 0;
  /** One call of the agent: asked before, done by itself, reported. */
  const call = async (tool: string, input: object, act?: () => void, reports = true) => {
    const sent = payload(tool, input, { tool_use_id: `t${++serial}` });
    const [decision, reason] = verdictOf((await desk.answer("claude", "before", sent)).stdout);
    if (decision === "allow") {
      act?.();
      if (reports) await desk.answer("claude", "after", { ...sent, tool_response: {} });
    }
    return { decision, reason };
  };
  return {
    ...{ root, kernel, store, layer, desk, call, payload, warnings },
    async [Symbol.asyncDispose]() {
      store.close();
      await kernel.close();
    },
  };
}

const read = (path: string) => Deno.readTextFileSync(path);
const newest = (store: SnapshotStore) => store.list().at(-1)?.recordId;

Deno.test("what an agent wrote and edited itself is undone, the latest first", async () => {
  using ws = new Workspace();
  await using it = await scene(ws);
  const file = ws.file("w/a", "one");
  const edit = (text: string) =>
    it.call(
      "Edit",
      { file_path: file, old_string: "x", new_string: "y" },
      () => Deno.writeTextFileSync(file, text),
    );
  assertEquals((await edit("two")).decision, "allow");
  assertEquals((await edit("three")).decision, "allow");
  const made = ws.path("w/new/b");
  await it.call("Write", { file_path: made, content: "b" }, () => {
    Deno.mkdirSync(ws.path("w/new"));
    // Not what the agent said: what is there when it reports is what counts.
    Deno.writeTextFileSync(made, "b\n");
  });
  assertEquals(it.store.list().map(({ state, agent }) => [state, agent]), [
    ...["done", "done", "done"].map((state) => [state, "claude"]),
  ]);
  const { status, rolledBack } = await it.layer.rollbackAll();
  assertEquals([status, rolledBack.length], ["OK", 3]);
  assertEquals(read(file), "one");
  assertEquals(Array.from(Deno.readDirSync(it.root), ({ name }) => name), ["a"]);
  assertEquals(it.warnings, []);
});

Deno.test("a patch and a redirection are undone too", async () => {
  using ws = new Workspace();
  await using it = await scene(ws);
  const file = ws.file("w/a", "old");
  const gone = ws.file("w/gone", "kept");
  const patch =
    `*** Begin Patch\n*** Update File: ${file}\n@@\n-old\n+new\n*** Delete File: ${gone}\n*** End Patch`;
  const sent = it.payload("apply_patch", { command: patch });
  await it.desk.answer("codex", "before", sent);
  Deno.writeTextFileSync(file, "new");
  Deno.removeSync(gone);
  await it.desk.answer("codex", "after", { ...sent, tool_response: "ok" });
  await it.call("Bash", { command: "cat gone > a" }, () => Deno.writeTextFileSync(file, ""));
  assertEquals((await it.layer.rollbackAll()).status, "OK");
  assertEquals([read(file), read(gone)], ["old", "kept"]);
});

Deno.test("what somebody else changed after the report is a conflict, and so is what was never reported", async () => {
  using ws = new Workspace();
  await using it = await scene(ws);
  const file = ws.file("w/a", "one");
  const write = (reports: boolean) =>
    it.call(
      "Write",
      { file_path: file, content: "two" },
      () => Deno.writeTextFileSync(file, reports ? "two" : "half"),
      reports,
    );
  await write(true);
  Deno.writeTextFileSync(file, "a person's");
  const conflict = await it.layer.rollback(newest(it.store));
  assertEquals([conflict.code, read(file)], ["ROLLBACK_CONFLICT", "a person's"]);
  assertEquals((await it.layer.rollback(newest(it.store), { force: true })).status, "OK");
  assertEquals(read(file), "one");

  await write(false);
  assertEquals((await it.layer.rollback(newest(it.store))).code, "ROLLBACK_CONFLICT");
  // Other actions on the file are not held back by the report that never comes.
  assertEquals((await write(true)).decision, "allow");
});

Deno.test("what was refused leaves no snapshot, and what cannot be saved is refused", async () => {
  using ws = new Workspace();
  await using it = await scene(ws);
  const file = ws.file("w/a", "one");
  await it.call("Write", { file_path: "/etc/passwd", content: "x" });
  // The first action of the call was permitted already.
  await it.call("Bash", { command: `cat < a > b && curl https://evil.example` });
  await it.call("Read", { file_path: file });
  assertEquals(it.store.list(), []);
  const folder = ws.folder("w/folder");
  const { decision } = await it.call("Write", { file_path: folder, content: "x" });
  assertEquals(decision, "allow"); // A folder can be restored; the agent's tool fails.
  it.store.close();
  const { decision: late, reason } = await it.call("Write", { file_path: file, content: "x" });
  assertEquals(late, "deny");
  assertStringIncludes(reason, "SNAPSHOT_FAILED");
});
