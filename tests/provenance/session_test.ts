import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Kernel,
  scopeByWords,
  type Session,
  SessionError,
  type SessionOptions,
} from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { load } from "../core/policy/deciding.ts";
import { Workspace } from "../workspace.ts";
import { ALL, scene } from "./scene.ts";

const OPEN = { capabilities: [{ id: "all", ...ALL }] };
const READ = { action: "mail.read", target: "inbox" };
const SEND = { action: "mail.send", target: "out", params: { to: "a@b.org" } };

async function codes(session: Session, ...requests: { action: string; target: string }[]) {
  const found = [];
  for (const request of requests) {
    const { status, code } = await session.submit(request);
    found.push(code ?? status);
  }
  return found;
}

for (
  const [name, scope, expected] of [
    ["no scope", {}, ["OK", "OK"]],
    ["names of actions", { actions: ["mail.read"] }, ["OK", "OUT_OF_SCOPE"]],
    ["a pattern", { actions: ["mail.*"] }, ["OK", "OK"]],
    ["everything", { actions: ["*"] }, ["OK", "OK"]],
    ["nothing", { actions: [] }, ["OUT_OF_SCOPE", "OUT_OF_SCOPE"]],
    ["the id of a rule", { rules: ["all"] }, ["OK", "OK"]],
    ["the id of another rule", { rules: ["other"] }, ["OUT_OF_SCOPE", "OUT_OF_SCOPE"]],
    ["a rule", {
      actions: [{ action: "mail.send", resource: "out", constraint: { to: "a@b.org" } }],
    }, ["OUT_OF_SCOPE", "OK"]],
    ["a rule with another target", { actions: [{ action: "mail.send", resource: "in" }] }, [
      "OUT_OF_SCOPE",
      "OUT_OF_SCOPE",
    ]],
  ] as const
) {
  Deno.test(`a session with ${name} as its scope does ${expected}`, async () => {
    await using world = await scene(OPEN);
    await using session = await world.kernel.session(scope as SessionOptions);
    assertEquals(await codes(session, READ, SEND), [...expected]);
  });
}

Deno.test("a scope gives nothing that the policy denies", async () => {
  await using world = await scene({ capabilities: [{ action: "mail.read", resource: "**" }] });
  await using session = await world.kernel.session({ actions: ["*"], rules: ["capabilities[0]"] });
  assertEquals(await codes(session, READ, SEND), ["OK", "NO_RULE"]);
});

Deno.test("narrow() takes away, and nothing gives it back", async () => {
  await using world = await scene(OPEN);
  await using session = await world.kernel.session({ actions: ["mail.*"] });
  session.narrow({ actions: ["mail.read", "bank.pay"] });
  session.narrow({ actions: ["*"] });
  assertEquals(await codes(session, READ, SEND, { action: "bank.pay", target: "x" }), [
    "OK",
    "OUT_OF_SCOPE",
    "OUT_OF_SCOPE",
  ]);
});

Deno.test("a proposed scope only narrows, and one that throws opens no session", async () => {
  await using world = await scene(OPEN);
  const propose = scopeByWords({ "mail.send": ["send"], "mail.read": ["inbox"] });
  await using session = await world.kernel.session({
    prompt: "Send it",
    actions: ["mail.*"],
    propose,
  });
  assertEquals(await codes(session, READ, SEND), ["OUT_OF_SCOPE", "OK"]);
  await using narrower = await world.kernel.session({
    prompt: "Send it",
    actions: ["mail.read"],
    propose,
  });
  assertEquals(await codes(narrower, READ, SEND), ["OUT_OF_SCOPE", "OUT_OF_SCOPE"]);
  const failing = () => {
    throw new Error("no model");
  };
  await assertRejects(() => world.kernel.session({ propose: failing }), Error, "no model");
  assertEquals(world.kernel.sessions().length, 2);
});

