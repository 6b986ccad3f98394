import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { AuditLogError, Kernel, Provider, verifyAuditLog } from "../../../mod.ts";
import { GENESIS } from "../../../src/core/record/record.ts";
import { linesOf, NO_PARAMS, recordsOf, writeLog } from "./log_file.ts";
import { run, Workspace } from "../../workspace.ts";

const POLICY = { capabilities: [{ action: "kv.get", resource: "**" }] };

/** A kernel with a map; provider calls are counted. */
function openKernel(ws: Workspace, calls: string[] = []): Promise<Kernel> {
  return Kernel.open({
    policy: POLICY,
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
    clock: () => new Date(Date.UTC(2026, 0, 31, 12)),
    timer: { now: () => 0, schedule: () => () => {} },
    providers: [
      new Provider({
        name: "kv",
        isolation: "none",
        actions: { "kv.get": { kind: "name" } },
        execute: ({ target }) => {
          calls.push(target);
          if (target === "bad") throw new Error("no\nsuch\u2028key");
          return target;
        },
      }),
    ],
  });
}

Deno.test("a submit that is done leaves the line that is documented, byte for byte", async () => {
  using ws = new Workspace();
  {
    await using kernel = await openKernel(ws);
    await kernel.submit({ action: "kv.get", target: "a", agent: "a1" });
  }
  const [line = ""] = linesOf(ws.path("kernel.log"));
  const { policy, hash, record_id } = JSON.parse(line);
  assertMatch(policy, /^[0-9a-f]{64}$/);
  assertMatch(record_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assertEquals(
    line,
    '{"timestamp":"2026-01-31T12:00:00.000Z","action":"kv.get","target":"a","status":"OK",' +
      `"duration_ms":0,"record_id":"${record_id}",` +
      '"seq":0,"agent":"a1","rule":"capabilities[0]",' +
      `"policy":"${policy}","params":"${NO_PARAMS}","prev":"${GENESIS}","hash":"${hash}"}\n`,
  );
});

const OUTCOMES: readonly (readonly [string, { action: string; target: string }, string[]])[] = [
  ["OK", { action: "kv.get", target: "a" }, ["duration_ms", "record_id", "rule"]],
  ["FAILED", { action: "kv.get", target: "bad" }, [
    "error",
    "duration_ms",
    "record_id",
    "rule",
    "code",
  ]],
  ["DENIED", { action: "kv.put", target: "a" }, ["error", "code"]],
  ["INVALID", { action: "", target: "a" }, ["error", "code"]],
];
const OPTIONAL = ["error", "duration_ms", "record_id", "agent", "rule", "code"];
for (const [status, request, present] of OUTCOMES) {
  Deno.test(`a record ${status} holds of the optional fields: ${present.join(", ")}`, async () => {
    using ws = new Workspace();
    {
      await using kernel = await openKernel(ws);
      await kernel.submit(request);
    }
    const [record] = recordsOf(ws.path("kernel.log"));
    assertEquals(record?.status as string, status);
    assertEquals(OPTIONAL.filter((field) => Object.hasOwn(record ?? {}, field)), present);
  });
}

Deno.test("concurrent submits end in one record each, in one chain", async () => {
  using ws = new Workspace();
  {
    await using kernel = await openKernel(ws);
    await Promise.all(
      Array.from(
        { length: 300 },
        (_, i) => kernel.submit({ action: i % 3 === 0 ? "kv.put" : "kv.get", target: `k${i}` }),
      ),
    );
  }
  const records = recordsOf(ws.path("kernel.log"));
  assertEquals(records.map(({ seq }) => seq), Array.from({ length: 300 }, (_, i) => i));
  assertEquals(new Set(records.map(({ target }) => target)).size, 300);
  assertEquals((await verifyAuditLog(ws.path("kernel.log"))).ok, true);
});

Deno.test("Kernel.open() puts a torn last line on record, wherever it was torn", async () => {
  using ws = new Workspace();
  const whole = Deno.readFileSync(await writeLog(ws, 2));
  const start = whole.indexOf(10) + 1;
  const path = ws.path("kernel.log");
  for (let end = start + 1; end < whole.length - 1; end += 13) {
    Deno.writeFileSync(path, whole.subarray(0, end));
    await (await openKernel(ws)).close();
    const [first, second, ...more] = recordsOf(path);
    assertEquals(more, []);
    assertEquals(first?.target, "/data/0");
    assertEquals(second?.status, "INTERRUPTED");
    assertStringIncludes(second?.error ?? "", `${end - start} bytes`);
    assertStringIncludes(second?.error ?? "", `${path}.torn`);
    assertEquals((await verifyAuditLog(path)).ok, true);
  }
});

Deno.test("Kernel.open() records nothing when only the line feed was missing", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 2);
  const whole = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, whole.slice(0, -1));
  await (await openKernel(ws)).close();
  assertEquals(Deno.readTextFileSync(path), whole);
});

