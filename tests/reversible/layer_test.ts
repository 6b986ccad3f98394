import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Stage } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { Provider } from "../../src/worker/mod.ts";
import {
  ReversibleActionLayer,
  type RollbackResult,
  type SnapshotStrategy,
} from "../../src/reversible/mod.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { recordsOf } from "../core/record/log_file.ts";
import { run } from "../workspace.ts";
import { Scene, type SceneOptions } from "./scene.ts";

const BINARY = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

/** A tree of all that has to come back. */
function furnish(scene: Scene): void {
  const files: Record<string, [content: string | Uint8Array, mode: number]> = {
    "text.txt": ["one\ntwo\r\nthree", 0o644],
    "binary.bin": [BINARY, 0o600],
    "empty": ["", 0o664],
    "run.sh": ["#!/bin/sh\n", 0o755],
    "setuid": ["x", 0o4711],
    "readonly": ["fixed", 0o444],
    "sub/inner.txt": ["inner", 0o640],
  };
  for (const [i, [name, [content, mode]]] of Object.entries(files).entries()) {
    const path = scene.ws.file(`w/${name}`, content);
    Deno.chmodSync(path, mode);
    Deno.utimeSync(path, 1, new Date(1_600_000_000_123 + i * 1001));
  }
  Deno.mkdirSync(scene.path("hollow"), { mode: 0o750 });
}

const CASES: readonly (readonly [what: string, action: string, name: string, params?: object])[] = [
  ...["text.txt", "binary.bin", "empty", "run.sh", "setuid", "readonly", "sub/inner.txt"].flatMap(
    (name) =>
      [
        [`overwriting ${name}`, "fs.write", name, { content: "other" }],
        [`deleting ${name}`, "fs.delete", name],
        [`moving ${name}`, "fs.move", name, { to: "moved" }],
        [`moving ${name} into new folders`, "fs.move", name, { to: "new/er/moved" }],
        [`moving text over ${name}`, "fs.move", "text.txt", { to: name, overwrite: true }],
      ] as const,
  ).filter(([, , name, params]) => (params as { to?: string } | undefined)?.to !== name),
  ["a binary write", "fs.write", "text.txt", { content: "/+8=", encoding: "base64" }],
  ["a new file", "fs.write", "new.txt", { content: "new" }],
  ["a new file in new folders", "fs.write", "a/b/c/new.txt", { content: "new" }],
  ["a new folder", "fs.mkdir", "folder"],
  ["new folders", "fs.mkdir", "a/b/c"],
  ["deleting an empty folder", "fs.delete", "hollow"],
  ["a folder that is there", "fs.mkdir", "sub"],
];

for (const [what, action, name, params = {}] of CASES) {
  Deno.test(`rollback brings everything back after ${what}`, async () => {
    await using scene = await Scene.open();
    furnish(scene);
    const before = scene.tree();
    const { to, ...rest } = params as { to?: string };
    const given = to === undefined ? rest : { ...rest, to: scene.path(to) };
    const id = await scene.done(action, name, given);
    if (name !== "sub") assert(JSON.stringify(scene.tree()) !== JSON.stringify(before), "a change");
    const result = await scene.layer.rollback(id);
    assertEquals(result.status, "OK", JSON.stringify(result));
    assertEquals(scene.tree(), before);
    assertEquals(scene.store.bytes, 0, "nothing is kept of what was undone");
  });
}

Deno.test("rollback brings 200 MB back, and mode and time with them", async () => {
  await using scene = await Scene.open();
  const path = scene.path("large");
  {
    using file = Deno.openSync(path, { write: true, create: true });
    const chunk = crypto.getRandomValues(new Uint8Array(50_000));
    for (let i = 0; i < 4_000; i++) file.writeSync(chunk);
  }
  Deno.chmodSync(path, 0o750);
  Deno.utimeSync(path, 1, new Date(1_234_567_890_123));
  const before = Deno.lstatSync(path);
  const head = Deno.openSync(path);
  const bytes = new Uint8Array(1000);
  head.readSync(bytes);
  head.close();
  const id = await scene.done("fs.write", "large", { content: "small" });
  assertEquals(Deno.lstatSync(path).size, 5);
  assertEquals((await scene.layer.rollback(id)).status, "OK");
  const { size, mode, mtime } = Deno.lstatSync(path);
  assertEquals([size, mode, mtime], [200_000_000, before.mode, before.mtime]);
  using file = Deno.openSync(path);
  const again = new Uint8Array(1000);
  file.readSync(again);
  assertEquals(again, bytes);
});

