import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AuditLogError } from "../../../src/core/record/audit_log_error.ts";
import { attach } from "../../../src/core/record/recovery.ts";
import type { Intent } from "../../../src/core/record/journal.ts";
import type { AuditRecord } from "../../../src/core/record/record.ts";
import { verifyAuditLog } from "../../../src/log/verifier.ts";
import {
  afterCrash,
  body,
  exists,
  linesOf,
  openAndClose,
  openLog,
  POLICY_DIGEST,
  recordsOf,
} from "./log_file.ts";
import { Workspace } from "../../workspace.ts";

/** The body of an action that is about to be carried out. */
function pending(target: string) {
  return body(target, { agent: "a1", rule: "capabilities[0]" });
}

/** Status and target of each record. */
function summary(path: string): string[] {
  return recordsOf(path).map(({ status, target }) => `${status} ${target}`);
}

/** The lines of a journal without the first, which names its holder. */
function intentsIn(path: string): Intent[] {
  return linesOf(`${path}.journal`).slice(1).map((line) => JSON.parse(line));
}

Deno.test("an intent has what a reader would not see as \\uXXXX", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const target = "/a\u202eb\u200b";
  await using log = await disposable(path);
  await log.intend(pending(target));
  assertEquals(intentsIn(path).map((intent) => intent.target), [target]);
  assertStringIncludes(Deno.readTextFileSync(`${path}.journal`), "/a\\u202eb\\u200b");
});

Deno.test("intend() has put the intent on record when it resolves", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  for (let i = 1; i <= 5; i++) {
    const id = await log.intend(pending(`/data/${i}`));
    const intents = intentsIn(path);
    assertEquals(intents.length, i);
    assertEquals(intents.at(-1)?.record_id, id);
    assertEquals(recordsOf(path), []);
  }
  assertEquals(JSON.parse(linesOf(`${path}.journal`)[0] ?? ""), { pid: Deno.pid });
});

Deno.test("an intent without a record becomes one INTERRUPTED record with its id", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  const id = await log.intend(pending("/data/a"));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  const clock = () => new Date(Date.UTC(2026, 1, 1));
  await (await openLog(crashed, { clock })).close();
  const [record, ...more] = recordsOf(crashed);
  assertEquals(more, []);
  const { error, seq, prev, hash, ...rest } = record as AuditRecord;
  assertEquals(rest, {
    ...{ timestamp: "2026-02-01T00:00:00.000Z", action: "fs.read", target: "/data/a" },
    ...{ status: "INTERRUPTED", record_id: id, agent: "a1", rule: "capabilities[0]" },
    ...{ policy: POLICY_DIGEST, params: body("").params },
  });
  assertStringIncludes(error ?? "", "may have been done, or not");
  assertEquals([seq, prev, hash.length], [0, "0".repeat(64), 64]);
  assertEquals((await verifyAuditLog(crashed)).records, 1);
});

Deno.test("an INTERRUPTED record says what was to be undone, and which target was redacted", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  const more = { undoes: crypto.randomUUID(), target_digest: "ab".repeat(32) };
  await log.intend({ ...pending("users/password=[redacted]"), ...more });
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await openAndClose(crashed);
  const [record] = recordsOf(crashed);
  assertEquals([record?.status, record?.undoes, record?.target_digest], [
    "INTERRUPTED",
    more.undoes,
    more.target_digest,
  ]);
});

Deno.test("an intent with its record becomes none, whatever the record's status", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  for (const status of ["OK", "FAILED"] as const) {
    const record_id = await log.intend(pending(`/data/${status}`));
    await log.append(body(`/data/${status}`, { status, record_id }));
  }
  assertEquals(intentsIn(path).length, 2);
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await openAndClose(crashed);
  assertEquals(summary(crashed), ["OK /data/OK", "FAILED /data/FAILED"]);
});

Deno.test("of many intents, those without a record are recorded in the order of their calls", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  const ids = await Promise.all(
    Array.from({ length: 300 }, (_, i) => log.intend(pending(`/data/${i}`))),
  );
  await Promise.all(
    ids.flatMap((record_id, i) =>
      i % 3 === 0 ? [] : [log.append(body(`/data/${i}`, { record_id }))]
    ),
  );
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await openAndClose(crashed);
  const interrupted = recordsOf(crashed).slice(200);
  assertEquals(
    interrupted.map(({ target, status, record_id }) => [target, status, record_id]),
    Array.from({ length: 100 }, (_, i) => [`/data/${3 * i}`, "INTERRUPTED", ids[3 * i]]),
  );
  assertEquals((await verifyAuditLog(crashed)).records, 300);
});