Deno.test("Kernel.open() refuses a log whose last record was changed", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 2);
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("/data/1", "/data/2"));
  await assertRejects(() => openKernel(ws), AuditLogError, path);
});

const VERIFIER = `
import hashlib, json, sys
prev, seq = "0" * 64, 0
for line in open(sys.argv[1], "rb").read().split(b"\\n")[:-1]:
    body, _, tail = line.rpartition(b',"hash":')
    record = json.loads(line)
    assert tail == b'"%s"}' % hashlib.sha256(body).hexdigest().encode(), seq
    assert record["prev"] == prev and record["seq"] == seq, seq
    prev, seq = record["hash"], seq + 1
print(seq, prev)
`;

Deno.test("ten lines of Python verify a log with hostile texts that a kernel wrote", async () => {
  using ws = new Workspace();
  {
    await using kernel = await openKernel(ws);
    for (
      const target of [
        "a",
        "bad",
        "日本/\u{1F600}",
        "../..",
        "x\ny",
        "\ud800",
        "\u2028",
        "\x1b[2J",
        '"}',
      ]
    ) {
      await kernel.submit({ action: "kv.get", target, params: { target } });
    }
  }
  const path = ws.path("kernel.log");
  const { ok, records, head } = await verifyAuditLog(path);
  assertEquals({ ok, records }, { ok: true, records: 9 });
  assertEquals(run("python3", "-c", VERIFIER, path), `${records} ${head}\n`);
});

Deno.test("the Python verifier finds what this one finds", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, 4));
  const changed = [
    lines.toSpliced(1, 1),
    lines.with(1, lines[2] ?? ""),
    lines.with(2, lines[2]?.replace("/data/2", "/data/9") ?? ""),
  ];
  for (const one of changed) {
    const path = ws.file("changed.log", one.join(""));
    const { problem, records } = await verifyAuditLog(path);
    const { success, stderr } = new Deno.Command("python3", { args: ["-c", VERIFIER, path] })
      .outputSync();
    assertEquals(success, false);
    assertEquals(problem?.line, records + 1);
    assertMatch(new TextDecoder().decode(stderr), new RegExp(`AssertionError: ${records}\\s*$`));
  }
});

const HOSTILE = [
  "a\nb",
  "a\r\nb",
  'x"}\n{"timestamp":"forged","status":"OK"}',
  "\u2028\u2029\u0085\v\f",
  "\x1b[31mred\x1b[0m\x07\b",
  "\u202egpj.exe\u2066",
  "\ud800lone\udc00",
  "\0",
  "\\u000a",
  ',"hash":"' + "0".repeat(64) + '"}',
  "\ufeff",
  "x".repeat(100_000),
];
for (const field of ["target", "action", "agent"] as const) {
  Deno.test(`a hostile ${field} stays inside of its one record`, async () => {
    using ws = new Workspace();
    const path = ws.path("kernel.log");
    {
      await using kernel = await openKernel(ws);
      for (const text of HOSTILE) {
        await kernel.submit({ action: "kv.get", target: "a", [field]: text });
      }
    }
    const bytes = Deno.readFileSync(path);
    assertEquals(bytes.filter((byte) => byte === 10).length, HOSTILE.length);
    assertEquals(bytes.every((byte) => byte === 10 || byte >= 32), true);
    assertEquals((await verifyAuditLog(path)).records, HOSTILE.length);
    assertEquals(recordsOf(path).every(({ timestamp }) => timestamp.startsWith("2026")), true);
  });
}
