import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { impliedPermissions } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { ReversibleActionLayer } from "../../src/reversible/mod.ts";
import { Workspace } from "../workspace.ts";
import { Scene } from "./scene.ts";

/** A file that was readable once, and whose content is in the store. */
async function withSecret(): Promise<{ scene: Scene; sha256: string; id: string }> {
  const scene = await Scene.open();
  scene.ws.file("w/secret.txt", "s3cret");
  const id = await scene.done("fs.write", "secret.txt", { content: "gone" });
  const [{ name: sha256 }] = Array.from(Deno.readDirSync(`${scene.snapshots}/blobs`)) as [
    Deno.DirEntry,
  ];
  return { scene, sha256, id };
}

for (
  const action of ["fs.read", "fs.write", "fs.delete", "fs.list", "fs.stat", "fs.mkdir", "fs.move"]
) {
  Deno.test(`${action} cannot touch the snapshot store, whatever the policy allows`, async () => {
    const { scene, sha256 } = await withSecret();
    await using _ = scene;
    const { snapshots } = scene;
    const places = [
      snapshots,
      ...["index", "lock", "blobs", `blobs/${sha256}`, "new"].map((name) => `${snapshots}/${name}`),
    ];
    const before = Deno.readTextFileSync(`${snapshots}/index`);
    for (const target of places) {
      for (const gate of [scene.kernel, scene.layer]) {
        const params = { content: "mine", to: scene.path("stolen") };
        const result = await gate.submit({ action, target, params });
        assertEquals([result.status, result.code], ["DENIED", "GUARDED"], target);
        assertStringIncludes(result.error ?? "", "snapshot store");
      }
    }
    assertEquals(Deno.readTextFileSync(`${snapshots}/index`), before);
  });
}

Deno.test("what only looks like the snapshot store is not guarded", async () => {
  await using scene = await Scene.open();
  for (const name of ["snapshots2", "my-snapshots", "w/snapshots"]) {
    const target = scene.ws.path(name, "a.txt");
    const result = await scene.kernel.submit({
      action: "fs.write",
      target,
      params: { content: "" },
    });
    assertEquals(result.status, "OK", name);
  }
});

Deno.test("a file cannot be moved into the store, nor the folder around it be taken away", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "mine");
  const to = `${scene.snapshots}/blobs/${"a".repeat(64)}`;
  const moved = await scene.do("fs.move", "a.txt", { to });
  assertEquals([moved.status, moved.code], ["DENIED", "GUARDED"]);
  const removed = await scene.kernel.submit({ action: "fs.delete", target: scene.ws.root });
  assertEquals(removed.status, "DENIED");
});

Deno.test("no request alone gets a content out of the store: not by its digest, not as a rollback", async () => {
  const { scene, sha256, id } = await withSecret();
  await using _ = scene;
  const restore = { sha256, mode: 0o644, mtime: 0 };
  const tricks = [
    { params: { restore } },
    { params: { restore }, undoes: id },
    { params: { restore, content: "x" }, undoes: id },
    { params: { restore: { ...restore, sha256: `../../w/secret.txt` } }, undoes: id },
    { params: { restore, preparation: { restore: true, snapshots: scene.snapshots, expect: {} } } },
    {
      params: { restore },
      preparation: { restore: true, snapshots: scene.snapshots, expect: {} },
      undoes: id,
    },
  ];
  for (const trick of tricks) {
    for (const gate of [scene.kernel, scene.layer]) {
      for (const action of ["fs.write", "fs.mkdir"]) {
        const request = { action, target: scene.path("loot.txt"), ...trick };
        const result = await gate.submit(request);
        assertEquals([result.status, result.code], ["ERROR", "RESTORE_REFUSED"]);
      }
    }
  }
  assertEquals(Object.keys(scene.tree()), ["/secret.txt"]);
  // And the near miss: the layer's own rollback.
  assertEquals((await scene.layer.rollback(id)).status, "OK");
  assertEquals(Deno.readTextFileSync(scene.path("secret.txt")), "s3cret");
});

