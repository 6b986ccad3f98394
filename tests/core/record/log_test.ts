import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AuditLogError } from "../../../src/core/record/audit_log_error.ts";
import { seal } from "../../../src/core/record/record.ts";
import { verifyAuditLog } from "../../../src/log/verifier.ts";
import {
  appendOne,
  body,
  linesOf,
  notesOf,
  openAndClose,
  openLog,
  recordsOf,
  writeLog,
} from "./log_file.ts";
import { Workspace } from "../../workspace.ts";

Deno.test("AuditLog.open() makes a file that only its owner may read, and its journal too", async () => {
  using ws = new Workspace();
  await openAndClose(ws.path("kernel.log"));
  assertEquals((Deno.statSync(ws.path("kernel.log")).mode ?? 0) & 0o777, 0o600);
  assertEquals((Deno.statSync(ws.path("kernel.log.journal")).mode ?? 0) & 0o777, 0o600);
});

Deno.test("AuditLog.open() continues the chain of an existing log", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 2);
  await appendOne(path, "/data/later");
  await appendOne(path, "/data/last");
  assertEquals(recordsOf(path).map(({ seq, target }) => `${seq} ${target}`), [
    "0 /data/0",
    "1 /data/1",
    "2 /data/later",
    "3 /data/last",
  ]);
  assertEquals((await verifyAuditLog(path)).ok, true);
});

Deno.test("AuditLog.open() finds the last record behind one that is longer than a read", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, [body("/short"), body(`/${"x".repeat(700_000)}`)]);
  await appendOne(path, "/after");
  await appendOne(path, "/after that");
  assertEquals(recordsOf(path).map(({ seq }) => seq), [0, 1, 2, 3]);
  assertEquals((await verifyAuditLog(path)).ok, true);
});

for (
  const [what, name] of [["a missing folder", "none/kernel.log"], ["a folder", "folder"]] as const
) {
  Deno.test(`AuditLog.open() refuses ${what} and names the path`, async () => {
    using ws = new Workspace();
    ws.folder("folder");
    const error = await assertRejects(() => openLog(ws.path(name)), AuditLogError);
    assertStringIncludes(error.message, ws.path(name));
    assertEquals((error as AuditLogError).code, "AUDIT_UNAVAILABLE");
  });
}

Deno.test("append() numbers records in the order of the calls, in one tick and across ticks", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path);
  const written: Promise<void>[] = [];
  for (let i = 0; i < 500; i++) {
    written.push(log.append(body(`/data/${i}`)));
    if (i % 7 === 0) await Promise.resolve();
    if (i % 90 === 0) await written.at(-1);
  }
  await Promise.all(written);
  await log.close();
  assertEquals(
    recordsOf(path).map(({ seq, target }) => [seq, target]),
    Array.from({ length: 500 }, (_, i) => [i, `/data/${i}`]),
  );
  assertEquals((await verifyAuditLog(path)).ok, true);
});

Deno.test("append() has resolved only when the record is in the file", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path);
  for (let i = 0; i < 20; i++) {
    await log.append(body(`/data/${i}`));
    assertEquals(linesOf(path).length, i + 1);
  }
  await log.close();
});

Deno.test("close() writes what is under way", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const log = await openLog(path);
  const written = log.append(body("/data/a"));
  await log.close();
  await written;
  assertEquals(recordsOf(path).map(({ target }) => target), ["/data/a"]);
});

Deno.test("append() rejects on a closed log, and so does each append after it", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 1);
  const log = await openLog(path);
  await log.close();
  const error = await assertRejects(() => log.append(body("/data/a")), AuditLogError);
  assertEquals(log.failure, error as AuditLogError);
  await assertRejects(() => log.append(body("/data/b")), AuditLogError);
  assertEquals(recordsOf(path).length, 1);
});

Deno.test("AuditLog.open() moves a last line torn at any byte aside and loses none of it", async () => {
  using ws = new Workspace();
  const whole = Deno.readFileSync(await writeLog(ws, [body("/a"), body("/ä\u{1F600}")]));
  const start = whole.indexOf(10) + 1;
  // Without the line feed alone the record is whole; that is the next test.
  for (let end = start + 1; end < whole.length - 1; end++) {
    const path = ws.file(`${end}.log`, whole.subarray(0, end));
    await appendOne(path, "/after");
    const side = Deno.readFileSync(`${path}.torn`);
    assertEquals(side.subarray(0, end - start), whole.subarray(start, end));
    assertEquals(side.length, end - start + 1);
    assertEquals(recordsOf(path).map(({ target }) => target), ["/a", path, "/after"]);
    const [note = "", ...more] = notesOf(path);
    assertEquals(more, []);
    assertStringIncludes(note, `${end - start} bytes were moved to "${path}.torn"`);
    assertEquals((await verifyAuditLog(path)).ok, true);
  }
});

