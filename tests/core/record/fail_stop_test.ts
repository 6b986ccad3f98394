/**
 * The log cannot be written: nothing is done any more, until recover() goes on with the same chain.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  type ActionResult,
  AuditLogError,
  Kernel,
  Provider,
  verifyAuditLog,
} from "../../../mod.ts";
import type { KernelOptions } from "../../../mod.ts";
import { GENESIS, seal } from "../../../src/core/record/record.ts";
import { afterCrash, chainOf, exists, notesOf, recordsOf, writeLog } from "./log_file.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { canMount, SmallDisk } from "./small_disk.ts";
import { run, Workspace } from "../../workspace.ts";
import { nextTurn } from "../../turn.ts";

/** A kernel with a provider that counts, and holds up what is asked to be `slow/…`. */
class Bench implements AsyncDisposable {
  readonly kernel: Kernel;
  readonly path: string;
  readonly calls: string[];
  /** Lets the slow calls end. */
  readonly finish: () => void;

  private constructor(fields: Omit<Bench, "put" | "drop" | typeof Symbol.asyncDispose>) {
    ({ kernel: this.kernel, path: this.path, calls: this.calls, finish: this.finish } = fields);
  }

  static async open(path: string, options: Partial<KernelOptions> = {}): Promise<Bench> {
    const calls: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const kernel = await Kernel.open({
      policy: {
        capabilities: [
          { action: "kv.put", resource: "**" },
          { action: "web.put", resource: "https://127.0.0.1/**" },
        ],
      },
      logPath: path,
      // By a clock that stands still, the log is looked at before each write.
      timer: new ManualTimer(),
      onWarning: () => {},
      providers: [
        new Provider({
          name: "kv",
          isolation: "none",
          actions: { "kv.put": { kind: "name" }, "web.put": { kind: "url" } },
          execute: async ({ target }) => {
            calls.push(target);
            if (target.startsWith("slow")) await promise;
          },
        }),
      ],
      ...options,
    });
    return new Bench({ kernel, path, calls, finish: resolve });
  }

  /** Allowed. */
  put(target: string): Promise<ActionResult> {
    return this.kernel.submit({ action: "kv.put", target });
  }

  /** Denied. */
  drop(target: string): Promise<ActionResult> {
    return this.kernel.submit({ action: "kv.drop", target });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.finish();
    await this.kernel.close();
  }
}

/** What there is in a folder, by name. */
function snapshot(folder: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(Deno.readDirSync(folder), ({ name, isFile }): [string, string] => [
      name,
      isFile ? Deno.readTextFileSync(`${folder}/${name}`) : "(folder)",
    ]).sort(),
  );
}

function assertUnavailable(result: ActionResult, path: string): void {
  assertEquals([result.status, result.code], ["ERROR", "AUDIT_UNAVAILABLE"]);
  assertEquals(result.data, undefined);
  assertStringIncludes(result.error ?? "", `"${path}"`);
}

/** Status and target of the records, but for the log's own notes. */
function summary(path: string): string[] {
  return recordsOf(path)
    .filter(({ action }) => action !== "audit.recover")
    .map(({ status, target }) => `${status} ${target}`);
}

interface Cause {
  readonly what: string;
  readonly reason: RegExp;
  strike(path: string): void;
  mend(path: string): void;
}

