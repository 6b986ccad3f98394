import { assertEquals } from "@std/assert";
import { messageBody } from "../../../providers/mcp/message_body.ts";
import type { ProviderError } from "../../../src/worker/provider_error.ts";

/** A body that arrives in these chunks. */
function arriving(chunks: readonly (string | Error)[]): ReadableStream<Uint8Array> {
  let i = 0;
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks[i++];
      if (chunk instanceof Error) controller.error(chunk);
      else if (chunk === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  }, { highWaterMark: 0 });
}

/** What is handed on of a body, and why it broke off. */
async function handedOn(
  chunks: readonly (string | Error)[],
  events: boolean,
): Promise<{ readonly parts: string[]; readonly broken: unknown[] }> {
  const broken: unknown[] = [];
  const onBroken = (error: unknown) => void broken.push(error);
  const body = messageBody(arriving(chunks), { events, maxMessageBytes: 20, onBroken });
  const parts: string[] = [];
  try {
    for await (const part of body) parts.push(new TextDecoder().decode(part));
  } catch (error) {
    assertEquals([error], broken);
  }
  return { parts, broken };
}

const bytes = (text: string) => Array.from(text);

const WHOLE: readonly (readonly [
  what: string,
  events: boolean,
  chunks: readonly string[],
  parts: readonly string[],
])[] = [
  ["one message", false, bytes('{"a": 1}\n\n{}'), ['{"a": 1}\n\n{}']],
  ["no message", false, [], []],
  ["events", true, bytes("data: 1\n\ndata: 2\n\n"), ["data: 1\n\n", "data: 2\n\n"]],
  ["events of several lines", true, bytes("id: 1\ndata: 1\n\n"), ["id: 1\ndata: 1\n\n"]],
  // The last byte of an event must not wait for the next event.
  ["events with CRLF", true, bytes("data: 1\r\n\r\n"), ["data: 1\r\n\r", "\n"]],
  ["events in one chunk", true, ["data: 1\n\ndata: 2\n\nda", "ta: 3\n\n"], [
    "data: 1\n\ndata: 2\n\n",
    "data: 3\n\n",
  ]],
  ["an event without an end", true, bytes("data: 1"), ["data: 1"]],
];
for (const [what, events, chunks, parts] of WHOLE) {
  Deno.test(`messageBody() hands on ${what} whole: ${chunks.length} chunks become ${parts.length}`, async () => {
    assertEquals(await handedOn(chunks, events), { parts: [...parts], broken: [] });
  });
}

for (
  const [what, events, chunks] of [
    ["a message", false, bytes("x".repeat(21))],
    ["an event", true, bytes(`data: 1\n\n${"x".repeat(21)}`)],
    ["an event in one chunk", true, [`data: ${"x".repeat(20)}\n\n`]],
  ] as const
) {
  Deno.test(`messageBody() breaks off at ${what} over the bound`, async () => {
    const [error] = (await handedOn(chunks, events)).broken;
    assertEquals((error as ProviderError).code, "MESSAGE_TOO_LARGE");
  });
}

Deno.test("messageBody() tells why a body broke off", async () => {
  const { parts, broken } = await handedOn(["data: 1\n\nda", new Error("cut")], true);
  assertEquals([parts, String(broken[0])], [["data: 1\n\n"], "Error: cut"]);
});

Deno.test("messageBody() reads nothing ahead, and what is cancelled is not broken", async () => {
  let pulls = 0;
  let cancelled: unknown;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls++;
      controller.enqueue(new TextEncoder().encode(": hi\n\n"));
    },
    cancel: (reason) => void (cancelled = reason),
  }, { highWaterMark: 0 });
  const onBroken = (error: unknown) => {
    throw error;
  };
  const body = messageBody(endless, { events: true, maxMessageBytes: 20, onBroken });
  const reader = body.getReader();
  assertEquals(pulls, 0);
  await reader.read();
  assertEquals(pulls, 1);
  await reader.cancel("enough");
  assertEquals(cancelled, "enough");
});
