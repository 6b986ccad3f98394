import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ask as askAs } from "../../src/server/client.ts";
import { checkSocket, makeServerFolder } from "../../src/server/folder.ts";
import { agentToolProvider } from "../../src/hooks/provider.ts";
import { ResidentServer } from "../../src/server/resident.ts";
import { MAX_BODY_BYTES } from "../../src/server/router.ts";
import { hookCommand } from "../../src/protect/hook_command.ts";
import { Workspace } from "../workspace.ts";
import { recordsOf } from "../records.ts";
import { hookScene } from "../hooks/scene.ts";
import { ownerOf, servedScene } from "./scene.ts";

/** As the user of the tests: asking the system takes a permission that they do not have. */
const ask = (socket: string, path: string, body?: string) => askAs(socket, path, body, UID);

const UID = uid();

function uid(): number | null {
  using ws = new Workspace();
  return ownerOf(ws);
}

const served = (ws: Workspace) => servedScene(ws, { listen: undefined });

Deno.test("programs submit over the socket, and only its user can reach it", async () => {
  using ws = new Workspace();
  const { root, socket, logPath, stop } = await served(ws);
  assertEquals((Deno.statSync(socket).mode ?? 0) & 0o777, 0o600);
  const write = { action: "fs.write", target: `${root}/a`, params: { content: "x" }, agent: "a" };
  const { status, body } = await ask(socket, "/v1/submit", JSON.stringify(write));
  const { status: ended, error } = body as Record<string, unknown>;
  assertEquals([status, ended, error], [200, "OK", null]);
  assertEquals(Deno.readTextFileSync(`${root}/a`), "x");
  const denied = await ask(socket, "/v1/submit", JSON.stringify({ ...write, target: "/etc/a" }));
  assertEquals((denied.body as { code: string }).code, "NO_RULE");
  // What stands beside a request is no option of the kernel.
  const more = { ...write, target: "/etc/a", stages: [], options: { problem: "" } };
  assertEquals(Object(await ask(socket, "/v1/submit", JSON.stringify(more))).body.status, "DENIED");
  await stop();
  assertEquals((await recordsOf(logPath)).map(({ status }) => status), ["OK", "DENIED", "DENIED"]);
});

Deno.test("an agent that is permitted everything cannot reach the socket or its folder", async () => {
  using ws = new Workspace();
  const folder = ws.folder("w/kernel.log.server");
  const { kernel, root } = await hookScene(ws, {
    providers: [new FilesystemProvider(), agentToolProvider(folder, [])],
  });
  const actions = [
    { action: "fs.read", target: `${folder}/kernel.sock` },
    { action: "fs.write", target: `${folder}/kernel.sock`, params: { content: "" } },
    { action: "fs.move", target: folder, params: { to: `${root}/elsewhere` } },
    { action: "fs.list", target: folder },
  ];
  for (const action of actions) {
    assertEquals((await kernel.submit(action)).code, "GUARDED", JSON.stringify(action));
    assertEquals((await kernel.permit(action)).code, "GUARDED", JSON.stringify(action));
  }
  await kernel.close();
});

Deno.test("what is no request of the API has a code, and changes nothing", async () => {
  using ws = new Workspace();
  const { socket, logPath, stop } = await served(ws);
  // deno-fmt-ignore -- a row is a line
  const odd: readonly (readonly [path: string, body: string | undefined, status: number, code: string])[] = [
    ["/", undefined, 404, "NOT_FOUND"],
    ["/v1/nothing", "{}", 404, "NOT_FOUND"],
    ["/v1/hooks/claude/nothing", "{}", 404, "NOT_FOUND"],
    ["/v1/hooks/../submit/before", "{}", 400, "INVALID_PATH"],
    ["/v1/constructor", "{}", 404, "NOT_FOUND"],
    ["/v1/submit", undefined, 405, "WRONG_METHOD"],
    ["/v1/health", "{}", 405, "WRONG_METHOD"],
    ["/v1/submit", "{not json", 400, "INVALID_BODY"],
    ["/v1/submit", "", 400, "INVALID_BODY"],
    ["/v1/submit", `"${"x".repeat(MAX_BODY_BYTES)}"`, 413, "INVALID_BODY"],
  ];
  for (const [path, body, status, code] of odd) {
    const answer = await ask(socket, path, body);
    assertEquals([answer.status, (answer.body as { code: string }).code], [status, code], path);
  }
  assertEquals(await recordsOf(logPath), []);
  // Any JSON is a request, if only an invalid one.
  for (const body of ["null", "1", "[]", '"x"']) {
    assertEquals(Object(await ask(socket, "/v1/submit", body)).body.code, "INVALID_REQUEST");
  }
  await stop();
});

Deno.test("health tells what runs, and stop ends it", async () => {
  using ws = new Workspace();
  const { socket, kernel, server, stop } = await served(ws);
  const { body } = await ask(socket, "/v1/health");
  assertEquals((body as { policy: string }).policy, kernel.policy.digest);
  assertEquals((await ask(socket, "/v1/stop", "{}")).body, { stopping: true });
  await server.stopped;
  await stop();
  await assertRejects(() => ask(socket, "/v1/health"));
});

