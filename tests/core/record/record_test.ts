import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import type { RecordStatus } from "../../../src/core/action.ts";
import {
  FIELDS,
  GENESIS,
  parseRecord,
  type RecordBody,
  type RecordField,
  seal,
} from "../../../src/core/record/record.ts";
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

Deno.test("seal() writes what JSON.stringify writes, but for what a reader would not see", () => {
  const text = fc.string({ unit: "binary" });
  const texts = fc.record({
    ...{ action: text, target: text, error: text, record_id: text, undoes: text },
    ...{ agent: text, rule: text, code: text, target_digest: text },
    params_values: fc.jsonValue(),
    stages: fc.dictionary(text, fc.jsonValue()),
  }, { requiredKeys: ["action", "target"] });
  fc.assert(
    fc.property(
      texts,
      fc.option(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })),
      (given, ms) => {
        const full = body("/a", { ...given, ...(ms === null ? {} : { duration_ms: ms }) });
        const { timestamp, action, target, status, error, duration_ms, record_id } = full;
        const { undoes, agent, rule, code, policy, params, params_values, target_digest } = full;
        const { stages } = full;
        const plain = JSON.stringify({
          ...{ timestamp, action, target, status, error, duration_ms, record_id, undoes, seq: 3 },
          ...{ agent, rule, code, policy, params, params_values, target_digest, stages },
          prev: GENESIS,
        }).slice(0, -1);
        const { line } = seal(full, 3, GENESIS);
        const sealed = line.slice(0, line.lastIndexOf(',"hash":'));
        assertEquals(JSON.parse(`${sealed}}`), JSON.parse(`${plain}}`));
        assertEquals(line, `${sealed},"hash":"${sha256(sealed)}"}\n`);
        // Nothing but escapes differs, and of those only the ones for what cannot be seen.
        assertEquals(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line.slice(0, -1)), false);
        if (/^[\x20-\x7e]*$/.test(plain)) assertEquals(sealed, plain);
      },
    ),
  );
});

const UNSEEN: readonly (readonly [string, string, string])[] = [
  ["an escape sequence", "\x1b[2K", "\\u001b[2K"],
  ["a C1 control character", "\x9b", "\\u009b"],
  ["DEL", "\x7f", "\\u007f"],
  ["a line separator", "\u2028", "\\u2028"],
  ["a paragraph separator", "\u2029", "\\u2029"],
  ["a right-to-left override", "\u202e", "\\u202e"],
  ["a bidirectional isolate", "\u2066", "\\u2066"],
  ["a zero-width space", "\u200b", "\\u200b"],
  ["a zero-width joiner", "\u200d", "\\u200d"],
  ["a byte order mark", "\ufeff", "\\ufeff"],
  ["a tag character", "\u{e0041}", "\\udb40\\udc41"],
];
for (const [what, character, escaped] of UNSEEN) {
  Deno.test(`seal() writes ${what} as an escape, and parseRecord() gives it back`, () => {
    const given = body(`/a${character}b`, { stages: { [`k${character}`]: character } });
    const { line, hash } = seal(given, 0, GENESIS);
    assert(line.includes(`"/a${escaped}b"`), line);
    assert(!line.includes(character), line);
    assertEquals(hash, sha256(line.slice(0, line.lastIndexOf(',"hash":'))));
    const parsed = parseRecord(new TextEncoder().encode(line.slice(0, -1)));
    assert(parsed.ok);
    assertEquals([parsed.record.target, parsed.record.stages], [given.target, given.stages]);
  });
}

for (const text of ["/däta/日本", "/\u{1F600}", "/Ωmega", "/a\u00a0b"]) {
  Deno.test(`seal() writes ${text}, which can be seen, as it is`, () => {
    assert(seal(body(text), 0, GENESIS).line.includes(`"target":"${text}"`));
  });
}

Deno.test("parseRecord() reads a line of an earlier version in which such characters stand as they are", () => {
  const { timestamp, action, status, policy, params } = body("");
  const json = JSON.stringify({
    ...{ timestamp, action, target: "/a\u202eb", status, seq: 0, policy, params, prev: GENESIS },
  }).slice(0, -1);
  assert(json.includes("\u202e"));
  const line = `${json},"hash":"${sha256(json)}"}`;
  assertEquals(parseRecord(new TextEncoder().encode(line)).ok, true);
});