Deno.test("a rollback restores to where the content came from, and nowhere else through a link", async () => {
  const { scene, id } = await withSecret();
  await using _ = scene;
  scene.ws.folder("w/open");
  Deno.removeSync(scene.path("secret.txt"));
  scene.ws.link("w/secret.txt", scene.path("open/loot.txt"));
  assertEquals((await scene.layer.rollback(id)).code, "ROLLBACK_CONFLICT");
  const result = await scene.layer.rollback(id, { force: true });
  // The link is what is there now, so that it goes; what it leads to is not written.
  assertEquals(result.steps.map(({ action }) => action), ["fs.delete", "fs.write"]);
  assertEquals(Deno.lstatSync(scene.path("secret.txt")).isFile, true);
  assertEquals(Array.from(Deno.readDirSync(scene.path("open"))), []);
});

Deno.test("a rollback does not follow a folder that was swapped for a link", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/private/a.txt", "s3cret");
  scene.ws.folder("w/open");
  const deleted = await scene.done("fs.delete", "private/a.txt");
  Deno.renameSync(scene.path("private"), scene.path("away"));
  scene.ws.link("w/private", scene.path("open"));
  for (const force of [false, true]) {
    const result = await scene.layer.rollback(deleted, { force });
    assertEquals([result.status, result.code], ["DENIED", "ROLLBACK_CONFLICT"]);
    assertStringIncludes(result.error ?? "", "leads elsewhere now");
  }
  assertEquals(Array.from(Deno.readDirSync(scene.path("open"))), []);
  Deno.removeSync(scene.path("private"));
  Deno.renameSync(scene.path("away"), scene.path("private"));
  assertEquals((await scene.layer.rollback(deleted)).status, "OK");
});

Deno.test("capture does not follow a link that is put in the place of a file after the decision", async () => {
  await using scene = await Scene.open();
  scene.ws.file("outside/secret.txt", "s3cret");
  scene.ws.file("w/dir/a.txt", "old");
  const swapping = {
    submit: (...[request, options]: Parameters<typeof scene.kernel.submit>) =>
      scene.kernel.submit(request, {
        stages: [{
          name: "swap",
          enter() {
            Deno.renameSync(scene.path("dir"), scene.path("dir.away"));
            scene.ws.link("w/dir", scene.ws.path("outside"));
            scene.ws.file("outside/a.txt", "s3cret");
          },
        }, ...options?.stages ?? []],
      }),
  };
  const layer = new ReversibleActionLayer({ kernel: swapping, store: scene.store });
  const target = scene.path("dir/a.txt");
  const result = await layer.submit({ action: "fs.write", target, params: { content: "new" } });
  assertEquals([result.status, result.code], ["DENIED", "SNAPSHOT_FAILED"]);
  assertEquals(Deno.readTextFileSync(scene.ws.path("outside/a.txt")), "s3cret");
  assertEquals(scene.store.bytes, 0);
});

Deno.test("the implied permissions suffice for the store, and let the Worker change nothing of it but its links", () => {
  using ws = new Workspace();
  const snapshots = ws.path("snapshots");
  const { process, workers } = impliedPermissions({
    policy: { capabilities: [{ action: "fs.write", resource: `${ws.root}/w/**` }] },
    providers: [new FilesystemProvider({ snapshots })],
    logPath: ws.path("kernel.log"),
  });
  assert((process.allow.read as string[]).includes(snapshots));
  assert((process.allow.write as string[]).includes(snapshots));
  const { read, write } = workers["filesystem"] ?? {};
  assertEquals([read, write], [
    [snapshots, ws.path("w")],
    [`${snapshots}/links`, ws.path("w")],
  ]);
});

Deno.test("a filesystem provider refuses a relative store", () => {
  const error = assertThrows(() => new FilesystemProvider({ snapshots: "here" }), RangeError);
  assertStringIncludes(error.message, '"here"');
});
