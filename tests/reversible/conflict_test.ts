import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ReversibleActionLayer } from "../../src/reversible/mod.ts";
import { Scene } from "./scene.ts";

/** What somebody else does to the file of a finished action. */
type Change = (path: string) => void;
const write: Change = (path) => Deno.writeTextFileSync(path, "theirs");
const remove: Change = (path) => Deno.removeSync(path);
const chmod: Change = (path) => Deno.chmodSync(path, 0o700);
const touch: Change = (path) => Deno.utimeSync(path, 5, 5);
const folder: Change = (path) => {
  Deno.removeSync(path);
  Deno.mkdirSync(path);
};
const none: Change = () => {};

interface Case {
  readonly action: string;
  readonly params?: Record<string, unknown>;
  /** Whether `a.txt` is there before. */
  readonly old: boolean;
  /** Which file is changed after the action. */
  readonly at?: string;
  readonly change: Change;
  /** The code of a rollback; `OK` if it works. */
  readonly code: string;
  /** And with force. @default "OK" */
  readonly forced?: string;
}

const WRITE = { action: "fs.write", params: { content: "new" } };
const MOVE = { action: "fs.move", params: { to: "b.txt" }, old: true, at: "b.txt" };
const CASES: Readonly<Record<string, Case>> = {
  "a write, untouched": { ...WRITE, old: true, change: none, code: "OK" },
  "a write, touched only": { ...WRITE, old: true, change: touch, code: "OK" },
  "a write, written over": { ...WRITE, old: true, change: write, code: "ROLLBACK_CONFLICT" },
  "a write, deleted": { ...WRITE, old: true, change: remove, code: "ROLLBACK_CONFLICT" },
  "a write, other mode": { ...WRITE, old: true, change: chmod, code: "ROLLBACK_CONFLICT" },
  "a write, now a folder": {
    ...{ ...WRITE, old: true, change: folder, code: "ROLLBACK_CONFLICT" },
    forced: "NOT_A_FILE",
  },
  "a new file, written over": { ...WRITE, old: false, change: write, code: "ROLLBACK_CONFLICT" },
  "a new file, deleted": { ...WRITE, old: false, change: remove, code: "OK" },
  "a delete, made again": {
    action: "fs.delete",
    old: true,
    change: write,
    code: "ROLLBACK_CONFLICT",
  },
  "a move, untouched": { ...MOVE, change: none, code: "OK" },
  "a move, written over": { ...MOVE, change: write, code: "ROLLBACK_CONFLICT" },
  "a move, its source made again": {
    ...{ ...MOVE, at: "a.txt", change: write, code: "ROLLBACK_CONFLICT" },
  },
  "a move, deleted": { ...MOVE, change: remove, code: "ROLLBACK_CONFLICT" },
  "a folder, with something in it": {
    ...{ action: "fs.mkdir", old: false, change: (path: string) => write(`${path}/x`) },
    ...{ code: "ROLLBACK_IMPOSSIBLE", forced: "ROLLBACK_IMPOSSIBLE" },
  },
};

for (
  const [what, { action, params = {}, old, at = "a.txt", change, code, forced = "OK" }] of Object
    .entries(CASES)
) {
  Deno.test(`rollback of ${what}: ${code}, with force: ${forced}`, async () => {
    await using scene = await Scene.open();
    if (old) {
      const path = scene.ws.file("w/a.txt", "old");
      Deno.chmodSync(path, 0o640);
      Deno.utimeSync(path, 1, 1_000_000);
    }
    const before = scene.tree();
    const to = params["to"] === undefined ? {} : { to: scene.path(String(params["to"])) };
    const id = await scene.done(action, "a.txt", { ...params, ...to });
    change(scene.path(at));
    const after = scene.tree();
    const result = await scene.layer.rollback(id);
    assertEquals(result.code ?? result.status, code, result.error);
    if (code !== "OK") {
      assertEquals(scene.tree(), after, "a conflict changes nothing");
      assertEquals((await scene.layer.preview(id)).code, code);
      const again = await scene.layer.rollback(id, { force: true });
      assertEquals(again.code ?? again.status, forced, again.error);
    }
    if (forced === "OK") assertEquals(scene.tree(), before);
  });
}