Deno.test("folders that a write made stay if somebody else uses them", async () => {
  await using scene = await Scene.open();
  const id = await scene.done("fs.write", "a/b/new.txt", { content: "new" });
  scene.ws.file("w/a/other.txt");
  assertEquals((await scene.layer.rollback(id)).status, "OK");
  assertEquals(Object.keys(scene.tree()), ["/a", "/a/other.txt"]);
});

Deno.test("a rollback goes through the gate and names what it undoes in its records", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  const id = await scene.done("fs.write", "a.txt", { content: "new" }, { agent: "writer" });
  const { steps } = await scene.layer.rollback(id, { agent: "owner" });
  const records = recordsOf(scene.ws.path("kernel.log"));
  assertEquals(
    records.map(({ action, agent, record_id, undoes }) => [action, agent, record_id, undoes]),
    [
      ["fs.write", "writer", id, undefined],
      ["fs.write", "owner", steps[0]?.recordId, id],
    ],
  );
});

Deno.test("a rollback is denied like any action, says which step, and can be repeated", async () => {
  await using scene = await Scene.open({
    capabilities: (root) => [{ action: "fs.write", resource: `${root}/**` }],
  });
  const id = await scene.done("fs.write", "new.txt", { content: "new" });
  const result = await scene.layer.rollback(id);
  assertEquals([result.status, result.code], ["DENIED", "NO_RULE"]);
  assertStringIncludes(result.error ?? "", "step 1 of 1, fs.delete");
  assertEquals(Deno.readTextFileSync(scene.path("new.txt")), "new");
  assertEquals((await scene.layer.rollback(id)).code, "NO_RULE");
});

/** A policy that lets something be done and not undone, and what it lacks. */
const LACKING: readonly {
  readonly name: string;
  readonly rules: (root: string) => readonly unknown[];
  readonly code: string;
  readonly lacks: string;
}[] = [
  {
    name: "a.txt",
    rules: (root) => [
      { action: "fs.write", resource: `${root}/**`, constraint: { content: { max_length: 3 } } },
    ],
    code: "CONSTRAINT_UNMET",
    lacks: 'allow fs.write of "…/a.txt" with "restore"',
  },
  {
    name: "new.txt",
    rules: (root) => [{ action: "fs.write", resource: `${root}/**` }],
    code: "NO_RULE",
    lacks: 'allow fs.delete of "…/new.txt"',
  },
];
for (const { name, rules, code, lacks } of LACKING) {
  Deno.test(`a denied rollback says what the policy lacks: ${lacks}`, async () => {
    await using scene = await Scene.open({ capabilities: rules });
    scene.ws.file("w/a.txt", "old");
    const id = await scene.done("fs.write", name, { content: "new" });
    const result = await scene.layer.rollback(id);
    assertEquals([result.status, result.code], ["DENIED", code]);
    const told = (result.error ?? "").replaceAll(scene.path(name), `…/${name}`);
    assert(told.endsWith(`; to undo it, the policy has to ${lacks}`), told);
  });
}

Deno.test("a denial that no policy could lift says nothing of the policy", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/dir/a.txt", "old");
  const id = await scene.done("fs.delete", "dir/a.txt");
  Deno.renameSync(scene.path("dir"), scene.path("away"));
  scene.ws.link("w/dir", scene.path("away"));
  const result = await scene.layer.rollback(id);
  assertEquals([result.status, result.code], ["DENIED", "ROLLBACK_CONFLICT"]);
  assertEquals(result.error?.includes("policy"), false, result.error);
});