Deno.test("the fields of a record stand in this order, and each can be absent as documented", () => {
  const fields: readonly RecordField[] = FIELDS;
  assertEquals(
    fields.map(({ name, optional }) => name + (optional ? "?" : "")).join(" "),
    "timestamp action target status error? duration_ms? record_id? undoes? permit? seq agent? rule? code? " +
      "policy params params_values? target_digest? stages? prev hash",
  );
});

Deno.test("parseRecord() knows every status, and no other", () => {
  const statuses: Record<RecordStatus, true> = {
    ...{ INVALID: true, DENIED: true, NO_PROVIDER: true, FAILED: true, OK: true },
    ...{ INTERRUPTED: true, PERMITTED: true, DONE: true, UNREPORTED: true },
  };
  const isKnown = (status: string) => {
    const { line } = seal(body("/a", { status: status as RecordStatus }), 0, GENESIS);
    return parseRecord(new TextEncoder().encode(line.slice(0, -1))).ok;
  };
  for (const status of Object.keys(statuses)) assertEquals(isKnown(status), true, status);
  for (const status of ["", "ok", "UNKNOWN"]) assertEquals(isKnown(status), false, status);
});

Deno.test("seal() writes the stages after the digest of the target, and parseRecord() refuses others", () => {
  const stages = { limits: { left: 3 }, approval: { by: "alice" } };
  const { line } = seal(body("/a", { target_digest: "ab", stages }), 0, GENESIS);
  assert(
    line.includes(
      ',"target_digest":"ab","stages":{"limits":{"left":3},"approval":{"by":"alice"}},"prev":',
    ),
    line,
  );
  for (const wrong of ["x", 7, null, [1]]) {
    const { line } = seal(body("/a", { stages: wrong as never }), 0, GENESIS);
    assertEquals(parseRecord(new TextEncoder().encode(line.slice(0, -1))).ok, false);
  }
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

Deno.test("parseRecord() gives back what seal() took, whatever the texts hold", () => {
  // Lone surrogates included: unit "binary" has all code points.
  const text = fc.string({ unit: "binary" });
  const nasty = fc.oneof(text, fc.constantFrom('","hash":"', "\n", "\u2028", '"}\n{"', "\ud800"));
  fc.assert(fc.property(nasty, nasty, nasty, fc.nat(), (target, error, agent, seq) => {
    const given = body(target, { status: "FAILED", error, agent });
    const { line } = seal(given, seq, GENESIS);
    assertEquals(line.indexOf("\n"), line.length - 1);
    const parsed = parseRecord(new TextEncoder().encode(line.slice(0, -1)));
    assert(parsed.ok);
    assertEquals(
      { ...parsed.record },
      { ...given, seq, prev: GENESIS, hash: parsed.record.hash },
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
  Deno.test(`parseRecord() refuses ${what}`, () => {
    assertEquals(parseRecord(new TextEncoder().encode(line)).ok, false);
  });
}

Deno.test("parseRecord() refuses text with a fitting hash that is no JSON", () => {
  const line = `not json,"hash":"${sha256("not json")}"}`;
  const parsed = parseRecord(new TextEncoder().encode(line));
  assert(!parsed.ok);
  assertMatch(parsed.reason, /^is not JSON/);
});

Deno.test("parseRecord() refuses bytes that are no UTF-8, also with a fitting hash", () => {
  const bytes = new Uint8Array([...new TextEncoder().encode('{"target":"'), 0xff, 0x22]);
  const tail = new TextEncoder().encode(`,"hash":"${sha256(bytes)}"}`);
  assertEquals(parseRecord(new Uint8Array([...bytes, ...tail])).ok, false);
});

Deno.test("parseRecord() refuses a record with a fitting hash whose fields are missing or of wrong types", () => {
  const bodies = [
    '{"seq":0',
    `{"timestamp":"2026-01-31T12:00:00.000Z","action":7,"target":"/a","status":"OK","seq":0,"policy":"p","params":null,"prev":"${GENESIS}"`,
    `{"timestamp":"2026-01-31T12:00:00.000Z","action":"fs.read","target":"/a","status":"OK","seq":"0","policy":"p","params":null,"prev":"${GENESIS}"`,
  ];
  for (const text of bodies) {
    const line = `${text},"hash":"${sha256(text)}"}`;
    assertEquals(parseRecord(new TextEncoder().encode(line)).ok, false, line);
  }
});