Deno.test("a rollback out of order is a conflict as long as later actions stand", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "0");
  const first = await scene.done("fs.write", "a.txt", { content: "1" });
  const second = await scene.done("fs.write", "a.txt", { content: "2" });
  assertEquals((await scene.layer.rollback(first)).code, "ROLLBACK_CONFLICT");
  assertEquals((await scene.layer.rollback(second)).status, "OK");
  assertEquals((await scene.layer.rollback(first)).status, "OK");
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "0");
});

Deno.test("rollbackAll stops at the first conflict and says what is done and what is left", async () => {
  await using scene = await Scene.open();
  const ids: (string | undefined)[] = [];
  for (const name of ["a", "b", "c"]) {
    ids.push(await scene.done("fs.write", name, { content: name }));
  }
  Deno.writeTextFileSync(scene.path("b"), "theirs");
  const report = await scene.layer.rollbackAll();
  assertEquals([report.status, report.rolledBack], ["ERROR", [ids[2]]]);
  assertEquals([report.stopped?.recordId, report.stopped?.code], [ids[1], "ROLLBACK_CONFLICT"]);
  assertStringIncludes(report.stopped?.error ?? "", scene.path("b"));
  assertEquals([...report.remaining], [ids[1], ids[0]]);
  assertEquals(Object.keys(scene.tree()), ["/a", "/b"]);
  const forced = await scene.layer.rollbackAll({ force: true });
  assertEquals([forced.status, forced.rolledBack], ["OK", [ids[1], ids[0]]]);
});

const BETWEEN: readonly (readonly [string, string, Record<string, unknown>, Change])[] = [
  ["replaced", "fs.write", { content: "new" }, (path) => {
    Deno.writeTextFileSync(`${path}.new`, "theirs");
    Deno.renameSync(`${path}.new`, path);
  }],
  ["written in place", "fs.write", { content: "new" }, write],
  ["written in place with as many bytes, at once", "fs.write", { content: "new" }, (path) => {
    const { mtime } = Deno.lstatSync(path);
    Deno.writeTextFileSync(path, "0ld");
    Deno.utimeSync(path, mtime ?? 0, mtime ?? 0);
  }],
  ["made", "fs.write", { content: "new" }, write],
  ["replaced", "fs.delete", {}, write],
  ["replaced", "fs.move", { to: "b.txt" }, write],
];
for (const [what, action, params, change] of BETWEEN) {
  Deno.test(`${action}: a file that is ${what} after its snapshot is not lost, nothing is done`, async () => {
    await using scene = await Scene.open();
    const path = what === "made" ? scene.path("a.txt") : scene.ws.file("w/a.txt", "old");
    const to = params["to"] === undefined ? {} : { to: scene.path("b.txt") };
    const changing = {
      submit: (...[request, options]: Parameters<typeof scene.kernel.submit>) =>
        scene.kernel.submit(request, {
          stages: [...options?.stages ?? [], { name: "meanwhile", enter: () => change(path) }],
        }),
    };
    const layer = new ReversibleActionLayer({ kernel: changing, store: scene.store });
    const result = await layer.submit({ action, target: path, params: { ...params, ...to } });
    assertEquals([result.status, result.code, result.reversible], [
      "ERROR",
      "TARGET_CHANGED",
      false,
    ]);
    assertEquals(Object.keys(scene.tree()), ["/a.txt"]);
    assert(["theirs", "0ld"].includes(Deno.readTextFileSync(path)));
    assertEquals(scene.store.list(), []);
    assertEquals(scene.store.bytes, 0);
  });
}

Deno.test("a file that appears where a move goes is not overwritten", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  scene.ws.file("w/b.txt", "theirs");
  const params = { to: scene.path("b.txt"), overwrite: true };
  const changing = {
    submit: (...[request, options]: Parameters<typeof scene.kernel.submit>) =>
      scene.kernel.submit(request, {
        stages: [...options?.stages ?? [], {
          name: "meanwhile",
          enter: () => Deno.writeTextFileSync(scene.path("b.txt"), "changed"),
        }],
      }),
  };
  const layer = new ReversibleActionLayer({ kernel: changing, store: scene.store });
  const result = await layer.submit({ action: "fs.move", target: scene.path("a.txt"), params });
  assertEquals(result.code, "TARGET_CHANGED");
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "old");
  assertEquals(Deno.readTextFileSync(scene.path("b.txt")), "changed");
});