Deno.test("a policy can allow what an agent writes and what a rollback restores by different rules", async () => {
  await using scene = await Scene.open({
    capabilities: (root) => [
      { action: "fs.write", resource: `${root}/**`, constraint: { content: { max_length: 3 } } },
      { action: "fs.write", resource: `${root}/**`, constraint: { restore: { exists: true } } },
    ],
  });
  scene.ws.file("w/a.txt", "longer than three");
  const id = await scene.done("fs.write", "a.txt", { content: "new" });
  // What the second rule lets through is nothing that an agent can use.
  const restore = { sha256: "0".repeat(64), mode: 0o644, mtime: 0 };
  for (const params of [{ content: "longer", restore }, { content: "longer", restore: true }]) {
    const result = await scene.do("fs.write", "a.txt", params);
    assertEquals([result.status, result.code], ["ERROR", "RESTORE_REFUSED"]);
  }
  assertEquals((await scene.layer.rollback(id)).status, "OK");
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "longer than three");
});

Deno.test("what cannot be undone says so in its result", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  const read = await scene.do("fs.read", "a.txt");
  assertEquals([read.status, read.data, read.reversible], ["OK", "old", false]);
  assertEquals(read.why, 'no strategy for action type "fs.read"');
  const denied = await scene.layer.submit({ action: "fs.write", target: "/etc/x", params: {} });
  assertEquals([denied.status, denied.reversible, denied.why], [
    "DENIED",
    false,
    "nothing was done",
  ]);
  assertEquals(scene.store.list(), []);
});

Deno.test("rollback of an unknown, an undone and an undoing action has its own code", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  const id = await scene.done("fs.write", "a.txt", { content: "new" });
  const { steps } = await scene.layer.rollback(id);
  for (
    const [recordId, code, error] of [
      [undefined, "NO_SNAPSHOT", "no snapshot found"],
      [crypto.randomUUID(), "NO_SNAPSHOT", "no snapshot found"],
      [steps[0]?.recordId, "NO_SNAPSHOT", "no snapshot found"],
      [id, "ALREADY_ROLLED_BACK", "was rolled back already"],
    ] as const
  ) {
    const result = await scene.layer.rollback(recordId);
    assertEquals([result.status, result.code, result.steps], ["ERROR", code, []]);
    assertStringIncludes(result.error ?? "", error);
    assertEquals((await scene.layer.preview(recordId ?? "")).code, code);
  }
});

Deno.test("rollback without a strategy says so", async () => {
  await using scene = await Scene.open();
  const id = await scene.done("fs.write", "a.txt", { content: "new" });
  const other = new ReversibleActionLayer({
    kernel: scene.kernel,
    store: scene.store,
    strategies: [],
  });
  const { code, error } = await other.rollback(id);
  assertEquals([code, error], ["NO_STRATEGY", 'no strategy for action type "fs.write"']);
});

const FAILING: SnapshotStrategy = {
  action: "fs.write",
  capture: () => Promise.reject(new Error("out of film")),
  undo: () => Promise.reject(new Error("never saved")),
};

Deno.test("an action of which no snapshot can be taken is denied, with the reason, and not done", async () => {
  await using scene = await Scene.open({ layer: { strategies: [FAILING] } });
  const result = await scene.do("fs.write", "a.txt", { content: "new" });
  assertEquals([result.status, result.code, result.reversible], [
    "DENIED",
    "SNAPSHOT_FAILED",
    false,
  ]);
  assertStringIncludes(result.error ?? "", "out of film");
  assertEquals(scene.tree(), {});
  const [record] = recordsOf(scene.ws.path("kernel.log"));
  assertEquals([record?.status, record?.code], ["DENIED", "SNAPSHOT_FAILED"]);
});

