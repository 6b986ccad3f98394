/** Attacks that once worked, and what has to come of them. */
import { assert, assertEquals } from "@std/assert";
import { Kernel, type KernelOptions, Provider, readAuditLog } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { writeKeyPair } from "../../src/checkpoint/checkpoint.ts";
import { HostileProvider } from "../core/isolation/fixtures/hostile_provider.ts";
import { Workspace } from "../workspace.ts";

function open(ws: Workspace, options: Partial<KernelOptions>): Promise<Kernel> {
  return Kernel.open({
    policy: { capabilities: [] },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
    ...options,
  });
}

Deno.test("moving a file onto itself, under any name, loses nothing", async () => {
  using ws = new Workspace();
  const target = ws.file("w/notes.txt", "precious");
  ws.link("w/alias.txt", "notes.txt");
  for (const resource of [target, ws.path("w/**")]) {
    await using kernel = await open(ws, {
      policy: {
        capabilities: [{ action: "fs.*", resource: [resource, ws.path("w/alias.txt")] }],
      },
    });
    for (const to of [target, ws.path("w/alias.txt")]) {
      const { code } = await kernel.submit({
        action: "fs.move",
        target,
        params: { to, overwrite: true },
      });
      assertEquals(code, "SAME_FILE");
      assertEquals(Deno.readTextFileSync(target), "precious");
    }
  }
});

Deno.test("files with long names that begin alike do not share what they are staged under", async () => {
  using ws = new Workspace();
  const [a, b] = ["a", "b"].map((end) => ws.path("w", "x".repeat(244) + end)) as [string, string];
  ws.file(`w/${"x".repeat(244)}a`, "precious");
  await using kernel = await open(ws, {
    policy: { capabilities: [{ action: "fs.*", resource: [a, b] }] },
  });
  assertEquals(
    (await kernel.submit({ action: "fs.move", target: a, params: { to: b } })).error,
    undefined,
  );
  assertEquals(Deno.readTextFileSync(b), "precious");
});

Deno.test("what an interrupted action left in a staging folder is never thrown away", async () => {
  using ws = new Workspace();
  const target = ws.file("w/only.txt", "new");
  ws.file("w/.only.txt.agent-kernel/inner/slot", "the only copy");
  await using kernel = await open(ws, {
    policy: { capabilities: [{ action: "fs.delete", resource: target }] },
  });
  assertEquals((await kernel.submit({ action: "fs.delete", target })).code, "STAGING_OCCUPIED");
  assertEquals(
    Deno.readTextFileSync(ws.path("w/.only.txt.agent-kernel/inner/slot")),
    "the only copy",
  );
});

Deno.test("a constraint on a secondary resource sees where it really leads", async () => {
  using ws = new Workspace();
  ws.file("in/secret.txt", "secret");
  ws.folder("in/pub");
  ws.folder("in/done");
  ws.link("in/alias", "pub");
  await using kernel = await open(ws, {
    policy: {
      capabilities: [{ action: "fs.*", resource: ws.path("in/**") }],
      deny: [{
        action: "fs.move",
        resource: ws.path("in/secret*"),
        constraint: { to: { glob: ws.path("in/pub/**") } },
      }],
    },
  });
  const move = (to: string) =>
    kernel.submit({
      action: "fs.move",
      target: ws.path("in/secret.txt"),
      params: { to: ws.path(to) },
    });
  assertEquals((await move("in/pub/x")).code, "DENY_RULE");
  assertEquals((await move("in/alias/x")).code, "DENY_RULE");
  assertEquals((await move("in/done/x")).status, "OK");
});

Deno.test("an action has the kind of the provider that the map sends it to", async () => {
  using ws = new Workspace();
  const policy = ws.file("policy.yaml", 'capabilities:\n  - {action: store.put, resource: "**"}\n');
  const seen: string[] = [];
  const paths = new Provider({
    name: "paths",
    isolation: "none",
    actions: { "store.put": { kind: "path", access: ["read", "write"] } },
    execute: ({ target }) => void seen.push(target),
  });
  const names = new Provider({
    name: "names",
    isolation: "none",
    actions: { "store.put": { kind: "name" }, "store.get": { kind: "name" } },
    execute: () => null,
  });
  await using kernel = await open(ws, {
    policy,
    base: ws.root,
    providers: { "store.put": paths, "store.get": names },
  });
  assertEquals(
    (await kernel.submit({ action: "store.put", target: "policy.yaml" })).code,
    "GUARDED",
  );
  assertEquals(seen, []);
});

