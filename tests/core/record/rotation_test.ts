import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ActionResult, Kernel, type KernelOptions, Provider } from "../../../mod.ts";
import { AuditLogError } from "../../../src/core/record/audit_log_error.ts";
import { segmentPath, segmentsOf } from "../../../src/core/record/segments.ts";
import {
  afterCrash,
  appendOne,
  body,
  chainOf,
  filesOf,
  linesOf,
  notesOf,
  openAndClose,
  openLog,
  recordsOf,
} from "./log_file.ts";
import { Workspace } from "../../workspace.ts";

/** The numbers in each file's records, the file that is written last. */
function layout(path: string): number[][] {
  return filesOf(path).map((file) => recordsOf(file).map(({ seq }) => seq));
}

function names(path: string): string[] {
  return Array.from(Deno.readDirSync(`${path}.segments`), ({ name }) => name).sort();
}

for (const durability of ["os", "disk"] as const) {
  Deno.test(`a log that has reached its bytes goes on in a new file (${durability})`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    const log = await openLog(path, { durability, rotate: { bytes: 1000 } });
    for (let i = 0; i < 8; i++) await log.append(body(`/${i}/${"x".repeat(200)}`));
    await log.close();
    // Each record has about 600 bytes: the second reaches the bound.
    assertEquals(layout(path), [[0, 1], [2, 3], [4, 5], [6, 7], []]);
    assertEquals(names(path), [
      "000000000000.log",
      "000000000002.log",
      "000000000004.log",
      "000000000006.log",
    ]);
    assertEquals(chainOf(path).length, 8);
  });
}

Deno.test("segments and their folder are their owner's only", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path, { rotate: { bytes: 1 } });
  await log.append(body("/a"));
  await log.close();
  assertEquals((Deno.statSync(`${path}.segments`).mode ?? 0) & 0o777, 0o700);
  assertEquals((Deno.statSync(segmentPath(path, 0)).mode ?? 0) & 0o777, 0o600);
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});

Deno.test("a log below its bytes, or without rotation, stays in one file", async () => {
  using ws = new Workspace();
  for (const rotate of [{}, { bytes: 1_000_000 }, { daily: false }]) {
    const path = ws.path(`${JSON.stringify(rotate).length}.log`);
    const log = await openLog(path, { rotate });
    await log.append(body("/a", { timestamp: "2026-01-31T23:59:59.999Z" }));
    await log.append(body("/b", { timestamp: "2026-02-01T00:00:00.000Z" }));
    await log.close();
    assertEquals(segmentsOf(path), []);
    assertEquals(chainOf(path).length, 2);
  }
});

/** A kernel of which the test sets the time. */
function openKernel(
  ws: Workspace,
  options: Partial<KernelOptions> = {},
): Promise<Kernel> {
  return Kernel.open({
    policy: { capabilities: [{ action: "kv.get", resource: "**" }] },
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
    providers: [
      new Provider({
        name: "kv",
        isolation: "none",
        actions: { "kv.get": { kind: "name" } },
        execute: ({ target }) => target,
      }),
    ],
    ...options,
  });
}

Deno.test("with each new day (UTC) the log goes on in a new file, which begins with that day", async () => {
  using ws = new Workspace();
  const times = [
    "2026-01-30T10:00:00.000Z",
    "2026-01-30T23:59:59.999Z",
    "2026-01-31T00:00:00.000Z",
    "2026-01-31T12:00:00.000Z",
    // A day without a record has no file.
    "2026-02-02T00:00:00.001Z",
  ];
  let now = "";
  {
    await using kernel = await openKernel(ws, {
      rotate: { daily: true },
      clock: () => new Date(now),
    });
    for (now of times) await kernel.submit({ action: "kv.get", target: "a" });
  }
  const path = ws.path("kernel.log");
  const days = filesOf(path).map((file) =>
    recordsOf(file).map(({ timestamp }) => timestamp.slice(5, 10))
  );
  assertEquals(days, [["01-30", "01-30"], ["01-31", "01-31"], ["02-02"]]);
  assertEquals(names(path), ["000000000000.log", "000000000002.log"]);
  assertEquals(chainOf(path).length, 5);
});

