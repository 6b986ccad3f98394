import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { AuditLogError } from "../../../src/core/record/audit_log_error.ts";
import {
  type Durability,
  GroupWriter,
  type WriterOptions,
} from "../../../src/core/record/writer.ts";
import { Workspace } from "../../workspace.ts";
import { nextTurn } from "../../turn.ts";

/** A writer whose items are the lines themselves. */
class Writer extends GroupWriter<string> {
  override write(line: string, item = line): Promise<void> {
    return super.write(line, item);
  }

  /** Whether something is under way. */
  async isBusy(): Promise<boolean> {
    return !await isSettled(this.idle());
  }
}

/** A real file of which each write and sync can be seen, held up and made to fail. */
class WatchedFile {
  readonly path: string;
  /** `write <bytes>`, `sync`, `synced`, in their order. */
  readonly seen: string[] = [];
  /** Resolves the syncs that are under way, the oldest first; `undefined` lets all pass. */
  held: PromiseWithResolvers<void>[] | undefined;
  failWrite: Error | undefined;
  /** The most bytes that one write takes. */
  most = Infinity;
  /** What the writer's clock shows, in milliseconds. */
  now = 0;
  readonly #file: Deno.FsFile;

  constructor(path: string) {
    this.path = path;
    this.#file = Deno.openSync(path, { read: true, append: true, create: true });
  }

  writer(durability: Durability, more: Partial<WriterOptions<string>> = {}): Writer {
    const file = this.#file;
    const watched: Partial<Deno.FsFile> = {
      statSync: () => file.statSync(),
      truncateSync: (length) => file.truncateSync(length),
      unlockSync: () => file.unlockSync(),
      close: () => file.close(),
      writeSync: (bytes) => {
        if (this.failWrite !== undefined) throw this.failWrite;
        this.seen.push(`write ${bytes.length}`);
        return file.writeSync(bytes.subarray(0, Math.min(this.most, bytes.length)));
      },
      syncData: async () => {
        this.seen.push("sync");
        if (this.held !== undefined) {
          const sync = Promise.withResolvers<void>();
          this.held.push(sync);
          await sync.promise;
        }
        await file.syncData();
        this.seen.push("synced");
      },
    };
    return new Writer(this.path, watched as Deno.FsFile, {
      what: "the test",
      durability,
      now: () => this.now,
      ...more,
    });
  }

  get text(): string {
    return Deno.readTextFileSync(this.path);
  }
}