Deno.test("the key of the checkpoints is not read, their places are not written, linked segments neither", async () => {
  using ws = new Workspace();
  ws.folder("keys");
  writeKeyPair(ws.path("keys/key"), "test");
  ws.folder("elsewhere");
  ws.link("kernel.log.segments", "elsewhere");
  await using kernel = await open(ws, {
    policy: { capabilities: [{ action: "fs.*", resource: ws.path("**") }] },
    checkpoints: { key: ws.path("keys/key"), also: ws.path("copies.txt") },
  });
  const code = async (action: string, name: string) =>
    (await kernel.submit({ action, target: ws.path(name), params: { content: "" } })).code;
  assertEquals(await code("fs.read", "keys/key"), "GUARDED");
  assertEquals(await code("fs.write", "copies.txt"), "GUARDED");
  assertEquals(await code("fs.write", "elsewhere/000000000000.log"), "GUARDED");
  assertEquals(await code("fs.write", "kernel.log.checkpoints"), "GUARDED");
  assertEquals(await code("fs.write", "keys/other"), undefined);
});

Deno.test("a Worker can neither signal its process nor talk to other Workers", async () => {
  using ws = new Workspace();
  await using kernel = await open(ws, {
    policy: { capabilities: [{ action: "hostile.do", resource: "*" }] },
    providers: [new HostileProvider()],
  });
  for (const attempt of ["signal", "process signal", "broadcast", "caches"]) {
    const { status } = await kernel.submit({
      action: "hostile.do",
      target: "x",
      params: { attempt },
    });
    assertEquals(status, "ERROR", attempt);
  }
});

Deno.test("a result that throws when it is read is an error like any other", async () => {
  using ws = new Workspace();
  const thrower = new Provider({
    name: "thrower",
    isolation: "none",
    actions: { "throw.now": { kind: "name" } },
    execute: () => ({
      get a(): never {
        throw new Error("boom");
      },
    }),
  });
  await using kernel = await open(ws, {
    policy: { capabilities: [{ action: "throw.now", resource: "*" }] },
    providers: [thrower],
  });
  assertEquals((await kernel.submit({ action: "throw.now", target: "x" })).code, "RESULT_INVALID");
});

Deno.test("redaction hides a secret, but does not make two targets one", async () => {
  using ws = new Workspace();
  const logPath = ws.path("kernel.log");
  {
    await using kernel = await open(ws, { logPath });
    for (const secret of ["hunter2", "hunter3"]) {
      await kernel.submit({ action: "net.http", target: `https://h/?password=${secret}` });
    }
    await kernel.submit({ action: "password=hunter4", target: "x" });
  }
  assert(!/hunter/.test(Deno.readTextFileSync(logPath)));
  const digests = new Set<string | undefined>();
  for await (const line of readAuditLog(logPath, { action: "net.http" })) {
    if ("record" in line) digests.add(line.record.target_digest);
  }
  assertEquals([digests.size, digests.has(undefined)], [2, false]);
});

Deno.test("variables of the caller are a part of the policy's digest", async () => {
  using ws = new Workspace();
  const digests = [];
  for (const DIR of ["safe", "etc"]) {
    await using kernel = await open(ws, {
      policy: { text: `capabilities:\n  - {action: fs.read, resource: "${ws.root}/\${DIR}/**"}\n` },
      variables: { DIR },
    });
    digests.push(kernel.policy.digest);
  }
  assertEquals(new Set(digests).size, 2);
});

Deno.test("many large reads at once wait for their turn", async () => {
  using ws = new Workspace();
  const target = ws.file("w/large.txt", "x".repeat(1_000_000));
  await using kernel = await open(ws, {
    policy: { capabilities: [{ action: "fs.read", resource: target }] },
  });
  const results = await Promise.all(
    Array.from({ length: 200 }, () => kernel.submit({ action: "fs.read", target })),
  );
  assertEquals(results.filter(({ status }) => status === "OK").length, 200);
});
