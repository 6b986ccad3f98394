import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import {
  ReversibleActionLayer,
  SnapshotError,
  SnapshotStore,
  SnapshotStoreBusyError,
} from "../../src/reversible/mod.ts";
import { canMount, SmallDisk } from "../core/record/small_disk.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { Scene } from "./scene.ts";

const HOLDER = fromFileUrl(new URL("./store_holder.ts", import.meta.url));

/** Names of the contents that are on the disk. */
function contents(scene: Scene): string[] {
  return Array.from(Deno.readDirSync(`${scene.snapshots}/blobs`), ({ name }) => name).sort();
}

function mode(path: string): string {
  return ((Deno.lstatSync(path).mode ?? 0) & 0o777).toString(8);
}

Deno.test("only the owner may look into a store; one that others could is closed to them", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  await scene.done("fs.write", "a.txt", { content: "new" });
  const { snapshots } = scene;
  assertEquals([snapshots, `${snapshots}/blobs`].map(mode), ["700", "700"]);
  assertEquals(
    [`${snapshots}/index`, `${snapshots}/lock`, `${snapshots}/blobs/${contents(scene)[0]}`].map(
      mode,
    ),
    ["600", "600", "600"],
  );
  await scene.stop();
  Deno.chmodSync(snapshots, 0o755);
  await scene.start();
  assertEquals(mode(snapshots), "700");
});

Deno.test("a store is never opened through a symbolic link", () => {
  using ws = new Workspace();
  ws.folder("elsewhere");
  ws.link("link", ws.path("elsewhere"));
  ws.folder("real/blobs");
  for (const folder of [ws.path("link"), ws.path("link", "inside")]) {
    const error = assertThrows(() => SnapshotStore.open({ folder }), SnapshotError);
    assert(/no folder|symbolic link/.test(error.message), error.message);
  }
  ws.link("planted/blobs", ws.path("elsewhere"));
  assertThrows(() => SnapshotStore.open({ folder: ws.path("planted") }), SnapshotError);
  ws.link("real/lock", ws.path("elsewhere/lock"));
  assertThrows(() => SnapshotStore.open({ folder: ws.path("real") }), SnapshotError);
  assertEquals(Array.from(Deno.readDirSync(ws.path("elsewhere")), ({ name }) => name), ["inside"]);
});

for (
  const [options, what] of [
    [{ folder: "relative" }, "absolute"],
    [{ ttlMs: 0 }, "ttlMs"],
    [{ maxBytes: -1 }, "maxBytes"],
    [{ maxCount: NaN }, "maxCount"],
  ] as const
) {
  Deno.test(`a store with ${JSON.stringify(options)} is refused`, () => {
    using ws = new Workspace();
    const error = assertThrows(
      () => SnapshotStore.open({ folder: ws.path("s"), ...options }),
      RangeError,
    );
    assertStringIncludes(error.message, what);
  });
}

Deno.test("a store is open once: in this process, and in others", async () => {
  using ws = new Workspace();
  const folder = ws.path("snapshots");
  {
    using _ = SnapshotStore.open({ folder });
    assertThrows(() => SnapshotStore.open({ folder }), SnapshotStoreBusyError);
    assertEquals(SnapshotStore.list(folder), []);
  }
  const child = new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", "--allow-read", `--allow-write=${ws.root}`, HOLDER, folder],
    cwd: ROOT,
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const error = assertThrows(() => SnapshotStore.open({ folder }), SnapshotStoreBusyError);
  assertStringIncludes(error.message, folder);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  SnapshotStore.open({ folder }).close();
});

Deno.test("a content is kept once, for as long as somebody needs it", async () => {
  await using scene = await Scene.open();
  for (const name of ["a", "b", "c"]) scene.ws.file(`w/${name}`, "the same");
  const ids = [];
  for (const name of ["a", "b", "c"]) ids.push(await scene.done("fs.delete", name));
  assertEquals([contents(scene).length, scene.store.bytes], [1, 8]);
  for (const [i, id] of ids.entries()) {
    await scene.layer.rollback(id);
    assertEquals(contents(scene).length, i === 2 ? 0 : 1);
  }
});

Deno.test("the oldest actions make room, and the result of the new one names them", async () => {
  await using scene = await Scene.open({ store: { maxBytes: 100 } });
  for (const name of ["a", "b", "c"]) scene.ws.file(`w/${name}`, name.repeat(40));
  const a = await scene.done("fs.delete", "a");
  const b = await scene.done("fs.delete", "b");
  const c = await scene.do("fs.delete", "c");
  assertEquals([c.reversible, c.evicted], [true, [a]]);
  const lost = await scene.layer.rollback(a);
  assertEquals(lost.code, "NO_SNAPSHOT");
  assertStringIncludes(lost.error ?? "", "removed to make room");
  const report = await scene.layer.rollbackAll();
  assertEquals([report.rolledBack, report.stopped?.recordId], [[c.recordId, b], a]);
});