Deno.test("onCaptureFailure: proceed does it, and says that it cannot be undone", async () => {
  await using scene = await Scene.open({
    layer: { strategies: [FAILING], onCaptureFailure: "proceed" },
  });
  const result = await scene.do("fs.write", "a.txt", { content: "new" });
  assertEquals([result.status, result.reversible], ["OK", false]);
  assertStringIncludes(result.why ?? "", "out of film");
  assertEquals((await scene.layer.rollback(result.recordId)).code, "NO_SNAPSHOT");
});

/** What is neither a file nor a folder, and what is tried on it. */
const OTHERS: readonly (readonly [what: string, make: (path: string) => Disposable])[] = [
  ["named pipe", (path) => (run("mkfifo", path), { [Symbol.dispose]() {} })],
  ["socket", (path) => Deno.listen({ transport: "unix", path })],
];
for (const [what, make] of OTHERS) {
  for (
    const [action, name, params] of [
      ["fs.delete", "other", {}],
      ["fs.write", "other", { content: "new" }],
      ["fs.mkdir", "other", {}],
      ["fs.move", "other", { to: "b.txt" }],
      ["fs.move", "a.txt", { to: "other", overwrite: true }],
    ] as const
  ) {
    const given = JSON.stringify(params);
    Deno.test(`${action} of ${name} ${given} is denied if other is a ${what}: it could not be made again`, async () => {
      await using scene = await Scene.open();
      scene.ws.file("w/a.txt", "old");
      using _ = make(scene.path("other"));
      const to = "to" in params ? { to: scene.path(params.to) } : {};
      const result = await scene.do(action, name, { ...params, ...to });
      assertEquals([result.status, result.code, result.reversible], [
        "DENIED",
        "SNAPSHOT_FAILED",
        false,
      ]);
      assertStringIncludes(
        result.error ?? "",
        `"${
          scene.path("other")
        }" is a device, pipe or socket: only files, folders and symbolic links`,
      );
      assertEquals(Array.from(Deno.readDirSync(scene.path("")), (one) => one.name).sort(), [
        "a.txt",
        "other",
      ]);
      assertEquals([scene.store.list(), scene.store.bytes], [[], 0]);
    });
  }
}

Deno.test("a named pipe can be deleted if what cannot be undone is wanted, and the result says so", async () => {
  await using scene = await Scene.open({ layer: { onCaptureFailure: "proceed" } });
  run("mkfifo", scene.path("pipe"));
  const result = await scene.do("fs.delete", "pipe");
  assertEquals([result.status, result.reversible, scene.tree()], ["OK", false, {}]);
  assertStringIncludes(result.why ?? "", "only files, folders and symbolic links can be restored");
  assertEquals((await scene.layer.rollback(result.recordId)).code, "NO_SNAPSHOT");
});

Deno.test("a provider that could not restore refuses before anything is done", async () => {
  await using scene = await Scene.open({ providers: () => [new FilesystemProvider()] });
  scene.ws.file("w/a.txt", "old");
  for (const [action, params] of [["fs.write", { content: "new" }], ["fs.delete", {}]] as const) {
    const result = await scene.do(action, "a.txt", params);
    assertEquals([result.status, result.code, result.reversible], [
      "ERROR",
      "SNAPSHOT_FAILED",
      false,
    ]);
    assertStringIncludes(result.error ?? "", `snapshots: "${scene.snapshots}"`);
  }
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "old");
});

Deno.test("submits through the layer at once do not come into each other's way", async () => {
  await using scene = await Scene.open();
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, i) => scene.do("fs.write", `${i % 4}.txt`, { content: `${i}` })),
  );
  assertEquals(
    results.filter(({ status, reversible }) => status === "OK" && reversible).length,
    40,
  );
  const report = await scene.layer.rollbackAll();
  assertEquals([report.status, report.rolledBack.length], ["OK", 40]);
  assertEquals(scene.tree(), {});
});

