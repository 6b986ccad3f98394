import { assertEquals } from "@std/assert";
import { httpServer, LOOPBACK, rawServer, withHttp, write } from "./servers.ts";

/** Where a server stays silent, but for a byte now and then. */
const SLOW: Readonly<Record<string, string>> = {
  "before its answer": "",
  "in its headers": "HTTP/1.1 200 OK\r\nx: ",
  "in its body": "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n",
  "in a chunk": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffff\r\n",
  "in a compressed body": "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n",
};
Deno.test("net.http ends at its timeout when the server is slow, and closes the connection", async (t) => {
  await withHttp({ allow: [LOOPBACK] }, async (get) => {
    for (const [where, start] of Object.entries(SLOW)) {
      await t.step(where, async () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        let reached = false;
        await using server = rawServer(async (connection) => {
          reached = true;
          await write(connection, start);
          // Ends when the other side has closed.
          await connection.read(new Uint8Array(1)).catch(() => {});
          resolve();
        });
        // On a busy machine the time may be over before there is a connection.
        while (!reached) {
          const { status, code, error } = await get(`${server.origin}/`, { timeout: 0.2 });
          assertEquals([status, code], ["ERROR", "DEADLINE_EXCEEDED"]);
          assertEquals(error, "The request did not end within 0.2 s");
        }
        await promise;
      });
    }
  });
});

Deno.test("net.http ends at its timeout although bytes keep coming", async () => {
  await using server = rawServer(async (connection) => {
    await write(connection, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n");
    const { promise, resolve } = Promise.withResolvers<void>();
    const drip = setInterval(() => write(connection, "x").catch(() => resolve()), 5);
    await promise;
    clearInterval(drip);
  });
  await withHttp({ allow: [`${server.origin}/**`] }, async (get) => {
    assertEquals((await get(`${server.origin}/`, { timeout: 0.2 })).code, "DEADLINE_EXCEEDED");
  });
});

Deno.test("the timeout of net.http is for all hops together", async () => {
  let hops = 0;
  await using server = rawServer(async (connection) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 50);
    await promise;
    await write(connection, `HTTP/1.1 302 Found\r\nlocation: /${hops++}\r\n\r\n`);
  });
  await withHttp(
    { allow: [`${server.origin}/**`], options: { maxRedirects: 1000 } },
    async (get) => {
      assertEquals((await get(`${server.origin}/a`, { timeout: 0.5 })).code, "DEADLINE_EXCEEDED");
    },
  );
});

Deno.test("the deadline of the provider holds whatever timeout is asked for, and the next request goes on", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = httpServer(async (request) => {
    if (request.url.endsWith("/slow")) await promise;
    return new Response("there");
  });
  await withHttp(
    { allow: [`${server.origin}/**`], options: { deadlineMs: 2000 } },
    async (get) => {
      const slow = get(`${server.origin}/slow`, { timeout: 1e9 });
      assertEquals((await slow).code, "DEADLINE_EXCEEDED");
      resolve();
      // On a busy machine it may take as long as the deadline.
      let next = await get(`${server.origin}/fast`);
      while (next.code === "DEADLINE_EXCEEDED") next = await get(`${server.origin}/fast`);
      assertEquals(next.data.body, "there");
    },
  );
});