Deno.test("the number of actions is bounded too", async () => {
  await using scene = await Scene.open({ store: { maxCount: 2 } });
  const ids = [];
  for (let i = 0; i < 12; i++) ids.push(await scene.done("fs.write", `${i}`, { content: "x" }));
  assertEquals(
    scene.store.list().filter(({ state }) => state === "done").map((one) => one.recordId),
    ids.slice(-2),
  );
  assert(scene.store.list().length <= 5, "what is lost is not remembered without end");
});

Deno.test("what does not fit at all is denied, makes nothing else go, and with proceed is told", async () => {
  for (const onCaptureFailure of ["deny", "proceed"] as const) {
    await using scene = await Scene.open({ store: { maxBytes: 100 }, layer: { onCaptureFailure } });
    scene.ws.file("w/a", "a".repeat(40));
    scene.ws.file("w/big", "b".repeat(101));
    const id = await scene.done("fs.delete", "a");
    const result = await scene.do("fs.delete", "big");
    assertEquals(
      [result.status, result.reversible],
      [onCaptureFailure === "deny" ? "DENIED" : "OK", false],
    );
    assertStringIncludes(result.why ?? "", "has no room: 101 bytes more");
    assertEquals(result.evicted, undefined);
    assertEquals((await scene.layer.rollback(id)).status, "OK");
  }
});

Deno.test("an action that is under way makes no room for others", async () => {
  await using scene = await Scene.open({ store: { maxBytes: 100 } });
  for (const name of ["a", "b"]) scene.ws.file(`w/${name}`, name.repeat(60));
  const inner: string[] = [];
  const outer = await scene.layer.submit({ action: "fs.delete", target: scene.path("a") }, {});
  assertEquals(outer.reversible, true);
  await scene.layer.rollback(outer.recordId);
  // The second is submitted while the first, already saved, waits before the gate.

  const slow = new ReversibleActionLayer({
    store: scene.store,
    kernel: {
      submit: (request, options) =>
        scene.kernel.submit(request, {
          stages: [...options?.stages ?? [], {
            name: "meanwhile",
            enter: async () => void inner.push((await scene.do("fs.delete", "b")).code ?? ""),
          }],
        }),
    },
  });
  const first = await slow.submit({ action: "fs.delete", target: scene.path("a") });
  assertEquals([first.reversible, inner], [true, ["SNAPSHOT_FAILED"]]);
  assertEquals((await scene.layer.rollback(first.recordId)).status, "OK");
});

Deno.test("an action can be undone until its time is over; then its contents go", async () => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  await using scene = await Scene.open({ store: { ttlMs: 1000, clock: () => new Date(now) } });
  for (const name of ["a", "b"]) scene.ws.file(`w/${name}`, name);
  const a = await scene.done("fs.delete", "a");
  now += 999;
  const b = await scene.done("fs.delete", "b");
  assertEquals((await scene.layer.preview(a)).status, "OK");
  now += 1;
  assertEquals((await scene.layer.rollback(a)).code, "NO_SNAPSHOT");
  assertEquals(contents(scene).length, 2);
  assertEquals(scene.store.gc(), { expired: 1, contents: 0, bytes: 1 });
  assertEquals(contents(scene).length, 1);
  assertEquals((await scene.layer.rollback(b)).status, "OK");
});

Deno.test("everything is there again after a restart, also what was under way", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  const id = await scene.done("fs.write", "a.txt", { content: "new" });
  await scene.stop();
  await scene.start();
  assertEquals((await scene.layer.rollback(id)).status, "OK");
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "old");
  await scene.stop();
  await scene.start();
  assertEquals((await scene.layer.rollback(id)).code, "ALREADY_ROLLED_BACK");
});

Deno.test("contents without an action, and half copies, are removed at the start", async () => {
  await using scene = await Scene.open();
  await scene.stop();
  scene.ws.file(`snapshots/blobs/${"a".repeat(64)}`, "orphan");
  scene.ws.file("snapshots/blobs/new-1234", "half");
  scene.ws.file("snapshots/index.new", "half");
  scene.ws.link(`snapshots/links/link-${crypto.randomUUID()}`, "orphan");
  scene.ws.file("snapshots/links/other", "orphan");
  await scene.start();
  assertEquals(contents(scene), []);
  assertEquals(Array.from(Deno.readDirSync(scene.snapshots), ({ name }) => name).sort(), [
    "blobs",
    "index",
    "links",
    "lock",
  ]);
  assertEquals(Array.from(Deno.readDirSync(`${scene.snapshots}/links`)), []);
});