const REPLACED = /another file is in its place/;
const CHANGED = /somebody else changed it/;
const CAUSES: readonly Cause[] = [
  {
    what: "was moved away",
    reason: /no such file/,
    strike: (path) => Deno.renameSync(path, `${path}.away`),
    mend: (path) => Deno.renameSync(`${path}.away`, path),
  },
  {
    what: "was deleted, and comes back from a copy",
    reason: /no such file/,
    strike: (path) => {
      Deno.copyFileSync(path, `${path}.copy`);
      Deno.removeSync(path);
    },
    mend: (path) => Deno.renameSync(`${path}.copy`, path),
  },
  {
    what: "was replaced by an empty file",
    reason: REPLACED,
    strike: (path) => {
      Deno.renameSync(path, `${path}.away`);
      Deno.writeTextFileSync(path, "");
    },
    mend: (path) => Deno.renameSync(`${path}.away`, path),
  },
  {
    what: "was replaced by a folder",
    reason: REPLACED,
    strike: (path) => {
      Deno.renameSync(path, `${path}.away`);
      Deno.mkdirSync(path);
    },
    mend: (path) => {
      Deno.removeSync(path);
      Deno.renameSync(`${path}.away`, path);
    },
  },
  {
    what: "was replaced by a symbolic link to it",
    reason: REPLACED,
    strike: (path) => {
      Deno.renameSync(path, `${path}.away`);
      run("ln", "-s", `${path}.away`, path);
    },
    mend: (path) => Deno.renameSync(`${path}.away`, path),
  },
  {
    what: "was truncated",
    reason: CHANGED,
    strike: (path) => {
      Deno.copyFileSync(path, `${path}.copy`);
      Deno.truncateSync(path);
    },
    mend: (path) => Deno.renameSync(`${path}.copy`, path),
  },
  {
    what: "was written to by somebody else",
    reason: CHANGED,
    strike: (path) => Deno.writeTextFileSync(path, "hello\n", { append: true }),
    mend: (path) => Deno.truncateSync(path, Deno.statSync(path).size - "hello\n".length),
  },
];
for (const { what, reason, strike, mend } of CAUSES) {
  for (const durability of ["os", "disk"] as const) {
    Deno.test(`a log that ${what} stops the kernel until it is mended (${durability})`, async () => {
      using ws = new Workspace();
      const path = ws.path("kernel.log");
      {
        await using bench = await Bench.open(path, { durability });
        assertEquals((await bench.put("before")).status, "OK");
        const slow = bench.put("slow");
        // A later submit has been answered: the slow one has reached its provider.
        await bench.put("beside");
        assertEquals(bench.calls, ["before", "slow", "beside"]);
        strike(path);
        const first = await bench.drop("denied");
        assertUnavailable(first, path);
        assertMatch(first.error ?? "", reason);
        for (const target of ["a", "b"]) assertUnavailable(await bench.put(target), path);
        assertUnavailable(await bench.drop("c"), path);
        bench.finish();
        assertUnavailable(await slow, path);
        const before = snapshot(ws.root);
        for (let i = 0; i < 2; i++) {
          await assertRejects(() => bench.kernel.recover(), AuditLogError, path);
          assertEquals(snapshot(ws.root), before);
          assertUnavailable(await bench.put("d"), path);
        }
        assertEquals(bench.calls, ["before", "slow", "beside"]);

        mend(path);
        // What is mended is not used before recover() has looked at it.
        assertUnavailable(await bench.put("e"), path);
        await bench.kernel.recover();
        assertEquals((await bench.put("after")).status, "OK");
        assertEquals(bench.calls, ["before", "slow", "beside", "after"]);
      }
      assertEquals(summary(path).sort(), [
        "DENIED denied",
        "OK after",
        "OK before",
        "OK beside",
        "OK slow",
      ]);
      assertEquals(summary(path).at(-1), "OK after");
      const [note = "", ...more] = notesOf(path);
      assertEquals(more, []);
      // a, b, c, twice d, e.
      assertStringIncludes(note, "6 submits were refused");
      assertMatch(note, reason);
      assertEquals((await verifyAuditLog(path)).ok, true);
      assertEquals(Deno.statSync(`${path}.journal`).size, 0);
    });
  }

  Deno.test(`an action that is allowed after the log ${what} is not done`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    await using bench = await Bench.open(path);
    await bench.put("before");
    strike(path);
    assertUnavailable(await bench.put("a"), path);
    assertUnavailable(await bench.put("b"), path);
    assertEquals(bench.calls, ["before"]);
    mend(path);
    await bench.kernel.recover();
    assertEquals(summary(path), bench.calls.map((target) => `OK ${target}`));
  });
}

