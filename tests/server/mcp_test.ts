/** The gateway over streamable HTTP: the SDK's client talks to a resident kernel. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client";
import { StreamableHTTPClientTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/client/streamableHttp.js";
import { SUPPORTED_PROTOCOL_VERSIONS } from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { recordsOf } from "../records.ts";
import { Workspace } from "../workspace.ts";
import { servedScene } from "./scene.ts";

/** What an answer to `tools/call` holds. */
interface Called {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly isError?: boolean;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/** A client with a token. */
async function connected(url: string, token: string) {
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  const call = async (name: string, args: object) =>
    await client.callTool({ name, arguments: args as Record<string, unknown> }) as Called;
  const end = async () => {
    await transport.terminateSession();
    await client.close();
  };
  return { client, transport, call, end };
}

Deno.test("an MCP client over HTTP gets tools, results and denials with their reason, in the name of its token", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { url, token, root, logPath } = scene;
  ws.file("w/a.txt", "hello");
  const alice = await connected(url, token.alice);
  const bob = await connected(url, token.bob);
  const names = (await alice.client.listTools()).tools.map(({ name }: { name: string }) => name);
  assert(names.includes("read_file"));
  const read = await alice.call("read_file", { path: `${root}/a.txt` });
  assertEquals(read.content, [{ type: "text", text: "hello" }]);
  const denied = await bob.call("read_file", { path: "/etc/passwd" });
  assertEquals([denied.isError, denied._meta?.["agent-kernel/code"]], [true, "NO_RULE"]);
  assertStringIncludes(denied.content[0]?.text ?? "", "no rule allows");
  const sessions = [alice, bob].map(({ transport }) => transport.sessionId ?? "");
  assert(sessions[0] !== sessions[1]);
  for (const id of sessions) assertMatch(id, /^[0-9a-f-]{36}$/);
  assertEquals(
    (await scene.client.call("GET", "/v1/status", { token: token.eve })).body.mcp_sessions,
    2,
  );
  await alice.end();
  await bob.end();
  assertEquals(
    (await scene.client.call("GET", "/v1/status", { token: token.eve })).body.mcp_sessions,
    0,
  );

  // One session of the protocol is one of an agent: its records say which.
  const seen = (await recordsOf(logPath)).map(({ agent, status, stages }) => [
    ...[agent, status, (stages?.["mcp"] as { conversation: string } | undefined)?.conversation],
  ]);
  assertEquals(seen, [["alice", "OK", sessions[0]], ["bob", "DENIED", undefined]]);
});

for (const version of SUPPORTED_PROTOCOL_VERSIONS) {
  Deno.test(`a client of protocol version ${version} is spoken to in that version`, async () => {
    using ws = new Workspace();
    await using scene = await servedScene(ws);
    const { client, token: { alice: token }, root } = scene;
    ws.file("w/a.txt", "hello");
    let headers: Record<string, string> = { accept: "application/json, text/event-stream" };
    const send = async (message: object) => {
      const answer = await client.open("POST", "/mcp", {
        ...{ token, headers },
        body: { jsonrpc: "2.0", ...message },
      });
      const text = await answer.text();
      const [, data = "null"] = /^data: (.*)$/m.exec(text) ?? [];
      return { answer, message: JSON.parse(data) };
    };
    const begun = await send({
      ...{ id: 1, method: "initialize" },
      params: {
        ...{ protocolVersion: version, capabilities: {} },
        clientInfo: { name: "old", version: "1" },
      },
    });
    assertEquals(begun.message.result.protocolVersion, version);
    headers = {
      ...headers,
      "mcp-session-id": begun.answer.headers.get("mcp-session-id") ?? "",
      // Clients before 2025-06-18 do not send it.
      ...version >= "2025-06-18" ? { "mcp-protocol-version": version } : {},
    };
    assertEquals((await send({ method: "notifications/initialized" })).answer.status, 202);
    const called = await send({
      ...{ id: 2, method: "tools/call" },
      params: { name: "read_file", arguments: { path: `${root}/a.txt` } },
    });
    assertEquals(called.message.result.content, [{ type: "text", text: "hello" }]);
  });
}

Deno.test("what is no session, no JSON, or a number that would change, is answered as an error", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { url, client, token: { alice: token, bob, eve } } = scene;
  const headers = { accept: "application/json, text/event-stream" };
  const post = (body: unknown, more: Record<string, string> = {}, as = token) =>
    client.call("POST", "/mcp", { token: as, body, headers: { ...headers, ...more } });
  const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  assertEquals((await post("{oops")).body.code, "INVALID_BODY");
  // Without a session there is only the beginning of one: newer clients ask first, and go on from this error.
  assertEquals((await post({ ...list, method: "server/discover" })).status, 400);
  assertEquals((await post(list)).status, 400);
  assertEquals((await post(list, { "mcp-session-id": crypto.randomUUID() })).status, 404);
  assertEquals((await post(list, {}, eve)).body.code, "ROLE_MISSING");
  assertEquals((await client.call("GET", "/v1/status", { token: eve })).body.mcp_sessions, 0);
  await assertRejects(() => connected(url, "ak_wrong"), Error);

  const own = await connected(url, token);
  const session = { "mcp-session-id": own.transport.sessionId ?? "" };
  assertEquals((await post(list, session, bob)).status, 404);
  const big =
    '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"arguments":{"n":12345678901234567890}}}';
  const inexact = await post(big, session);
  assertStringIncludes(inexact.body.error, "12345678901234567890");
  // The session goes on.
  assert((await own.client.listTools()).tools.length > 0);
  await own.end();
});

Deno.test("a session that ends leaves no call without its record, and the server ends with sessions open", async () => {
  using ws = new Workspace();
  const scene = await servedScene(ws);
  const { url, token, root, logPath } = scene;
  const clients = await Promise.all(Array.from({ length: 5 }, () => connected(url, token.alice)));
  const calls = clients.flatMap(({ call }, i) =>
    Array.from(
      { length: 10 },
      (_, j) => call("write_file", { path: `${root}/${i}-${j}`, content: "x" }),
    )
  );
  assertEquals((await Promise.all(calls)).filter(({ isError }) => isError === true), []);
  await scene.stop();
  for (const { client } of clients) await client.close();
  assertEquals((await recordsOf(logPath)).filter(({ status }) => status === "OK").length, 50);
});
