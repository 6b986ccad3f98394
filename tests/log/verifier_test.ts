import { assertEquals, assertRejects } from "@std/assert";
import { verifyAuditLog } from "../../src/log/verifier.ts";
import { GENESIS, seal } from "../../src/core/record/record.ts";
import { body, linesOf, recordsOf, writeLog } from "../core/record/log_file.ts";
import { Workspace } from "../workspace.ts";

const FEED = 10;

/** What the verifier says of these lines, written to a file. */
async function verified(ws: Workspace, lines: readonly string[]) {
  const { ok, records, problem } = await verifyAuditLog(ws.file("changed.log", lines.join("")));
  return { ok, records, line: problem?.line };
}

Deno.test("verifyAuditLog() accepts what the log wrote and names its head", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 5);
  assertEquals(await verifyAuditLog(path), {
    ok: true,
    records: 5,
    head: recordsOf(path)[4]?.hash ?? "",
  });
});

Deno.test("verifyAuditLog() accepts an empty log, with 64 zeros as head", async () => {
  using ws = new Workspace();
  assertEquals(await verifyAuditLog(ws.file("empty.log")), {
    ok: true,
    records: 0,
    head: GENESIS,
  });
});

Deno.test("verifyAuditLog() rejects when there is no file", async () => {
  using ws = new Workspace();
  await assertRejects(() => verifyAuditLog(ws.path("none.log")), Deno.errors.NotFound);
});

Deno.test("verifyAuditLog() names the line of every changed byte", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, [body("/a"), body("/ä", { error: "x" }), body("/c")]);
  const bytes = Deno.readFileSync(path);
  let line = 1;
  let changes = 0;
  for (const [at, byte] of bytes.entries()) {
    for (const other of new Set([byte ^ 1, byte ^ 0x20, FEED, 13, 0, 0x20, 0x22, 0x80, 0xff])) {
      if (other === byte) continue;
      bytes[at] = other;
      Deno.writeFileSync(path, bytes);
      const { ok, records, problem } = await verifyAuditLog(path);
      assertEquals(
        { ok, records, line: problem?.line },
        { ok: false, records: line - 1, line },
        `byte ${at}, ${byte} to ${other}`,
      );
      changes++;
    }
    bytes[at] = byte;
    if (byte === FEED) line++;
  }
  assertEquals(line, 4);
  assertEquals(changes > bytes.length * 7, true);
});

Deno.test("verifyAuditLog() names the line of every removed and every repeated byte", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 3);
  const bytes = Deno.readFileSync(path);
  let line = 1;
  for (const [at, byte] of bytes.entries()) {
    const before = bytes.subarray(0, at);
    const removed = new Uint8Array([...before, ...bytes.subarray(at + 1)]);
    const repeated = new Uint8Array([...before, byte, ...bytes.subarray(at)]);
    // A second line feed makes the line after it an empty one.
    const expected = byte === FEED ? line + 1 : line;
    Deno.writeFileSync(path, removed);
    assertEquals((await verifyAuditLog(path)).problem?.line, line, `byte ${at} removed`);
    Deno.writeFileSync(path, repeated);
    assertEquals((await verifyAuditLog(path)).problem?.line, expected, `byte ${at} repeated`);
    if (byte === FEED) line++;
  }
});

Deno.test("verifyAuditLog() names the line after which one was removed", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 6));
  for (let at = 0; at < lines.length - 1; at++) {
    assertEquals(
      await verified(ws, lines.toSpliced(at, 1)),
      { ok: false, records: at, line: at + 1 },
    );
  }
});

Deno.test("verifyAuditLog() names the first of two swapped lines", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 6));
  for (let a = 0; a < lines.length; a++) {
    for (let b = a + 1; b < lines.length; b++) {
      const swapped = lines.with(a, lines[b] ?? "").with(b, lines[a] ?? "");
      assertEquals(await verified(ws, swapped), { ok: false, records: a, line: a + 1 });
    }
  }
});

Deno.test("verifyAuditLog() names a line that stands there twice", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 6));
  for (const [from, line] of lines.entries()) {
    for (let to = from + 1; to <= lines.length; to++) {
      assertEquals(
        await verified(ws, lines.toSpliced(to, 0, line)),
        { ok: false, records: to, line: to + 1 },
      );
    }
  }
});

Deno.test("verifyAuditLog() names an inserted line, also one that fits the line before it", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 4);
  const lines = linesOf(path);
  const records = recordsOf(path);
  for (let at = 0; at < lines.length; at++) {
    const prev = records[at - 1]?.hash ?? GENESIS;
    const forged = seal(body("/forged"), at, prev).line;
    // The forged line itself is in order; the one behind it is not any more.
    assertEquals(
      await verified(ws, lines.toSpliced(at, 0, forged)),
      { ok: false, records: at + 1, line: at + 2 },
    );
    const foreign = seal(body("/forged"), at, "f".repeat(64)).line;
    assertEquals(
      await verified(ws, lines.toSpliced(at, 0, foreign)),
      { ok: false, records: at, line: at + 1 },
    );
    for (const junk of ["\n", " \n", "\r\n", "null\n", "{}\n"]) {
      assertEquals(
        await verified(ws, lines.toSpliced(at, 0, junk)),
        { ok: false, records: at, line: at + 1 },
      );
    }
  }
});

Deno.test("verifyAuditLog() finds a record replaced by one with a hash of its own", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 4);
  const lines = linesOf(path);
  const forged = seal(body("/forged"), 1, recordsOf(path)[0]?.hash ?? "").line;
  assertEquals(await verified(ws, lines.with(1, forged)), { ok: false, records: 2, line: 3 });
});

Deno.test("verifyAuditLog() finds bytes that are no UTF-8", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 2)).map((line) => new TextEncoder().encode(line));
  const bad = new Uint8Array([0xc3, 0x28, 0xff, 0xfe, FEED]);
  const path = ws.file("bad.log", new Uint8Array(lines.flatMap((line) => [...line, ...bad])));
  assertEquals((await verifyAuditLog(path)).problem?.line, 2);
});

Deno.test("verifyAuditLog() finds a last line that is cut anywhere", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 2);
  const bytes = Deno.readFileSync(path);
  const start = bytes.indexOf(FEED) + 1;
  for (let end = start + 1; end < bytes.length; end++) {
    Deno.writeFileSync(path, bytes.subarray(0, end));
    const { ok, problem } = await verifyAuditLog(path);
    assertEquals({ ok, problem }, {
      ok: false,
      problem: { line: 2, reason: "is not complete" },
    });
  }
});

Deno.test("verifyAuditLog() cannot see that whole lines are missing at the end, as documented", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 5));
  assertEquals(await verified(ws, lines.slice(0, 3)), { ok: true, records: 3, line: undefined });
});