Deno.test("the record of an action that was in flight bears the id of its intent and its real outcome", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using bench = await Bench.open(path);
  const slow = bench.put("slow");
  await bench.put("beside");
  const intent = Deno.readTextFileSync(`${path}.journal`).split("\n")
    .find((line) => line.includes('"slow"')) ?? "{}";
  Deno.renameSync(path, `${path}.away`);
  await bench.drop("noticed");
  bench.finish();
  await slow;
  Deno.renameSync(`${path}.away`, path);
  await bench.kernel.recover();
  const [record, ...more] = recordsOf(path).filter(({ target }) => target === "slow");
  assertEquals(more, []);
  assertEquals([record?.status, record?.record_id], ["OK", JSON.parse(intent).record_id]);
});

Deno.test("an action that ends after recover() is recorded like any other", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using bench = await Bench.open(path);
  const slow = bench.put("slow");
  await bench.put("beside");
  Deno.renameSync(path, `${path}.away`);
  await bench.drop("noticed");
  Deno.renameSync(`${path}.away`, path);
  await bench.kernel.recover();
  bench.finish();
  assertEquals((await slow).status, "OK");
  assertEquals(summary(path).sort(), ["DENIED noticed", "OK beside", "OK slow"]);
  assertEquals((await verifyAuditLog(path)).ok, true);
});

Deno.test("all outcomes of one failed write are recorded once, in their order", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using bench = await Bench.open(path);
  const slow = Array.from({ length: 20 }, (_, i) => bench.put(`slow/${i}`));
  await bench.put("beside");
  Deno.renameSync(path, `${path}.away`);
  bench.finish();
  for (const result of await Promise.all(slow)) assertUnavailable(result, path);
  Deno.renameSync(`${path}.away`, path);
  await bench.kernel.recover();
  assertEquals(summary(path), [
    "OK beside",
    ...Array.from({ length: 20 }, (_, i) => `OK slow/${i}`),
  ]);
  const ids = recordsOf(path).flatMap(({ record_id }) =>
    record_id === undefined ? [] : [record_id]
  );
  assertEquals(new Set(ids).size, 21);
  assertEquals((await verifyAuditLog(path)).ok, true);
});

const IMPOSTORS: readonly (readonly [string, (ws: Workspace, path: string) => Promise<void>])[] = [
  ["an empty file", (_, path) => Promise.resolve(Deno.writeTextFileSync(path, ""))],
  ["a shorter log", async (ws, path) => {
    Deno.copyFileSync(await writeLog(ws, 1, "other.log"), path);
  }],
  ["another log of as many records", async (ws, path) => {
    Deno.copyFileSync(await writeLog(ws, 2, "other.log"), path);
  }],
  ["another log of as many bytes", (_, path) => {
    let prev = GENESIS;
    const lines = recordsOf(`${path}.away`).map((record, seq) => {
      const { line, hash } = seal({ ...record, target: "z" }, seq, prev);
      prev = hash;
      return line;
    });
    return Promise.resolve(Deno.writeTextFileSync(path, lines.join("")));
  }],
  ["another, longer log", async (ws, path) => {
    Deno.copyFileSync(await writeLog(ws, 9, "other.log"), path);
  }],
  ["its own beginning", (_, path) => {
    const text = Deno.readTextFileSync(`${path}.away`);
    return Promise.resolve(Deno.writeTextFileSync(path, text.slice(0, text.indexOf("\n") + 1)));
  }],
  ["a copy that somebody continued", async (_, path) => {
    Deno.copyFileSync(`${path}.away`, path);
    const other = afterCrash(path, `${path}.d/kernel.log`);
    await using bench = await Bench.open(other);
    await bench.drop("forged");
    Deno.copyFileSync(other, path);
  }],
  ["a text", (_, path) => Promise.resolve(Deno.writeTextFileSync(path, "hello\n"))],
];
for (const [what, replace] of IMPOSTORS) {
  Deno.test(`recover() refuses ${what} in the place of the log, and changes nothing`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    await using bench = await Bench.open(path);
    for (const target of ["a", "b"]) await bench.put(target);
    Deno.renameSync(path, `${path}.away`);
    await replace(ws, path);
    assertUnavailable(await bench.drop("noticed"), path);
    const before = snapshot(ws.root);
    await assertRejects(() => bench.kernel.recover(), AuditLogError, path);
    assertEquals(snapshot(ws.root), before);
    assertUnavailable(await bench.put("c"), path);
    Deno.renameSync(`${path}.away`, path);
    await bench.kernel.recover();
    assertEquals((await bench.put("c")).status, "OK");
    assertEquals((await verifyAuditLog(path)).ok, true);
    assertEquals(summary(path), ["OK a", "OK b", "DENIED noticed", "OK c"]);
  });
}