/** Whether it is settled, once everything that can go on without the disk has. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  for (let turn = 0; turn < 2; turn++) await nextTurn();
  return settled;
}

for (const durability of ["os", "disk"] as const) {
  Deno.test(`write() appends in the order of the calls, in one tick and across ticks (${durability})`, async () => {
    using ws = new Workspace();
    const file = new WatchedFile(ws.file("a.log", "before\n"));
    const writer = file.writer(durability);
    const written: Promise<void>[] = [];
    for (let i = 0; i < 200; i++) {
      written.push(writer.write(`${i}\n`));
      if (i % 7 === 0) await Promise.resolve();
      if (i % 50 === 0) await written.at(-1);
    }
    await Promise.all(written);
    await writer.close();
    assertEquals(file.text, `before\n${Array.from({ length: 200 }, (_, i) => `${i}\n`).join("")}`);
  });

  Deno.test(`what comes within one tick is written at once (${durability})`, async () => {
    using ws = new Workspace();
    const file = new WatchedFile(ws.path("a.log"));
    const writer = file.writer(durability);
    await Promise.all(Array.from({ length: 100 }, () => writer.write("1234\n")));
    await writer.write("last\n");
    await writer.close();
    const sync = durability === "disk" ? ["sync", "synced"] : [];
    assertEquals(file.seen, ["write 500", ...sync, "write 5", ...sync]);
  });

  Deno.test(`write() has resolved only when its bytes are in the file (${durability})`, async () => {
    using ws = new Workspace();
    const file = new WatchedFile(ws.path("a.log"));
    const writer = file.writer(durability);
    for (let i = 1; i <= 10; i++) {
      await writer.write("ä\n");
      assertEquals([file.text, writer.size], ["ä\n".repeat(i), 3 * i]);
    }
    await writer.close();
  });

  Deno.test(`a file that takes few bytes at a time gets all of them (${durability})`, async () => {
    using ws = new Workspace();
    const file = new WatchedFile(ws.path("a.log"));
    file.most = 3;
    const writer = file.writer(durability);
    await Promise.all([writer.write("äöü\n"), writer.write("12345\n")]);
    await writer.close();
    assertEquals(file.text, "äöü\n12345\n");
    assertEquals(writer.size, 13);
  });

  Deno.test(`a write that fails rejects all that wait, and everything after (${durability})`, async () => {
    using ws = new Workspace();
    const file = new WatchedFile(ws.path("a.log"));
    const writer = file.writer(durability);
    await writer.write("first\n");
    file.failWrite = new Error("No space left on device");
    const lost = await Promise.allSettled([writer.write("a\n"), writer.write("b\n")]);
    assertEquals(lost.map(({ status }) => status), ["rejected", "rejected"]);
    assertEquals(writer.failure?.cause, file.failWrite);
    // Also when there would be space again: what was lost was in between.
    file.failWrite = undefined;
    await assertRejects(() => writer.write("c\n"), Error, "No space left on device");
    assertEquals(await writer.isBusy(), false);
    await writer.close();
    assertEquals(file.text, "first\n");
  });

  Deno.test(`close() waits for what is under way (${durability})`, async () => {
    using ws = new Workspace();
    const file = new WatchedFile(ws.path("a.log"));
    const writer = file.writer(durability);
    const written = writer.write("a\n");
    await writer.close();
    assertEquals(await isSettled(written), true);
    assertEquals([file.text, await writer.isBusy()], ["a\n", false]);
  });
}

Deno.test("durability os never syncs", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const writer = file.writer("os");
  for (let i = 0; i < 5; i++) await writer.write("a\n");
  await writer.close();
  assertEquals(file.seen, Array.from({ length: 5 }, () => "write 2"));
});

Deno.test("durability disk resolves after the sync that followed the write", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  file.held = [];
  const writer = file.writer("disk");
  const written = writer.write("a\n");
  assertEquals(await isSettled(written), false);
  assertEquals([file.text, file.seen, await writer.isBusy()], ["a\n", ["write 2", "sync"], true]);
  file.held[0]?.resolve();
  await written;
  assertEquals(file.seen, ["write 2", "sync", "synced"]);
  await writer.close();
});

Deno.test("what comes while a sync is under way is written and synced together after it", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const held: PromiseWithResolvers<void>[] = file.held = [];
  const writer = file.writer("disk");
  const first = writer.write("1\n");
  assertEquals(await isSettled(first), false);
  const later: Promise<void>[] = [];
  for (let i = 0; i < 10; i++) {
    later.push(writer.write("2\n"));
    assertEquals(await isSettled(later[i] ?? first), false);
  }
  assertEquals(file.seen, ["write 2", "sync"]);
  held[0]?.resolve();
  await first;
  // The later ones have not been synced by the first one's sync.
  assertEquals(await isSettled(Promise.race(later)), false);
  assertEquals(file.seen, ["write 2", "sync", "synced", "write 20", "sync"]);
  held[1]?.resolve();
  await Promise.all(later);
  await writer.close();
  assertEquals(held.length, 2);
});

Deno.test("a sync that fails rejects its batch, those that wait, and everything after", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const held: PromiseWithResolvers<void>[] = file.held = [];
  const writer = file.writer("disk");
  const settled = Promise.allSettled([writer.write("1\n"), writer.write("2\n")]);
  assertEquals(await isSettled(settled), false);
  const waiting = Promise.allSettled([writer.write("3\n")]);
  held[0]?.reject(new Error("Input/output error"));
  for (const one of [...await settled, ...await waiting]) {
    assertEquals(one.status === "rejected" && one.reason.cause.message, "Input/output error");
  }
  await assertRejects(() => writer.write("4\n"), Error, "Input/output error");
  assertEquals(
    writer.failure?.message,
    "Cannot write the test: Input/output error",
  );
  await writer.close();
  // INVARIANT of the log: behind what may be lost, nothing is written.
  assertEquals(file.text, "1\n2\n");
});

const REPLACED = "another file is in its place";
const CHANGED = "somebody else changed it";
const MEDDLING: readonly (readonly [string, string, (path: string) => void])[] = [
  ["deleted", "no such file", (path) => Deno.removeSync(path)],
  ["moved away", "no such file", (path) => Deno.renameSync(path, `${path}.away`)],
  ["replaced by one with the same content", REPLACED, (path) => {
    Deno.copyFileSync(path, `${path}.copy`);
    Deno.renameSync(`${path}.copy`, path);
  }],
  ["replaced by a folder", REPLACED, (path) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
  }],
  ["truncated to nothing", CHANGED, (path) => Deno.truncateSync(path)],
  ["cut by a byte", CHANGED, (path) => Deno.truncateSync(path, Deno.statSync(path).size - 1)],
  ["appended to", CHANGED, (path) => Deno.writeTextFileSync(path, "x", { append: true })],
];
for (const [what, reason, meddle] of MEDDLING) {
  for (const durability of ["os", "disk"] as const) {
    Deno.test(`a file that is ${what} is noticed before the next write (${durability})`, async () => {
      using ws = new Workspace();
      const file = new WatchedFile(ws.path("a.log"));
      const writer = file.writer(durability);
      await writer.write("first\n");
      meddle(file.path);
      const before = file.seen.length;
      const error = await assertRejects(() => writer.write("second\n"), Error);
      assertStringIncludes((error as Error).message, reason);
      assertEquals(file.seen.slice(before), []);
      await assertRejects(() => writer.write("third\n"), Error, (error as Error).message);
      await writer.close();
    });
  }
}

Deno.test("write() looks whether the file is in its place at most every ten milliseconds", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const writer = file.writer("os");
  await writer.write("first\n");
  Deno.renameSync(file.path, `${file.path}.away`);
  file.now += 9.5;
  await writer.write("second\n");
  assertEquals(Deno.readTextFileSync(`${file.path}.away`), "first\nsecond\n");
  file.now += 0.5;
  await assertRejects(() => writer.write("third\n"), AuditLogError, "no such file");
  await writer.close();
});

Deno.test("write() looks again by a clock that stands still or goes back", async () => {
  using ws = new Workspace();
  for (const step of [0, -1, NaN]) {
    const file = new WatchedFile(ws.path(`${step}.log`));
    const writer = file.writer("os");
    await writer.write("first\n");
    Deno.renameSync(file.path, `${file.path}.away`);
    file.now += step;
    await assertRejects(() => writer.write("second\n"), AuditLogError, "no such file");
    await writer.close();
  }
});

Deno.test("assertInPlace() looks at once, and throws what the writer has failed of", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const writer = file.writer("os");
  await writer.write("first\n");
  writer.assertInPlace();
  Deno.renameSync(file.path, `${file.path}.away`);
  assertThrows(() => writer.assertInPlace(), Deno.errors.NotFound);
  Deno.renameSync(`${file.path}.away`, file.path);
  writer.assertInPlace();
  const failure = writer.fail(new Error("the disk is gone"));
  assertEquals(writer.fail(new Error("later")), failure);
  assertThrows(() => writer.assertInPlace(), AuditLogError, "the disk is gone");
  await writer.close();
});

Deno.test("each write waits for `before`", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  let asked = 0;
  const before = () => {
    if (++asked > 2) throw new Error("the other one is gone");
  };
  const writer = file.writer("os", { before });
  await Promise.all([writer.write("first\n"), writer.write("with it\n")]);
  await writer.write("second\n");
  await assertRejects(() => writer.write("third\n"), AuditLogError, "the other one is gone");
  assertEquals(file.text, "first\nwith it\nsecond\n");
  assertEquals(asked, 3);
  await writer.close();
});

for (const durability of ["os", "disk"] as const) {
  Deno.test(`the items of written and of lost lines are told before their writes settle (${durability})`, async () => {
    using ws = new Workspace();
    const file = new WatchedFile(ws.path("a.log"));
    const seen: string[] = [];
    const writer = file.writer(durability, {
      onWritten: (items) => seen.push(`written ${items} ${writer.size}`),
      onLost: (items) => seen.push(`lost ${items}`),
    });
    const write = (line: string, item: string) =>
      writer.write(line, item).then(() => seen.push("resolved"), () => seen.push("rejected"));
    await Promise.all([write("ä\n", "1"), write("b\n", "2")]);
    file.failWrite = new Error("No space left on device");
    await Promise.all([write("c\n", "3"), write("d\n", "4")]);
    await write("e\n", "5");
    await writer.close();
    assertEquals(seen, [
      ...["written 1,2 5", "resolved", "resolved"],
      ...["lost 3,4", "rejected", "rejected"],
      ...["lost 5", "rejected"],
    ]);
  });
}

Deno.test("a file that is meddled with while a sync is under way is noticed before the next write", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const held: PromiseWithResolvers<void>[] = file.held = [];
  const writer = file.writer("disk");
  const first = writer.write("1\n");
  assertEquals(await isSettled(first), false);
  const second = Promise.allSettled([writer.write("2\n")]);
  Deno.removeSync(file.path);
  held[0]?.resolve();
  await first;
  assertEquals((await second).map(({ status }) => status), ["rejected"]);
  await writer.close();
});

Deno.test("close() can cut the file to nothing before it gives it away", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const writer = file.writer("os");
  await writer.write("first\n");
  await writer.close({ empty: true });
  assertEquals(file.text, "");
});

Deno.test("replace() writes what waits to the new file, whatever was left in its place", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const writer = file.writer("os");
  await writer.write("first\n");
  const waiting = writer.write("second\n");
  ws.file("new", "left by a killed process");
  writer.replace(ws.path("new"), () => Deno.renameSync(file.path, `${file.path}.away`));
  await waiting;
  assertEquals(writer.size, "second\n".length);
  await writer.close();
  assertEquals(Deno.readTextFileSync(`${file.path}.away`), "first\n");
  assertEquals(file.text, "second\n");
});

Deno.test("replace() that fails leaves the file as it is, and it can still be written", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const writer = file.writer("os");
  await writer.write("first\n");
  const fail = () => {
    throw new Error("no space");
  };
  assertThrows(() => writer.replace(ws.path("new"), fail), Error, "no space");
  for (const inTheWay of [ws.folder("folder"), ws.link("link", "a.log")]) {
    assertThrows(() => writer.replace(inTheWay, () => {}));
  }
  await writer.write("second\n");
  await writer.close();
  assertEquals(file.text, "first\nsecond\n");
});

Deno.test("close() may be called again, also after a failure", async () => {
  using ws = new Workspace();
  const file = new WatchedFile(ws.path("a.log"));
  const writer = file.writer("os");
  Deno.removeSync(file.path);
  await assertRejects(() => writer.write("a\n"));
  await Promise.all([writer.close(), writer.close()]);
  await writer.close();
});
