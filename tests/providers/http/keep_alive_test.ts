import { assertEquals, assertRejects } from "@std/assert";
import { DeniedError, ProviderError } from "@agent-kernel/kernel/provider";
import { ConnectionPool } from "../../../providers/http/connection_pool.ts";
import { nextTurn } from "../../turn.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { LOOPBACK, type Server, withHttp, write } from "./servers.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** What a server does with a request: sends bytes; `close` ends the connection after them. */
type Reply = string | { readonly send: string; readonly close: true };

/** A server that answers many requests on a connection; a request is its head, bodies are not read. */
function keepAliveServer(
  reply: (path: string, head: string) => Reply,
): Server & {
  /** For each connection, the request lines that came over it. */
  readonly requests: string[][];
  readonly heads: string[];
  /** Sends bytes over a connection without being asked; without bytes, closes it. */
  push(connection: number, text?: string): Promise<void>;
} {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[][] = [];
  const heads: string[] = [];
  const connections: Deno.TcpConn[] = [];
  const closed = new Set<Deno.TcpConn>();
  const end = (connection: Deno.TcpConn) => {
    if (!closed.has(connection)) connection.close();
    closed.add(connection);
  };
  const serve = async (connection: Deno.TcpConn) => {
    const lines: string[] = [];
    requests.push(lines);
    connections.push(connection);
    const buffer = new Uint8Array(4096);
    let text = "";
    try {
      for (let count; (count = await connection.read(buffer)) !== null;) {
        text += new TextDecoder().decode(buffer.subarray(0, count));
        for (let at; (at = text.indexOf("\r\n\r\n")) !== -1;) {
          const head = text.slice(0, at);
          text = text.slice(at + 4);
          lines.push(head.split(" HTTP/1.1")[0] as string);
          heads.push(head);
          const answer = reply(head.split(" ")[1] as string, head);
          await write(connection, typeof answer === "string" ? answer : answer.send);
          if (typeof answer !== "string") return;
        }
      }
    } catch {
      // The client may close at any time: what it got is what the test asserts.
    } finally {
      end(connection);
    }
  };
  const running = (async () => {
    const served: Promise<void>[] = [];
    for await (const connection of listener) served.push(serve(connection));
    for (const connection of connections) end(connection);
    await Promise.all(served);
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    requests,
    heads,
    async push(index, text) {
      const connection = connections[index] as Deno.TcpConn;
      if (text === undefined) end(connection);
      else await write(connection, text);
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) end(connection);
      await running;
    },
  };
}

Deno.test("net.http sends requests without effect over one connection, one after the other", async () => {
  await using server = keepAliveServer(() => OK);
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const path of ["a", "b", "c"]) {
      assertEquals((await get(`${server.origin}/${path}`)).data.body, "ok");
    }
  });
  assertEquals(server.requests, [["GET /a", "GET /b", "GET /c"]]);
});

Deno.test("net.http sends two requests at once over two connections", async () => {
  await using server = keepAliveServer(() => OK);
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    const both = [get(`${server.origin}/a`), get(`${server.origin}/b`)];
    for (const { data } of await Promise.all(both)) assertEquals(data.body, "ok");
    await get(`${server.origin}/c`);
  });
  const counts = server.requests.map((lines) => lines.length).sort();
  assertEquals(counts.reduce((sum, count) => sum + count), 3);
  assertEquals(counts.every((count) => count <= 2), true);
});

Deno.test("net.http shares no connection between two origins", async () => {
  await using one = keepAliveServer(() => OK);
  await using other = keepAliveServer(() => OK);
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const { origin } of [one, other, one, other]) await get(`${origin}/`);
  });
  assertEquals([one.requests.length, other.requests.length], [1, 1]);
});

/** Requests between two plain ones: whether they share the connection of these. */
// deno-fmt-ignore -- a row is a line
const REQUESTS: readonly (readonly [what: string, params: Record<string, unknown>, shares: boolean])[] = [
  ["HEAD", { method: "HEAD" }, true],
  ["OPTIONS", { method: "OPTIONS" }, true],
  ["POST without a body", { method: "POST" }, false],
  ["POST with a body", { method: "POST", body: "x" }, false],
  ["DELETE", { method: "DELETE" }, false],
  ["an unknown method", { method: "PURGE" }, false],
  ["GET with a body", { body: "x" }, false],
  ["GET with an empty body", { body: "" }, false],
  ["GET whose header names another method", { headers: { "x-http-method-override": "DELETE" } }, false],
  ["GET with another header", { headers: { "x-http-language": "de" } }, true],
  ["GET that authenticates the connection by NTLM", { headers: { authorization: "NTLM TlRMTVNTUAAB" } }, false],
  ["GET that authenticates the connection by Negotiate", { headers: { authorization: "negotiate YII" } }, false],
  ["GET that authenticates itself", { headers: { authorization: "Bearer ntlm" } }, true],
];
Deno.test("net.http has only requests without body and effect share a connection", async (t) => {
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [what, params, shares] of REQUESTS) {
      await t.step(what, async () => {
        await using server = keepAliveServer((_, head) =>
          head.startsWith("HEAD") ? OK.slice(0, -2) : OK
        );
        await get(`${server.origin}/first`);
        assertEquals((await get(`${server.origin}/second`, params)).status, "OK");
        await get(`${server.origin}/third`);
        const second = server.heads.find((head) => head.includes("/second")) as string;
        assertEquals(/^connection: (.*)$/m.exec(second)?.[1], shares ? "keep-alive" : "close");
        assertEquals(server.requests.map((lines) => lines.length), shares ? [3] : [2, 1]);
      });
    }
  });
});

