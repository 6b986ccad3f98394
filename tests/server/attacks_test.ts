/** Who must not get in over loopback: web pages, other users, whoever is slow, many, or in another's name. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { listenAddress } from "../../src/server/listen_address.ts";
import { MAX_BODY_BYTES } from "../../src/server/router.ts";
import { TokenFile } from "../../src/server/tokens.ts";
import { verdictOf } from "../hooks/scene.ts";
import { recordsOf } from "../records.ts";
import { Workspace } from "../workspace.ts";
import { ownerOf, servedScene } from "./scene.ts";

function isRoot(): boolean {
  using ws = new Workspace();
  return ownerOf(ws) === 0;
}

/** Sends bytes as they are. @returns What came until the server ended the connection. */
async function raw(address: string, text: string): Promise<string> {
  const { hostname, port } = listenAddress(address);
  using connection = await Deno.connect({ hostname, port });
  const answer = readAll(connection);
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  } catch {
    // It was ended meanwhile.
  }
  return await answer;
}

async function readAll(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const piece of connection.readable) text += decoder.decode(piece, { stream: true });
  } catch {
    // It was reset.
  }
  return text;
}

Deno.test("a web page reaches nothing: neither by its own name for this address, nor by a form, nor by a WebSocket", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws, { origins: ["https://console.example"] });
  const { client, address, token: { alice: token }, root, logPath } = scene;
  const port = address.split(":")[1];
  const write = { action: "fs.write", target: `${root}/a`, params: { content: "x" } };
  const body = JSON.stringify(write);
  const post = (headers: Record<string, string>) =>
    client.call("POST", "/v1/submit", { token, body, headers });
  // DNS rebinding: the name leads here, and is the page's own.
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1", "127.0.0.1:1", ""]) {
    const answer = await raw(
      address,
      `POST /v1/submit HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n` +
        `content-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    assertStringIncludes(answer, "HTTP/1.1 421 ", host);
    assertStringIncludes(answer, "HOST_REFUSED");
  }
  const twice = `GET /v1/health HTTP/1.1\r\nhost: ${address}\r\nhost: evil.example\r\n`;
  assertEquals((await raw(address, `${twice}connection: close\r\n\r\n`)).includes(" 200 "), false);
  // Without any Host, which HTTP/1.1 requires.
  const none =
    `GET /v1/health HTTP/1.1\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`;
  assertEquals((await raw(address, none)).includes(" 200 "), false);
  // CSRF.
  for (
    const origin of [
      "https://evil.example",
      "null",
      `http://${address}`,
      "https://console.example.evil",
    ]
  ) {
    assertEquals((await post({ origin })).body.code, "ORIGIN_REFUSED", origin);
  }
  for (const site of ["cross-site", "same-site", "same-origin"]) {
    assertEquals((await post({ "sec-fetch-site": site })).body.code, "ORIGIN_REFUSED", site);
  }
  for (
    const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/jsonp",
    ]
  ) {
    assertEquals((await post({ "content-type": type })).body.code, "WRONG_TYPE", type);
  }
  const preflight = await client.call("OPTIONS", "/v1/submit", {
    headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
  });
  assertEquals([preflight.status, preflight.body.code], [403, "ORIGIN_REFUSED"]);
  // WebSocket: no CORS holds a page back from it.
  const upgraded = await raw(
    address,
    `GET /v1/records/stream HTTP/1.1\r\nhost: ${address}\r\nauthorization: Bearer ${token}\r\n` +
      "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  assertStringIncludes(upgraded, "HTTP/1.1 400 ");
  assertEquals(upgraded.includes("101"), false);
  assertEquals(await recordsOf(logPath), []);
  // Near misses: the origin that is listed, the other names of this address, a charset.
  const listed = await post({ origin: "https://console.example" });
  assertEquals(listed.body.status, "OK");
  assertEquals(listed.headers.get("access-control-allow-origin"), null);
  assertEquals((await post({ "content-type": "application/json; charset=utf-8" })).status, 200);
  const named = await fetch(`http://localhost:${port}/v1/health`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assertEquals([named.status, (await named.json()).pid], [200, 1]);
});