Deno.test("an index that is cut anywhere is good up to there", async () => {
  await using scene = await Scene.open();
  for (const name of ["a", "b", "c"]) await scene.done("fs.write", name, { content: name });
  await scene.stop();
  const index = `${scene.snapshots}/index`;
  const whole = Deno.readTextFileSync(index);
  const lines = whole.split("\n");
  for (let cut = 0; cut <= whole.length; cut += 37) {
    Deno.writeTextFileSync(index, whole.slice(0, cut));
    const complete = whole.slice(0, cut).split("\n").length - 1;
    const saved = lines.slice(0, complete).filter((line) => line.includes('"type":"saved"'));
    using store = SnapshotStore.open({ folder: scene.snapshots });
    assertEquals(store.list().length, saved.length);
    assertEquals(store.damaged, whole.slice(0, cut).endsWith("\n") || cut === 0 ? 0 : 1);
  }
  Deno.writeTextFileSync(index, whole);
  await scene.start();
  assertEquals((await scene.layer.rollbackAll()).rolledBack.length, 3);
});

Deno.test("a line of the index that was changed is not believed, the others are", async () => {
  await using scene = await Scene.open();
  for (const name of ["a", "b"]) await scene.done("fs.write", name, { content: name });
  await scene.stop();
  const index = `${scene.snapshots}/index`;
  const lines = Deno.readTextFileSync(index).split("\n");
  lines[0] = (lines[0] as string).replace("/w/a", "/w/x");
  Deno.writeTextFileSync(index, lines.join("\n"));
  await scene.start();
  assertEquals(scene.store.damaged, 1);
  assertEquals(scene.store.list().map(({ target }) => target), [scene.path("b")]);
});

Deno.test("an index of many events is written anew, and says the same", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  const filler = "x".repeat(10_000);
  for (let i = 0; i < 300; i++) {
    const recordId = crypto.randomUUID();
    const saved = {
      recordId,
      action: "a.b",
      target: filler,
      touches: [],
      snapshot: null,
      blobs: [],
    };
    await scene.store.add(saved, new Set());
    scene.store.forget(recordId);
  }
  assert(Deno.statSync(`${scene.snapshots}/index`).size < 1_500_000);
  const id = await scene.done("fs.write", "a.txt", { content: "new" });
  await scene.stop();
  await scene.start();
  assertEquals(scene.store.list().map(({ recordId }) => recordId), [id]);
  assertEquals((await scene.layer.rollback(id)).status, "OK");
});

Deno.test("a content that was changed in the store is not restored", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  const id = await scene.done("fs.write", "a.txt", { content: "new" });
  const [name] = contents(scene);
  const blob = `${scene.snapshots}/blobs/${name}`;
  Deno.writeTextFileSync(blob, "0ld");
  assertEquals((await scene.layer.preview(id)).code, "ROLLBACK_FAILED");
  const result = await scene.layer.rollback(id);
  assertEquals([result.status, result.code], ["ERROR", "SNAPSHOT_DAMAGED"]);
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "new");
  assertEquals(Object.keys(scene.tree()), ["/a.txt"]);
  Deno.removeSync(blob);
  assertEquals((await scene.layer.rollback(id)).code, "SNAPSHOT_MISSING");
  await scene.stop();
  await scene.start();
  assertEquals((await scene.layer.rollback(id)).code, "NO_SNAPSHOT");
});

/** What can happen to a content in the store. */
const DAMAGES: Readonly<Record<string, (blob: string) => void>> = {
  "cut short": (blob) => Deno.truncateSync(blob, 3),
  "longer": (blob) => Deno.writeTextFileSync(blob, "and more", { append: true }),
  "changed in place": (blob) => Deno.writeTextFileSync(blob, "prec1ous"),
  "removed": (blob) => Deno.removeSync(blob),
};
for (const [what, damage] of Object.entries(DAMAGES)) {
  for (const restarts of [false, true]) {
    const when = restarts ? ", also after a restart" : "";
    Deno.test(`a content that was ${what} is saved anew by the next action that needs it${when}`, async () => {
      await using scene = await Scene.open();
      for (const name of ["a", "b"]) scene.ws.file(`w/${name}`, "precious");
      const first = await scene.done("fs.write", "a", { content: "1" });
      const [name] = contents(scene) as [string];
      damage(`${scene.snapshots}/blobs/${name}`);
      if (restarts) {
        await scene.stop();
        await scene.start();
      }
      const second = await scene.done("fs.write", "b", { content: "2" });
      assertEquals([contents(scene), scene.store.bytes], [[name], 8]);
      assertEquals(mode(`${scene.snapshots}/blobs/${name}`), "600");
      const undone = await scene.layer.rollback(second);
      assertEquals(undone.status, "OK", undone.error);
      assertEquals(Deno.readTextFileSync(scene.path("b")), "precious");
      // And with it the one before, unless it was found to be lost at the start.
      const before = await scene.layer.rollback(first);
      const lost = restarts && what === "removed";
      assertEquals(before.code ?? before.status, lost ? "NO_SNAPSHOT" : "OK");
      assertEquals([contents(scene), scene.store.bytes], [[], 0]);
    });
  }
}

