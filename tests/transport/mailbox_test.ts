import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Item, Mailbox } from "../../src/transport/mailbox.ts";

/** Both ends of a box whose reader looks. */
function ends(): { writer: Mailbox; reader: Mailbox } {
  const writer = new Mailbox();
  const reader = new Mailbox(writer.shared);
  reader.attend();
  return { writer, reader };
}

const text = fc.tuple(fc.constantFrom("", "\ufeff"), fc.string({ unit: "binary" }))
  .map((parts) => parts.join("")).filter((text) => text.isWellFormed());
const item: fc.Arbitrary<Item> = fc.record({
  json: fc.dictionary(fc.constantFrom("a", "b", "data"), fc.jsonValue()),
  text: fc.option(text, { nil: undefined }),
});

function received({ json, text }: Item): object {
  // JSON has no negative zero; nor has a request or an answer.
  const copy = JSON.parse(JSON.stringify(json));
  return text === undefined ? copy : { ...copy, text };
}

Deno.test("what is put into a mailbox is taken out, texts of any characters too", () => {
  const { writer, reader } = ends();
  fc.assert(fc.property(fc.array(item, { minLength: 1, maxLength: 20 }), (items) => {
    assertEquals(writer.put(items), items.length);
    assert(!writer.free);
    assertEquals(reader.take(), items.map(received));
    assert(writer.free);
    assertEquals(reader.take(), undefined);
  }));
});

Deno.test("put() takes the first items, as many as fit", () => {
  const { writer, reader } = ends();
  const items = Array.from({ length: 10 }, (_, id) => ({ json: { id }, text: "ä".repeat(20_000) }));
  const taken = writer.put(items);
  assert(taken > 1 && taken < 10, String(taken));
  assertEquals(reader.take(), items.slice(0, taken).map(received));
});

Deno.test("put() takes nothing that is larger than the box, in any of its parts", () => {
  const { writer, reader } = ends();
  const huge = "x".repeat(300_000);
  for (const item of [{ json: { huge } }, { json: {}, text: huge }]) {
    assertEquals(writer.put([item]), 0);
    assert(writer.free);
    assertEquals(reader.take(), undefined);
  }
});

Deno.test("put() takes nothing while the reader is away, and what it put is gone with it", () => {
  const writer = new Mailbox();
  assertEquals(writer.put([{ json: {} }]), 0);
  assert(writer.free);
});

Deno.test("leave() does not let the reader go while there is a message", () => {
  const { writer, reader } = ends();
  writer.put([{ json: { id: 1 } }]);
  assertEquals(reader.leave(), false);
  assert(writer.attended);
  assertEquals(reader.take(), [{ id: 1 }]);
  assertEquals(reader.leave(), true);
  assert(!writer.attended);
});

Deno.test("end() is seen by the writer, which then puts nothing in", () => {
  const { writer, reader } = ends();
  assert(!writer.ended);
  reader.end();
  assert(writer.ended && !writer.attended);
  assertEquals(writer.put([{ json: {} }]), 0);
});

Deno.test("take() of a box in which anything was written gives objects or an error, never more than was there", () => {
  const { writer, reader } = ends();
  const word = fc.oneof(fc.integer(), fc.integer({ min: 0, max: 400 }));
  const frame = fc.oneof(
    fc.jsonValue(),
    fc.record({ items: fc.jsonValue(), lengths: fc.jsonValue() }),
    fc.record({
      items: fc.array(fc.oneof(fc.constant({}), fc.jsonValue())),
      lengths: fc.array(fc.oneof(fc.integer({ min: -2, max: 50 }), fc.double(), fc.constant("1"))),
    }),
  );
  let read = 0;
  fc.assert(
    fc.property(frame, word, word, fc.boolean(), (frame, texts, end, plausible) => {
      const bytes = new TextEncoder().encode(JSON.stringify(frame));
      new Uint8Array(writer.shared, 16).set(bytes.subarray(0, 2000));
      const words = new Int32Array(writer.shared, 0, 4);
      words[2] = plausible ? 0 : texts;
      words[3] = plausible ? bytes.length : end;
      Atomics.store(words, 0, 1);
      try {
        const items = reader.take();
        assert(Array.isArray(items));
        read++;
      } catch (error) {
        assert(error instanceof SyntaxError || error instanceof RangeError, String(error));
      } finally {
        Atomics.store(words, 0, 0);
      }
    }),
    { numRuns: 2000 },
  );
  assert(read > 10, String(read));
});

Deno.test("take() refuses a message that says that it is larger than its box, or ends before it begins", () => {
  const { writer, reader } = ends();
  const words = new Int32Array(writer.shared, 0, 4);
  for (const [texts, end] of [[0, 2 ** 30], [-1, 10], [10, 5], [2 ** 30, 2 ** 30]] as const) {
    [words[2], words[3]] = [texts, end];
    Atomics.store(words, 0, 1);
    assertThrows(() => reader.take(), RangeError, "larger than its box");
    Atomics.store(words, 0, 0);
  }
});