Deno.test("AuditLog.open() keeps a record that misses only its line feed", async () => {
  using ws = new Workspace();
  for (const count of [1, 2, 3]) {
    const path = await writeLog(ws, count, `${count}.log`);
    const whole = Deno.readFileSync(path);
    Deno.writeFileSync(path, whole.subarray(0, -1));
    await openAndClose(path);
    assertEquals(Deno.readFileSync(path), whole);
    await appendOne(path, "/after");
    assertEquals((await verifyAuditLog(path)).records, count + 1);
  }
});

Deno.test("AuditLog.open() starts a log of which only a torn first line is there", async () => {
  using ws = new Workspace();
  const whole = Deno.readFileSync(await writeLog(ws, 1));
  const path = ws.file("first.log", whole.subarray(0, 100));
  await appendOne(path, "/after");
  assertEquals(Deno.readFileSync(`${path}.torn`).subarray(0, -1), whole.subarray(0, 100));
  assertEquals(recordsOf(path).map(({ target }) => target), [path, "/after"]);
  assertStringIncludes(notesOf(path).join(), "100 bytes");
  assertEquals((await verifyAuditLog(path)).records, 2);
});

Deno.test("AuditLog.open() adds to a side file that is there already", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 1);
  for (const torn of ['{"first', '{"second']) {
    Deno.writeTextFileSync(path, torn, { append: true });
    await openAndClose(path);
  }
  assertEquals(Deno.readTextFileSync(`${path}.torn`), '{"first\n{"second\n');
  assertEquals((Deno.statSync(`${path}.torn`).mode ?? 0) & 0o777, 0o600);
});

Deno.test("AuditLog.open() takes a torn line of several megabytes aside", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 2);
  const torn = `{"timestamp":"${"x".repeat(3_000_000)}`;
  Deno.writeTextFileSync(path, torn, { append: true });
  await openAndClose(path);
  assertEquals(Deno.readTextFileSync(`${path}.torn`), `${torn}\n`);
  assertStringIncludes(notesOf(path).join(), `${torn.length} bytes`);
  assertEquals((await verifyAuditLog(path)).records, 3);
});

const RECORD = (lines: readonly string[]) => lines[1] ?? "";
const DAMAGES: readonly (readonly [string, (lines: readonly string[]) => string])[] = [
  ["has a changed byte", (lines) => RECORD(lines).replace("/data/1", "/data/2")],
  ["is no record", () => "hello\n"],
  ["is empty", (lines) => `${RECORD(lines)}\n`],
  ["is followed by many empty ones", (lines) => RECORD(lines) + "\n".repeat(5)],
  ["holds white space only", (lines) => `${RECORD(lines)}   \n`],
  ["ends with a carriage return", (lines) => RECORD(lines).replace("\n", "\r\n")],
  ["is the second half of a record", (lines) => RECORD(lines).slice(100)],
];
for (const [what, damage] of DAMAGES) {
  Deno.test(`AuditLog.open() refuses a log whose last line ${what}, and changes nothing`, async () => {
    using ws = new Workspace();
    const lines = linesOf(await writeLog(ws, 2));
    const text = lines[0] + damage(lines);
    const path = ws.file("damaged.log", text);
    const error = await assertRejects(() => openAndClose(path), AuditLogError);
    assertStringIncludes(error.message, path);
    assertEquals(Deno.readTextFileSync(path), text);
  });
}

Deno.test("AuditLog.open() refuses a file that is one empty line", async () => {
  using ws = new Workspace();
  const path = ws.file("kernel.log", "\n");
  await assertRejects(() => openAndClose(path), AuditLogError);
});

Deno.test("AuditLog.open() refuses a last record whose number is none", async () => {
  using ws = new Workspace();
  const path = ws.file(
    "kernel.log",
    seal(body("/a"), '"5"' as unknown as number, "0".repeat(64)).line,
  );
  await assertRejects(() => openAndClose(path), AuditLogError);
});

Deno.test("AuditLog.open() refuses a damaged last record also when a torn line is behind it", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 2));
  const text = `${lines[0]}${lines[1]?.replace("/data/1", "/data/2")}{"torn`;
  const path = ws.file("damaged.log", text);
  await assertRejects(() => openAndClose(path), AuditLogError);
  assertEquals(Deno.readTextFileSync(path), text);
});