Deno.test("a journal that was deleted stops the kernel before a provider is called; recover() makes a new one", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using bench = await Bench.open(path);
  const slow = bench.put("slow");
  await bench.put("beside");
  Deno.removeSync(`${path}.journal`);
  assertUnavailable(await bench.put("a"), path);
  assertEquals(bench.calls, ["slow", "beside"]);
  await bench.kernel.recover();
  // Also what was under way then is in the new one.
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await (await Bench.open(crashed)).kernel.close();
  assertEquals(summary(crashed), ["OK beside", "INTERRUPTED slow"]);
  bench.finish();
  assertEquals((await slow).status, "OK");
  assertEquals(summary(path), ["OK beside", "OK slow"]);
});

Deno.test("a recover() that fails leaves the log failed, however late it fails, until one succeeds", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  {
    await using bench = await Bench.open(path);
    const slow = bench.put("slow");
    await bench.put("beside");
    Deno.renameSync(path, `${path}.away`);
    assertUnavailable(await bench.drop("denied"), path);
    bench.finish();
    assertUnavailable(await slow, path);
    Deno.renameSync(`${path}.away`, path);
    // The log itself is there again; its journal cannot be written anew.
    Deno.mkdirSync(`${path}.journal.new/in-the-way`, { recursive: true });
    for (let i = 0; i < 3; i++) {
      await assertRejects(() => bench.kernel.recover(), AuditLogError, path);
      assertUnavailable(await bench.put("a"), path);
      assertUnavailable(await bench.drop("b"), path);
    }
    Deno.removeSync(`${path}.journal.new`, { recursive: true });
    assertUnavailable(await bench.put("c"), path);
    await bench.kernel.recover();
    assertEquals((await bench.put("after")).status, "OK");
    assertEquals(bench.calls, ["slow", "beside", "after"]);
  }
  assertEquals(summary(path), ["OK beside", "DENIED denied", "OK slow", "OK after"]);
  assertStringIncludes(notesOf(path).join(), "7 submits were refused");
  assertEquals((await verifyAuditLog(path)).ok, true);
});

Deno.test("recover() of a log in order does nothing", async () => {
  using ws = new Workspace();
  await using bench = await Bench.open(ws.path("kernel.log"));
  await bench.put("a");
  const before = snapshot(ws.root);
  await bench.kernel.recover();
  assertEquals(snapshot(ws.root), before);
});

Deno.test("several recover() at once are one", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using bench = await Bench.open(path);
  Deno.renameSync(path, `${path}.away`);
  await bench.drop("a");
  Deno.renameSync(`${path}.away`, path);
  await Promise.all(Array.from({ length: 5 }, () => bench.kernel.recover()));
  assertEquals((await bench.put("b")).status, "OK");
  assertEquals(notesOf(path).length, 1);
  assertEquals(summary(path), ["DENIED a", "OK b"]);
  assertEquals((await verifyAuditLog(path)).ok, true);
});