Deno.test("at the socket nobody answers a question without a token, and a token counts as on loopback", async () => {
  using ws = new Workspace();
  const { root, socket, inbox, token, stop } = await served(ws);
  const write = { action: "fs.write", target: `${root}/asked/a`, params: { content: "x" } };
  const asked = ask(socket, "/v1/submit", JSON.stringify(write));
  let questions = inbox.list();
  while (questions.length === 0) {
    await ask(socket, "/v1/health");
    questions = inbox.list();
  }
  const [{ id = "", digest = "" } = {}] = questions;
  const body = JSON.stringify({ approved: true, digest });
  const refused = await ask(socket, `/v1/approvals/${id}`, body);
  assertEquals([refused.status, Object(refused.body).code], [403, "ROLE_MISSING"]);
  const withToken = async (text: string) => {
    using connection = await Deno.connect({ transport: "unix", path: socket });
    const head = `POST /v1/approvals/${id} HTTP/1.1\r\nhost: kernel\r\nconnection: close\r\n` +
      `authorization: Bearer ${text}\r\ncontent-length: ${body.length}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head + body));
    return await new Response(connection.readable).text();
  };
  assertStringIncludes(await withToken("ak_wrong"), "HTTP/1.1 401 ");
  assertStringIncludes(await withToken(token.alice), "ROLE_MISSING");
  assertStringIncludes(await withToken(token.boss), '"by":"boss"');
  assertEquals(Object((await asked).body).status, "OK");
  await stop();
});

Deno.test("a socket that a killed kernel left is replaced, another file is not", async () => {
  using ws = new Workspace();
  ws.folder("kernel.log.server");
  Deno.chmodSync(ws.path("kernel.log.server"), 0o700);
  const path = ws.path("kernel.log.server/kernel.sock");
  Deno.listen({ transport: "unix", path }).close();
  const { socket, stop, options } = await served(ws);
  assertEquals((await ask(socket, "/v1/health")).status, 200);
  await stop();

  ws.file("left/kernel.sock", "not a socket");
  await assertRejects(() => ResidentServer.open(ws.path("left/kernel.sock"), options));
  assertEquals(Deno.readTextFileSync(ws.path("left/kernel.sock")), "not a socket");
  const long = () => ResidentServer.open(ws.path("x".repeat(200)), options);
  assertStringIncludes((await assertRejects(long, RangeError)).message, "a socket has at most");
});

Deno.test("200 hooks at once are each answered and recorded", async () => {
  using ws = new Workspace();
  const { socket, payload, logPath, stop } = await served(ws);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => {
      const call = payload(i % 2 ? "TodoWrite" : "Unknown", {}, { tool_use_id: `t${i}` });
      return ask(socket, "/v1/hooks/claude/before", JSON.stringify(call));
    }),
  );
  const allowed = answers.filter(({ body }) =>
    (body as { stdout: string }).stdout.includes('"allow"')
  );
  assertEquals(allowed.length, 100);
  await stop();
  const statuses = (await recordsOf(logPath)).map(({ status }) => status);
  for (const status of ["PERMITTED", "DENIED", "UNREPORTED"]) {
    assertEquals(statuses.filter((one) => one === status).length, 100, status);
  }
});

Deno.test("the folder of the socket is one that only this user can enter, or it is refused and left as it is", () => {
  using ws = new Workspace();
  const folder = ws.path("k.server");
  makeServerFolder(folder);
  makeServerFolder(folder);
  assertEquals((Deno.statSync(folder).mode ?? 0) & 0o777, 0o700);
  assertEquals(Array.from(Deno.readDirSync(folder)), []);
  for (const mode of [0o755, 0o777, 0o710]) {
    Deno.chmodSync(folder, mode);
    const error = assertThrows(() => makeServerFolder(folder), Error, "is open to others");
    assertStringIncludes(error.message, `mode ${mode.toString(8)}`);
    assertEquals((Deno.statSync(folder).mode ?? 0) & 0o777, mode);
  }
  Deno.chmodSync(folder, 0o700);
  assertThrows(() => makeServerFolder(ws.link("linked", folder)), Error, "is a link");
  assertThrows(() => makeServerFolder(ws.link("dangling", "nowhere")), Error, "is a link");
  assertThrows(() => makeServerFolder(ws.file("file")), Error, "is no folder");
});

Deno.test("a client asks at no socket that another user can have made", async () => {
  using ws = new Workspace();
  const { socket, stop } = await served(ws);
  const folder = ws.path("kernel.log.server");
  const other = (UID ?? 0) + 1;
  checkSocket(socket, UID);
  assertThrows(() => checkSocket(socket, other), Error, "belongs to another user");
  await assertRejects(() => askAs(socket, "/v1/health", undefined, other), Error, "another user");
  Deno.chmodSync(folder, 0o755);
  await assertRejects(() => ask(socket, "/v1/health"), Error, "is open to others");
  Deno.chmodSync(folder, 0o700);
  ws.link("linked", folder);
  await assertRejects(() => ask(ws.path("linked/kernel.sock"), "/v1/health"), Error, "is a link");
  ws.file("kernel.log.server/file");
  await assertRejects(() => ask(`${folder}/file`, "/v1/health"), Error, "is no socket");
  const missing = () => ask(ws.path("nowhere/kernel.sock"), "/v1/health");
  await assertRejects(missing, Deno.errors.NotFound);

  // The program of the hook, as it is installed.
  const hook = async () => {
    const args = ["-c", hookCommand("before", { agent: "claude", socket })];
    const child = new Deno.Command("/bin/sh", { args, stdin: "null", stderr: "piped" });
    const { code, stderr } = await child.output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  assertStringIncludes((await hook()).stderr, "the body is not JSON");
  Deno.chmodSync(folder, 0o777);
  const { code, stderr } = await hook();
  assertEquals(code, 2);
  assertStringIncludes(stderr, "is open to others");
  Deno.chmodSync(folder, 0o700);
  await stop();
});
