import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type ActionRequest,
  type AuditRecord,
  Kernel,
  KernelClosedError,
  type KernelOptions,
  PolicyError,
  Provider,
  readAuditLog,
  verifyAuditLog,
  WorkerOptionsError,
} from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { logFiles, ROOT, Workspace } from "../workspace.ts";
import { EchoProvider } from "./isolation/fixtures/echo_provider.ts";

const quiet = { onWarning: () => {} };

async function records(path: string): Promise<AuditRecord[]> {
  const found: AuditRecord[] = [];
  for await (const line of readAuditLog(path)) {
    assert("record" in line, "damaged line");
    found.push(line.record);
  }
  return found;
}

/** An in-process provider that counts its calls. */
function counter(actions = ["count.up"]): { provider: Provider; calls: () => number } {
  let calls = 0;
  const provider = new Provider({
    name: "counter",
    isolation: "none",
    actions: Object.fromEntries(actions.map((action) => [action, { kind: "name" as const }])),
    execute: () => ++calls,
  });
  return { provider, calls: () => calls };
}

Deno.test("submit() answers and records as the table of the original says", async (t) => {
  using ws = new Workspace();
  ws.file("w/a.txt", "hello");
  const logPath = ws.path("kernel.log");
  await using kernel = await Kernel.open({
    ...quiet,
    logPath,
    policy: {
      capabilities: [
        { action: "fs.read", resource: ws.path("w/**") },
        {
          action: "net.http",
          resource: "https://api.example.com/**",
          constraint: { method: "GET" },
        },
      ],
    },
    providers: [new FilesystemProvider()],
  });
  const rows: [string, ActionRequest, string, string, string, string][] = [
    ["success", { action: "fs.read", target: ws.path("w/a.txt") }, "OK", "OK", "", ""],
    [
      "no rule",
      { action: "fs.read", target: "/etc/passwd" },
      "DENIED",
      "DENIED",
      "not permitted",
      "NO_RULE",
    ],
    [
      "other action",
      { action: "fs.write", target: ws.path("w/a.txt") },
      "DENIED",
      "DENIED",
      "not permitted",
      "NO_RULE",
    ],
    [
      "unknown action on a path",
      { action: "fs.format", target: "/x" },
      "DENIED",
      "DENIED",
      "not permitted",
      "NO_RULE",
    ],
    [
      "constraint",
      { action: "net.http", target: "https://api.example.com/", params: { method: "POST" } },
      "DENIED",
      "DENIED",
      "not permitted",
      "CONSTRAINT_UNMET",
    ],
    [
      "no provider",
      { action: "net.http", target: "https://api.example.com/" },
      "ERROR",
      "NO_PROVIDER",
      "no provider",
      "NO_PROVIDER",
    ],
    [
      "provider fails",
      { action: "fs.read", target: ws.path("w/b.txt") },
      "ERROR",
      "FAILED",
      "File not found",
      "NOT_FOUND",
    ],
    [
      "empty action",
      { action: "", target: "x" },
      "ERROR",
      "INVALID",
      "malformed request",
      "INVALID_REQUEST",
    ],
    [
      "empty target",
      { action: "fs.read", target: "" },
      "ERROR",
      "INVALID",
      "malformed request",
      "INVALID_REQUEST",
    ],
    [
      "no canonical form",
      { action: "fs.read", target: "relative" },
      "ERROR",
      "INVALID",
      "malformed request",
      "INVALID_TARGET",
    ],
  ];
  for (const [cell, request, status, recorded, error, code] of rows) {
    await t.step(cell, async () => {
      const result = await kernel.submit(request);
      assertEquals([result.status, result.code ?? ""], [status, code]);
      assert((result.error ?? "").startsWith(error), result.error);
      const last = (await records(logPath)).at(-1);
      assertEquals([last?.status, last?.action, last?.error, last?.code], [
        recorded,
        request.action,
        result.error,
        result.code,
      ]);
      assertEquals(
        typeof last?.duration_ms,
        recorded === "OK" || recorded === "FAILED" ? "number" : "undefined",
      );
    });
  }
  assertEquals((await records(logPath)).length, rows.length);
});