Deno.test("net.http leaves no connection on which the body of a request could pass for a request", async () => {
  // The server does not read bodies: what follows a head is the next request to it.
  await using server = keepAliveServer(() => OK);
  const body = "GET /denied HTTP/1.1\r\nhost: x\r\n\r\n";
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    await get(`${server.origin}/allowed`, { method: "POST", body });
    assertEquals((await get(`${server.origin}/next`)).data.body, "ok");
  });
  // It was told to end the connection after the first one.
  assertEquals(/connection: close$/m.test(server.heads[0] as string), true);
  assertEquals(server.requests.length, 2);
});

const POISON = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
/** First responses: whether a second request may use the connection. */
// deno-fmt-ignore -- a row is a line
const RESPONSES: readonly (readonly [what: string, response: string, reused: boolean, params?: Record<string, unknown>])[] = [
  ["one with a length", OK, true],
  ["one without a body and length 0", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true],
  ["one in chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true],
  ["one in chunks with trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n", true],
  ["one that says keep-alive", `HTTP/1.1 200 OK\r\nconnection: Keep-Alive\r\n${OK.slice(17)}`, true],
  ["one after an interim response", `HTTP/1.1 103 Early Hints\r\n\r\n${OK}`, true],
  ["a failure", "HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno", true],
  ["304 with the length that it would have", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", true],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", true],
  ["204 with a length", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", false],
  ["204 in chunks", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n", false],
  ["one that says close", `HTTP/1.1 200 OK\r\nconnection: close\r\n${OK.slice(17)}`, false],
  ["one that says close among others", `HTTP/1.1 200 OK\r\nconnection: keep-alive, Close\r\n${OK.slice(17)}`, false],
  ["one that says upgrade", `HTTP/1.1 200 OK\r\nconnection: upgrade\r\n${OK.slice(17)}`, false],
  ["one of HTTP/1.0", OK.replace("1.1", "1.0"), false],
  ["one of HTTP/1.0 that says keep-alive", OK.replace("1.1", "1.0").replace("\r\n", "\r\nconnection: keep-alive\r\n"), false],
  ["one with a whole response after it", `${OK}${POISON}`, false],
  ["one with a single byte after it", `${OK}\n`, false],
  ["304 with a body after it", `HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n${POISON}`, false],
  ["chunks with a response after them", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${POISON}`, false],
  ["one that is cut by max_bytes", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nokokokoko", false, { max_bytes: 1 }],
  ["a body to HEAD", POISON, false, { method: "HEAD" }],
];
Deno.test("net.http uses a connection again only after a response that is complete to the byte", async (t) => {
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [what, response, reused, params] of RESPONSES) {
      await t.step(what, async () => {
        await using server = keepAliveServer((path) => path === "/first" ? response : OK);
        assertEquals((await get(`${server.origin}/first`, params)).status, "OK");
        assertEquals((await get(`${server.origin}/second`)).data.body, "ok");
        assertEquals(server.requests.length, reused ? 1 : 2);
      });
    }
  });
});

Deno.test("net.http closes a connection after a response that it refuses", async () => {
  await using server = keepAliveServer((path) =>
    path === "/first"
      ? `HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${POISON}`
      : OK
  );
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    assertEquals((await get(`${server.origin}/first`)).code, "RESPONSE_MALFORMED");
    assertEquals((await get(`${server.origin}/second`)).data.body, "ok");
  });
  assertEquals(server.requests, [["GET /first"], ["GET /second"]]);
});

Deno.test("net.http sends a request again when the server closes an idle connection", async () => {
  await using server = keepAliveServer((path) =>
    path === "/first" ? { send: OK, close: true } : OK
  );
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    assertEquals((await get(`${server.origin}/first`)).data.body, "ok");
    assertEquals((await get(`${server.origin}/second`)).data.body, "ok");
  });
  assertEquals(server.requests, [["GET /first"], ["GET /second"]]);
});

Deno.test("net.http does not send a request again once a byte of the response has come", async () => {
  await using server = keepAliveServer((path) =>
    path === "/first" ? OK : { send: "HTTP/1.1 200", close: true }
  );
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    await get(`${server.origin}/first`);
    assertEquals((await get(`${server.origin}/second`)).code, "RESPONSE_MALFORMED");
  });
  assertEquals(server.requests, [["GET /first", "GET /second"]]);
});

Deno.test("net.http ends a request over a connection that was used before at its timeout", async () => {
  await using server = keepAliveServer((path) => path === "/slow" ? "" : OK);
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    await get(`${server.origin}/first`);
    const { code } = await get(`${server.origin}/slow`, { timeout: 1 });
    assertEquals(code, "DEADLINE_EXCEEDED");
    assertEquals((await get(`${server.origin}/next`)).data.body, "ok");
  });
  assertEquals(server.requests, [["GET /first", "GET /slow"], ["GET /next"]]);
});

/** A pool, and a request over it for a path of a server; resolves with the body. */
function poolFor({ origin, port }: Server, timer?: ManualTimer) {
  const pool = new ConnectionPool(timer);
  const get = async (path: string, named = [`127.0.0.1:${port}`], signal = NEVER) => {
    const url = new URL(path, origin);
    const outgoing = { method: "GET", url, headers: {}, keepAlive: true };
    using response = await pool.request(outgoing, { named, caCerts: [], signal });
    let text = "";
    for await (const piece of response.body()) text += new TextDecoder().decode(piece);
    return text;
  };
  return { pool, get };
}
const NEVER = new AbortController().signal;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn();
}

Deno.test("ConnectionPool gives up an idle connection when bytes come that nobody asked for", async () => {
  await using server = keepAliveServer(() => OK);
  const { pool, get } = poolFor(server);
  await get("/first");
  assertEquals(pool.size, 1);
  await server.push(0, POISON);
  await until(() => pool.size === 0);
  assertEquals(await get("/second"), "ok");
  assertEquals(server.requests.length, 2);
  pool.close();
});

Deno.test("ConnectionPool gives up an idle connection when the server closes it", async () => {
  await using server = keepAliveServer(() => OK);
  const { pool, get } = poolFor(server);
  await get("/first");
  await server.push(0);
  await until(() => pool.size === 0);
  pool.close();
});

Deno.test("ConnectionPool checks the address of an idle connection by the policy of each request", async () => {
  await using server = keepAliveServer(() => OK);
  const { pool, get } = poolFor(server);
  await get("/first");
  const error = await assertRejects(() => get("/second", []), DeniedError);
  assertEquals(error.code, "ADDRESS_DENIED");
  assertEquals([pool.size, server.requests], [0, [["GET /first"]]]);
  pool.close();
});

Deno.test("ConnectionPool closes a connection that is idle for four seconds, and not before", async () => {
  await using server = keepAliveServer(() => OK);
  const timer = new ManualTimer();
  const { pool, get } = poolFor(server, timer);
  await get("/first");
  timer.pass(3_999);
  assertEquals(pool.size, 1);
  timer.pass(1);
  assertEquals(pool.size, 0);
  await get("/second");
  timer.pass(3_000);
  await get("/third");
  timer.pass(3_000);
  assertEquals(pool.size, 1);
  assertEquals(server.requests, [["GET /first"], ["GET /second", "GET /third"]]);
  pool.close();
});

Deno.test("ConnectionPool uses no connection that is older than a minute", async () => {
  await using server = keepAliveServer(() => OK);
  const timer = new ManualTimer();
  const { pool, get } = poolFor(server, timer);
  for (let second = 0; second <= 63; second += 3) {
    await get(`/${second}`);
    timer.pass(3_000);
  }
  assertEquals(server.requests.map((lines) => lines.length), [21, 1]);
  pool.close();
});

Deno.test("ConnectionPool keeps at most 64 idle connections, and closes the oldest first", async () => {
  await using server = keepAliveServer(() => OK);
  const { pool, get } = poolFor(server);
  await Promise.all(Array.from({ length: 70 }, (_, i) => get(`/${i}`)));
  assertEquals(pool.size, 64);
  pool.close();
  assertEquals(pool.size, 0);
});

Deno.test("ConnectionPool leaves an idle connection alone when the signal of its last request is aborted", async () => {
  await using server = keepAliveServer(() => OK);
  const { pool, get } = poolFor(server);
  const controller = new AbortController();
  await get("/first", undefined, controller.signal);
  controller.abort();
  await nextTurn();
  assertEquals(await get("/second"), "ok");
  assertEquals(server.requests.length, 1);
  pool.close();
});

Deno.test("ConnectionPool closes the connection when the signal is aborted during a request", async () => {
  await using server = keepAliveServer((path) => path === "/slow" ? "" : OK);
  const { pool, get } = poolFor(server);
  await get("/first");
  const controller = new AbortController();
  const slow = get("/slow", undefined, controller.signal);
  controller.abort();
  await assertRejects(() => slow, ProviderError);
  assertEquals(pool.size, 0);
  pool.close();
});
