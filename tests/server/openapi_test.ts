/** The API as a whole: each operation of its description is used, and each answer is as described. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../src/version.ts";
import { describeApi } from "../../src/server/resident.ts";
import { recordsOf } from "../records.ts";
import { Workspace } from "../workspace.ts";
import { ApiClient, eventsOf, servedScene } from "./scene.ts";

Deno.test("every operation of the description is served, and answers as it says", async () => {
  using ws = new Workspace();
  await using scene = await servedScene(ws);
  const { client, root, token: { alice, bob, eve, boss } } = scene;
  const post = (path: string, token: string, body: unknown) =>
    client.call("POST", path, { token, body });
  const get = (path: string, token: string) => client.call("GET", path, { token });

  // Actions.
  const write = { action: "fs.write", target: `${root}/a`, params: { content: "new" } };
  ws.file("w/a", "old");
  const written = await post("/v1/submit", alice, write);
  assertEquals([written.body.status, Deno.readTextFileSync(`${root}/a`)], ["OK", "new"]);
  const denied = await post("/v1/submit", alice, { ...write, target: `${root}/.env` });
  assertEquals([denied.status, denied.body.code], [200, "DENY_RULE"]);
  for (const body of [null, 1, [], '"x"', {}, { action: 1 }]) {
    assertEquals((await post("/v1/submit", alice, body)).body.code, "INVALID_REQUEST");
  }
  const invalid = await post("/v1/invalid", alice, { request: write, problem: "no tool" });
  assertEquals(invalid.body.code, "INVALID_REQUEST");
  const permitted = await post("/v1/permit", alice, { ...write, target: `${root}/b` });
  const { record_id } = permitted.body;
  const report = { record_id, duration_ms: 3, result_digest: "0".repeat(64) };
  // A report of somebody else is none.
  assertEquals((await post("/v1/report", bob, report)).body, { reported: false });
  assertEquals((await post("/v1/report", alice, report)).body, { reported: true });
  assertEquals((await post("/v1/report", alice, report)).body, { reported: false });
  assertEquals((await post("/v1/report", alice, { ...report, oops: 1 })).status, 400);
  assertEquals((await post("/v1/report", alice, {})).status, 400);
  const explained = await post("/v1/explain", eve, write);
  assertEquals([explained.body.decision, explained.body.rule.id], ["allow", "files"]);
  for (const target of [`${root}/.env`, "/etc/passwd", "a", `${root}/asked/x`]) {
    await post("/v1/explain", alice, { ...write, target });
  }
  await post("/v1/explain", alice, null);

  // Undoing.
  const undone = written.body.record_id;
  const preview = await post("/v1/rollback/preview", alice, { record_id: undone });
  assertStringIncludes(preview.body.text, "-new");
  // What a file held before is shown to whoever changed it, and to no other token.
  assertEquals((await post("/v1/rollback/preview", bob, { record_id: undone })).status, 404);
  assertEquals((await post("/v1/rollback", bob, { record_id: undone })).status, 404);
  const none = await post("/v1/rollback", bob, { since: "2020-01-01T00:00:00Z", of: "alice" });
  assertEquals(none.body, { status: "OK", rolled_back: [], remaining: [] });
  const rolledBack = await post("/v1/rollback", alice, { record_id: undone });
  assertEquals([rolledBack.body.status, Deno.readTextFileSync(`${root}/a`)], ["OK", "old"]);
  assertEquals((await post("/v1/rollback", alice, {})).status, 400);
  assertEquals((await post("/v1/rollback", alice, { since: "yesterday" })).status, 400);
  const again = await post("/v1/submit", alice, write);
  ws.file("w/a", "changed by hand");
  const conflict = await post("/v1/rollback", alice, { since: "2020-01-01T00:00:00Z" });
  assertEquals(conflict.body.stopped.code, "ROLLBACK_CONFLICT");
  assertEquals(conflict.body.remaining, [again.body.record_id]);

  // Questions.
  const asked = post("/v1/submit", alice, { ...write, target: `${root}/asked/x` });
  let questions: { id: string; digest: string; agent: string }[] = [];
  while (questions.length === 0) {
    questions = (await get("/v1/approvals", eve)).body.questions;
  }
  const { id, digest, agent } = questions[0] as { id: string; digest: string; agent: string };
  assertEquals(agent, "alice");
  assertEquals((await get(`/v1/approvals/${id}`, boss)).body.state, "waits");
  assertEquals((await get("/v1/approvals/none", boss)).status, 404);
  const yes = { approved: true, digest };
  // Who asks, or only looks, answers nothing.
  for (const other of [alice, bob, eve]) {
    assertEquals((await post(`/v1/approvals/${id}`, other, yes)).status, 403);
  }
  const other = scene.tokens.add("other", { roles: ["approve"], now: new Date() });
  assertEquals((await post(`/v1/approvals/${id}`, other, yes)).body.code, "NOT_AN_APPROVER");
  const wrong = { ...yes, digest: "0".repeat(64) };
  assertEquals((await post(`/v1/approvals/${id}`, boss, wrong)).body.code, "OTHER_QUESTION");
  assertEquals((await post(`/v1/approvals/${id}`, boss, { approved: 1, digest })).status, 400);
  assertEquals((await post(`/v1/approvals/${id}`, boss, { approved: true })).status, 400);
  const remember = { ...yes, remember: true };
  assertEquals((await post(`/v1/approvals/${id}`, boss, remember)).body.code, "NOT_REMEMBERED");
  assertEquals((await post(`/v1/approvals/${id}`, boss, yes)).body, {
    ...{ id, approved: true, by: "boss" },
  });
  assertEquals((await asked).body.status, "OK");

  // Limits.
  const stat = { action: "fs.stat", target: `${root}/a` };
  for (let i = 0; i < 3; i++) {
    assertEquals((await post("/v1/submit", alice, stat)).body.status, "OK");
  }
  assertEquals((await post("/v1/submit", alice, stat)).body.code, "BUDGET_EXHAUSTED");
  assertEquals((await post("/v1/submit", bob, stat)).body.status, "OK");
  const used = (rows: { agent: string; used: string }[]) =>
    rows.map(({ agent, used }) => [agent, used]);
  assertEquals(used((await get("/v1/limits", alice)).body.limits), [["alice", "3"]]);
  assertEquals(used((await get("/v1/limits", eve)).body.limits), [["alice", "3"], ["bob", "1"]]);
  assertEquals(used((await get("/v1/limits?agent=bob", eve)).body.limits), [["bob", "1"]]);

  // Hooks.
  const call = scene.payload("TodoWrite", {});
  const before = await post("/v1/hooks/claude/before", alice, call);
  assertStringIncludes(before.body.stdout, '"permissionDecision":"allow"');
  const http = await post("/v1/hooks/claude", alice, call);
  assertEquals(http.body.hookSpecificOutput.permissionDecision, "allow");
  assertEquals((await post("/v1/hooks/claude/never", alice, call)).status, 404);

  // Records.
  const all = await recordsOf(scene.logPath);
  const page = await get("/v1/records?limit=2", eve);
  assertEquals(page.body.records, all.slice(-2));
  const older = await get(`/v1/records?limit=2&before=${page.body.before}`, eve);
  assertEquals(older.body.records, all.slice(-4, -2));
  const whole = await get("/v1/records?limit=1000", eve);
  assertEquals([whole.body.records, whole.body.before], [all, null]);
  const filtered = await get(
    "/v1/records?status=DENIED&agent=alice&action=fs.*&since=2020-01-01T00:00:00Z",
    eve,
  );
  assertEquals(
    filtered.body.records,
    all.filter(({ status, agent }) => status === "DENIED" && agent === "alice"),
  );
  for (
    const query of [
      ...["limit=0", "limit=1001", "limit=x", "before=-1", "status=GOOD", "since=now", "oops=1"],
    ]
  ) {
    assertEquals((await get(`/v1/records?${query}`, eve)).body.code, "INVALID_QUERY", query);
  }
  const stream = await client.open("GET", `/v1/records/stream?after=${all.length - 3}`, {
    token: eve,
  });
  const first = eventsOf(stream, 3);
  await post("/v1/submit", bob, { action: "fs.read", target: "/etc/passwd" });
  const events = await first;
  assertEquals(events.map(({ id }) => Number(id)), [
    ...[all.length - 2, all.length - 1, all.length],
  ]);
  assertEquals(events[2]?.data.target, "/etc/passwd");
  const goneOn = await client.open("GET", "/v1/records/stream?status=DENIED", {
    token: eve,
    headers: { "last-event-id": "0" },
  });
  assertEquals((await eventsOf(goneOn, 1))[0]?.data.status, "DENIED");
  assertEquals((await get("/v1/records/stream?after=x", eve)).status, 400);

  // The server.
  assertEquals((await get("/v1/health", alice)).body.version, VERSION);
  const status = (await get("/v1/status", eve)).body;
  assertEquals([status.listens, status.questions], [[scene.socket, scene.address], 0]);
  const served = (await get("/openapi.json", boss)).body;
  assertEquals(served, JSON.parse(JSON.stringify(describeApi())));

  // MCP, as far as its answers are JSON: tests/server/mcp_test.ts has the rest.
  const initialize = {
    ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
    params: {
      ...{ protocolVersion: "2025-11-25", capabilities: {} },
      clientInfo: { name: "t", version: "1" },
    },
  };
  const accept = { accept: "application/json, text/event-stream" };
  const begun = await client.open("POST", "/mcp", {
    token: alice,
    body: initialize,
    headers: accept,
  });
  await begun.body?.cancel();
  const session = { ...accept, "mcp-session-id": begun.headers.get("mcp-session-id") ?? "" };
  const silent = await client.open("GET", "/mcp", { token: alice, headers: session });
  await silent.body?.cancel();
  const notified = { jsonrpc: "2.0", method: "notifications/initialized" };
  const taken = await client.call("POST", "/mcp", {
    token: alice,
    body: notified,
    headers: session,
  });
  assertEquals(taken.status, 202);
  for (const token of [bob, eve]) {
    const other = await client.call("POST", "/mcp", { token, body: notified, headers: session });
    assertEquals(other.status, token === bob ? 404 : 403);
  }
  const ended = await client.call("DELETE", "/mcp", { token: alice, headers: session });
  assertEquals(ended.status, 200);
  const gone = await client.call("POST", "/mcp", {
    token: alice,
    body: notified,
    headers: session,
  });
  assertEquals(gone.status, 404);

  // No token stops the server; that is for the socket (tests/server/resident_test.ts).
  for (const token of Object.values(scene.token)) {
    assertEquals((await post("/v1/stop", token, {})).body.code, "ROLE_MISSING");
  }
  const unused = ApiClient.operations.filter((name) => !client.succeeded.has(name));
  assertEquals(unused, ["POST /v1/stop"]);
  assertEquals(scene.warnings, []);
});

Deno.test("the description is whole: each path has a summary, who may use it, and schemas that are there", () => {
  const text = JSON.stringify(describeApi());
  const { paths, components } = JSON.parse(text);
  const references = new Set(
    Array.from(text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g), ([, name]) => name),
  );
  assert(references.size > 20);
  assertEquals(Array.from(references).sort(), Object.keys(components.schemas).sort());
  // deno-lint-ignore no-explicit-any -- JSON
  const operations: any[] = Object.values(paths).flatMap((methods) =>
    Object.values(methods as object)
  );
  assert(operations.length >= 20);
  const ids = operations.map(({ operationId }) => operationId);
  assertEquals(new Set(ids).size, ids.length);
  for (const { summary, description, responses } of operations) {
    assert(summary.endsWith(".") && description.startsWith("For "), summary);
    for (const described of Object.values(responses)) {
      assert(typeof (described as { description: unknown }).description === "string");
    }
  }
});