Deno.test("submit() never rejects for anything in a request, and records each", async () => {
  using ws = new Workspace();
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const throwing = {
    get action(): string {
      throw new Error("gotcha");
    },
    target: "x",
  };
  const hostile: unknown[] = [
    null,
    undefined,
    7,
    "fs.read",
    [],
    {},
    () => 1,
    Symbol("x"),
    throwing,
    new Proxy({}, {
      get: () => {
        throw new Error("proxy");
      },
    }),
    { action: 1, target: 2 },
    { action: "fs.read", target: "/x", params: cyclic },
    {
      action: "fs.read",
      target: "/x",
      params: {
        toJSON: () => {
          throw new Error("json");
        },
      },
    },
    { action: "fs.read", target: "/x", params: JSON.parse('{"__proto__": {"polluted": 1}}') },
    { action: "fs.read", target: "/x", params: { n: 1n } },
    { action: "fs.read", target: "/x", params: { d: new Date() } },
    { action: "fs.read", target: "/x", params: [] },
    { action: "fs.read", target: "/x\0y" },
    { action: "fs.read", target: "/\ud800" },
    { action: "fs.read", target: `/${"x".repeat(1_000_000)}` },
    { action: "x".repeat(1_000_000), target: "/x" },
    { action: "fs.read\nfs.write", target: "/x" },
    { action: "fs.read", target: "/x", agent: "" },
    { action: "fs.read", target: "/x", agent: { toString: () => "agent" } },
    { action: "constructor", target: "/x" },
    { action: "__proto__", target: "/x" },
    { action: "hasOwnProperty", target: "/x" },
  ];
  const logPath = ws.path("kernel.log");
  {
    await using kernel = await Kernel.open({ ...quiet, policy: { capabilities: [] }, logPath });
    for (const request of hostile) {
      const { status } = await kernel.submit(request as ActionRequest);
      assert(status === "ERROR" || status === "DENIED", String(status));
    }
    assertEquals(({} as Record<string, unknown>).polluted, undefined);
  }
  const found = await records(logPath);
  assertEquals(found.length, hostile.length);
  assert(found.every(({ status }) => status === "INVALID" || status === "DENIED"));
  assert(Deno.statSync(logPath).size < 100_000, "Oversized requests do not fill the log");
  assert((await verifyAuditLog(logPath)).ok);
});

Deno.test("what the caller changes after submit() changes nothing", async () => {
  using ws = new Workspace();
  await using kernel = await Kernel.open({
    ...quiet,
    policy: { capabilities: [{ action: "echo.say", resource: "*" }] },
    providers: [new EchoProvider()],
    logPath: ws.path("kernel.log"),
  });
  const request = { action: "echo.say", target: "a", params: { text: "before" } };
  const pending = kernel.submit(request);
  request.params.text = "after";
  request.target = "b";
  assertEquals((await pending).data, { to: "a", said: "before" });
});

Deno.test("concurrent submits end in one record each, in an unbroken chain", async () => {
  using ws = new Workspace();
  const logPath = ws.path("kernel.log");
  const { provider, calls } = counter();
  {
    await using kernel = await Kernel.open({
      ...quiet,
      policy: { capabilities: [{ action: "count.up", resource: "ok/*" }] },
      providers: [provider],
      logPath,
    });
    const results = await Promise.all(
      Array.from(
        { length: 400 },
        (_, i) => kernel.submit({ action: "count.up", target: `${i % 2 ? "ok" : "no"}/${i}` }),
      ),
    );
    assertEquals(results.filter(({ status }) => status === "OK").length, 200);
  }
  assertEquals(calls(), 200);
  const verified = await verifyAuditLog(logPath);
  assertEquals([verified.ok, verified.records], [true, 400]);
  assertEquals(new Set((await records(logPath)).map(({ target }) => target)).size, 400);
});