Deno.test("every record of a session carries its id, also of what is denied or invalid", async () => {
  await using world = await scene({
    capabilities: [{ action: "mail.*", resource: "**", constraint: { to: { exists: false } } }],
  });
  await using session = await world.kernel.session({
    id: "task-1",
    agent: "alice",
    actions: ["mail.read"],
  });
  await session.submit(READ);
  await session.submit(SEND);
  await session.submit({ action: "mail.send", target: "out" });
  await session.submit({ action: "bank.pay", target: "x" });
  await session.submit({ action: "", target: "" });
  await session.permit(READ);
  await world.kernel.submit(READ);
  const records = world.records().map(({ status, stages, agent }) => {
    const { provenance } = Object(stages);
    return [status, provenance?.id, agent];
  });
  assertEquals(records, [
    ["OK", "task-1", "alice"],
    ["DENIED", "task-1", "alice"],
    ["DENIED", "task-1", "alice"],
    ["DENIED", "task-1", "alice"],
    ["INVALID", "task-1", "alice"],
    ["PERMITTED", "task-1", "alice"],
    ["OK", undefined, undefined],
  ]);
});

Deno.test("the agent of a session is the agent of its requests, whatever they say", async () => {
  await using world = await scene({ capabilities: [{ ...ALL, agent: "alice" }] });
  await using alice = await world.kernel.session({ agent: "alice" });
  await using bob = await world.kernel.session({ agent: "bob" });
  assertEquals((await bob.submit({ ...READ, agent: "alice" })).code, "CONSTRAINT_UNMET");
  assertEquals((await alice.submit({ ...READ, agent: "bob" })).status, "OK");
  const hostile = Object.defineProperty({}, "action", {
    enumerable: true,
    get: () => {
      throw new Error("x");
    },
  });
  assertEquals((await alice.submit(hostile as typeof READ)).code, "INVALID_REQUEST");
});

Deno.test("a session that was closed, has expired or was never opened refuses", async () => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  await using world = await scene(OPEN, { clock: () => new Date(now) });
  const closed = await world.kernel.session({ id: "a" });
  await closed.close();
  await using expiring = await world.kernel.session({ id: "b", expires: 1000 });
  assertEquals(await codes(expiring, READ), ["OK"]);
  now += 1000;
  assertEquals(await codes(closed, READ), ["SESSION_CLOSED"]);
  assertEquals(await codes(expiring, READ), ["SESSION_EXPIRED"]);
  assertEquals((await world.kernel.submit(READ, { session: { id: "c" } })).code, "SESSION_CLOSED");
  const again = await assertRejects(() => world.kernel.session({ id: "a" }), SessionError);
  assertEquals(again.code, "SESSION_CLOSED");
  assertEquals(
    (await assertRejects(() => world.kernel.session({ id: "b" }), SessionError)).code,
    "SESSION_EXPIRED",
  );
  assertThrows(() => closed.prompt("x"), SessionError);
  assertEquals(world.kernel.sessions().map(({ id, isOpen }) => [id, isOpen]), [["a", false], [
    "b",
    false,
  ]]);
});

Deno.test("options that are none are refused", async () => {
  await using world = await scene(OPEN);
  await assertRejects(
    () => world.kernel.session({ actions: ["mail read"] }),
    TypeError,
    '"mail read"',
  );
  await assertRejects(
    () => world.kernel.session({ actions: [{ action: "mail.raed", resource: "**" }] }),
    SyntaxError,
    "mail.raed",
  );
  await assertRejects(() => world.kernel.session({ id: "" }), RangeError, "1 to 256");
  await assertRejects(
    () => world.kernel.session({ prompt: "x".repeat(2 ** 20 + 1) }),
    RangeError,
    "1048577",
  );
});

const KNOWN = {
  sources: [{ id: "contacts", action: "contacts.search", fields: "*.email" }],
  capabilities: [
    { id: "read", action: ["mail.read", "contacts.search"], resource: "**" },
    {
      id: "send",
      action: "mail.send",
      resource: "**",
      constraint: { to: { from: ["prompt", "contacts"], as: "email" } },
    },
  ],
};

Deno.test("a session goes on after a restart with all that it knew, its scope too", async () => {
  await using world = await scene({ capabilities: [] });
  const sessions = { path: world.workspace.path("sessions") };
  await world.kernel.close();
  world.data["contacts.search"] = [{ email: "a@b.org" }];
  await world.open(KNOWN, { sessions });
  const before = await world.kernel.session({
    id: "s",
    prompt: "To c@d.org",
    actions: ["mail.send", "contacts.search"],
  });
  await before.submit({ action: "contacts.search", target: "x" });
  await world.kernel.close();
  assertEquals((Deno.statSync(sessions.path).mode ?? 0) & 0o777, 0o700);
  await world.open(KNOWN, { sessions });
  assertEquals(world.kernel.sessions().map(({ id, isOpen }) => [id, isOpen]), [["s", false]]);
  await using session = await world.kernel.session({ id: "s" });
  const send = (to: string) => ({ ...SEND, params: { to } });
  assertEquals(await codes(session, send("a@b.org"), send("c@d.org"), send("x@y.org"), READ), [
    "OK",
    "OK",
    "CONSTRAINT_UNMET",
    "OUT_OF_SCOPE",
  ]);
});

