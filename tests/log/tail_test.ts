import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readAuditLog, type ReadLine } from "../../src/log/reader.ts";
import { readLastRecords } from "../../src/log/tail.ts";
import { body, writeLog } from "../core/record/log_file.ts";
import { Workspace } from "../workspace.ts";

function targets(lines: readonly ReadLine[] | undefined): string[] | undefined {
  return lines?.map((line) => "record" in line ? line.record.target : line.damage);
}

Deno.test("readLastRecords() gives the last records, in the order of the log", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, Array.from({ length: 5 }, (_, i) => body(`/${i}`)));
  assertEquals(targets(readLastRecords(path, 2)), ["/3", "/4"]);
  assertEquals(targets(readLastRecords(path, 0)), []);
  assertEquals(targets(readLastRecords(path, 9))?.length, 5);
  assertEquals(readLastRecords(path, 1)?.[0]?.line, 5);
});

Deno.test("readLastRecords() counts only records that pass the filter", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, [
    body("/a", { status: "DENIED" }),
    body("/b"),
    body("/c", { status: "DENIED" }),
    body("/d"),
  ]);
  assertEquals(targets(readLastRecords(path, 1, { status: "DENIED" })), ["/c"]);
  assertEquals(targets(readLastRecords(path, 9, { status: "DENIED" })), ["/a", "/c"]);
});

Deno.test("readLastRecords() leaves out a record under way, and finds damage", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, [body("/a"), body("/b")]);
  Deno.writeTextFileSync(path, '{"half":', { append: true });
  assertEquals(targets(readLastRecords(path, 1)), ["/b"]);
  Deno.writeTextFileSync(path, "}\n", { append: true });
  assertEquals(readLastRecords(path, 1), undefined);
});

Deno.test("readLastRecords() of a missing log throws NotFound, of an empty one gives nothing", () => {
  using ws = new Workspace();
  assertThrows(() => readLastRecords(ws.path("none.log"), 1), Deno.errors.NotFound);
  assertEquals(readLastRecords(ws.file("empty.log"), 1), []);
});

Deno.test("readLastRecords() agrees with reading from the start, whatever the lengths of lines", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 150_000 }), { maxLength: 6 }),
      fc.integer({ min: 0, max: 7 }),
      async (lengths, count) => {
        using ws = new Workspace();
        const path = await writeLog(ws, lengths.map((length) => body(`/${"x".repeat(length)}`)));
        const all = await Array.fromAsync(readAuditLog(path));
        const last = count === 0 ? [] : all.slice(-count);
        assertEquals(readLastRecords(path, count), last);
      },
    ),
    { numRuns: 20 },
  );
});

Deno.test("readLastRecords() reads the end of a long log only", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, Array.from({ length: 3000 }, (_, i) => body(`/${i}`)));
  // Damage at the start would be seen by who reads it.
  const bytes = Deno.readFileSync(path);
  assert(bytes.length > 500_000);
  bytes[10] = 0;
  Deno.writeFileSync(path, bytes);
  assertEquals(targets(readLastRecords(path, 2)), ["/2998", "/2999"]);
});
