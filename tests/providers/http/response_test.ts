import { assert, assertEquals, assertMatch } from "@std/assert";
import { deflateSync, gzipSync } from "node:zlib";
import { encodeBase64 } from "../../../providers/filesystem/base64.ts";
import {
  httpServer,
  LOOPBACK,
  rawServer,
  sending,
  type Server,
  withHttp,
  write,
} from "./servers.ts";

function body(
  bytes: Uint8Array<ArrayBuffer> | string,
  headers: Record<string, string> = {},
): Server {
  return httpServer(() => new Response(bytes, { headers }));
}

const bytesOf = (...bytes: number[]) => new Uint8Array(bytes);
const GRUSS = bytesOf(0x67, 0x72, 0xfc, 0xdf, 0x65); // "grüße" in ISO 8859-1

// deno-fmt-ignore -- a row is a line
const BODIES: readonly (readonly [what: string, type: string, bytes: Uint8Array<ArrayBuffer>, body: string, encoding?: string])[] = [
  ["text of UTF-8", "text/plain", new TextEncoder().encode("grüße"), "grüße"],
  ["text in its charset", "text/plain; charset=ISO-8859-1", GRUSS, "grüße"],
  ["text in its quoted charset", 'text/html;charset="iso-8859-1"', GRUSS, "grüße"],
  ["text of UTF-16", "text/plain; charset=utf-16le", bytesOf(0x68, 0, 0xe4, 0), "hä"],
  ["text of Shift_JIS", "text/plain; charset=Shift_JIS", bytesOf(0x93, 0xfa), "日"],
  ["JSON", "application/json", new TextEncoder().encode('{"a":1}'), '{"a":1}'],
  ["JSON of a dialect", "application/problem+json", new TextEncoder().encode("{}"), "{}"],
  ["XML", "image/svg+xml", new TextEncoder().encode("<svg/>"), "<svg/>"],
  ["an image as base64", "image/png", bytesOf(0x89, 0x50), "iVA=", "base64"],
  ["what is said to be binary as base64", "application/octet-stream", new TextEncoder().encode("hi"), "aGk=", "base64"],
  ["what is no text in its charset as base64", "text/plain", GRUSS, "Z3L832U=", "base64"],
  ["text of an unknown charset as base64", "text/plain; charset=klingon", new TextEncoder().encode("hi"), "aGk=", "base64"],
  ["what has no type as text if it is", "", new TextEncoder().encode("hä"), "hä"],
  ["what has no type as base64 if it is none", "", bytesOf(0xff, 0xfe, 0xfd), "//79", "base64"],
  ["an empty body as empty text", "text/plain", bytesOf(), ""],
];
Deno.test("net.http gives a body as text or as base64", async (t) => {
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [what, type, bytes, expected, encoding] of BODIES) {
      await t.step(what, async () => {
        const head = type === "" ? "" : `content-type: ${type}\r\n`;
        await using server = rawServer(async (connection) => {
          await write(
            connection,
            `HTTP/1.1 200 OK\r\n${head}content-length: ${bytes.length}\r\n\r\n`,
          );
          await write(connection, bytes);
        });
        const { data, truncated } = await get(`${server.origin}/`);
        assertEquals([data.body, data.encoding, truncated], [expected, encoding, undefined]);
      });
    }
  });
});

Deno.test("net.http keeps each cookie, joins what comes twice, and makes names lower case", async () => {
  await using server = sending(
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX-Two: 1\r\nset-cookie: b=2\r\nx-two:  2 \r\n" +
      "constructor: x\r\n__proto__: x\r\nx-empty:\r\nx-latin: \xe4\r\ncontent-length: 0\r\n\r\n",
  );
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    assertEquals((await get(`${server.origin}/`)).data.headers, {
      "set-cookie": ["a=1; Path=/", "b=2"],
      "x-two": "1, 2",
      "constructor": "x",
      "x-empty": "",
      // As it came: two bytes of UTF-8.
      "x-latin": "\xc3\xa4",
      "content-length": "0",
    });
  });
});