Deno.test("a provider is called only for what the policy allows", async () => {
  using ws = new Workspace();
  const { provider, calls } = counter();
  await using kernel = await Kernel.open({
    ...quiet,
    policy: {
      capabilities: [{ action: "count.up", resource: "a" }],
      deny: [{ action: "count.up", resource: "a", constraint: { n: { min: 5 } } }],
    },
    providers: [provider],
    logPath: ws.path("kernel.log"),
  });
  await kernel.submit({ action: "count.up", target: "b" });
  await kernel.submit({ action: "count.up", target: "a", params: { n: 5 } });
  await kernel.submit({ action: "count.up", target: "a", params: { n: "7" } });
  assertEquals(calls(), 0);
  await kernel.submit({ action: "count.up", target: "a", params: { n: 4 } });
  assertEquals(calls(), 1);
});

Deno.test("close() refuses further submits and lets those in flight end", async () => {
  using ws = new Workspace();
  const { promise, resolve } = Promise.withResolvers<string>();
  const kernel = await Kernel.open({
    ...quiet,
    policy: { capabilities: [{ action: "slow.do", resource: "*" }] },
    providers: [
      new Provider({
        name: "slow",
        isolation: "none",
        actions: { "slow.do": { kind: "name" } },
        execute: () => promise,
      }),
    ],
    logPath: ws.path("kernel.log"),
  });
  const inFlight = kernel.submit({ action: "slow.do", target: "x" });
  const closed = kernel.close();
  const late = await assertRejects(
    () => kernel.submit({ action: "slow.do", target: "x" }),
    KernelClosedError,
  );
  assertEquals(late.code, "KERNEL_CLOSED");
  resolve("done");
  assertEquals((await inFlight).data, "done");
  await closed;
  await kernel.close();
  assertEquals((await records(ws.path("kernel.log"))).map(({ status }) => status), ["OK"]);
});

Deno.test("reload() swaps the policy at once; a refused one changes nothing", async () => {
  using ws = new Workspace();
  ws.file("a/x.txt", "a");
  ws.file("b/x.txt", "b");
  const allow = (name: string) => ({
    capabilities: [{ action: "fs.read", resource: ws.path(`${name}/**`) }],
  });
  const logPath = ws.path("kernel.log");
  await using kernel = await Kernel.open({
    ...quiet,
    policy: allow("a"),
    providers: [new FilesystemProvider()],
    logPath,
  });
  const read = async (name: string) =>
    (await kernel.submit({ action: "fs.read", target: ws.path(`${name}/x.txt`) })).status;
  assertEquals([await read("a"), await read("b")], ["OK", "DENIED"]);
  const before = kernel.policy.digest;
  await assertRejects(() => kernel.reload({ text: "capabilities: 7\n" }), PolicyError);
  assertEquals([kernel.policy.digest, await read("a")], [before, "OK"]);
  const inFlight = Promise.all(Array.from({ length: 20 }, () => read("a")));
  await kernel.reload(allow("b"));
  assertEquals(await inFlight, Array(20).fill("OK"));
  assertEquals([await read("a"), await read("b")], ["DENIED", "OK"]);
  const digests = new Set((await records(logPath)).map(({ policy }) => policy));
  assertEquals(digests.size, 2);
  await Promise.all([kernel.reload(allow("a")), kernel.reload(allow("b"))]);
  assertEquals(await read("b"), "OK");
});