for (const durability of ["os", "disk"] as const) {
  Deno.test(`submits while recover() is at work leave one record each, or are refused (${durability})`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    const answers: [string, ActionResult][] = [];
    {
      await using bench = await Bench.open(path, { durability });
      const slow = Array.from({ length: 5 }, (_, i) => bench.put(`slow/${i}`));
      await bench.put("beside");
      for (let round = 0; round < 5; round++) {
        Deno.renameSync(path, `${path}.away`);
        await bench.drop(`noticed/${round}`);
        Deno.renameSync(`${path}.away`, path);
        let recovering = true;
        const recovered = bench.kernel.recover().finally(() => recovering = false);
        const submits: Promise<void>[] = [];
        for (let i = 0; recovering || i < 10; i++) {
          const target = `${round}/${i}`;
          submits.push(bench.put(target).then((answer) => void answers.push([target, answer])));
          // One turn of microtasks now, one of the event loop then.
          await (i % 2 === 0 ? Promise.resolve() : nextTurn());
        }
        await recovered;
        await Promise.all(submits);
        const later = await bench.put(`after/${round}`);
        assertEquals([later.status, later.error], ["OK", undefined]);
      }
      bench.finish();
      assertEquals((await Promise.all(slow)).map(({ status }) => status), slow.map(() => "OK"));
    }
    const count = (target: string) => recordsOf(path).filter((one) => one.target === target).length;
    for (const [target, { status, code }] of answers) {
      if (status === "OK") assertEquals(count(target), 1, target);
      else assertEquals(code, "AUDIT_UNAVAILABLE");
    }
    assertEquals(recordsOf(path).filter(({ status }) => status === "INTERRUPTED").length, 5);
    assertEquals(notesOf(path).length, 5);
    assertEquals((await verifyAuditLog(path)).ok, true);
  });
}

Deno.test("close() ends a stopped kernel; what it owed is put on record at the next start", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const bench = await Bench.open(path);
  const slow = bench.put("slow");
  await bench.put("beside");
  Deno.renameSync(path, `${path}.away`);
  await bench.drop("noticed");
  bench.finish();
  await slow;
  await assertRejects(() => bench.kernel.recover(), AuditLogError);
  await bench.kernel.close();
  if (exists(path)) Deno.removeSync(path);
  Deno.renameSync(`${path}.away`, path);
  for (let i = 0; i < 2; i++) await (await Bench.open(path)).kernel.close();
  assertEquals(summary(path), ["OK beside", "INTERRUPTED slow"]);
});

Deno.test("close() while recover() is at work waits for it", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const bench = await Bench.open(path, { durability: "disk" });
  Deno.renameSync(path, `${path}.away`);
  await bench.drop("a");
  Deno.renameSync(`${path}.away`, path);
  const recovered = bench.kernel.recover();
  await bench.kernel.close();
  await recovered;
  assertEquals(summary(path), ["DENIED a"]);
  await (await Bench.open(path)).kernel.close();
  assertEquals(summary(path), ["DENIED a"]);
});

Deno.test("a log of which the mode was taken away goes on, for it is open", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using bench = await Bench.open(path);
  Deno.chmodSync(path, 0);
  assertEquals((await bench.put("a")).status, "OK");
  Deno.chmodSync(path, 0o600);
  assertEquals(summary(path), ["OK a"]);
});

const LONG = "long/".repeat(1600);

