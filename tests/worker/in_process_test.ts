import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Kernel, readAuditLog, type SubmitOptions, verifyAuditLog } from "@agent-kernel/kernel";
import { type Execute, Provider } from "@agent-kernel/kernel/provider";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { nextTurn } from "../turn.ts";
import { Workspace } from "../workspace.ts";

function inProcess(execute: Execute): Provider {
  return new Provider({
    name: "kv",
    isolation: "none",
    actions: { "kv.get": { kind: "name" } },
    execute,
  });
}

function open(ws: Workspace, execute: Execute): Promise<Kernel> {
  return Kernel.open({
    policy: { capabilities: [{ action: "kv.get", resource: "**" }] },
    providers: [inProcess(execute)],
    logPath: ws.path("kernel.log"),
    logParams: "redacted",
    onWarning: () => {},
  });
}

Deno.test("a provider in this process cannot change what is recorded of its request", async () => {
  using ws = new Workspace();
  {
    await using kernel = await open(ws, (request) => {
      const writable = request as unknown as Record<string, unknown>;
      writable["action"] = "other.thing";
      writable["target"] = null;
      (request.params as Record<string, unknown>)["n"] = 5n;
      return 1;
    });
    const request = { action: "kv.get", target: "a", params: { n: 1 } };
    assertEquals((await kernel.submit(request)).status, "OK");
  }
  const records = [];
  for await (const line of readAuditLog(ws.path("kernel.log"))) {
    if ("record" in line) records.push(line.record);
  }
  assertEquals(
    records.map(({ action, target, params_values }) => ({ action, target, params_values })),
    [{ action: "kv.get", target: "a", params_values: { n: 1 } }],
  );
  assertEquals((await verifyAuditLog(ws.path("kernel.log"))).ok, true);
});

Deno.test("a kernel closes after options that cannot be read, and the answered submit has its record", async () => {
  using ws = new Workspace();
  const kernel = await open(ws, () => 1);
  const request = { action: "kv.get", target: "a" };
  await assertRejects(() => kernel.submit(request, null as unknown as SubmitOptions), TypeError);
  const result = await kernel.submit(request, {
    stages: [{
      name: "broken",
      enter() {
        throw Object.create(null);
      },
    }],
  });
  assertEquals([result.status, result.code], ["DENIED", "STAGE_FAILED"]);
  await kernel.close();
  assertEquals((await verifyAuditLog(ws.path("kernel.log"))).records, 1);
});

Deno.test("a deadline that no timer can hold is refused", () => {
  const options = {
    name: "kv",
    isolation: "none",
    actions: { "kv.get": { kind: "name" } },
    execute: () => 1,
  } as const;
  assertThrows(() => new Provider({ ...options, deadlineMs: 2 ** 31 }), RangeError, "deadlineMs");
  assertEquals(new Provider({ ...options, deadlineMs: 2 ** 31 - 1 }).deadlineMs, 2 ** 31 - 1);
});

Deno.test("a listener that throws at the deadline is a warning, and ends neither call nor process", async () => {
  using ws = new Workspace();
  const timer = new ManualTimer();
  const warnings: string[] = [];
  let called = false;
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "kv.get", resource: "**" }] },
    providers: [inProcess((_, { signal }) => {
      signal.addEventListener("abort", () => {
        throw new Error("from listener");
      });
      called = true;
      return new Promise(() => {});
    })],
    logPath: ws.path("kernel.log"),
    onWarning: (line) => warnings.push(line),
    timer,
  });
  const submitted = kernel.submit({ action: "kv.get", target: "a" });
  while (!called) await nextTurn();
  timer.pass(30_000);
  assertEquals((await submitted).code, "DEADLINE_EXCEEDED");
  assertEquals(warnings.filter((line) => line.includes("from listener")).length, 1);
});
