import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Ring } from "../../src/transport/ring.ts";

const CAPACITY = 256 * 1024;
const HEADER_WORDS = 5;

/** Both ends of a ring, and its words: head, tail, signals, posted, closed, then the messages. */
function ends(): { writer: Ring; reader: Ring; words: Int32Array } {
  const writer = new Ring();
  return { writer, reader: new Ring(writer.shared), words: new Int32Array(writer.shared) };
}

/** Takes all messages from this number on. */
function takeAll(reader: Ring, from: number): unknown[] {
  const taken: unknown[] = [];
  for (let next = reader.take(from); next !== undefined; next = reader.take(from + taken.length)) {
    taken.push(next.message);
  }
  return taken;
}

Deno.test("push() and take() hand messages over in order, texts of any characters too, around the ring many times", () => {
  const { writer, reader } = ends();
  let sent = 0;
  let received = 0;
  const messages = fc.array(fc.jsonValue(), { maxLength: 20 });
  fc.assert(
    fc.property(messages, fc.nat(20_000), (messages, length) => {
      const all = [...messages, "y".repeat(length)];
      for (const message of all) assert(writer.push(sent++, message));
      assert(!reader.isEmpty);
      assertEquals(takeAll(reader, received), JSON.parse(JSON.stringify(all)));
      received += all.length;
      assert(reader.isEmpty);
    }),
    { numRuns: 300 },
  );
  assert(sent > 600, String(sent));
});

Deno.test("push() refuses what has no room, loses nothing by that, and takes it when the reader has read", () => {
  const { writer, reader } = ends();
  let [sent, received, refused] = [0, 0, 0];
  for (let round = 0; round < 500; round++) {
    if (writer.push(sent, `${sent} ${"x".repeat(10_000 + 37 * round)}`)) {
      sent++;
      continue;
    }
    refused++;
    const taken = takeAll(reader, received) as string[];
    assertEquals(taken.map((text) => parseInt(text)), taken.map((_, i) => received + i));
    received += taken.length;
  }
  assert(refused > 20 && sent > 250, `${refused} refused, ${sent} sent`);
});

Deno.test("push() refuses a message that is larger than a quarter of the ring could be, and what is no JSON", () => {
  const { writer, reader } = ends();
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const message of ["x".repeat(30_000), 1n, cycle, undefined, () => 1]) {
    assertEquals(writer.push(0, message), false);
  }
  assert(reader.isEmpty);
  assert(writer.push(0, "x".repeat(20_000)));
});

Deno.test("take() gives the message with the number, and none before its turn", () => {
  const { writer, reader } = ends();
  writer.push(1, "second");
  assertEquals(reader.take(0), undefined);
  assert(!reader.isEmpty);
  assertEquals(reader.take(1), { message: "second" });
});

Deno.test("numbers go on behind those that fit a word", () => {
  const { writer, reader, words } = ends();
  for (const number of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5]) {
    assert(writer.push(number, number));
    assertEquals(reader.take(number + 1), undefined);
    assertEquals(reader.take(number), { message: number });
  }
  words[3] = 2 ** 31 - 1;
  writer.countPosted();
  assert(reader.hasPosted(2 ** 31));
});

Deno.test("a signal ends both ways to wait, also one that came before", async () => {
  const { writer, reader } = ends();
  const before = reader.signals;
  const waiting = reader.waitAsync(before);
  assert(waiting !== undefined);
  writer.signal();
  await waiting;
  assertEquals(reader.waitAsync(before), undefined);
  // This thread would sleep for a day.
  reader.wait(before, 86_400_000);
});

Deno.test("close() is seen by the writer, and ends a wait of the reader", async () => {
  const { writer, reader } = ends();
  const waiting = reader.waitAsync(reader.signals);
  assert(!writer.isClosed);
  reader.close();
  assert(writer.isClosed);
  await waiting;
});

Deno.test("the reader takes what a hostile writer wrote for a message or an error, and reads nothing else", () => {
  const word = fc.oneof(
    fc.integer(),
    fc.integer({ min: 0, max: 100 }).map((n) => n * 4),
    fc.constantFrom(-1, CAPACITY, CAPACITY - 4, 2 ** 30, -(2 ** 31)),
  );
  const length = fc.oneof(word, fc.constant(undefined));
  let read = 0;
  fc.assert(
    fc.property(word, length, fc.array(word), fc.json(), (head, length, more, text) => {
      const { reader, words } = ends();
      const bytes = new Uint8Array(words.buffer, 4 * (HEADER_WORDS + 2));
      const { written } = new TextEncoder().encodeInto(text, bytes);
      words.set(more.slice(0, 100), HEADER_WORDS + 2 + Math.ceil(written / 4));
      words[HEADER_WORDS] = length ?? written;
      words[0] = head;
      for (let number = 0; number < 10; number++) {
        try {
          const taken = reader.take(number);
          if (taken === undefined) continue;
          assert(JSON.stringify(taken.message).length <= CAPACITY);
          read++;
        } catch (error) {
          assert(error instanceof SyntaxError || error instanceof RangeError, String(error));
          return;
        }
      }
    }),
    { numRuns: 3000 },
  );
  assert(read > 50, String(read));
});

// deno-fmt-ignore -- a row is a line
const LIES: readonly { cell: string; head: number; length: number }[] = [
  { cell: "ends behind its end", head: CAPACITY, length: 2 },
  { cell: "ends before its beginning", head: -4, length: 2 },
  { cell: "ends inside of a word", head: 18, length: 2 },
  { cell: "has a message that is longer than what was written", head: 12, length: 100 },
  { cell: "has a message that is longer than any", head: CAPACITY - 4, length: 70_000 },
  { cell: "has a message of fewer bytes than none", head: 16, length: -2 },
  { cell: "goes back to its beginning from there", head: 16, length: -1 },
];
for (const { cell, head, length } of LIES) {
  Deno.test(`take() refuses a ring that ${cell}`, () => {
    const { reader, words } = ends();
    words[HEADER_WORDS] = length;
    words[0] = head;
    assertThrows(() => reader.take(0), RangeError, "Cannot read a ring");
  });
}

Deno.test("the writer survives a hostile reader: whatever the tail is, it writes inside of the ring or refuses", () => {
  fc.assert(fc.property(fc.array(fc.integer(), { maxLength: 50 }), (tails) => {
    const { writer, words } = ends();
    for (const [number, tail] of tails.entries()) {
      words[1] = tail;
      writer.push(number, "z".repeat(20_000));
      const head = words[0] as number;
      assert(head >= 0 && head < CAPACITY && head % 4 === 0, String(head));
    }
  }));
});