Deno.test("net.http waits for no body where there is none", async () => {
  // deno-fmt-ignore -- a row is a line
  const rows: readonly (readonly [method: string, head: string, status: number])[] = [
    ["HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\ncontent-encoding: gzip\r\n\r\n", 200],
    ["HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 200],
    ["GET", "HTTP/1.1 204 No Content\r\ncontent-length: 10\r\n\r\n", 204],
    ["GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n", 304],
    ["GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200],
    ["GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-encoding: gzip\r\n\r\n", 200],
    ["GET", "HTTP/1.0 200\r\ncontent-length: 0\r\n\r\n", 200],
    ["GET", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200],
  ];
  for (const [method, head, status] of rows) {
    const { promise, resolve } = Promise.withResolvers<void>();
    // The connection stays open: who waits for a body waits for the deadline.
    await using server = rawServer(async (connection) => {
      await write(connection, head);
      await promise;
    });
    await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
      const { data } = await get(`${server.origin}/`, { method });
      assertEquals([data.status_code, data.body], [status, ""], head);
    });
    resolve();
  }
});

const TEXT = "grüße ".repeat(1000);
const CODINGS: Readonly<Record<string, (text: string) => Uint8Array>> = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  deflate: deflateSync,
};
for (const [coding, encode] of Object.entries(CODINGS)) {
  Deno.test(`net.http undoes ${coding}, and says no more of it`, async () => {
    await using server = body(new Uint8Array(encode(TEXT)), {
      "content-encoding": coding,
      "content-type": "text/plain",
    });
    await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
      const { data } = await get(`${server.origin}/`);
      assertEquals(data.body, TEXT);
      assertEquals([data.headers["content-encoding"], data.headers["content-length"]], [
        undefined,
        undefined,
      ]);
    });
  });

  Deno.test(`net.http refuses what is no ${coding}, and half of one`, async () => {
    const whole = new Uint8Array(encode(TEXT));
    for (const bytes of [new TextEncoder().encode("no such thing"), whole.slice(0, -10)]) {
      await using server = body(bytes, { "content-encoding": coding });
      await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
        assertEquals((await get(`${server.origin}/`)).code, "RESPONSE_MALFORMED");
      });
    }
  });
}

Deno.test("net.http gives a body in a coding that it does not know as it is", async () => {
  await using server = body("hi", { "content-encoding": "br", "content-type": "text/plain" });
  await using twice = body(new Uint8Array(gzipSync(gzipSync("hi"))), {
    "content-encoding": "gzip, gzip",
  });
  await withHttp({ allow: [`${server.origin}/**`, `${twice.origin}/**`] }, async (get) => {
    const { data } = await get(`${server.origin}/`);
    assertEquals([data.body, data.encoding], ["aGk=", "base64"]);
    assertEquals(data.headers["content-encoding"], "br");
    assertEquals((await get(`${twice.origin}/`)).data.headers["content-encoding"], "gzip, gzip");
  });
});

Deno.test("net.http cuts a body at max_bytes and at what the result may hold, and says so", async () => {
  await using server = body("ä".repeat(10_000), { "content-type": "text/plain" });
  await using binary = body(new Uint8Array(20_000).fill(255), { "content-type": "image/png" });
  await withHttp({
    allow: [`${server.origin}/**`, `${binary.origin}/**`],
    options: { maxOutputBytes: 5000 },
  }, async (get) => {
    const cut = await get(`${server.origin}/`, { max_bytes: 7 });
    assertEquals([cut.data.body, cut.truncated], ["äää", true]);
    const none = await get(`${server.origin}/`, { max_bytes: 0 });
    assertEquals([none.data.body, none.truncated], ["", true]);
    const most = await get(`${server.origin}/`);
    assertEquals([most.status, most.truncated], ["OK", true]);
    assert(most.data.body.length > 2000 && most.data.body.length < 5000);
    const bytes = await get(`${binary.origin}/`);
    assertEquals([bytes.status, bytes.truncated], ["OK", true]);
    assert(bytes.data.body.length > 4000 && bytes.data.body.length < 5000);
    assertEquals(bytes.data.body.length % 4, 0);
    const few = await get(`${binary.origin}/`, { max_bytes: 2 });
    assertEquals([few.data.body, few.truncated], [encodeBase64(bytesOf(255, 255)), true]);
  });
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    const whole = await get(`${server.origin}/`, { max_bytes: 20_000 });
    assertEquals([whole.data.body.length, whole.truncated], [10_000, undefined]);
  });
});