Deno.test("opening twice after a crash adds nothing the second time", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  await log.intend(pending("/data/a"));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await openAndClose(crashed);
  const once = Deno.readTextFileSync(crashed);
  assertEquals(linesOf(crashed).length, 1);
  await openAndClose(crashed);
  assertEquals(Deno.readTextFileSync(crashed), once);
});

Deno.test("a second crash, right after the interruption was recorded, does not record it again", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  await log.intend(pending("/data/a"));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  const journal = Deno.readFileSync(`${crashed}.journal`);
  await openAndClose(crashed);
  // As if the second kernel had died between its record and the emptying of the journal.
  Deno.writeFileSync(`${crashed}.journal`, journal);
  await openAndClose(crashed);
  assertEquals(summary(crashed), ["INTERRUPTED /data/a"]);
});

Deno.test("a torn intent is ignored at every byte, for its provider was never called", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  await log.intend(pending("/data/a"));
  const before = Deno.statSync(`${path}.journal`).size;
  await log.intend(pending("/data/b"));
  const whole = Deno.readFileSync(`${path}.journal`);
  for (let end = before; end < whole.length; end += end > whole.length - 3 ? 1 : 17) {
    const crashed = afterCrash(path, ws.path(`${end}/kernel.log`));
    Deno.writeFileSync(`${crashed}.journal`, whole.subarray(0, end));
    await openAndClose(crashed);
    assertEquals(summary(crashed), ["INTERRUPTED /data/a"]);
    assertEquals(exists(`${crashed}.torn`), false);
  }
});

Deno.test("an intent that follows a torn one is read", async () => {
  using ws = new Workspace();
  ws.file("kernel.log.journal", '{"pid":1}\n{"record_id":"torn');
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  const id = await log.intend(pending("/data/a"));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await openAndClose(crashed);
  assertEquals(recordsOf(crashed).map(({ record_id }) => record_id), [id]);
});

Deno.test("lines of the journal that are no intents are ignored", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const lines = [
    "",
    "{}",
    "null",
    "7",
    "[]",
    '"x"',
    "hello",
    '{"record_id":7}',
    '{"record_id":"x"}',
  ];
  Deno.writeTextFileSync(`${path}.journal`, `${lines.join("\n")}\n`);
  await openAndClose(path);
  assertEquals(recordsOf(path), []);
});

/** An intent with all of its fields, as it stands in a journal. */
const WHOLE = await wholeIntent();

async function wholeIntent(): Promise<Intent> {
  using ws = new Workspace();
  await using log = await disposable(ws.path("kernel.log"));
  const more = { undoes: "r0", target_digest: "ab".repeat(32), stages: { limits: { left: 3 } } };
  // What a record has besides is not known before the action.
  const later = { error: "x", code: "X", duration_ms: 1, params_values: { a: 1 } };
  await log.intend({ ...pending("/data/a"), ...more, ...later }, "r1");
  const [intent, ...others] = intentsIn(ws.path("kernel.log"));
  assert(intent !== undefined && others.length === 0);
  return intent;
}

Deno.test("an intent has every field of the record that is known before the action", () => {
  assertEquals(Object.keys(WHOLE).sort(), [
    ...["action", "agent", "at", "params", "policy", "record_id", "rule", "segment", "stages"],
    ...["target", "target_digest", "timestamp", "undoes"],
  ]);
});

for (const key of Object.keys(WHOLE)) {
  Deno.test(`an intent of an edited journal whose ${key} is of another type is none`, async () => {
    using ws = new Workspace();
    for (const value of [key === "stages" ? "x" : {}, true, ["x"], -0.5]) {
      const path = ws.path(`${typeof value}${Array.isArray(value)}.log`);
      const lines = [{ ...WHOLE, [key]: value }, WHOLE].map((line) => JSON.stringify(line));
      Deno.writeTextFileSync(`${path}.journal`, `${lines[0]}\n`);
      await openAndClose(path);
      assertEquals(recordsOf(path), []);
      Deno.writeTextFileSync(`${path}.journal`, `${lines[1]}\n`);
      await openAndClose(path);
      assertEquals(summary(path), ["INTERRUPTED /data/a"]);
      assertEquals(recordsOf(path)[0]?.stages, WHOLE.stages);
      assertEquals((await verifyAuditLog(path)).ok, true);
    }
  });
}

Deno.test("what an edited journal has besides the fields of an intent does not reach the log", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const line = JSON.stringify({ ...WHOLE, code: 7, duration_ms: "x", params_values: { a: 1 } });
  Deno.writeTextFileSync(`${path}.journal`, `${line}\n`);
  await openAndClose(path);
  const [record] = recordsOf(path);
  assertEquals(record?.target, "/data/a");
  assertEquals([record?.code, record?.duration_ms, record?.params_values], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals((await verifyAuditLog(path)).ok, true);
});