Deno.test("the policy may be a path, a URL, text or an object", async () => {
  using ws = new Workspace();
  const path = ws.file("policy.yaml", "capabilities:\n  - {action: fs.read, resource: ./w/**}\n");
  ws.file("w/a.txt", "hello");
  const policies: KernelOptions["policy"][] = [
    path,
    new URL(`file://${path}`),
    { text: `capabilities:\n  - {action: fs.read, resource: ${ws.path("w/**")}}\n` },
    { text: `{"capabilities": [{"action": "fs.read", "resource": "${ws.path("w/**")}"}]}` },
    { capabilities: [{ action: "fs.read", resource: ws.path("w/**") }] },
  ];
  for (const policy of policies) {
    await using kernel = await Kernel.open({
      ...quiet,
      policy,
      providers: { "fs.read": new FilesystemProvider() },
      logPath: ws.path("kernel.log"),
    });
    assertEquals(
      (await kernel.submit({ action: "fs.read", target: ws.path("w/a.txt") })).data,
      "hello",
    );
  }
  await assertRejects(
    () => Kernel.open({ ...quiet, policy: ws.path("none.yaml"), logPath: ws.path("kernel.log") }),
    PolicyError,
    "no such file",
  );
});

Deno.test("the kernel guards its own files, whatever the policy allows", async (t) => {
  using ws = new Workspace();
  const policy = ws.file("policy.yaml", "capabilities:\n  - {action: fs.*, resource: [., ./**]}\n");
  ws.link("alias", ws.root);
  const logPath = ws.path("logs/kernel.log");
  ws.folder("logs");
  await using kernel = await Kernel.open({
    ...quiet,
    policy,
    providers: [new FilesystemProvider()],
    logPath,
  });
  const guarded = [
    "policy.yaml",
    "logs/kernel.log",
    "logs/kernel.log.torn",
    "logs/kernel.log.journal",
    "alias/policy.yaml",
    "logs/../policy.yaml",
  ];
  for (const name of guarded) {
    for (
      const [action, params] of [["fs.write", { content: "x" }], ["fs.delete", {}], ["fs.move", {
        to: ws.path("taken"),
      }], ["fs.mkdir", {}]] as const
    ) {
      await t.step(`${action} ${name}`, async () => {
        assertEquals(
          (await kernel.submit({ action, target: ws.path(name), params })).code,
          "GUARDED",
        );
      });
    }
  }
  await t.step("fs.move onto the log", async () => {
    ws.file("mine.txt", "x");
    const result = await kernel.submit({
      action: "fs.move",
      target: ws.path("mine.txt"),
      params: { to: logPath, overwrite: true },
    });
    assertEquals(result.code, "GUARDED");
  });
  for (const name of ["policy.yaml2", "logs/kernel.logs", "logs/other.log"]) {
    await t.step(`near miss: ${name}`, async () => {
      assertEquals(
        (await kernel.submit({
          action: "fs.write",
          target: ws.path(name),
          params: { content: "x" },
        })).error,
        undefined,
      );
    });
  }
  assertEquals((await kernel.submit({ action: "fs.read", target: policy })).status, "OK");
});

Deno.test("a denied target is not touched: its links are not followed", async () => {
  using ws = new Workspace();
  ws.file("secret.txt", "secret");
  ws.link("w/link", "../secret.txt");
  ws.link("d/link", "../secret.txt");
  await using kernel = await Kernel.open({
    ...quiet,
    policy: { capabilities: [{ action: "fs.read", resource: ws.path("w/**") }] },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
  });
  const followed = await kernel.submit({ action: "fs.read", target: ws.path("w/link") });
  assertEquals(followed.code, "NO_RULE");
  assertStringIncludes(followed.error ?? "", `leads to "${ws.path("secret.txt")}"`);
  const denied = await kernel.submit({ action: "fs.read", target: ws.path("d/link") });
  assert(!denied.error?.includes("secret"), denied.error);
});

Deno.test("Kernel cannot be made but by open()", () => {
  const Open = Kernel as unknown as new (...args: unknown[]) => Kernel;
  assertThrows(() => new Open(Symbol("opened"), {}, {}, {}), TypeError, "Kernel.open");
});

