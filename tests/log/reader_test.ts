import { assertEquals, assertRejects } from "@std/assert";
import type { RecordStatus } from "../../src/core/action.ts";
import { readAuditLog, type ReadLine, type RecordFilter } from "../../src/log/reader.ts";
import { seal } from "../../src/core/record/record.ts";
import { body, linesOf, openLog, writeLog } from "../core/record/log_file.ts";
import { ROOT, run, Workspace } from "../workspace.ts";

async function read(path: string, filter: RecordFilter = {}): Promise<ReadLine[]> {
  return await Array.fromAsync(readAuditLog(path, filter));
}

/** Targets of the records that were read, damaged lines as `!` and their number. */
async function summary(path: string, filter: RecordFilter = {}): Promise<string> {
  return (await read(path, filter))
    .map((line) => "record" in line ? line.record.target : `!${line.line}`).join(" ");
}

const ACTIONS = ["fs.read", "fs.write", "net.http", "fs.read.deep", "fs"];
const STATUSES: RecordStatus[] = ["OK", "DENIED", "FAILED"];
const BODIES = Array.from({ length: 15 }, (_, i) =>
  body(`${i}`, {
    action: ACTIONS[i % 5] ?? "",
    status: STATUSES[i % 3] ?? "OK",
    timestamp: new Date(Date.UTC(2026, 0, 1, i)).toISOString(),
    ...(i % 2 === 0 ? { agent: "even" } : {}),
  }));

const FILTERS: readonly (readonly [string, RecordFilter, string])[] = [
  ["nothing", {}, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14"],
  ["a status", { status: "DENIED" }, "1 4 7 10 13"],
  ["an action, not what starts alike", { action: "fs.read" }, "0 5 10"],
  ["a pattern, which matches whole names segment by segment", { action: "fs.*" }, "0 1 5 6 10 11"],
  ["a pattern in front", { action: "*.http" }, "2 7 12"],
  ["a pattern in the middle", { action: "fs.*.deep" }, "3 8 13"],
  ["a pattern of one segment", { action: "*" }, "4 9 14"],
  ["an action with a character special to regular expressions", { action: "fs?read" }, ""],
  ["an agent, who is not everybody without one", { agent: "even" }, "0 2 4 6 8 10 12 14"],
  ["a time, which is included", { since: new Date(Date.UTC(2026, 0, 1, 12)) }, "12 13 14"],
  ["a later time", { since: new Date(Date.UTC(2026, 0, 1, 12, 0, 0, 1)) }, "13 14"],
  ["several conditions", { action: "fs.*", agent: "even", status: "OK" }, "0 6"],
];
for (const [what, filter, expected] of FILTERS) {
  Deno.test(`readAuditLog() filters by ${what}`, async () => {
    using ws = new Workspace();
    assertEquals(await summary(await writeLog(ws, BODIES), filter), expected);
  });
}

Deno.test("readAuditLog() numbers lines from 1", async () => {
  using ws = new Workspace();
  const lines = await read(await writeLog(ws, BODIES), { status: "DENIED" });
  assertEquals(lines.map(({ line }) => line), [2, 5, 8, 11, 14]);
});

Deno.test("readAuditLog() gives damaged lines whatever the filter, and goes on behind them", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 4));
  const changed = [
    lines[0],
    "junk\n",
    lines[1],
    lines[2]?.replace("/data/2", "/x"),
    "\n",
    lines[3],
  ];
  const path = ws.file("damaged.log", changed.join(""));
  assertEquals(await summary(path), "/data/0 !2 /data/1 !4 !5 /data/3");
  assertEquals(await summary(path, { status: "DENIED" }), "!2 !4 !5");
});

Deno.test("readAuditLog() gives a forged line without the fields of a record as damage", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 2));
  const forged = seal({ target: "/forged" } as never, 1, "0".repeat(64)).line;
  const path = ws.file("forged.log", lines.toSpliced(1, 0, forged).join(""));
  assertEquals(await summary(path, { action: "fs.*" }), "/data/0 !2 /data/1");
});

Deno.test("readAuditLog() leaves out a last line that is still being written", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 2);
  Deno.writeTextFileSync(path, '{"timestamp":"2026', { append: true });
  assertEquals(await summary(path), "/data/0 /data/1");
});

