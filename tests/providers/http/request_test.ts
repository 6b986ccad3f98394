import { assertEquals, assertStringIncludes } from "@std/assert";
import { echo, httpServer, LOOPBACK, rawServer, withHttp, write } from "./servers.ts";

interface Echo {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

// deno-fmt-ignore -- a row is a line
const BODIES: readonly (readonly [what: string, params: Record<string, unknown>, type: string | undefined, body: string])[] = [
  ["a text as it is", { body: "grüße" }, "text/plain;charset=UTF-8", "grüße"],
  ["an empty text", { body: "" }, "text/plain;charset=UTF-8", ""],
  ["an object as JSON", { body: { a: [1, "ü"] } }, "application/json", '{"a":[1,"ü"]}'],
  ["a list as JSON", { body: [1, null] }, "application/json", "[1,null]"],
  ["a number as JSON", { body: 7 }, "application/json", "7"],
  ["false as JSON", { body: false }, "application/json", "false"],
  ["an object with the type given", { body: { a: 1 }, headers: { "Content-Type": "application/vnd.api+json" } }, "application/vnd.api+json", '{"a":1}'],
  ["base64 as bytes", { body: "aMOk", encoding: "base64" }, undefined, "hä"],
  ["null as nothing", { body: null }, undefined, ""],
];
Deno.test("net.http sends bodies", async (t) => {
  await using server = httpServer(echo);
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [what, params, type, body] of BODIES) {
      await t.step(what, async () => {
        const { data } = await get(`${server.origin}/a?b=c`, { method: "post", ...params });
        const got = JSON.parse(data.body) as Echo;
        assertEquals([got.method, got.url], ["POST", `${server.origin}/a?b=c`]);
        assertEquals([got.headers["content-type"], got.body], [type, body]);
      });
    }
  });
});

Deno.test("net.http sends all methods but those that make a server a proxy or a mirror", async () => {
  await using server = httpServer(echo);
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      const { data } = await get(`${server.origin}/`, { method });
      assertEquals((JSON.parse(data.body) as Echo).method, method);
    }
    assertEquals((await get(`${server.origin}/`, { method: "HEAD" })).data.body, "");
    for (const method of ["CONNECT", "TRACE", "track"]) {
      assertEquals((await get(`${server.origin}/`, { method })).code, "METHOD_REFUSED", method);
    }
  });
});

Deno.test("net.http sends one request with one host, one length, and nothing that was not asked for", async () => {
  await using server = rawServer((connection) =>
    write(connection, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
  );
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    await get(`${server.origin}/a%20b?c=%0D%0Ad#e`, { headers: { "X-A": "1" } });
    await get(`${server.origin}`, { method: "POST" });
  });
  const common = "accept: */*\r\naccept-encoding: gzip, deflate\r\nuser-agent: agent-kernel\r\n";
  assertEquals(server.heads, [
    `GET /a%20b?c=%0D%0Ad HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n${common}x-a: 1\r\n` +
    "connection: keep-alive\r\n\r\n",
    `POST / HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n${common}content-length: 0\r\n` +
    "connection: close\r\n\r\n",
  ]);
});

