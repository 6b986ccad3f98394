import { assert, assertEquals } from "@std/assert";
import { Credentials } from "../../../providers/mcp/credentials.ts";
import { TextTail } from "../../../providers/mcp/text_tail.ts";

const SECRET = "tök-9876543210-€";
const CREDENTIALS = new Credentials({ env: { KEY: SECRET } });
const LENGTH = 40;

/** The tail of a text that is written in chunks of a size. */
async function tailOf(text: string, size = Infinity): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
  const tail = new TextTail(CREDENTIALS, LENGTH);
  await tail.drain(ReadableStream.from(chunks));
  return tail.text;
}

for (const size of [1, 7, Infinity]) {
  Deno.test(`TextTail keeps the end of what comes in chunks of ${size} bytes`, async () => {
    assertEquals(await tailOf("", size), "");
    assertEquals(await tailOf("all of it\n", size), "all of it");
    const long = Array.from({ length: 300 }, (_, i) => i).join();
    assertEquals(await tailOf(long, size), long.slice(-LENGTH));
    assertEquals(await tailOf(`the key is ${SECRET}`, size), "the key is [KEY]");
  });

  Deno.test(`TextTail shows no part of a value, wherever chunks of ${size} bytes are cut`, async () => {
    const most = LENGTH + 3 * SECRET.length;
    for (let after = 0; after < most; after++) {
      const shown = await tailOf(`${"x".repeat(500)}${SECRET}${".".repeat(after)}`, size);
      assertEquals(shown.replace("[KEY]", "").replace(/^x*/, "").replace(/\.*$/, ""), "");
      assertEquals(shown.match(/\.*$/)?.[0].length, Math.min(after, LENGTH));
    }
  });
}

Deno.test("TextTail leaves out the same, whether it ends like a value or not", async () => {
  // Otherwise an agent that has its own text written there could guess a value letter by letter.
  const bytes = LENGTH + CREDENTIALS.maxBytes;
  for (let n = 1; n < SECRET.length; n++) {
    const like = `${SECRET.slice(-n)}${".".repeat(bytes)}`;
    const unlike = `${"x".repeat(n)}${".".repeat(bytes)}`;
    assertEquals(await tailOf(like), await tailOf(unlike));
    assertEquals(await tailOf(SECRET.slice(0, n)), SECRET.slice(0, n));
  }
});

Deno.test("TextTail shows characters of several bytes up to its length", async () => {
  const shown = await tailOf("€".repeat(500));
  assert(shown.length >= Math.floor(LENGTH / 3) && shown.length <= LENGTH, shown);
  assertEquals(shown.replace(/^\ufffd*€+$/, ""), "");
});

Deno.test("drain() tells each line on, without credentials, and no more than 1 MiB", async () => {
  const tail = new TextTail(new Credentials({ env: { TOKEN: "s3cr3t-t0k3n" } }));
  const pieces = ["a s3cr", "3t-t0k3n b\nlast", " line"];
  const told: string[] = [];
  await tail.drain(
    ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece))),
    (text) => void told.push(text),
  );
  assertEquals(told, ["a [TOKEN] b\n", "last line"]);
  const long = [`${"x".repeat(70_000)}s3cr3t`, "-t0k3n\nnext\n"];
  await tail.drain(
    ReadableStream.from(long.map((piece) => new TextEncoder().encode(piece))),
    (text) => void told.push(text),
  );
  assertEquals(told.slice(2), ["…\n", "next\n"]);
  let length = 0;
  const flood = Array.from(
    { length: 64 },
    () => new TextEncoder().encode(`${"x".repeat(50_000)}\n`),
  );
  await new TextTail(new Credentials({})).drain(
    ReadableStream.from(flood),
    (text) => void (length += text.length),
  );
  assertEquals(length < 1_100_000 && length > 1_000_000, true, `${length}`);
});