Deno.test("without a token, with a wrong or a revoked one, nothing is answered and no body is read", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { client, tokens, token: { alice, eve }, logPath, address } = scene;
  const at = (authorization?: string) =>
    client.call("GET", "/v1/health", {
      headers: authorization === undefined ? {} : { authorization },
    });
  const wrong = [
    ...[undefined, "", "Bearer", "Bearer ", `Basic ${btoa(`alice:${alice}`)}`, alice],
    ...[`Bearer ${alice}x`, `Bearer ${alice.slice(0, -1)}`, `Bearer ${alice}, Bearer ${eve}`],
  ];
  for (const given of wrong) {
    const { status, body, headers } = await at(given);
    assertEquals([status, body.code], [401, "UNAUTHORIZED"], given);
    assertStringIncludes(headers.get("www-authenticate") ?? "", "Bearer");
    assertStringIncludes(body.error, "agent-kernel token add");
  }
  assertEquals((await at(`bearer  ${alice}`)).status, 200);
  // A refusal comes before the body, however long that is.
  const start =
    `POST /v1/submit HTTP/1.1\r\nhost: ${address}\r\ncontent-type: application/json\r\n`;
  const refused = await raw(address, `${start}content-length: 1000000000\r\n\r\n{`);
  assertStringIncludes(refused, "HTTP/1.1 401 ");
  // A stream ends when its token is revoked, and so does everything else.
  const stream = await client.open("GET", "/v1/records/stream", { token: eve });
  assertEquals(stream.status, 200);
  tokens.revoke("eve");
  assertEquals((await stream.text()).includes("event:"), false);
  assertEquals((await at(`Bearer ${eve}`)).status, 401);
  assertEquals(await recordsOf(logPath), []);
  // A file of tokens that others can write is none.
  Deno.chmodSync(ws.path("kernel.log.server/tokens.json"), 0o644);
  assertEquals((await at(`Bearer ${alice}`)).status, 500);
  assertStringIncludes(scene.warnings.join("\n"), "others may use it (mode 644)");
  Deno.chmodSync(ws.path("kernel.log.server/tokens.json"), 0o600);
  assertEquals((await at(`Bearer ${alice}`)).status, 200);
});

Deno.test("a flood of wrong tokens is turned away and told once, and locks nobody out", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { client, token: { alice } } = scene;
  const statuses = new Map<number, number>();
  for (let i = 0; i < 300; i++) {
    const token = `ak_${String(i).padStart(43, "A")}`;
    const { status, headers } = await client.call("GET", "/v1/health", { token });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    assertEquals(headers.has("retry-after"), status === 429);
  }
  assertEquals(Object.fromEntries(statuses), { 401: 10, 429: 290 });
  assertEquals((await client.call("GET", "/v1/health", { token: alice })).status, 200);
  assertEquals(scene.warnings, ["agent-kernel: more than 10 wrong tokens came in a minute"]);
});

Deno.test("a token in a URL is refused in words, a right one too", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { client, token: { alice, eve } } = scene;
  for (
    const path of [
      ...[`/v1/health?token=${alice}`, `/v1/health?access_token=x`, "/v1/health?API_KEY=1"],
      ...[
        `/v1/${alice}`,
        `/v1/records?agent=${eve}`,
        `/v1/records?agent=${eve.replace("_", "%5f")}`,
      ],
      ...[`/v1/health?Authorization=Bearer%20${alice}`],
    ]
  ) {
    for (const token of [undefined, alice]) {
      const { status, body } = await client.call("GET", path, { token });
      assertEquals([status, body.code], [400, "TOKEN_IN_URL"], path);
      assertStringIncludes(body.error, "revoke this one");
      assertEquals(body.error.includes(alice), false);
    }
  }
  assertEquals(
    (await client.call("GET", "/v1/records?agent=ak_short", { token: eve })).status,
    200,
  );
});