Deno.test("readAuditLog() reads an empty log, and rejects when there is none", async () => {
  using ws = new Workspace();
  assertEquals(await read(ws.file("empty.log")), []);
  await assertRejects(() => read(ws.path("none.log")), Deno.errors.NotFound);
});

Deno.test("readAuditLog() reads lines of any length around its chunk size", async () => {
  using ws = new Workspace();
  const chunk = 256 * 1024;
  const lengths = [1, chunk - 400, chunk - 1, chunk, chunk + 1, 2 * chunk, 5 * chunk, 1];
  const path = await writeLog(ws, lengths.map((length) => body("x".repeat(length))));
  const found = (await read(path)).map((line) => "record" in line && line.record.target.length);
  assertEquals(found, lengths);
});

Deno.test("readAuditLog() reads right with a line feed at every offset of a chunk's border", async () => {
  using ws = new Workspace();
  const chunk = 256 * 1024;
  const empty = seal(body(""), 0, "0".repeat(64)).line.length;
  for (let offset = -2; offset <= 2; offset++) {
    const first = body("x".repeat(chunk - empty + offset));
    const path = await writeLog(ws, [first, body("ä/second"), body("third")], `${offset}.log`);
    assertEquals((linesOf(path)[0] ?? "").length, chunk + offset);
    assertEquals((await read(path)).map(({ line }) => line), [1, 2, 3]);
  }
});

Deno.test("readAuditLog() closes the file when its reader stops early", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 20);
  for await (const { line } of readAuditLog(path)) if (line === 3) break;
  // The sanitizer of this test finds a file left open.
  assertEquals(linesOf(path).length, 20);
});

Deno.test("readAuditLog() follows: what is there, then that it is at the end, then what is added", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 2);
  const log = await openLog(path);
  const seen: string[] = [];
  const added: Promise<void>[] = [];
  const follow = () => {
    if (added.length === 0) seen.push("end");
    added.push(log.append(body(`/added/${added.length}`)));
  };
  for await (const line of readAuditLog(path, { follow })) {
    seen.push("record" in line ? line.record.target : line.damage);
    if (seen.length === 5) break;
  }
  await Promise.all(added);
  await log.close();
  assertEquals(seen, ["/data/0", "/data/1", "end", "/added/0", "/added/1"]);
});

Deno.test("readAuditLog() gives a followed record once when its line is written in two parts", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 2);
  const [first = "", second = ""] = linesOf(path);
  Deno.writeTextFileSync(path, first + second.slice(0, 50));
  let ends = 0;
  const follow = () => {
    if (++ends === 2) Deno.writeTextFileSync(path, second.slice(50), { append: true });
  };
  const seen: string[] = [];
  for await (const line of readAuditLog(path, { follow })) {
    seen.push("record" in line ? line.record.target : line.damage);
    if (seen.length === 2) break;
  }
  assertEquals(seen, ["/data/0", "/data/1"]);
});

const READING = `
import { readAuditLog } from "${new URL("../../src/log/reader.ts", import.meta.url)}";
import { verifyAuditLog } from "${new URL("../../src/log/verifier.ts", import.meta.url)}";
let lines = 0;
let peak = 0;
// Both at the same time, so that the measurements see both.
const verifying = verifyAuditLog(Deno.args[0]);
for await (const _ of readAuditLog(Deno.args[0])) if (lines++ % 1000 === 0) measure();
const { records } = await verifying;
if (records !== lines) throw new Error("lines are missing");
await Deno.stdout.write(new TextEncoder().encode(String(peak)));
function measure() {
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  peak = Math.max(peak, heapUsed + external);
}
`;

Deno.test("reading and verifying a log thirty times as long holds no more in memory", async () => {
  using ws = new Workspace();
  const script = ws.file("reading.ts", READING);
  const long = "x".repeat(1000);
  const peakOf = async (records: number) => {
    const bodies = Array.from({ length: records }, () => body(long));
    const path = await writeLog(ws, bodies, `${records}.log`);
    const flags = [
      "-q",
      "--no-prompt",
      "--v8-flags=--expose-gc",
      "--no-check",
      `--config=${ROOT}/deno.json`,
    ];
    return Number(run("deno", "run", "--allow-read", ...flags, script, path));
  };
  const small = await peakOf(3_000);
  const large = await peakOf(90_000);
  assertEquals(large < 1.5 * small, true, `${large} against ${small}`);
});
