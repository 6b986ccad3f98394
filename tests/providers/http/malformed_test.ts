import { assertEquals } from "@std/assert";
import { LOOPBACK, rawServer, sending, withHttp, write } from "./servers.ts";

const OK = "HTTP/1.1 200 OK\r\n";

// What is refused stands beside what is nearly the same and fine.
// deno-fmt-ignore -- a row is a line
const RESPONSES: readonly (readonly [what: string, refused: string, fine: string, body: string])[] = [
  ["no HTTP", "hello\r\n\r\n", `${OK}\r\nhello`, "hello"],
  ["nothing", "", `${OK}\r\n`, ""],
  ["HTTP/0.9", "<html>hello</html>", `${OK}\r\n<html>hello</html>`, "<html>hello</html>"],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n", ""],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200\r\n\r\n", ""],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 299 \r\n\r\n", ""],
  ["bare line feeds", "HTTP/1.1 200 OK\n\nhi", `${OK}\r\nhi`, "hi"],
  ["a bare carriage return", `${OK}a: b\rc: d\r\n\r\n`, `${OK}a: b\r\nc: d\r\n\r\n`, ""],
  ["a NUL", `${OK}a: b\0c\r\n\r\n`, `${OK}a: b\tc\r\n\r\n`, ""],
  ["a folded line", `${OK}a: b\r\n c\r\n\r\n`, `${OK}a: b\r\nc:\r\n\r\n`, ""],
  ["a space before the colon", `${OK}content-length : 2\r\n\r\nhi`, `${OK}content-length:2\r\n\r\nhi`, "hi"],
  ["no colon", `${OK}hello\r\n\r\n`, `${OK}hello:\r\n\r\n`, ""],
  ["no name", `${OK}: x\r\n\r\n`, `${OK}x: :\r\n\r\n`, ""],
  ["headers without an end", `${OK}a: b\r\n`, `${OK}a: b\r\n\r\n`, ""],
  ["two lengths", `${OK}content-length: 2\r\ncontent-length: 5\r\n\r\nhello`, `${OK}content-length: 5\r\n\r\nhello`, "hello"],
  ["the same length twice", `${OK}content-length: 2\r\ncontent-length: 2\r\n\r\nhi`, `${OK}content-length: 2\r\n\r\nhi`, "hi"],
  ["a list of lengths", `${OK}content-length: 2, 2\r\n\r\nhi`, `${OK}content-length: 02\r\n\r\nhi`, "hi"],
  ["a negative length", `${OK}content-length: -1\r\n\r\nhi`, `${OK}content-length: 1\r\n\r\nhi`, "h"],
  ["a length with a sign", `${OK}content-length: +2\r\n\r\nhi`, `${OK}content-length: 2\r\n\r\nhi`, "hi"],
  ["a length in hex", `${OK}content-length: 0x2\r\n\r\nhi`, `${OK}content-length: 0\r\n\r\nhi`, ""],
  ["a length beyond numbers", `${OK}content-length: 99999999999999999999\r\n\r\nhi`, `${OK}\r\nhi`, "hi"],
  ["less than its length", `${OK}content-length: 20\r\n\r\nhi`, `${OK}content-length: 2\r\n\r\nhi and more`, "hi"],
  ["chunks with a length", `${OK}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, `${OK}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, "hi"],
  ["chunks of another coding", `${OK}transfer-encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, `${OK}Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, "hi"],
  ["chunks said twice", `${OK}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, `${OK}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`, ""],
  ["a hidden coding", `${OK}transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, `${OK}transfer-encoding: \tchunked\r\n\r\n0\r\n\r\n`, ""],
  ["a chunk without a size", `${OK}transfer-encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n`, `${OK}transfer-encoding: chunked\r\n\r\n02\r\nhi\r\n0\r\n\r\n`, "hi"],
  ["a chunk of a negative size", `${OK}transfer-encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n`, `${OK}transfer-encoding: chunked\r\n\r\n2;-2\r\nhi\r\n0\r\n\r\n`, "hi"],
  ["a chunk of a giant size", `${OK}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nhi`, `${OK}transfer-encoding: chunked\r\n\r\n00000000002\r\nhi\r\n0\r\n\r\n`, "hi"],
  ["a chunk that is too long", `${OK}transfer-encoding: chunked\r\n\r\n2\r\nhiho\r\n0\r\n\r\n`, `${OK}transfer-encoding: chunked\r\n\r\n4\r\nhiho\r\n0\r\n\r\n`, "hiho"],
  ["chunks without an end", `${OK}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n`, `${OK}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, "hi"],
  ["another protocol", "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\nhi", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi", "hi"],
];
Deno.test("net.http refuses a response that can be read in two ways, and takes its neighbour", async (t) => {
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [what, refused, fine, body] of RESPONSES) {
      await t.step(`with ${what}`, async () => {
        await using bad = sending(refused);
        await using good = sending(fine);
        const { status, code } = await get(`${bad.origin}/`);
        assertEquals([status, code], ["ERROR", "RESPONSE_MALFORMED"]);
        const result = await get(`${good.origin}/`);
        assertEquals([result.code, result.data?.body], [undefined, body]);
      });
    }
  });
});

const FLOODS: Readonly<Record<string, readonly [start: string, piece: string]>> = {
  "a header without an end": [`${OK}x: `, "a".repeat(8192)],
  "headers without an end": [OK, `x: ${"a".repeat(1000)}\r\n`],
  "small headers without an end": [OK, "x:\r\n".repeat(1000)],
  "a status line without an end": ["HTTP/1.1 200 ", "a".repeat(8192)],
  "interim responses without an end": ["", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)],
  "a chunk extension without an end": [
    `${OK}transfer-encoding: chunked\r\n\r\n5;`,
    "a".repeat(8192),
  ],
  "trailers without an end": [
    `${OK}transfer-encoding: chunked\r\n\r\n0\r\n`,
    "x: y\r\n".repeat(100),
  ],
};
Deno.test("net.http stops reading what has no end", async (t) => {
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [what, [start, piece]] of Object.entries(FLOODS)) {
      await t.step(what, async () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        await using server = rawServer(async (connection) => {
          try {
            await write(connection, start);
            for (;;) await write(connection, piece);
          } finally {
            resolve();
          }
        });
        assertEquals((await get(`${server.origin}/`)).code, "RESPONSE_MALFORMED");
        await promise;
      });
    }
  });
});
