import { assertEquals, assertStringIncludes } from "@std/assert";
import { Statistics } from "../../src/log/statistics.ts";
import { localTime } from "../../src/cli/time.ts";
import { asTable } from "../../src/cli/log_statistics.ts";
import { sealedRecords, writeSealed } from "../core/record/sealed_lines.ts";
import { denoRun, type Ended } from "./command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";

const BODIES_AT = "2026-01-31T12:00:00.000Z";
const BODIES = [
  { duration_ms: 2, rule: "r1" },
  { status: "DENIED", agent: "a1\x1b[31m", error: "no" },
  { action: "net.http", target: "=1,2" },
] as const;

/** Runs a function of the command line in a process of its own, over a log. */
function runOver(ws: Workspace, path: string, call: string): Promise<Ended> {
  const program = ws.file(
    "program.ts",
    `import { readAuditLog } from "file://${ROOT}/src/log/reader.ts";
     import { exportLog } from "file://${ROOT}/src/cli/log_export.ts";
     import { showStatistics } from "file://${ROOT}/src/cli/log_statistics.ts";
     const lines = readAuditLog(${JSON.stringify(path)});
     Deno.exit(await ${call});`,
  );
  return denoRun(["run", "-q", "--no-prompt", "--allow-read", program]);
}

Deno.test("exportLog() prints CSV with a header and CRLF", async () => {
  using ws = new Workspace();
  const { code, stdout, stderr } = await runOver(
    ws,
    writeSealed(ws, BODIES),
    "exportLog(lines, {})",
  );
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const [header = "", ...rows] = stdout.split("\r\n");
  assertEquals(header.slice(0, 31), "timestamp,action,target,status,");
  assertEquals(rows.map((row) => row.split(",").slice(1, 3).join()), [
    ...["fs.read,/data/0", "fs.read,/data/1", `net.http,"'=1`, ""],
  ]);
});

Deno.test("exportLog() prints OTLP, and names damaged lines on standard error, exit code 1", async () => {
  using ws = new Workspace();
  const path = writeSealed(ws, [...BODIES, "{}"]);
  const call = `exportLog(lines, { format: "otlp-json" })`;
  const { code, stdout, stderr } = await runOver(ws, path, call);
  assertEquals({ code, stderr }, {
    code: 1,
    stderr: "line 4 is not a record with a hash, it is left out\n",
  });
  assertEquals(JSON.parse(stdout).resourceLogs[0].scopeLogs[0].logRecords.length, 3);
});

for (const format of ["xml", "constructor"]) {
  Deno.test(`exportLog() refuses the format ${format}`, async () => {
    using ws = new Workspace();
    const call = `exportLog(lines, { format: "${format}" })`;
    const { code, stdout, stderr } = await runOver(ws, writeSealed(ws, BODIES), call);
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertStringIncludes(stderr, `--format ${format} is unknown, expected csv or otlp-json`);
  });
}

Deno.test("showStatistics() prints JSON for programs, exit code 1 with damaged lines", async () => {
  using ws = new Workspace();
  const path = writeSealed(ws, [...BODIES, "{}"]);
  const { code, stdout } = await runOver(ws, path, "showStatistics(lines, {})");
  assertEquals(code, 1);
  assertEquals(stdout.includes("\x1b"), false);
  const { duration_ms } = JSON.parse(stdout).actions[0];
  assertEquals({ ...JSON.parse(stdout), actions: undefined }, {
    records: 3,
    damaged: 1,
    first: "2026-01-31T12:00:00.000Z",
    last: "2026-01-31T12:00:00.000Z",
    statuses: [{ name: "OK", count: 2 }, { name: "DENIED", count: 1 }],
    actions: undefined,
    rules: [{ name: "r1", count: 1 }],
    agents: [{ name: "a1\x1b[31m", count: 1 }],
    shadow: [],
  });
  assertEquals([duration_ms.count, duration_ms.max], [1, 2]);
});

Deno.test("asTable() shows counts and durations, and nothing that acts on a terminal", () => {
  const statistics = new Statistics();
  for (const record of sealedRecords(BODIES)) statistics.observe({ line: 1, record });
  statistics.observe({ line: 4, damage: "is not JSON" });
  assertEquals(asTable(statistics.summary()), [
    `3 records, ${localTime(BODIES_AT)} to ${localTime(BODIES_AT)}`,
    "BROKEN  1 damaged lines",
    "",
    "status  count",
    "OK          2",
    "DENIED      1",
    "",
    "action    count  p50 ms  p99 ms  max ms",
    "fs.read       2    1.99    1.99       2",
    "net.http      1",
    "",
    "rule  count",
    "r1        1",
    "",
    "agent         count",
    "a1\\u001b[31m      1",
  ]);
});