// deno-fmt-ignore -- a row is a line
const HEADERS: readonly (readonly [name: string, value: unknown, code: string | undefined])[] = [
  ["Host", "internal.example", "HEADER_REFUSED"],
  ["X-Host", "internal.example", undefined],
  ["connection", "keep-alive", "HEADER_REFUSED"],
  ["keep-alive", "timeout=5", "HEADER_REFUSED"],
  ["Content-Length", "0", "HEADER_REFUSED"],
  ["X-Content-Length", "0", undefined],
  ["transfer-encoding", "chunked", "HEADER_REFUSED"],
  ["TE", "trailers", "HEADER_REFUSED"],
  ["trailer", "x", "HEADER_REFUSED"],
  ["upgrade", "websocket", "HEADER_REFUSED"],
  ["http2-settings", "x", "HEADER_REFUSED"],
  ["expect", "100-continue", "HEADER_REFUSED"],
  ["proxy-authorization", "Basic x", "HEADER_REFUSED"],
  ["Proxy-Connection", "x", "HEADER_REFUSED"],
  ["x-proxy", "x", undefined],
  ["sec-fetch-site", "same-origin", "HEADER_REFUSED"],
  ["cookie2", "x", "HEADER_REFUSED"],
  ["cookie", "a=b", undefined],
  ["authorization", "Bearer mine", undefined],
  ["X-HTTP-Method-Override", "DELETE", undefined],
  ["x", "a\r\nHost: evil", "INVALID_TARGET"],
  ["x", "a\nb", "INVALID_TARGET"],
  ["x", "a\0b", "INVALID_TARGET"],
  ["x", "a\tb", undefined],
  ["x", "ä", "INVALID_PARAMS"],
  ["x", "\u{10d}\u{10a}", "INVALID_PARAMS"],
  ["x\r\nhost", "evil", "INVALID_TARGET"],
  ["x y", "1", "INVALID_TARGET"],
  ["x:y", "1", "INVALID_TARGET"],
  ["", "1", "INVALID_TARGET"],
  ["x", 1, "INVALID_TARGET"],
];
Deno.test("net.http sends headers, but those of the connection and of framing", async (t) => {
  let requests = 0;
  await using server = httpServer((request) => {
    requests++;
    return echo(request);
  });
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [name, value, code] of HEADERS) {
      await t.step(`${JSON.stringify(`${name}: ${value}`)}: ${code ?? "sent"}`, async () => {
        requests = 0;
        const result = await get(`${server.origin}/`, { headers: { [name]: value } });
        assertEquals(result.code, code);
        assertEquals(requests, code === undefined ? 1 : 0);
        if (code !== undefined) return;
        const got = JSON.parse(result.data.body) as Echo;
        assertEquals(got.headers[name.toLowerCase()], value as string);
      });
    }
  });
});

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly (readonly [params: Record<string, unknown>, code: string])[] = [
  [{ timeout: 0 }, "INVALID_PARAMS"],
  [{ timeout: -1 }, "INVALID_PARAMS"],
  [{ timeout: "5" }, "INVALID_PARAMS"],
  [{ max_bytes: -1 }, "INVALID_PARAMS"],
  [{ max_bytes: 1.5 }, "INVALID_PARAMS"],
  [{ body: "x", encoding: "hex" }, "INVALID_PARAMS"],
  [{ body: "x", encoding: "base64" }, "INVALID_PARAMS"],
  [{ body: {}, encoding: "base64" }, "INVALID_PARAMS"],
  [{ body: "x".repeat(1001) }, "BODY_TOO_LARGE"],
];
Deno.test("net.http refuses params of another form, and a body that is too large", async (t) => {
  await using server = httpServer(echo);
  await withHttp({ allow: [LOOPBACK], options: { maxRequestBytes: 1000 } }, async (get) => {
    for (const [params, code] of REFUSED) {
      await t.step(JSON.stringify(params).slice(0, 60), async () => {
        const result = await get(`${server.origin}/`, { method: "POST", ...params });
        assertEquals([result.status, result.code], ["ERROR", code]);
      });
    }
    const most = await get(`${server.origin}/`, { method: "POST", body: "x".repeat(1000) });
    assertEquals(most.status, "OK");
  });
});

Deno.test("net.http is decided by its method, however it is spelled, and by its body", async () => {
  await using server = httpServer(echo);
  const resource = `${server.origin}/**`;
  await withHttp({
    allow: [],
    capabilities: [
      { id: "read", action: "net.http", resource, constraint: { method: "GET" } },
      {
        id: "send",
        action: "net.http",
        resource,
        constraint: { method: "POST", "body.amount": { max: 10 } },
      },
    ],
  }, async (get) => {
    const url = `${server.origin}/`;
    assertEquals((await get(url)).rule, "read");
    assertEquals((await get(url, { method: "get" })).rule, "read");
    assertEquals((await get(url, { method: "delete" })).status, "DENIED");
    assertEquals((await get(url, { method: "post", body: { amount: 10 } })).rule, "send");
    assertEquals((await get(url, { method: "POST", body: { amount: 11 } })).status, "DENIED");
  });
});

Deno.test("net.http goes to http and https URLs only, without credentials", async () => {
  await using server = httpServer(echo);
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    const host = `127.0.0.1:${server.port}`;
    for (
      const url of [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "data:text/plain,hello",
        `http://user@${host}/`,
        `http://user:pass@${host}/`,
        `http://allowed.example@${host}/`,
        `http://${host}\\@evil.example/`,
        `http://${host}/a b`,
        `http://${host}/\r\nHost: evil`,
      ]
    ) {
      const { status, code } = await get(url);
      assertEquals([status, code], ["ERROR", "INVALID_TARGET"], url);
    }
    assertEquals((await get(`http://evil.example/@${host}/`)).status, "DENIED");
    assertEquals((await get(`http://${host}/user@home`)).status, "OK");
    assertEquals((await get(`HTTP://127.1:${server.port}/a/../b`)).status, "OK");
  });
});

Deno.test("net.http gives 4xx and 5xx as results, like any other", async () => {
  await using server = httpServer((request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response(`status ${status}`, { status });
  });
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    for (const status of [200, 201, 400, 404, 418, 500, 503]) {
      const { data } = await get(`${server.origin}/${status}`);
      assertEquals([data.status_code, data.body], [status, `status ${status}`]);
    }
  });
});

Deno.test("net.http says which host it could not connect to", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await withHttp({ allow: [`http://127.0.0.1:${port}/**`] }, async (get) => {
    const { status, code, error } = await get(`http://127.0.0.1:${port}/`);
    assertEquals([status, code], ["ERROR", "CONNECT_FAILED"]);
    assertStringIncludes(error ?? "", `Cannot connect to "127.0.0.1" port ${port}`);
  });
});

Deno.test("net.http answers also when the server does not read the body", async () => {
  await using server = rawServer((connection) =>
    write(connection, "HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nlong")
  );
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    const result = await get(`${server.origin}/`, { method: "POST", body: "x".repeat(4_000_000) });
    // The system may take the answer away with the connection, but nothing hangs.
    if (result.status === "OK") assertEquals(result.data.status_code, 413);
    else assertEquals(result.code, "CONNECTION_LOST");
  });
});