Deno.test("a rollback waits until the end of the action is noted, also if nothing is touched", async () => {
  const seen: string[] = [];
  const strategy: SnapshotStrategy = {
    action: "fs.write",
    touches: () => [],
    capture: () => Promise.resolve({ snapshot: null }),
    settle: () => void seen.push("settle"),
    undo: () => {
      seen.push("undo");
      return Promise.resolve({ steps: [] });
    },
  };
  await using scene = await Scene.open({ layer: { strategies: [strategy] } });
  const undone: Promise<RollbackResult>[] = [];
  const layer: ReversibleActionLayer = new ReversibleActionLayer({
    kernel: {
      submit: async (...given) => {
        const result = await scene.kernel.submit(...given);
        undone.push(layer.rollback(result.recordId));
        await Deno.lstat(scene.path("a")); // Time enough for one that does not wait.
        return result;
      },
    },
    store: scene.store,
    strategies: [strategy],
  });
  await layer.submit({ action: "fs.write", target: scene.path("a"), params: { content: "" } });
  assertEquals((await Promise.all(undone)).map(({ status }) => status), ["OK"]);
  assertEquals(seen, ["settle", "undo"]);
});

Deno.test("rollbackAll undoes a session, the latest first: of an agent, and since a moment", async () => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  await using scene = await Scene.open({ store: { clock: () => new Date(now) } });
  scene.ws.file("w/a.txt", "old");
  await scene.done("fs.write", "a.txt", { content: "1" }, { agent: "first" });
  now += 60_000;
  const moment = new Date(now);
  await scene.done("fs.write", "b.txt", { content: "2" }, { agent: "second" });
  await scene.done("fs.write", "c.txt", { content: "3" }, { agent: "first" });
  await scene.done("fs.move", "c.txt", { to: scene.path("d.txt") }, { agent: "first" });
  const later = await scene.layer.rollbackAll({ since: moment, of: "first" });
  assertEquals([later.status, later.rolledBack.length], ["OK", 2]);
  assertEquals(Object.keys(scene.tree()), ["/a.txt", "/b.txt"]);
  const rest = await scene.layer.rollbackAll({ since: moment });
  assertEquals([rest.status, rest.rolledBack.length], ["OK", 1]);
  assertEquals((await scene.layer.rollbackAll()).rolledBack.length, 1);
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "old");
  assertEquals(await scene.layer.rollbackAll(), { status: "OK", rolledBack: [], remaining: [] });
});

Deno.test("layers before layers: each saves, and stages of the caller are still entered", async () => {
  await using scene = await Scene.open({ layer: { strategies: [] } });
  scene.ws.file("w/a.txt", "old");
  const outer = new ReversibleActionLayer({ kernel: scene.layer, store: scene.store });
  const seen: string[] = [];
  const request = { action: "fs.write", target: scene.path("a.txt"), params: { content: "new" } };
  const stage: Stage = { name: "own", enter: (_, { recordId }) => void seen.push(recordId) };
  const result = await outer.submit(request, { stages: [stage] });
  assertEquals([result.status, result.reversible, seen], ["OK", true, [result.recordId ?? ""]]);
  assertEquals((await outer.rollback(result.recordId)).status, "OK");
  assertEquals(Deno.readTextFileSync(scene.path("a.txt")), "old");
});

/** A table that lives in the process, and how its changes are undone. */
function table(rows: Map<string, string>, meanwhile = () => {}) {
  const provider = new Provider({
    name: "db",
    isolation: "none",
    actions: { "db.put": { kind: "name" } },
    execute: ({ target, params }) => {
      rows.set(target, String(params["value"]));
      meanwhile();
    },
  });
  const strategy: SnapshotStrategy = {
    action: "db.put",
    async capture({ target }, { save }) {
      return { snapshot: await save(new TextEncoder().encode(rows.get(target))) };
    },
    async undo({ target, snapshot }, { read }) {
      const value = new TextDecoder().decode(await read(snapshot as string));
      return { steps: [{ action: "db.put", target, params: { value } }] };
    },
  };
  return {
    providers: () => [provider],
    capabilities: () => [{ action: "db.put", resource: "user/*" }],
    layer: { strategies: [strategy] },
  };
}

const BOB = { action: "db.put", target: "user/1", params: { value: "Bob" } };