Deno.test("close() empties the journal after a clean end, and keeps it with an intent open", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path);
  const record_id = await log.intend(pending("/data/a"));
  await log.append(body("/data/a", { record_id }));
  await log.close();
  assertEquals(Deno.statSync(`${path}.journal`).size, 0);

  const second = await openLog(path);
  await second.intend(pending("/data/b"));
  await second.close();
  await openAndClose(path);
  assertEquals(summary(path), ["OK /data/a", "INTERRUPTED /data/b"]);
  assertEquals(Deno.statSync(`${path}.journal`).size, 0);
});

Deno.test("the journal is emptied while the log is in use, and goes on to work", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  const long = "x".repeat(16_000);
  let largest = 0;
  for (let i = 0; i < 60; i++) {
    const record_id = await log.intend(pending(`/${i}/${long}`));
    await log.append(body(`/${i}`, { record_id }));
    largest = Math.max(largest, Deno.statSync(`${path}.journal`).size);
  }
  // What was ever written to it is about a megabyte.
  assert(largest < 400_000, `${largest} bytes`);
  assert(largest > 200_000, `${largest} bytes`);
  const id = await log.intend(pending("/last"));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  assertEquals(JSON.parse(linesOf(`${crashed}.journal`)[0] ?? ""), { pid: Deno.pid });
  await openAndClose(crashed);
  assertEquals(recordsOf(crashed).length, 61);
  assertEquals(recordsOf(crashed).at(-1)?.record_id, id);
});

for (const durability of ["os", "disk"] as const) {
  Deno.test(`a journal grown large is written anew with its open intents (${durability})`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    await using log = await disposable(path, { durability });
    const open: string[] = [];
    for (let i = 0; i < 24; i++) {
      open.push(await log.intend(pending(`/open/${i}`)));
      const record_id = await log.intend(pending(`/${i}/${"x".repeat(500_000)}`));
      await log.append(body(`/done/${i}`, { record_id }));
    }
    // Twelve megabytes were written, in vain but for 24 short lines.
    assert(Deno.statSync(`${path}.journal`).size < 9_000_000);
    assertEquals(exists(`${path}.journal.new`), false);
    assertEquals((Deno.statSync(`${path}.journal`).mode ?? 0) & 0o777, 0o600);
    assertEquals(JSON.parse(linesOf(`${path}.journal`)[0] ?? ""), { pid: Deno.pid });
    const crashed = afterCrash(path, ws.path("crashed.log"));
    await openAndClose(crashed);
    const records = recordsOf(crashed);
    assertEquals(records.length, 48);
    assertEquals(records.slice(24).map(({ record_id }) => record_id), open);
    // And the log goes on behind it.
    const [record_id = ""] = open;
    await log.append(body("/open/0", { record_id }));
    assertEquals(log.failure, undefined);
    const later = afterCrash(path, ws.path("later.log"));
    await openAndClose(later);
    assertEquals(recordsOf(later).length, 48);
  });
}

Deno.test("concurrent submits over many compactions leave each one record", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  const long = "x".repeat(100_000);
  await Promise.all(Array.from({ length: 10 }, async (_, worker) => {
    for (let i = 0; i < 25; i++) {
      const record_id = await log.intend(pending(`/${worker}/${i}/${long}`));
      await log.append(body(`/${worker}/${i}`, { record_id }));
    }
  }));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await openAndClose(crashed);
  assertEquals(recordsOf(crashed).length, 250);
  assertEquals(new Set(recordsOf(crashed).map(({ record_id }) => record_id)).size, 250);
});

Deno.test("a record is answered, and once there, although the journal could not be written anew", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path);
  ws.file("kernel.log.journal.new/in-the-way");
  const open = await log.intend(pending("/open"));
  const record_id = await log.intend(pending(`/${"x".repeat(9_000_000)}`));
  await log.append(body("/done", { record_id }));
  assertEquals(summary(path), ["OK /done"]);
  Deno.removeSync(`${path}.journal.new`, { recursive: true });
  if (log.failure !== undefined) await log.recover();
  await log.append(body("/open", { record_id: open }));
  await log.close();
  await openAndClose(path);
  assertEquals(summary(path).filter((one) => !one.endsWith(path)), ["OK /done", "OK /open"]);
  assertEquals((await verifyAuditLog(path)).ok, true);
});