/** A gigabyte of zeros. */
const BOMBS: Readonly<Record<string, () => Uint8Array[]>> = {
  gzip: () => Array(64).fill(gzipSync(new Uint8Array(16 << 20))),
  deflate: () => [deflateSync(new Uint8Array(1 << 30))],
};
for (const [coding, make] of Object.entries(BOMBS)) {
  Deno.test(`net.http decodes no more of a ${coding} bomb than it gives`, async () => {
    const pieces = make();
    const head =
      `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-encoding: ${coding}\r\n\r\n`;
    await using server = rawServer(async (connection) => {
      await write(connection, head);
      for (const piece of pieces) await write(connection, piece);
    });
    const options = { maxOutputBytes: 100_000 };
    await withHttp({ allow: [`${server.origin}/**`], options }, async (get) => {
      await get(`${server.origin}/`); // Everything is loaded now.
      const before = Deno.memoryUsage().rss;
      const { status, data, truncated } = await get(`${server.origin}/`);
      assertEquals([status, truncated], ["OK", true]);
      assert(data.body.length <= 100_000);
      const grown = Deno.memoryUsage().rss - before;
      assert(grown < 64 << 20, `grown by ${grown >> 20} MiB`);
    });
  });
}

Deno.test("net.http stops reading an endless body at its bound", async () => {
  let sent = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = rawServer(async (connection) => {
    try {
      await write(connection, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n");
      const piece = new Uint8Array(65_536).fill(97);
      for (;;) {
        await write(connection, piece);
        sent += piece.length;
      }
    } finally {
      resolve();
    }
  });
  await withHttp(
    { allow: [`${server.origin}/**`], options: { maxOutputBytes: 1000 } },
    async (get) => {
      const { status, truncated } = await get(`${server.origin}/`);
      assertEquals([status, truncated], ["OK", true]);
      // The connection was closed, or this would go on for ever.
      await promise;
      assert(sent < 64 << 20);
    },
  );
});

Deno.test("net.http has done with a compressed body that it cut, also if it is still coming", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const piece = new Uint8Array(gzipSync(new Uint8Array(1 << 20)));
  let connections = 0;
  await using server = rawServer(async (connection) => {
    connections++;
    await write(connection, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n");
    await write(connection, piece);
    await promise;
  });
  const options = { maxOutputBytes: 1000 };
  await withHttp({ allow: [`${server.origin}/**`], options }, async (get) => {
    for (let i = 0; i < 20; i++) {
      const results = await Promise.all([get(`${server.origin}/`), get(`${server.origin}/`)]);
      for (const { status, truncated } of results) assertEquals([status, truncated], ["OK", true]);
    }
  });
  resolve();
  assertEquals(connections, 40);
});

Deno.test("net.http takes a body byte by byte", async () => {
  const response =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "2\r\ngr\r\n5;ext=1\r\nüße\r\n0\r\nX-Trailer: 1\r\n\r\n";
  await using server = rawServer(async (connection) => {
    for (const byte of new TextEncoder().encode(response)) await write(connection, bytesOf(byte));
  });
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    const { data } = await get(`${server.origin}/`);
    assertEquals(data.body, "grüße");
    assertEquals(data.headers["x-trailer"], undefined);
  });
});

Deno.test("net.http refuses a body whose chunks hold next to nothing", async () => {
  const chunks = "1\r\nA\r\n".repeat(300_000);
  await using server = sending(
    `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
  );
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    const { code, error } = await get(`${server.origin}/`);
    assertEquals(code, "RESPONSE_MALFORMED");
    assertMatch(error ?? "", /its chunks hold next to nothing/);
  });
});

Deno.test("net.http leaves every byte of a body as it is, large numbers too", async () => {
  const json = '{"order": 1234567890123456789, "n":1.0, "e":1E2}\n';
  const received: string[] = [];
  await using server = httpServer(async (request) => {
    received.push(await request.text());
    return new Response(json, { headers: { "content-type": "application/json" } });
  });
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    const { data } = await get(`${server.origin}/`, { method: "POST", body: json });
    assertEquals([data.body, received], [json, [json]]);
  });
});