Deno.test("a day that begins just as the last record of the old one was written is told apart", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path, { rotate: { daily: true } });
  const at = (day: number) => ({ timestamp: `2026-01-0${day}T00:00:00.000Z` });
  const written = log.append(body("/a", at(1)));
  // After the write, before the log has heard of it.
  await new Promise<void>((resolve, reject) =>
    queueMicrotask(() => log.append(body("/b", at(2))).then(resolve, reject))
  );
  await written;
  const record_id = await log.intend(body("/c", at(2)));
  await log.append(body("/c", { ...at(2), record_id }));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await log.append(body("/d", at(3)));
  await log.close();
  // "b" may have gone with "a"; what counts is that each segment has the name that it says.
  const segments = segmentsOf(path);
  assertEquals(segments.map((one) => recordsOf(one.path)[0]?.seq), segments.map((s) => s.firstSeq));
  assertEquals(segments.length, 2);
  assertEquals(chainOf(path).length, 4);
  await openAndClose(crashed);
  assertEquals(chainOf(crashed).map(({ status }) => status), ["OK", "OK", "OK"]);
});

Deno.test("a log that is opened again on the same day goes on in its file, on a later day in a new one", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  for (const day of ["30", "30", "31", "31"]) {
    await using kernel = await openKernel(ws, {
      rotate: { daily: true },
      clock: () => new Date(`2026-01-${day}T12:00:00Z`),
    });
    await kernel.submit({ action: "kv.get", target: day });
  }
  assertEquals(layout(path), [[0, 1], [2, 3]]);
  assertEquals(chainOf(path).map(({ target }) => target), ["30", "30", "31", "31"]);
});

Deno.test("a clock that goes back does not take the log to pieces", async () => {
  using ws = new Workspace();
  let now = "";
  {
    await using kernel = await openKernel(ws, {
      rotate: { daily: true },
      clock: () => new Date(now),
    });
    for (let i = 0; i < 20; i++) {
      now = i % 2 === 0 ? "2026-01-31T00:00:00.000Z" : "2026-01-30T23:59:59.999Z";
      await kernel.submit({ action: "kv.get", target: `${i}` });
    }
  }
  assertEquals(chainOf(ws.path("kernel.log")).length, 20);
  // A file each time would be a folder of thousands in a minute of such a clock.
  assert(segmentsOf(ws.path("kernel.log")).length <= 1);
});

for (
  const [what, leave] of [
    ["empty", (path: string) => assertEquals(Deno.statSync(path).size, 0)],
    ["missing", (path: string) => Deno.removeSync(path)],
  ] as const
) {
  Deno.test(`a log of which the current file is ${what} goes on from its last segment`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    const log = await openLog(path, { rotate: { bytes: 1 } });
    for (let i = 0; i < 12; i++) await log.append(body(`/${i}`));
    await log.close();
    leave(path);
    // Opened without rotation, and with.
    await appendOne(path, "/after");
    const later = await openLog(path, { rotate: { bytes: 1 } });
    await later.append(body("/later"));
    await later.close();
    assertEquals(layout(path), [...Array.from({ length: 12 }, (_, i) => [i]), [12, 13], []]);
    assertEquals(names(path).at(-1), "000000000012.log");
    assertEquals(chainOf(path).length, 14);
  });
}

Deno.test("a crash between the rename and the new file loses nothing, nor an intent", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path);
  await log.append(body("/a"));
  const done = await log.intend(body("/done"));
  const open = await log.intend(body("/open"));
  await log.append(body("/done", { record_id: done }));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await log.close();
  Deno.mkdirSync(`${crashed}.segments`);
  Deno.renameSync(crashed, segmentPath(crashed, 0));
  await openAndClose(crashed);
  const records = chainOf(crashed);
  assertEquals(records.map(({ status, target }) => `${status} ${target}`), [
    "OK /a",
    "OK /done",
    "INTERRUPTED /open",
  ]);
  assertEquals(records.at(-1)?.record_id, open);
  assertEquals(layout(crashed), [[0, 1], [2]]);
});

Deno.test("a crash after the folder was made and before the rename loses nothing", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await appendOne(path, "/a");
  Deno.mkdirSync(`${path}.segments`);
  await appendOne(path, "/b");
  assertEquals(layout(path), [[0, 1]]);
});

