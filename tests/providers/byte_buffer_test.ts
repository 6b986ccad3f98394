import { assert, assertEquals } from "@std/assert";
import { ByteBuffer } from "../../providers/byte_buffer.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("ByteBuffer puts pieces together, and starts anew when they are taken", () => {
  const buffer = new ByteBuffer(100);
  for (const piece of ["a", "", "bcd", "e"]) buffer.append(encode(piece));
  assertEquals(buffer.length, 5);
  const taken = buffer.take();
  assertEquals([decode(taken), buffer.length, decode(buffer.take())], ["abcde", 0, ""]);
  buffer.append(encode("next"));
  assertEquals([decode(taken), decode(buffer.take())], ["abcde", "next"]);
});

Deno.test("ByteBuffer takes memory in proportion to the bytes, however small the pieces", () => {
  const buffer = new ByteBuffer(10_000);
  const byte = new Uint8Array(64 * 1024).subarray(0, 1);
  for (let i = 0; i < 1000; i++) buffer.append(byte);
  assert(buffer.take().buffer.byteLength < 2000);
  for (let i = 0; i < 10_000; i++) buffer.append(byte);
  assertEquals(buffer.take().buffer.byteLength, 10_000, "it does not double beyond the bound");
  buffer.append(byte);
  assertEquals(buffer.take().buffer.byteLength, 1, "what was large is not kept");
});