Deno.test("a crash in the middle of a compaction loses no intent", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  const id = await log.intend(pending("/data/a"));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  // The new journal was begun; it had not taken the other's place.
  Deno.writeTextFileSync(`${crashed}.journal.new`, '{"pid":1}\n{"rec');
  await openAndClose(crashed);
  assertEquals(recordsOf(crashed).map(({ record_id }) => record_id), [id]);
});

for (const durability of ["os", "disk"] as const) {
  Deno.test(`intents of calls still in flight survive recover() (${durability})`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    // By a clock that stands still, each write looks whether the log is in its place.
    await using log = await disposable(path, { durability, now: () => 0 });
    const inFlight = await log.intend(pending("/in-flight"));
    Deno.renameSync(path, `${path}.away`);
    await log.append(body("/lost")).catch(() => {});
    assert(log.failure !== undefined);
    Deno.renameSync(`${path}.away`, path);
    await log.recover();
    assertEquals(log.failure, undefined);
    assertEquals(recordsOf(path).filter(({ status }) => status === "INTERRUPTED").length, 1);
    const crashed = afterCrash(path, ws.path("crashed.log"));
    await openAndClose(crashed);
    const [record] = recordsOf(crashed).filter(({ record_id }) => record_id === inFlight);
    assertEquals(record?.status, "INTERRUPTED");
    // Here it was still under way, and ends well.
    await log.append(body("/in-flight", { record_id: inFlight }));
    const later = afterCrash(path, ws.path("later.log"));
    await openAndClose(later);
    const ended = recordsOf(later).filter(({ record_id }) => record_id === inFlight);
    assertEquals(ended.map(({ status }) => status), ["OK"]);
    assertEquals((await verifyAuditLog(later)).ok, true);
  });
}

for (const rotated of [1, 3]) {
  Deno.test(`a record ${rotated} rotations later settles its intent`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    await using log = await disposable(path, { rotate: { bytes: 1 } });
    const record_id = await log.intend(pending("/data/a"));
    for (let i = 1; i < rotated; i++) await log.append(body(`/between/${i}`));
    await log.append(body("/data/a", { record_id }));
    assertEquals(recordsOf(path), []);
    const crashed = afterCrash(path, ws.path("crashed.log"));
    await openAndClose(crashed);
    assertEquals(recordsOf(crashed), []);
  });
}

Deno.test("an intent of an earlier segment without a record is interrupted once", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path, { rotate: { bytes: 1 } });
  await log.append(body("/first"));
  const record_id = await log.intend(pending("/data/a"));
  await log.append(body("/second"));
  await log.append(body("/third"));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await openAndClose(crashed);
  await openAndClose(crashed);
  assertEquals(recordsOf(crashed).map((one) => [one.status, one.record_id, one.seq]), [
    ["INTERRUPTED", record_id, 3],
  ]);
});

Deno.test("a record is found although the segments before it were moved to an archive", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path, { rotate: { bytes: 1000 } });
  await log.append(body(`/${"x".repeat(300)}`));
  const record_id = await log.intend(pending("/data/a"));
  await log.append(body(`/${"x".repeat(1000)}`));
  await log.append(body("/data/a", { record_id }));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  Deno.removeSync(`${crashed}.segments`, { recursive: true });
  await openAndClose(crashed);
  assertEquals(summary(crashed), ["OK /data/a"]);
});

Deno.test("an id in logged params does not stand for a record", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using log = await disposable(path);
  const record_id = await log.intend(pending("/data/a"));
  await log.append(body("/b", { status: "DENIED", params_values: { record_id } }));
  const crashed = afterCrash(path, ws.path("crashed.log"));
  await openAndClose(crashed);
  assertEquals(summary(crashed), ["DENIED /b", "INTERRUPTED /data/a"]);
});

/** A log that is closed when the test ends, however it ends. */
async function disposable(...args: Parameters<typeof openLog>) {
  const log = await openLog(...args);
  return Object.assign(log, { [Symbol.asyncDispose]: () => log.close() });
}

Deno.test("no intent is written once the log has failed, also in the same tick", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const { journal, writer } = attach(path, {
    durability: "os",
    now: () => 0,
    accept: () => {},
  });
  const before = Deno.readTextFileSync(`${path}.journal`);
  const place = { record_id: crypto.randomUUID(), segment: 0, at: 0 };
  const add = journal.add({ ...pending("/data/a"), ...place });
  writer.fail(new Error("no space left"));
  await assertRejects(() => add, AuditLogError, "no space left");
  assertEquals(Deno.readTextFileSync(`${path}.journal`), before);
  await writer.close();
  await journal.close({ clean: false });
});
