import { assertEquals, assertStringIncludes } from "@std/assert";
import { withHttp } from "./servers.ts";

const file = (name: string) =>
  Deno.readTextFileSync(new URL(`./fixtures/${name}`, import.meta.url));

/** A server whose certificate is for the name `localhost`, of an authority of our own. */
function tlsServer(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      cert: file("localhost.pem"),
      key: file("localhost.key"),
      onListen() {},
    },
    (request) =>
      new Response(`over ${new URL(request.url).protocol} ${request.headers.get("authorization")}`),
  );
}

Deno.test("net.http speaks TLS with a host whose certificate is for its name", async () => {
  const server = tlsServer();
  const { port } = server.addr;
  const allow = [`https://localhost:${port}/**`, `https://127.0.0.1:${port}/**`];
  const secrets = { API: { value: "0123456789", hosts: [`localhost:${port}`] } };
  await withHttp({ allow, options: { caCerts: [file("ca.pem")], secrets } }, async (get) => {
    const { data } = await get(`https://localhost:${port}/`);
    assertEquals(data.body, "over https: [secret API]");
    const wrongName = await get(`https://127.0.0.1:${port}/`);
    assertEquals([wrongName.status, wrongName.code], ["ERROR", "TLS_FAILED"]);
    assertStringIncludes(wrongName.error ?? "", "certificate");
  });
  await withHttp({ allow }, async (get) => {
    const unknown = await get(`https://localhost:${port}/`);
    assertEquals([unknown.status, unknown.code], ["ERROR", "TLS_FAILED"]);
    assertStringIncludes(unknown.error ?? "", "UnknownIssuer");
  });
  await server.shutdown();
});

Deno.test("net.http does not go on without TLS where there is none", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const got = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(5);
    await connection.read(buffer);
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\nhello"));
    return buffer;
  })();
  await withHttp({ allow: [`https://localhost:${port}/**`] }, async (get) => {
    assertEquals((await get(`https://localhost:${port}/`)).code, "TLS_FAILED");
  });
  // A handshake record, nothing of the request.
  assertEquals((await got)[0], 22);
  listener.close();
});

Deno.test("net.http ends at its timeout in the middle of a TLS handshake", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  let connection: Deno.TcpConn | undefined;
  const held = listener.accept().then((accepted) => connection = accepted);
  await withHttp({ allow: [`https://localhost:${port}/**`] }, async (get) => {
    // On a busy machine the time may be over before there is a connection.
    while (connection === undefined) {
      const { code } = await get(`https://localhost:${port}/`, { timeout: 0.2 });
      assertEquals(code, "DEADLINE_EXCEEDED");
    }
  });
  (await held).close();
  listener.close();
});
