/** Symbolic links that were deleted, moved or overwritten come back as links. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ReversibleActionLayer } from "../../src/reversible/mod.ts";
import { Scene } from "./scene.ts";

const isLink = (path: string) => Deno.lstatSync(path).isSymlink;

for (const goal of ["a.txt", "nowhere", "folder", "../outside.txt", "/etc/passwd"]) {
  Deno.test(`a deleted link to ${goal} is restored as the link that it was`, async () => {
    await using scene = await Scene.open();
    scene.ws.file("w/a.txt", "old");
    scene.ws.file("w/folder/f", "f");
    scene.ws.file("outside.txt", "outside");
    scene.ws.link("w/link", goal);
    const id = await scene.done("fs.delete", "link");
    assertEquals(Array.from(Deno.readDirSync(scene.path("")), ({ name }) => name).sort(), [
      "a.txt",
      "folder",
    ]);
    assertEquals((await scene.layer.rollback(id)).error, undefined);
    assertEquals(Deno.readLinkSync(scene.path("link")), goal);
    assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "old");
  });
}

Deno.test("a deleted link is restored after a restart, into folders that have to be made again", async () => {
  await using scene = await Scene.open();
  scene.ws.link("w/sub/link", "a.txt");
  const id = await scene.done("fs.delete", "sub/link");
  Deno.removeSync(scene.path("sub"));
  await scene.stop();
  await scene.start();
  assertEquals((await scene.layer.rollback(id)).error, undefined);
  assertEquals(Deno.readLinkSync(scene.path("sub/link")), "a.txt");
});

Deno.test("a moved link is moved back, and restored if it is no longer there", async () => {
  for (const isGone of [false, true]) {
    await using scene = await Scene.open();
    scene.ws.file("w/a.txt", "old");
    scene.ws.link("w/link", "a.txt");
    const id = await scene.done("fs.move", "link", { to: scene.path("moved") });
    if (isGone) Deno.removeSync(scene.path("moved"));
    const result = await scene.layer.rollback(id, { force: isGone });
    assertEquals(result.error, undefined);
    assertEquals(Deno.readLinkSync(scene.path("link")), "a.txt");
    assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "old");
  }
});

Deno.test("a link that a move overwrote is restored, and what it led to was never touched", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "moved");
  scene.ws.file("w/goal.txt", "goal");
  scene.ws.link("w/link", "goal.txt");
  const id = await scene.done("fs.move", "a.txt", { to: scene.path("link"), overwrite: true });
  assert(!isLink(scene.path("link")));
  assertEquals((await scene.layer.rollback(id)).error, undefined);
  assertEquals(Deno.readLinkSync(scene.path("link")), "goal.txt");
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "moved");
  assertEquals(Deno.readTextFileSync(scene.path("goal.txt")), "goal");
});

Deno.test("another link in the place of a deleted one is a conflict; preview shows both, force replaces it", async () => {
  await using scene = await Scene.open();
  scene.ws.link("w/link", "mine");
  const id = await scene.done("fs.delete", "link");
  scene.ws.link("w/link", "theirs");
  assertEquals((await scene.layer.rollback(id)).code, "ROLLBACK_CONFLICT");
  assertEquals(Deno.readLinkSync(scene.path("link")), "theirs");
  const path = scene.path("link");
  const { text } = await scene.layer.preview(id);
  assertEquals(text, `-${path} -> theirs\n+${path} -> mine\n`);
  assertEquals((await scene.layer.rollback(id, { force: true })).error, undefined);
  assertEquals(Deno.readLinkSync(path), "mine");
});

Deno.test("a link that was replaced after its snapshot is not deleted", async () => {
  await using scene = await Scene.open();
  scene.ws.link("w/link", "mine");
  const target = scene.path("link");
  const swap = {
    name: "swap",
    enter() {
      Deno.removeSync(target);
      scene.ws.link("w/link", "theirs");
    },
  };
  const submit: typeof scene.kernel.submit = (request, options) =>
    scene.kernel.submit(request, { ...options, stages: [...options?.stages ?? [], swap] });
  const layer = new ReversibleActionLayer({ kernel: { submit }, store: scene.store });
  const result = await layer.submit({ action: "fs.delete", target });
  assertEquals([result.code, result.reversible], ["TARGET_CHANGED", false]);
  assertEquals(Deno.readLinkSync(target), "theirs");
});

Deno.test("links that are no longer needed leave the store", async () => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  await using scene = await Scene.open({ store: { clock: () => new Date(now), ttlMs: 1000 } });
  scene.ws.link("w/link", "a.txt");
  await scene.done("fs.delete", "link");
  const kept = () => Array.from(Deno.readDirSync(`${scene.snapshots}/links`)).length;
  assertEquals(kept(), 1);
  now += 2000;
  scene.store.gc();
  assertEquals(kept(), 0);
});

Deno.test("restore takes no name of a link that is a path", async () => {
  await using scene = await Scene.open();
  for (const link of ["../blobs/x", "link-../../etc", "", 1, null]) {
    const request = { action: "fs.write", target: scene.path("a"), params: { restore: { link } } };
    const { code } = await scene.kernel.submit(request, {
      stages: [{
        name: "host",
        enter: () => ({
          preparation: {
            snapshots: scene.snapshots,
            expect: { target: { kind: "absent" } },
            restore: true,
          },
        }),
      }],
    });
    assertEquals(code, "INVALID_PARAMS", String(link));
  }
  // And the near miss: a name of the right form, which is not there.
  const link = `link-${crypto.randomUUID()}`;
  const { code, error } = await scene.kernel.submit({
    action: "fs.write",
    target: scene.path("a"),
    params: { restore: { link } },
  });
  assertEquals(code, "RESTORE_REFUSED");
  assertStringIncludes(error ?? "", "rollbacks only");
});