Deno.test("a first line torn in the file after a rotation is moved aside, and the chain goes on", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path, { rotate: { bytes: 1 } });
  await log.append(body("/a"));
  await log.close();
  Deno.writeTextFileSync(path, '{"timestamp":"2026');
  await appendOne(path, "/after");
  assertEquals(notesOf(path).length, 1);
  assertEquals(layout(path), [[0], [1, 2]]);
  assertEquals(chainOf(path).length, 3);
});

Deno.test("a damaged end of the last segment is refused, nothing is changed", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path, { rotate: { bytes: 1 } });
  await log.append(body("/a"));
  await log.close();
  const segment = segmentPath(path, 0);
  const whole = Deno.readTextFileSync(segment);
  for (const text of ["", whole.slice(0, -1), whole.replace("/a", "/b"), `${whole}x`]) {
    Deno.writeTextFileSync(segment, text);
    await assertRejects(() => openLog(path), AuditLogError, segment);
    assertEquals([Deno.readTextFileSync(segment), Deno.readTextFileSync(path)], [text, ""]);
  }
});

Deno.test("other files in the folder of segments are none", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  for (const name of ["readme.txt", "000000000007.log.gz", "7.log", ".log", "x000000000009.log"]) {
    ws.file(`kernel.log.segments/${name}`, "hello");
  }
  ws.folder("kernel.log.segments/000000000008.log");
  await appendOne(path, "/a");
  assertEquals(layout(path), [[0]]);
});

Deno.test("a segment is never written over", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  // Another log's: somebody copied a folder, or a kernel of an old backup wrote here.
  const other = ws.file("kernel.log.segments/000000000000.log", "not ours\n");
  await Deno.writeTextFile(path, linesOf(await oneRecord(ws)).join(""));
  const log = await openLog(path, { rotate: { bytes: 1 } });
  await log.append(body("/b")).catch(() => {});
  await log.close();
  assertEquals(Deno.readTextFileSync(other), "not ours\n");
});

async function oneRecord(ws: Workspace): Promise<string> {
  await appendOne(ws.path("one.log"), "/a");
  return ws.path("one.log");
}

for (const durability of ["os", "disk"] as const) {
  Deno.test(`concurrent submits across rotations lose nothing (${durability})`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    const answers: ActionResult[] = [];
    {
      await using kernel = await openKernel(ws, { durability, rotate: { bytes: 4000 } });
      await Promise.all(Array.from({ length: 20 }, async (_, worker) => {
        for (let i = 0; i < 15; i++) {
          const action = i % 5 === 0 ? "kv.put" : "kv.get";
          answers.push(await kernel.submit({ action, target: `${worker}/${i}` }));
        }
      }));
    }
    const records = chainOf(path);
    assertEquals(records.length, 300);
    assertEquals(new Set(records.map(({ target }) => target)).size, 300);
    const ids = answers.flatMap(({ recordId }) => recordId === undefined ? [] : [recordId]);
    assertEquals(ids.length, 240);
    assertEquals(
      records.flatMap(({ record_id }) => record_id === undefined ? [] : [record_id]).sort(),
      ids.sort(),
    );
    assert(segmentsOf(path).length > 5, `${segmentsOf(path).length} segments`);
    assertEquals(segmentsOf(path).map(({ firstSeq }) => firstSeq), [
      ...new Set(segmentsOf(path).map(({ path }) => recordsOf(path)[0]?.seq ?? -1)),
    ]);
  });
}

Deno.test("a log that cannot be rotated stops and can be recovered", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using kernel = await openKernel(ws, { rotate: { bytes: 1 } });
  // A file where the folder should be.
  ws.file("kernel.log.segments", "");
  const results = [];
  for (const target of ["a", "b"]) results.push(await kernel.submit({ action: "kv.get", target }));
  // The first is on record; the second is not done.
  assertEquals(results.map(({ code }) => code), [undefined, "AUDIT_UNAVAILABLE"]);
  assertEquals(recordsOf(path).map(({ target }) => target), ["a"]);
  Deno.removeSync(`${path}.segments`);
  await kernel.recover();
  assertEquals((await kernel.submit({ action: "kv.get", target: "c" })).status, "OK");
  assertEquals(chainOf(path).map(({ target }) => target), ["a", path, "c"]);
});

Deno.test("a log with a file in the place of its segments is refused", async () => {
  using ws = new Workspace();
  ws.file("kernel.log.segments", "");
  await assertRejects(() => openKernel(ws), AuditLogError, ws.path("kernel.log"));
});