Deno.test("a strategy of one's own: any action, with contents in the store", async () => {
  const rows = new Map([["user/1", "Ann"]]);
  await using scene = await Scene.open(table(rows));
  const { recordId } = await scene.layer.submit(BOB);
  assertEquals(rows.get("user/1"), "Bob");
  assertEquals((await scene.layer.rollback(recordId)).status, "OK");
  assertEquals(rows.get("user/1"), "Ann");
});

Deno.test("what was done but could not be recorded yet can be undone: its id is in the result", async () => {
  const rows = new Map([["user/1", "Ann"]]);
  let log = "";
  const away = () => log !== "" && Deno.renameSync(log, `${log}.away`);
  // By a clock that stands still, the log is looked at before each write.
  await using scene = await Scene.open({
    ...table(rows, away),
    kernel: { timer: new ManualTimer() },
  });
  log = scene.ws.path("kernel.log");
  const result = await scene.layer.submit(BOB);
  assertEquals([result.code, result.reversible, rows.get("user/1")], [
    "AUDIT_UNAVAILABLE",
    true,
    "Bob",
  ]);
  Deno.renameSync(`${log}.away`, log);
  log = "";
  await scene.kernel.recover();
  assertEquals((await scene.layer.rollback(result.recordId)).status, "OK");
  assertEquals(rows.get("user/1"), "Ann");
  assertEquals(
    recordsOf(scene.ws.path("kernel.log")).filter(({ action }) => action === "db.put")
      .map(({ status, record_id, undoes }) => [status, record_id === result.recordId, undoes]),
    [["OK", true, undefined], ["OK", false, result.recordId]],
  );
});

/** A scene in which the provider stops in the middle of a move: the file is at neither end. */
function openTorn(more: SceneOptions = {}): Promise<Scene> {
  const half = new Provider({
    name: "half",
    isolation: "none",
    deadlineMs: 10,
    actions: { "fs.move": {} },
    execute: ({ target }) => {
      Deno.removeSync(target);
      return new Promise(() => {});
    },
  });
  const providers = (filesystem: Provider) => ({ "fs.move": half, "fs.write": filesystem });
  return Scene.open({ providers, ...more });
}

Deno.test("a move in which the provider stopped is undone from the snapshot, for there is no file", async () => {
  await using scene = await openTorn();
  Deno.chmodSync(scene.ws.file("w/a.txt", "the only copy"), 0o640);
  const before = scene.tree();
  const result = await scene.do("fs.move", "a.txt", { to: scene.path("b.txt") });
  assertEquals([result.code, result.reversible], ["DEADLINE_EXCEEDED", true]);
  assertEquals(scene.tree(), {});
  assertEquals((await scene.layer.rollback(result.recordId)).status, "OK");
  assertEquals(scene.tree(), before);
});

Deno.test("a rollback that is denied leaves the next one the way to undo half an action", async () => {
  const rules: unknown[] = [];
  await using scene = await openTorn({
    capabilities: (root) => [
      { action: ["fs.move", "fs.read", "fs.delete"], resource: `${root}/**` },
      { action: "fs.write", resource: `${root}/w/b.txt` },
      ...rules,
    ],
  });
  scene.ws.file("w/a.txt", "the only copy");
  const before = scene.tree();
  const { recordId } = await scene.do("fs.move", "a.txt", { to: scene.path("b.txt") });
  assertEquals(scene.store.get(recordId as string)?.state, "pending");
  for (let i = 0; i < 2; i++) {
    const denied = await scene.layer.rollback(recordId);
    assertEquals([denied.status, denied.code], ["DENIED", "NO_RULE"], denied.error);
    assertEquals(scene.store.get(recordId as string)?.state, "pending");
  }
  await scene.stop();
  rules.push({ action: "fs.write", resource: `${scene.ws.root}/**` });
  await scene.start();
  const undone = await scene.layer.rollback(recordId);
  assertEquals([undone.status, scene.tree()], ["OK", before], undone.error);
});
