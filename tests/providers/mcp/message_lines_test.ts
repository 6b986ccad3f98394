import { assertEquals, assertRejects } from "@std/assert";
import { messageLines } from "../../../providers/mcp/message_lines.ts";
import { ProviderError } from "../../../src/worker/provider_error.ts";

/** A stream that hands out views of one buffer, each written over the one before. */
function reusing(...chunks: readonly string[]): ReadableStream<Uint8Array> {
  const buffer = new Uint8Array(64);
  let i = 0;
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks[i++];
      if (chunk === undefined) return controller.close();
      const { written } = new TextEncoder().encodeInto(chunk, buffer);
      controller.enqueue(buffer.subarray(0, written));
    },
  }, { highWaterMark: 0 });
}

const CASES: readonly (readonly [what: string, chunks: string[], lines: string[]])[] = [
  ["in one chunk", ["a\nb\n"], ["a", "b"]],
  ["byte by byte", ["a", "b", "c", "\n", "d", "\n"], ["abc", "d"]],
  ["across chunks", ["a\nb", "c\n\nd"], ["a", "bc", "", "d"]],
  ["with carriage returns", ["a\r", "\nb\r\n"], ["a", "b"]],
  ["as long as the bound", ["12345", "678\n12345678\n"], ["12345678", "12345678"]],
];
for (const [what, chunks, lines] of CASES) {
  Deno.test(`messageLines() gives lines ${what}, and keeps nothing of the chunks`, async () => {
    assertEquals(await Array.fromAsync(messageLines(reusing(...chunks), 8)), lines);
  });
}

for (const chunks of [["123456789"], ["1234", "56789"], ["a\n1234", "56789\n"]]) {
  Deno.test(`messageLines() refuses a line over the bound in ${chunks.length} chunks: ${JSON.stringify(chunks)}`, async () => {
    const error = await assertRejects(
      () => Array.fromAsync(messageLines(reusing(...chunks), 8)),
      ProviderError,
    );
    assertEquals(error.code, "MESSAGE_TOO_LARGE");
  });
}