Deno.test("a token speaks for its own principal, in requests and in hooks", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { client, token: { alice, bob, eve, boss }, root, logPath, payload } = scene;
  const post = async (path: string, token: string, body: unknown) =>
    await client.call("POST", path, { token, body });
  const read = { action: "fs.read", target: `${root}/a` };
  ws.file("w/a", "x");
  for (const agent of ["bob", "", "Alice", 1, null, ["alice"]]) {
    for (const path of ["/v1/submit", "/v1/permit", "/v1/explain"]) {
      const { status, body } = await post(path, alice, { ...read, agent });
      assertEquals([status, body.code], [403, "AGENT_REFUSED"], `${path} ${agent}`);
    }
  }
  assertEquals((await post("/v1/submit", alice, { ...read, agent: "alice" })).status, 200);
  // The hook of another agent, and one of the same kind in another's name.
  const call = payload("TodoWrite", {});
  for (const path of ["/v1/hooks/claude/before", "/v1/hooks/claude"]) {
    for (const token of [bob, eve, boss]) assertEquals((await post(path, token, call)).status, 403);
    assertEquals((await post(path, alice, { ...call, agent: "bob" })).status, 200);
  }
  for (const agent of ["gemini", "codex", "constructor"]) {
    assertEquals((await post(`/v1/hooks/${agent}/before`, alice, call)).status, 403);
  }
  // Roles: who only looks does nothing, who acts sees no records and answers no question.
  for (
    const path of ["/v1/submit", "/v1/permit", "/v1/invalid", "/v1/report", "/v1/rollback", "/mcp"]
  ) {
    for (const token of [eve, boss]) {
      assertEquals((await post(path, token, read)).body.code, "ROLE_MISSING", path);
    }
  }
  for (const path of ["/v1/records", "/v1/records/stream", "/v1/status", "/v1/approvals"]) {
    assertEquals(
      (await client.call("GET", path, { token: alice })).body.code,
      "ROLE_MISSING",
      path,
    );
  }
  const agents = new Set((await recordsOf(logPath)).map(({ agent }) => agent));
  assertEquals(agents, new Set(["alice"]));
});

Deno.test("a report of a hook ends only calls of the same principal", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { client, tokens, token: { alice }, logPath, payload } = scene;
  const other = tokens.add("other", { agents: ["claude"], now: new Date() });
  const send = (token: string, event: string, more: object = {}) =>
    client.call("POST", "/v1/hooks/claude", {
      token,
      body: { ...payload("TodoWrite", {}), hook_event_name: event, ...more },
    });
  await send(alice, "PreToolUse");
  await send(other, "PostToolUse", { tool_response: "forged" });
  await send(other, "SessionEnd");
  assertEquals((await recordsOf(logPath)).map(({ status }) => status), ["PERMITTED"]);
  await send(alice, "PostToolUse", { tool_response: "done" });
  assertEquals((await recordsOf(logPath)).map(({ status }) => status), ["PERMITTED", "DONE"]);
});

Deno.test("an HTTP hook is always a yes or a no in words, or a failure: the agent takes all else for a yes", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { client, token: { alice: token }, payload, logPath } = scene;
  const send = (body: unknown) => client.call("POST", "/v1/hooks/claude", { token, body });
  const good = payload("TodoWrite", {});
  assertEquals(verdictOf(JSON.stringify((await send(good)).body))[0], "allow");
  // A call that cannot be understood is refused by name.
  for (
    const [name, value] of Object.entries({
      tool_input: "x",
      session_id: 1,
      cwd: "relative",
      tool_name: "",
    })
  ) {
    const { status, body } = await send({ ...good, [name]: value });
    assertEquals([status, verdictOf(JSON.stringify(body))[0]], [200, "deny"], name);
  }
  // What names no event is a failure, which "onFailure" turns into a no.
  for (
    const event of [undefined, 1, "", "before", "constructor", "PreToolUse ", "UserPromptSubmit"]
  ) {
    assertEquals((await send({ ...good, hook_event_name: event })).status, 422, String(event));
  }
  for (const body of ["", "null", "[]", "1", '"PreToolUse"', "{not json"]) {
    const { status } = await send(body);
    assert(status === 400 || status === 422, body);
  }
  assertEquals((await recordsOf(logPath)).filter(({ status }) => status === "PERMITTED").length, 1);
});

Deno.test("the folder that a hook names leads nowhere else", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { client, token: { alice: token }, payload, root } = scene;
  ws.file("w/sub/a", "x");
  ws.file("outside/a", "x");
  ws.link("w/link", ws.path("outside"));
  const read = async (cwd: unknown, file_path: string) => {
    const body = { ...payload("Read", { file_path }), cwd };
    const answer = await client.call("POST", "/v1/hooks/claude", { token, body });
    assertEquals(answer.status, 200);
    return verdictOf(JSON.stringify(answer.body))[0];
  };
  assertEquals(await read(`${root}/sub`, "a"), "allow");
  assertEquals(await read(`${root}/sub/../sub/.`, "a"), "allow");
  for (
    const cwd of [
      ...[`${root}/..`, `${root}/sub/../../outside`, `${root}/link`, "/", "w", "./w", "", "~"],
      ...[`${root}/sub\0`, `${root}\0/../outside`, `file://${root}/sub`],
      ...[null, 1, [], [root], { toString: root }, "/".repeat(100_000)],
    ]
  ) {
    assertEquals(await read(cwd, "a"), "deny", JSON.stringify(cwd)?.slice(0, 80));
  }
  assertEquals(await read(`${root}/sub`, "../../outside/a"), "deny");
});

