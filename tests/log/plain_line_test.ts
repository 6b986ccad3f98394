import { assert, assertEquals } from "@std/assert";
import { hash } from "node:crypto";
import { GENESIS, parseRecord, type RecordBody, seal } from "../../src/core/record/record.ts";
import { plainLine } from "../../src/log/plain_line.ts";
import { body } from "../core/record/log_file.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Length of `,"hash":"…"}`. */
const TAIL_LENGTH = 75;

/** A record with as many kinds of values as there are. */
const FULL: RecordBody = body("/a", {
  error: "no such file",
  duration_ms: 10.25,
  record_id: "r",
  agent: "b",
  rule: "capabilities[0]",
  code: "X",
  target_digest: "t",
  stages: { limits: { charged: [1, { day: 2 }] }, "ä": null },
});

function lineOf(record: RecordBody, seq = 7): Uint8Array {
  return encoder.encode(seal(record, seq, "ab".repeat(32)).line.trimEnd());
}

/** The line with the hash that fits what it says now. */
function resealed(content: Uint8Array): Uint8Array {
  const tail = encoder.encode(`,"hash":"${hash("sha256", content)}"}`);
  const line = new Uint8Array(content.length + tail.length);
  line.set(content);
  line.set(tail, content.length);
  return line;
}

/**
 * Holds what is read by its bytes against the parser.
 *
 * @returns Whether it could be read by its bytes.
 */
function compare(line: Uint8Array, what: string): boolean {
  const plain = plainLine(line, decoder.decode(line));
  if (plain === undefined) return false;
  const parsed = parseRecord(line);
  assert(parsed.ok, `${what}: the parser says that it ${parsed.ok || parsed.reason}`);
  const { seq, status, prev, hash } = parsed.record;
  assertEquals({ ...plain }, { seq, status, prev, hash }, what);
  return true;
}

/** All lines that differ from this one by one byte before its own hash, with a hash that fits. */
function* neighbours(line: Uint8Array): Generator<[Uint8Array, string]> {
  const content = line.subarray(0, line.length - TAIL_LENGTH);
  const others = [...'"\\,:{}[]09aeE+-.ntfu /_', "\0", "\t", "\x7f"].map((c) => c.charCodeAt(0));
  for (let at = 0; at < content.length; at++) {
    const byte = content[at] as number;
    const before = content.subarray(0, at);
    yield [resealed(joined(before, content.subarray(at + 1))), `byte ${at} removed`];
    for (const other of new Set([...others, byte ^ 1, byte ^ 0x20, byte ^ 0x80, 0xc3, 0xff])) {
      const one = Uint8Array.of(other);
      yield [resealed(joined(before, one, content.subarray(at))), `${other} put in at ${at}`];
      if (other === byte) continue;
      yield [resealed(joined(before, one, content.subarray(at + 1))), `byte ${at} is ${other}`];
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

for (
  const [what, record] of Object.entries({
    "with few fields": body("/a", { params: null }),
    "with all fields": FULL,
    "of an action that takes a whole millisecond": body("/a", { duration_ms: 0 }),
  })
) {
  Deno.test(`plainLine() reads a record ${what} as the parser does, and no neighbour otherwise`, () => {
    const line = lineOf(record);
    assert(compare(line, "the line itself"));
    let read = 0;
    let others = 0;
    for (const [neighbour, how] of neighbours(line)) {
      if (compare(neighbour, how)) read++;
      else others++;
    }
    assert(read > 1000, `${read} neighbours are read`);
    assert(others > 1000, `${others} are not`);
  });
}

Deno.test("plainLine() leaves to the parser what is not plain, and what is no record", () => {
  const text = decoder.decode(lineOf(FULL));
  const rows: Readonly<Record<string, (text: string) => string>> = {
    "an escape": (text) => text.replace('"/a"', '"/\\u0061"'),
    "another alphabet": (text) => text.replace('"/a"', '"/ä"'),
    "a line feed in a text": (text) => text.replace('"/a"', '"/a\n"'),
    "a space": (text) => text.replace(',"status"', ', "status"'),
    "another order": (text) =>
      text.replace('"action":"fs.read","target":"/a"', '"target":"/a","action":"fs.read"'),
    "a field twice": (text) => text.replace('"seq":7', '"seq":7,"seq":8'),
    "a field that does not exist": (text) => text.replace('"seq":7', '"seq":7,"seen":8'),
    "a field that is missing": (text) => text.replace('"target":"/a",', ""),
    "another status": (text) => text.replace('"OK"', '"OKAY"'),
    "a status of another type": (text) => text.replace('"OK"', "1"),
    "a text that is a number": (text) => text.replace('"/a"', "1"),
    "a number that is a text": (text) => text.replace('"seq":7', '"seq":"7"'),
    "a leading zero": (text) => text.replace('"seq":7', '"seq":07'),
    "a sign": (text) => text.replace('"seq":7', '"seq":-7'),
    "a number of the record with a fraction": (text) => text.replace('"seq":7', '"seq":7.0'),
    "a number that is not exact": (text) => text.replace('"seq":7', '"seq":9007199254740993'),
    "a duration that ends with its point": (text) => text.replace("10.25", "10."),
    "an exponent": (text) => text.replace("10.25", "1e1"),
    "no null": (text) => text.replace(/"params":"\w+"/, '"params":nul'),
    "stages that are a list": (text) => text.replace(/"stages":.*,"prev"/, '"stages":[],"prev"'),
    "stages that are null": (text) => text.replace(/"stages":.*,"prev"/, '"stages":null,"prev"'),
    "two values as stages": (text) => text.replace(/"stages":.*,"prev"/, '"stages":{},{},"prev"'),
    "a second chain within the stages": (text) =>
      text.replace(/"stages":.*(,"prev":"\w+")/, '"stages":{}$1$1'),
    "params that are shown": (text) => text.replace(',"target_digest"', ',"params_values":{}$&'),
    "a hash in capitals": (text) => text.replace(/"prev":"\w+"/, (prev) => prev.replace(/b/g, "B")),
    "a hash that is too short": (text) => text.replace(/"prev":"\w/, '"prev":"'),
    "two records": (text) => `${text},${text}`,
    "no brace": (text) => text.slice(1),
    "nothing": () => "",
  };
  for (const [what, change] of Object.entries(rows)) {
    const changed = change(text);
    assert(changed !== text, what);
    const content = encoder.encode(changed.slice(0, -TAIL_LENGTH));
    for (const line of [resealed(content), encoder.encode(changed)]) {
      assertEquals(plainLine(line, decoder.decode(line)), undefined, what);
    }
  }
});

Deno.test("plainLine() takes the chain from what the text ends with", () => {
  const line = encoder.encode(seal(FULL, 0, GENESIS).line.trimEnd());
  const text = decoder.decode(line);
  assert(text.length < line.length, "another alphabet in the stages");
  const { hash, prev } = JSON.parse(text);
  assertEquals(plainLine(line, text.slice(-149)), { seq: 0, status: "OK", prev, hash });
});