Deno.test("a content that is grown again by a good copy makes room for it, and not by itself", async () => {
  await using scene = await Scene.open({ store: { maxBytes: 130 } });
  for (const [name, of] of [["a", "x"], ["b", "y"], ["c", "x"]] as const) {
    scene.ws.file(`w/${name}`, of.repeat(50));
  }
  const a = await scene.done("fs.delete", "a");
  const [name] = contents(scene);
  Deno.truncateSync(`${scene.snapshots}/blobs/${name}`, 10);
  await scene.stop();
  await scene.start();
  const b = await scene.done("fs.delete", "b");
  assertEquals(scene.store.bytes, 60);
  scene.ws.file("w/d", "z".repeat(40));
  const d = await scene.done("fs.delete", "d");
  const c = await scene.do("fs.delete", "c");
  assertEquals([c.reversible, c.evicted, scene.store.bytes], [true, [a, b], 90]);
  const report = await scene.layer.rollbackAll();
  assertEquals([...report.rolledBack], [c.recordId, d]);
});

Deno.test("the same content saved many times at once is kept once, and goes with the last", async () => {
  await using scene = await Scene.open();
  const names = Array.from({ length: 12 }, (_, i) => `${i}`);
  for (const name of names) scene.ws.file(`w/${name}`, "the same");
  const ids = await Promise.all(names.map((name) => scene.done("fs.delete", name)));
  assertEquals([contents(scene).length, scene.store.bytes], [1, 8]);
  const undone = await Promise.all(ids.map((id) => scene.layer.rollback(id)));
  assertEquals(undone.map(({ status }) => status), names.map(() => "OK"));
  assertEquals([contents(scene), scene.store.bytes], [[], 0]);
});

Deno.test("a copy that could not be put in its place leaves nothing behind", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a", "precious");
  const id = await scene.done("fs.delete", "a");
  const [name] = contents(scene);
  await scene.layer.rollback(id);
  // A folder is not replaced by a file.
  scene.ws.folder(`snapshots/blobs/${name}`);
  const failed = await scene.do("fs.delete", "a");
  assertEquals([failed.status, failed.code], ["DENIED", "SNAPSHOT_FAILED"]);
  assertEquals([contents(scene), scene.store.bytes], [[], 0]);
  const again = await scene.done("fs.delete", "a");
  assertEquals((await scene.layer.rollback(again)).status, "OK");
  assertEquals([contents(scene), scene.store.bytes], [[], 0]);
});

Deno.test({
  name: "on a full disk nothing is done of which no snapshot could be taken",
  ignore: !canMount(),
  fn: async () => {
    using ws = new Workspace();
    using disk = new SmallDisk(ws);
    await using scene = await Scene.open({ store: { folder: `${disk.path}/s` }, layer: {} });
    scene.ws.file("w/big", "b".repeat(300_000));
    scene.ws.file("w/small", "old");
    const big = await scene.do("fs.delete", "big");
    assertEquals([big.status, big.code], ["DENIED", "SNAPSHOT_FAILED"]);
    disk.fill();
    const results = [];
    for (let i = 0; i < 40; i++) {
      results.push(await scene.do("fs.write", "small", { content: `${i}`.padEnd(2000) }));
    }
    assert(results.every(({ code }) => code === "SNAPSHOT_FAILED"), JSON.stringify(results[0]));
    assertEquals(Deno.readTextFileSync(scene.path("small")), "old");
    disk.free();
    scene.ws.file("w/small", "old");
    // The provider was told of another folder: that is as far as it comes.
    assertEquals((await scene.do("fs.delete", "small")).code, "SNAPSHOT_FAILED");
    assertStringIncludes(
      (await scene.do("fs.delete", "small")).error ?? "",
      "does not know the snapshot store",
    );
  },
});