Deno.test("what a killed process began to write of a session is cut off; what is no line refuses it", async () => {
  await using world = await scene({ capabilities: [] });
  const sessions = { path: world.workspace.path("sessions") };
  await world.kernel.close();
  await world.open(KNOWN, { sessions });
  await world.kernel.session({ id: "s", prompt: "To c@d.org" });
  await world.kernel.close();
  const [file = ""] = Array.from(
    Deno.readDirSync(sessions.path),
    ({ name }) => `${sessions.path}/${name}`,
  )
    .filter((path) => Deno.readTextFileSync(path).includes("c@d.org"));
  const whole = Deno.readTextFileSync(file);
  Deno.writeTextFileSync(file, `${whole}{"prompt":"x@y`);
  await world.open(KNOWN, { sessions });
  const session = await world.kernel.session({ id: "s", prompt: "And e@f.org" });
  assertEquals(await codes(session, { ...SEND, params: { to: "e@f.org" } } as typeof SEND), ["OK"]);
  await world.kernel.close();
  assertEquals(Deno.readTextFileSync(file), `${whole}{"prompt":"And e@f.org"}\n`);
  Deno.writeTextFileSync(file, `${whole}nonsense\n`);
  await world.open(KNOWN, { sessions });
  const error = await assertRejects(() => world.kernel.session({ id: "s" }), SessionError);
  assertEquals(error.code, "SESSION_UNAVAILABLE");
});

Deno.test("two kernels do not have one session open", async () => {
  await using world = await scene({ capabilities: [] });
  const sessions = { path: world.workspace.path("sessions") };
  await world.kernel.close();
  await world.open(KNOWN, { sessions });
  await world.kernel.session({ id: "s" });
  await using other = await Kernel.open({
    policy: KNOWN,
    sessions,
    providers: [world.provider()],
    logPath: world.workspace.path("b.log"),
    onWarning: () => {},
  });
  const error = await assertRejects(
    () => other.session({ id: "s" }),
    SessionError,
    "another process",
  );
  assertEquals(error.code, "SESSION_UNAVAILABLE");
});

Deno.test("closing a session deletes what it knew", async () => {
  await using world = await scene({ capabilities: [] });
  const sessions = { path: world.workspace.path("sessions") };
  await world.kernel.close();
  await world.open(KNOWN, { sessions });
  const session = await world.kernel.session({ id: "s", prompt: "the secret c@d.org" });
  await session.close();
  for (const { name } of Deno.readDirSync(sessions.path)) {
    assert(!Deno.readTextFileSync(`${sessions.path}/${name}`).includes("secret"));
  }
});

Deno.test("no action may touch the folder of sessions or the file of a list", async () => {
  await using world = await scene({ capabilities: [] });
  await world.kernel.close();
  const { workspace } = world;
  const sessions = { path: workspace.path("sessions") };
  const file = workspace.file("team.txt", "a@b.org");
  await world.open({
    lists: { team: { file } },
    capabilities: [{ action: ["fs.read", "fs.write"], resource: `${workspace.root}/**` }],
  }, { sessions });
  const code = async (action: string, target: string) =>
    (await world.kernel.submit({ action, target })).code;
  assertEquals(await code("fs.write", file), "GUARDED");
  assertEquals(await code("fs.write", `${sessions.path}/x`), "GUARDED");
  assertEquals(await code("fs.read", `${sessions.path}/x`), "GUARDED");
});

