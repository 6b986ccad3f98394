import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { GENESIS, open, type RecordBody, seal } from "../../../src/core/record/record.ts";
import { body, linesOf, NO_PARAMS, recordsOf, writeLog } from "./log_file.ts";
import { Workspace } from "../../workspace.ts";

const ZEROS = "0000000000000000000000000000000000000000000000000000000000000000";

function sha256(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}

Deno.test("seal() writes all fields in the documented order", () => {
  // Given in another order, to show that the order is the line's own.
  const full: RecordBody = {
    params: NO_PARAMS,
    policy: "ab".repeat(32),
    code: "NOT_FOUND",
    rule: "capabilities[0]",
    agent: "a1",
    record_id: "r1",
    duration_ms: 1.25,
    error: "File not found",
    status: "FAILED",
    target: "/data/a",
    action: "fs.read",
    timestamp: "2026-01-31T12:00:00.000Z",
  };
  const { line, hash } = seal(full, 7, "f".repeat(64));
  const sealed = '{"timestamp":"2026-01-31T12:00:00.000Z","action":"fs.read","target":"/data/a",' +
    '"status":"FAILED","error":"File not found","duration_ms":1.25,"record_id":"r1","seq":7,' +
    '"agent":"a1","rule":"capabilities[0]","code":"NOT_FOUND",' +
    `"policy":"${"ab".repeat(32)}","params":"${NO_PARAMS}","prev":"${"f".repeat(64)}"`;
  assertEquals(line, `${sealed},"hash":"${sha256(sealed)}"}\n`);
  assertEquals(hash, sha256(sealed));
});

Deno.test("seal() writes what JSON.stringify writes, whatever the texts hold", () => {
  const text = fc.string({ unit: "binary" });
  const texts = fc.record({
    ...{ action: text, target: text, error: text, record_id: text, undoes: text },
    ...{ agent: text, rule: text, code: text, target_digest: text },
    params_values: fc.jsonValue(),
  }, { requiredKeys: ["action", "target"] });
  fc.assert(
    fc.property(
      texts,
      fc.option(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })),
      (given, ms) => {
        const full = body("/a", { ...given, ...(ms === null ? {} : { duration_ms: ms }) });
        const { timestamp, action, target, status, error, duration_ms, record_id } = full;
        const { undoes, agent, rule, code, policy, params, params_values, target_digest } = full;
        const plain = JSON.stringify({
          ...{ timestamp, action, target, status, error, duration_ms, record_id, undoes, seq: 3 },
          ...{ agent, rule, code, policy, params, params_values, target_digest, prev: GENESIS },
        }).slice(0, -1);
        assertEquals(seal(full, 3, GENESIS).line, `${plain},"hash":"${sha256(plain)}"}\n`);
      },
    ),
  );
});

Deno.test("seal() leaves absent fields out and keeps a null digest of the params", () => {
  const { line } = seal(body("/data/a", { params: null }), 0, GENESIS);
  assertEquals(Object.keys(JSON.parse(line)), [
    "timestamp",
    "action",
    "target",
    "status",
    "seq",
    "policy",
    "params",
    "prev",
    "hash",
  ]);
  assertEquals(JSON.parse(line).params, null);
});

Deno.test("the first record follows 64 zeros, each further one the hash before it", async () => {
  using ws = new Workspace();
  const [first, second, third] = recordsOf(await writeLog(ws, 3));
  assertEquals(first?.prev, ZEROS);
  assertEquals(second?.prev, first?.hash);
  assertEquals(third?.prev, second?.hash);
  assertEquals([first?.seq, second?.seq, third?.seq], [0, 1, 2]);
});

Deno.test("the hash of a record is the SHA-256 of its bytes before the hash", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, [body("/däta/日本"), body("/\u{1F600}")]);
  for (const line of linesOf(path)) {
    const end = line.lastIndexOf(',"hash":');
    assertEquals(JSON.parse(line).hash, sha256(new TextEncoder().encode(line.slice(0, end))));
  }
});

Deno.test("open() gives back what seal() took, whatever the texts hold", () => {
  // Lone surrogates included: unit "binary" has all code points.
  const text = fc.string({ unit: "binary" });
  const nasty = fc.oneof(text, fc.constantFrom('","hash":"', "\n", "\u2028", '"}\n{"', "\ud800"));
  fc.assert(fc.property(nasty, nasty, nasty, fc.nat(), (target, error, agent, seq) => {
    const given = body(target, { status: "FAILED", error, agent });
    const { line } = seal(given, seq, GENESIS);
    assertEquals(line.indexOf("\n"), line.length - 1);
    const opened = open(new TextEncoder().encode(line.slice(0, -1)));
    assert(opened.ok);
    assertEquals(
      { ...opened.record },
      { ...given, seq, prev: GENESIS, hash: opened.record.hash },
    );
  }));
});

const LINE = seal(body("/data/a"), 0, GENESIS).line.slice(0, -1);
const REFUSED: readonly (readonly [string, string])[] = [
  ["an empty line", ""],
  ["a line shorter than a hash", '{"a":1}'],
  ["a hash alone", `,"hash":"${sha256("")}"}`],
  ["a hash in upper case", LINE.replace(/[0-9a-f]{64}(?="}$)/, (hash) => hash.toUpperCase())],
  ["a carriage return at the end", `${LINE}\r`],
  ["a byte order mark at the start", `\ufeff${LINE}`],
  ["white space before the hash", LINE.replace(',"hash"', ', "hash"')],
];
for (const [what, line] of REFUSED) {
  Deno.test(`open() refuses ${what}`, () => {
    assertEquals(open(new TextEncoder().encode(line)).ok, false);
  });
}

Deno.test("open() refuses text with a fitting hash that is no JSON", () => {
  const line = `not json,"hash":"${sha256("not json")}"}`;
  const opened = open(new TextEncoder().encode(line));
  assert(!opened.ok);
  assertMatch(opened.reason, /^is not JSON/);
});

Deno.test("open() refuses bytes that are no UTF-8, also with a fitting hash", () => {
  const bytes = new Uint8Array([...new TextEncoder().encode('{"target":"'), 0xff, 0x22]);
  const tail = new TextEncoder().encode(`,"hash":"${sha256(bytes)}"}`);
  assertEquals(open(new Uint8Array([...bytes, ...tail])).ok, false);
});

Deno.test("open() refuses a record with a fitting hash whose fields are missing or of wrong types", () => {
  const bodies = [
    '{"seq":0',
    `{"timestamp":"2026-01-31T12:00:00.000Z","action":7,"target":"/a","status":"OK","seq":0,"policy":"p","params":null,"prev":"${GENESIS}"`,
    `{"timestamp":"2026-01-31T12:00:00.000Z","action":"fs.read","target":"/a","status":"OK","seq":"0","policy":"p","params":null,"prev":"${GENESIS}"`,
  ];
  for (const text of bodies) {
    const line = `${text},"hash":"${sha256(text)}"}`;
    assertEquals(open(new TextEncoder().encode(line)).ok, false, line);
  }
});
