import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Box } from "../../src/transport/box.ts";

/** Both ends of a box that its reader polls. */
function ends(): { writer: Box; reader: Box; words: Int32Array } {
  const writer = new Box();
  const reader = new Box(writer.shared);
  reader.startPolling();
  return { writer, reader, words: new Int32Array(writer.shared, 0, 4) };
}

const FILLED = 2;

Deno.test("fill() and take() hand a batch over, texts of any characters too", () => {
  const { writer, reader } = ends();
  fc.assert(fc.property(fc.array(fc.jsonValue(), { maxLength: 20 }), (batch) => {
    assert(writer.fill(batch));
    assert(reader.isFilled);
    assertEquals(reader.take(), JSON.parse(JSON.stringify(batch)));
    assert(!reader.isFilled);
    assert(reader.startPolling());
  }));
});

Deno.test("fill() refuses while the reader does not poll", () => {
  const { writer, reader } = ends();
  reader.stopPolling();
  assertEquals(writer.fill([1]), false);
  assert(reader.startPolling());
  assertEquals(writer.fill([1]), true);
});

Deno.test("fill() refuses while the batch before is still in the box", () => {
  const { writer, reader } = ends();
  assert(writer.fill([1]));
  assertEquals(writer.fill([2]), false);
  assertEquals(reader.take(), [1]);
});

Deno.test("fill() refuses a batch that is larger than the box, and takes one that fits", () => {
  const { writer, reader } = ends();
  assertEquals(writer.fill(["x".repeat(30_000)]), false);
  assert(!reader.isFilled);
  assert(writer.fill(["x".repeat(20_000)]));
});

Deno.test("fill() refuses what is not JSON", () => {
  const { writer, reader } = ends();
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const batch of [[1n], cycle]) assertEquals(writer.fill(batch), false);
  assert(!reader.isFilled);
});

Deno.test("no batch overtakes one that was posted: fill() refuses until the reader has got that", () => {
  const { writer, reader } = ends();
  writer.countPosted();
  assertEquals(writer.fill([2]), false);
  reader.countReceived();
  assertEquals(writer.fill([2]), true);
});

Deno.test("startPolling() refuses while a posted batch is on its way", () => {
  const { writer, reader } = ends();
  reader.stopPolling();
  writer.countPosted();
  assertEquals(reader.startPolling(), false);
  reader.countReceived();
  assertEquals(reader.startPolling(), true);
});

Deno.test("stopPolling() leaves a batch that is in the box, to be taken out", () => {
  const { writer, reader } = ends();
  writer.fill(["late"]);
  reader.stopPolling();
  assert(reader.isFilled);
  assertEquals(reader.take(), ["late"]);
});

Deno.test("close() is seen by the writer, which then never fills the box", () => {
  const { writer, reader } = ends();
  assert(!writer.isClosed);
  reader.close();
  assert(writer.isClosed);
  assertEquals(writer.fill([1]), false);
  assertEquals(reader.startPolling(), false);
});

Deno.test("take() of a box in which anything was written gives a value or an error, and no more than was there", () => {
  const { reader, words } = ends();
  const length = fc.oneof(fc.integer(), fc.integer({ min: 0, max: 400 }));
  const text = fc.oneof(fc.string(), fc.json());
  let read = 0;
  const check = (text: string, length: number) => {
    const bytes = new TextEncoder().encode(text);
    new Uint8Array(reader.shared, 16).set(bytes.subarray(0, 2000));
    words[1] = length;
    Atomics.store(words, 0, FILLED);
    try {
      assert(JSON.stringify(reader.take()).length <= 65_536);
      read++;
    } catch (error) {
      assert(error instanceof SyntaxError || error instanceof RangeError, String(error));
    }
  };
  fc.assert(fc.property(text, length, check), { numRuns: 1000 });
  fc.assert(fc.property(fc.json(), (text) => check(text, new TextEncoder().encode(text).length)));
  assert(read > 50, String(read));
});

Deno.test("take() refuses a batch that says that it is larger than its box, or smaller than nothing", () => {
  const { reader, words } = ends();
  for (const length of [2 ** 30, -1, 65_537, -(2 ** 31)]) {
    words[1] = length;
    Atomics.store(words, 0, FILLED);
    assertThrows(() => reader.take(), RangeError, "Cannot read a batch");
  }
});