for (const durability of ["os", "disk"] as const) {
  Deno.test({
    name: `a full disk stops the kernel until there is room again (${durability})`,
    ignore: !canMount(),
    fn: async () => {
      using ws = new Workspace();
      using disk = new SmallDisk(ws);
      const path = `${disk.path}/kernel.log`;
      await using bench = await Bench.open(path, { durability });
      const slow = bench.put("slow");
      await bench.put("beside");
      disk.fill();
      // Longer than what is left in the last page.
      const first = await bench.drop(LONG);
      assertUnavailable(first, path);
      assertStringIncludes(first.error ?? "", "the disk is full");
      for (let i = 0; i < 3; i++) assertUnavailable(await bench.put(`${i}`), path);
      bench.finish();
      assertUnavailable(await slow, path);
      assertEquals(bench.calls, ["slow", "beside"]);
      const before = [path, `${path}.journal`].map((file) => Deno.readTextFileSync(file));
      for (let i = 0; i < 3; i++) {
        await assertRejects(() => bench.kernel.recover(), AuditLogError, path);
        const after = [path, `${path}.journal`].map((file) => Deno.readTextFileSync(file));
        assertEquals(after, before);
      }
      disk.free();
      await bench.kernel.recover();
      assertEquals((await bench.put("after")).status, "OK");
      assertEquals(summary(path), ["OK beside", `DENIED ${LONG}`, "OK slow", "OK after"]);
      assertEquals((await verifyAuditLog(path)).ok, true);
      // That a line was torn, and that submits were refused: once each.
      const notes = notesOf(path);
      assertEquals(notes.filter((note) => note.includes("3 submits were refused")).length, 1);
      assertEquals(notes.filter((note) => note.includes("was torn")).length, 1);
      assertEquals(notes.length, 2);
      const torn = Deno.readTextFileSync(`${path}.torn`);
      assert(torn.startsWith('{"timestamp"') && torn.endsWith("\n"), torn);
    },
  });

  Deno.test({
    name: `a disk that is full for the journal stops the kernel before it acts (${durability})`,
    ignore: !canMount(),
    fn: async () => {
      using ws = new Workspace();
      using disk = new SmallDisk(ws);
      const path = `${disk.path}/kernel.log`;
      await using bench = await Bench.open(path, { durability });
      await bench.put("before");
      disk.fill();
      const target = `https://127.0.0.1/${LONG}`;
      assertUnavailable(await bench.kernel.submit({ action: "web.put", target }), path);
      assertUnavailable(await bench.put("a"), path);
      assertEquals(bench.calls, ["before"]);
      disk.free();
      await bench.kernel.recover();
      assertEquals((await bench.put("after")).status, "OK");
      assertEquals(summary(path), ["OK before", "OK after"]);
      assertEquals(notesOf(path).length, 1);
      assertStringIncludes(notesOf(path).join(), "2 submits were refused");
      assertEquals((await verifyAuditLog(path)).ok, true);
    },
  });
}

Deno.test({
  name: "Kernel.open() on a full disk rejects with the path, a sentence and the code of the system",
  ignore: !canMount(),
  fn: async () => {
    using ws = new Workspace();
    using disk = new SmallDisk(ws);
    const path = `${disk.path}/kernel.log`;
    await (await Bench.open(path)).kernel.close();
    disk.fill();
    const error = await assertRejects(() => Bench.open(path), AuditLogError);
    assertEquals(error.code, "AUDIT_UNAVAILABLE");
    assertMatch(error.message, /^Cannot open the audit log ".*": the disk is full \(NO_SPACE\)$/);
    assertEquals(error.path, path);
    assertStringIncludes(error.message, `"${path}"`);
    // Nothing stays locked: with room again, the same process opens it.
    disk.free();
    await (await Bench.open(path)).kernel.close();
  },
});

Deno.test({
  name: "a rotation that cannot make the new file stops the kernel until it can",
  ignore: !canMount(),
  fn: async () => {
    using ws = new Workspace();
    using disk = new SmallDisk(ws);
    const path = `${disk.path}/kernel.log`;
    Deno.mkdirSync(`${path}.segments`);
    await using bench = await Bench.open(path, { rotate: { bytes: 1000 } });
    await bench.put("a");
    disk.fillWithFiles();
    // Reaches the bound; it is on record, whatever becomes of the file.
    assertEquals((await bench.drop("b".repeat(1000))).code, "NO_RULE");
    assertUnavailable(await bench.put("c"), path);
    assertEquals(bench.calls, ["a"]);
    await assertRejects(() => bench.kernel.recover(), AuditLogError, path);
    disk.free();
    await bench.kernel.recover();
    assertEquals((await bench.put("d")).status, "OK");
    const kinds = chainOf(path).map(({ action, status }) => `${action} ${status}`);
    assertEquals(kinds.filter((kind) => kind !== "audit.recover INTERRUPTED"), [
      "kv.put OK",
      "kv.drop DENIED",
      "kv.put OK",
    ]);
  },
});