Deno.test("a path of the API is what it is: nothing is decoded, joined or resolved", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { address, token: { alice: token } } = scene;
  const status = async (target: string) => {
    const head = `GET ${target} HTTP/1.1\r\nhost: ${address}\r\nauthorization: Bearer ${token}\r\n`;
    const answer = await raw(address, `${head}connection: close\r\n\r\n`);
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
  };
  assertEquals(await status("/v1/health"), 200);
  for (
    const target of [
      ...["//v1/health", "/v1//health", "/v1/./health", "/v1/x/../health", "/v1/health/"],
      ...["/v1/health/..", "/v1/%68ealth", "/v1/health%00", "/v1\\health", "/v1/hea%2flth"],
      ...[`http://${address}/v1/health`, "http://evil.example/v1/health", "*", "v1/health"],
      ...["/V1/health", "/v1/health;x", "/v1/health#x"],
    ]
  ) {
    const found = await status(target);
    assert(found === 400 || found === 404 || Number.isNaN(found), `${target}: ${found}`);
  }
});

Deno.test("a body that is too long is refused, as it says itself and as it comes", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { address, client, token: { alice: token }, logPath } = scene;
  const head =
    `POST /v1/submit HTTP/1.1\r\nhost: ${address}\r\nauthorization: Bearer ${token}\r\n` +
    "content-type: application/json\r\n";
  const said = await raw(address, `${head}content-length: ${MAX_BODY_BYTES + 1}\r\n\r\n"`);
  assertStringIncludes(said, "HTTP/1.1 413 ");
  const piece = `100000\r\n${"x".repeat(0x100000)}\r\n`;
  const chunked = await raw(
    address,
    `${head}transfer-encoding: chunked\r\n\r\n${piece.repeat(17)}`,
  );
  // Who goes on sending after the answer may find the connection ended before reading it.
  assert(chunked === "" || chunked.startsWith("HTTP/1.1 413 "), chunked.slice(0, 100));
  const both = await raw(
    address,
    `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  );
  assertEquals(both.includes(" 200 "), false);
  const long = await raw(address, `GET /v1/health HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`);
  assertEquals(long.includes(" 200 "), false);
  assertEquals(await recordsOf(logPath), []);
  assertEquals((await client.call("GET", "/v1/health", { token })).status, 200);
});

Deno.test("a client that is slow loses its connection, and no more than so many are held", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws, {
    bounds: { maxConnections: 5, headMs: 100, requestMs: 200, idleMs: 100 },
  });
  const { address, client, root, token: { alice: token } } = scene;
  const head =
    `POST /v1/submit HTTP/1.1\r\nhost: ${address}\r\nauthorization: Bearer ${token}\r\n` +
    "content-type: application/json\r\n";
  // An answer may take longer than a request: this one waits for a person.
  const body = { action: "fs.write", target: `${root}/asked/a`, params: { content: "x" } };
  const asked = client.call("POST", "/v1/submit", { token, body });
  // Each of these would wait for ever, and is ended by the server.
  const ended = await Promise.all([
    raw(address, ""),
    raw(address, "GET /v1/hea"),
    raw(address, head),
    raw(address, `${head}content-length: 100\r\n\r\n{`),
  ]);
  for (const answer of ended) assertEquals(answer.includes(" 200 "), false);
  const idle =
    `GET /v1/health HTTP/1.1\r\nhost: ${address}\r\nauthorization: Bearer ${token}\r\n\r\n`;
  assertStringIncludes(await raw(address, idle), "HTTP/1.1 200 ");
  const [question] = scene.inbox.list();
  assert(question !== undefined);
  scene.inbox.answer(question, { approved: true, by: "boss" }, new Date());
  assertEquals((await asked).body.status, "OK");
  // More than so many at once: the further ones are closed at once.
  const { hostname, port } = listenAddress(address);
  const many = await Promise.all(
    Array.from({ length: 20 }, () => Deno.connect({ hostname, port })),
  );
  const first = await Promise.race(many.map((one) => readAll(one).then(() => "closed")));
  assertEquals(first, "closed");
  for (const one of many) {
    try {
      one.close();
    } catch (error) {
      assert(error instanceof Deno.errors.BadResource); // It was read to its end.
    }
  }
});

Deno.test({
  name:
    "another user of the machine reaches neither socket nor tokens, and over loopback is asked for a token",
  // Only root can be somebody else.
  ignore: !isRoot(),
  async fn() {
    using ws = new Workspace();
    await using scene = await servedScene(ws);
    const { socket, address, logPath } = scene;
    Deno.chmodSync(ws.root, 0o755);
    const { port } = listenAddress(address);
    const open = ws.file("open", "public");
    const asNobody = async (code: string, ...args: string[]) => {
      const { stdout, stderr } = await new Deno.Command("/usr/bin/setpriv", {
        args: [
          "--reuid=65534",
          "--regid=65534",
          "--clear-groups",
          "/usr/bin/python3",
          "-c",
          code,
          ...args,
        ],
      }).output();
      const text = new TextDecoder();
      return text.decode(stdout) + text.decode(stderr);
    };
    const read = "import sys; print(open(sys.argv[1]).read())";
    const connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
    const get =
      "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1])); c.request('GET', '/v1/health'); print(c.getresponse().status)";
    assertEquals((await asNobody(read, open)).trim(), "public");
    assertStringIncludes(await asNobody(connect, socket), "PermissionError");
    assertStringIncludes(
      await asNobody(read, ws.path("kernel.log.server/tokens.json")),
      "PermissionError",
    );
    assertEquals((await asNobody(get, String(port))).trim(), "401");
    // Also where the folder is open by mistake, the socket and the file are not.
    Deno.chmodSync(ws.path("kernel.log.server"), 0o755);
    assertStringIncludes(await asNobody(connect, socket), "PermissionError");
    assertStringIncludes(
      await asNobody(read, ws.path("kernel.log.server/tokens.json")),
      "PermissionError",
    );
    assertEquals(await recordsOf(logPath), []);
  },
});

Deno.test("only loopback is listened at", () => {
  for (const text of ["127.0.0.1:7317", "[::1]:0"]) listenAddress(text);
  for (
    const text of [
      ...["0.0.0.0:7317", "[::]:7317", "localhost:7317", "10.0.0.1:7317", "7317", "127.0.0.1"],
      ...["127.0.0.1:99999", "127.0.0.1:", "127.1:7317", "127.0.0.1:7317/", "::1:7317"],
    ]
  ) {
    let message = "";
    try {
      listenAddress(text);
    } catch (error) {
      message = (error as Error).message;
    }
    assertStringIncludes(message, "expected 127.0.0.1:PORT or [::1]:PORT", text);
  }
});

Deno.test("tokens are kept as digests, by names that are there once, with roles that go together", () => {
  using ws = new Workspace();
  const path = ws.path("tokens.json");
  const file = new TokenFile(path);
  const now = new Date("2026-01-31T12:00:00Z");
  assertEquals([file.list(), file.find("ak_x"), file.revoke("a")], [[], undefined, false]);
  const text = file.add("a", { now, agents: ["claude"] });
  assert(/^ak_[A-Za-z0-9_-]{43}$/.test(text));
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  assertEquals(Deno.readTextFileSync(path).includes(text), false);
  assertEquals(new TokenFile(path).find(text), { name: "a", roles: ["act"], agents: ["claude"] });
  const refusals: [() => unknown, string][] = [
    [() => file.add("a", { now }), "there is one"],
    [() => file.add("", { now }), "expected letters"],
    [() => file.add("a b", { now }), "expected letters"],
    [() => file.add("../b", { now }), "expected letters"],
    [() => file.add("b", { now, roles: ["act", "approve"] }), "could answer itself"],
    [() => file.add("b", { now, roles: ["look"], agents: ["claude"] }), "role act"],
  ];
  for (const [add, why] of refusals) {
    let message = "";
    try {
      add();
    } catch (error) {
      message = (error as Error).message;
    }
    assertStringIncludes(message, why);
  }
  const other = new TokenFile(path);
  const second = other.add("b", { now, roles: ["approve", "look"] });
  assertEquals(file.find(second)?.name, "b");
  assertEquals([other.revoke("a"), file.find(text), file.find(second)?.name], [
    ...[true, undefined, "b"],
  ]);
  for (
    const odd of ["", "{}", "[]", '{"tokens":[{}]}', '{"tokens":[{"name":"a","roles":["root"]}]}']
  ) {
    Deno.writeTextFileSync(path, odd);
    let message = "";
    try {
      new TokenFile(path).find(second);
    } catch (error) {
      message = (error as Error).message;
    }
    assertStringIncludes(message, "it is no list of tokens", odd);
  }
});