Deno.test("a scope of rules has a move only with the rules of all that the move is", async () => {
  using ws = new Workspace();
  const ids = ["move", "read", "delete", "write"];
  const resource = ws.path("w/**");
  await using kernel = await Kernel.open({
    policy: { capabilities: ids.map((id) => ({ id, action: `fs.${id}`, resource })) },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const target = ws.file("w/a", "x");
  const move = { action: "fs.move", target, params: { to: ws.path("w/b") } };
  for (const missing of ids) {
    await using session = await kernel.session({ rules: ids.filter((id) => id !== missing) });
    const { code, error = "" } = await session.submit(move);
    assertEquals(code, "OUT_OF_SCOPE", missing);
    assert(error.includes(`rule "${missing}" is outside`), error);
    assert(missing === "move" || error.includes(`fs.${missing} of "`), error);
  }
  assertEquals(Deno.readTextFileSync(target), "x");
  await using session = await kernel.session({ rules: ids });
  assertEquals((await session.submit(move)).status, "OK");
});

Deno.test("an example of a policy tells the same of a move in a scope", () => {
  const policy = (rules: string[]) => ({
    capabilities: ["move", "read", "delete", "write"].map((id) => (
      { id, action: `fs.${id}`, resource: "/w/**" }
    )),
    examples: [{
      ...{ action: "fs.move", target: "/w/a", params: { to: "/w/b" }, expect: "allow" },
      session: { rules },
    }],
  });
  load(policy(["move", "read", "delete", "write"]));
  assertThrows(() => load(policy(["move"])), Error, 'rule "read" is outside of the scope');
});

Deno.test("a scope or prompt that is refused leaves no session behind", async () => {
  await using world = await scene(OPEN);
  for (
    const options of [
      { actions: ["no action!"] },
      { actions: ["mail.read"], rules: "all" as unknown as string[] },
      { actions: [], prompt: "x".repeat(2 ** 20 + 1) },
      { propose: () => ({ actions: ["no action!"] }) },
    ]
  ) {
    await assertRejects(() => world.kernel.session({ id: "s", ...options }));
    assertEquals(world.kernel.sessions(), []);
  }
  await using session = await world.kernel.session({ id: "s", actions: ["mail.read"] });
  // Of what is refused later nothing is added.
  await assertRejects(() =>
    world.kernel.session({ id: "s", prompt: "To a@b.org", actions: ["no action!"] })
  );
  assertEquals(await codes(session, READ, SEND), ["OK", "OUT_OF_SCOPE"]);
});

Deno.test("a session whose opening was cut off does not go on without its scope", async () => {
  await using world = await scene({ capabilities: [] });
  const sessions = { path: world.workspace.path("sessions") };
  await world.kernel.close();
  await world.open(OPEN, { sessions });
  await world.kernel.session({ id: "s", prompt: "Hello", actions: ["mail.read"], rules: ["all"] });
  await world.kernel.close();
  const [file = ""] = Array.from(
    Deno.readDirSync(sessions.path),
    ({ name }) => `${sessions.path}/${name}`,
  ).filter((path) => Deno.readTextFileSync(path).includes("Hello"));
  const lines = Deno.readTextFileSync(file).trimEnd().split("\n");
  assertEquals(lines.length, 3);
  for (const kept of [1, 2]) {
    Deno.writeTextFileSync(file, `${lines.slice(0, kept).join("\n")}\n{"pro`);
    await world.open(OPEN, { sessions });
    const error = await assertRejects(() => world.kernel.session({ id: "s" }), SessionError);
    assertEquals(error.code, "SESSION_UNAVAILABLE");
    await world.kernel.close();
  }
});

Deno.test("a session goes on for its agent alone, and ends at the earlier time", async () => {
  await using world = await scene({ capabilities: [] });
  const sessions = { path: world.workspace.path("sessions") };
  await world.kernel.close();
  let now = 0;
  const clock = () => new Date(now);
  await world.open(OPEN, { sessions, clock });
  await world.kernel.session({ id: "boss", agent: "boss", expires: 1000 });
  await world.kernel.session({ id: "any" });
  for (const [id, agent] of [["boss", "intern"], ["boss", undefined], ["any", "boss"]] as const) {
    const options = { id, ...agent === undefined ? {} : { agent } };
    await assertRejects(() => world.kernel.session(options), SessionError, "was opened for");
  }
  await world.kernel.session({ id: "boss", agent: "boss", expires: 5000 });
  await world.kernel.session({ id: "any", expires: 10 });
  await world.kernel.close();
  await world.open(OPEN, { sessions, clock });
  await assertRejects(() => world.kernel.session({ id: "boss", agent: "intern" }), SessionError);
  const any = await world.kernel.session({ id: "any", expires: 5000 });
  now = 20;
  assertEquals(await codes(any, READ), ["SESSION_EXPIRED"]);
  const boss = await world.kernel.session({ id: "boss", agent: "boss" });
  now = 1001;
  assertEquals(await codes(boss, READ), ["SESSION_EXPIRED"]);
});
