import { assertEquals, assertRejects } from "@std/assert";
import { type Channel, Multiplexer } from "../../../providers/process/multiplexer.ts";
import { nextTurn } from "../../turn.ts";

/** Two multiplexers that are joined. */
function pair(accept: (channel: Channel) => void) {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  const near = new Multiplexer(there.writable);
  const far = new Multiplexer(back.writable, { accept });
  return { near, ended: Promise.all([near.run(back.readable), far.run(there.readable)]) };
}

const echo = ({ readable, writable }: Channel) => void readable.pipeTo(writable).catch(() => {});

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let n = 0;
  for await (const chunk of stream) n += chunk.length;
  return n;
}

Deno.test("Multiplexer passes more than a window both ways on many channels", async () => {
  const { near } = pair(echo);
  const size = 3 * Multiplexer.WINDOW + 17;
  const counts = await Promise.all(Array.from({ length: 20 }, (_, id) => {
    const { readable, writable } = near.open(id);
    new Blob([new Uint8Array(size)]).stream().pipeTo(writable);
    return bytesOf(readable);
  }));
  assertEquals(counts, Array(20).fill(size));
});

Deno.test("Multiplexer holds no more than a window for a reader that does not read", async () => {
  let accepted: Channel | undefined;
  const { near } = pair((channel) => accepted = channel);
  const { writable } = near.open(1);
  const writer = writable.getWriter();
  let written = 0;
  const all = (async () => {
    for (let i = 0; i < 100; i++) {
      await writer.write(new Uint8Array(Multiplexer.WINDOW / 10));
      written++;
    }
    await writer.close();
  })().catch(() => {/* it is aborted */});
  // Another channel on the same pipes goes on.
  const other = near.open(2);
  await other.writable.close();
  await nextTurn();
  assertEquals(written <= 11, true, `${written} tenths of a window`);
  assertEquals(accepted?.id, 2);
  await writer.abort();
  await all;
});

/** What the other side is sent when it sends these frames. */
async function answersTo(frames: readonly number[][]): Promise<number[][]> {
  const back = new TransformStream<Uint8Array, Uint8Array>();
  const far = new Multiplexer(back.writable, { accept: () => {} });
  const answers: number[][] = [];
  const read = (async () => {
    for await (const frame of back.readable) answers.push(Array.from(frame));
  })();
  await far.run(ReadableStream.from(frames.map((frame) => Uint8Array.from(frame))));
  await far.flush();
  back.readable.cancel?.().catch(() => {});
  await Promise.race([read, nextTurn()]);
  return answers.filter(({ length }) => length > 0);
}

const OPEN = 0, DATA = 1, RESET = 4;
const frame = (type: number, id: number, n = 0) => [type, 0, 0, 0, id, 0, 0, n >> 8, n & 255];

Deno.test("Multiplexer resets a channel whose other side sends more than the window", async () => {
  const part = [...frame(DATA, 1, 32_768), ...Array(32_768).fill(0)];
  const parts = Array(Multiplexer.WINDOW / 32_768).fill(part);
  assertEquals(await answersTo([frame(OPEN, 1), ...parts]), []);
  assertEquals(await answersTo([frame(OPEN, 1), ...parts, [...frame(DATA, 1, 1), 0]]), [
    frame(RESET, 1),
  ]);
});

Deno.test("Multiplexer resets what is opened beyond the most channels", async () => {
  const opened = Array.from({ length: Multiplexer.MAX_CHANNELS + 1 }, (_, id) => [
    ...[OPEN, 0, 0, id >> 8, id & 255],
    ...[0, 0, 0, 0],
  ]);
  assertEquals(await answersTo(opened), [[RESET, 0, 0, 1, 0, 0, 0, 0, 0]]);
});

Deno.test("Multiplexer takes frames in any pieces", async () => {
  const { near } = pair(echo);
  const { readable, writable } = near.open(7);
  const writer = writable.getWriter();
  writer.write(Uint8Array.of(1, 2, 3));
  writer.close();
  assertEquals(await bytesOf(readable), 3);
  const bytes = [...frame(OPEN, 1), ...frame(OPEN, 2), ...frame(DATA, 1, 2), 5, 6];
  assertEquals(await answersTo(bytes.map((byte) => [byte])), []);
});

Deno.test("Multiplexer refuses what is no frame", async () => {
  const rows = [
    frame(9, 1),
    [...frame(OPEN, 1), ...frame(OPEN, 1)],
    [DATA, 0, 0, 0, 1, 255, 255, 255, 255],
  ];
  for (const row of rows) await assertRejects(() => answersTo([row]), RangeError);
});