Deno.test("open() refuses two providers for one action, and a provider for an action that it has not", async () => {
  using ws = new Workspace();
  const base = { ...quiet, policy: { capabilities: [] }, logPath: ws.path("kernel.log") };
  const other = new Provider({
    name: "other",
    isolation: "none",
    actions: { "count.up": { kind: "name" } },
    execute: () => 1,
  });
  await assertRejects(
    () => Kernel.open({ ...base, providers: [counter().provider, other] }),
    TypeError,
    "both carry out count.up",
  );
  await assertRejects(
    () => Kernel.open({ ...base, providers: { "fs.read": other } }),
    TypeError,
    "does not carry out fs.read",
  );
});

Deno.test("open() says what the process may do beyond the policy, in one line, and which providers are not isolated", async () => {
  using ws = new Workspace();
  const lines: string[] = [];
  await using _kernel = await Kernel.open({
    policy: { capabilities: [] },
    providers: [counter().provider],
    logPath: ws.path("kernel.log"),
    onWarning: (line) => lines.push(line),
  });
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0] ?? "", "--allow-read");
  assertStringIncludes(lines[1] ?? "", '"counter" runs in this process (isolation: none)');
});

/** Runs a script in a process of its own, with these flags. */
async function runScript(
  ws: Workspace,
  script: string,
  flags: string[],
): Promise<{ code: number; output: string }> {
  const path = ws.file("consumer/main.ts", script);
  // Its own configuration: no "unstable" of ours is inherited.
  ws.file("consumer/deno.json", "{}");
  const { code, stdout, stderr } = await new Deno.Command("deno", {
    args: [
      "run",
      "-q",
      "--no-prompt",
      "--no-lock",
      `--import-map=${ws.file("consumer/map.json", importMap())}`,
      ...flags,
      path,
    ],
    cwd: ws.path("consumer"),
  }).output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

function importMap(): string {
  const names = ["assert", "path", "streams", "yaml"];
  return JSON.stringify({
    imports: Object.fromEntries(
      names.map((name) => [`@std/${name}`, `${ROOT}/links/std_${name}/mod.ts`]),
    ),
  });
}

const OPEN = (ws: Workspace) => `
  import { Kernel } from "${ROOT}/mod.ts";
  import { FilesystemProvider } from "${ROOT}/providers/filesystem/mod.ts";
  try {
    await using kernel = await Kernel.open({
      policy: { capabilities: [{ action: "fs.read", resource: "${ws.path("w/**")}" }] },
      providers: [new FilesystemProvider()],
      logPath: "${ws.path("kernel.log")}",
    });
    const result = await kernel.submit({ action: "fs.read", target: "${ws.path("w/a.txt")}" });
    console.log("result", result.status, result.data);
  } catch (error) {
    console.log("caught", error.name, error.message);
  }`;

Deno.test("open() finds out before the first Worker that --unstable-worker-options is missing", async () => {
  using ws = new Workspace();
  ws.file("w/a.txt", "hello");
  const scoped = [
    `--allow-read=${ws.path("w")},${logFiles(ws.path("kernel.log"))},${ROOT}`,
    `--allow-write=${logFiles(ws.path("kernel.log"))}`,
  ];
  const without = await runScript(ws, OPEN(ws), scoped);
  assertEquals(without.code, 0, without.output);
  assertStringIncludes(without.output, "caught WorkerOptionsError");
  assertStringIncludes(without.output, "--unstable-worker-options");
  const withFlag = await runScript(ws, OPEN(ws), [...scoped, "--unstable-worker-options"]);
  assertEquals(withFlag.output.trim(), "result OK hello");
  assertInstanceOf(new WorkerOptionsError(), Error);
});

Deno.test("open() fails at once when the process may do less, and names the flag", async () => {
  using ws = new Workspace();
  ws.file("w/a.txt", "hello");
  const { output } = await runScript(ws, OPEN(ws), [
    "--unstable-worker-options",
    `--allow-read=${logFiles(ws.path("kernel.log"))},${ROOT}/src,${ROOT}/providers,${ROOT}/links`,
    `--allow-write=${logFiles(ws.path("kernel.log"))}`,
  ]);
  assertStringIncludes(output, "caught MissingPermissionError");
  assertStringIncludes(output, ws.path("w"));
});
