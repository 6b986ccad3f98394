import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type ActionRequest,
  AuditLogError,
  type AuditRecord,
  Kernel,
  type KernelOptions,
  Provider,
  verifyAuditLog,
} from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { recordsOf } from "./records.ts";
import { ROOT, Workspace } from "./workspace.ts";
import { SYSTEM_TIMER } from "../src/system_timer.ts";

function scene(ws: Workspace, options: Partial<KernelOptions> = {}) {
  const policy = {
    capabilities: [{ id: "work", action: "fs.*", resource: ws.path("w/**") }],
    deny: [{ id: "secret", action: "fs.*", resource: ws.path("w/secret") }],
  };
  const logPath = ws.path("kernel.log");
  return {
    logPath,
    open: () => Kernel.open({ policy, logPath, onWarning: () => {}, ...options }),
    write: (name: string): ActionRequest => ({
      action: "fs.write",
      target: ws.path(`w/${name}`),
      params: { content: "x" },
    }),
  };
}

Deno.test("permit decides and records, executes nothing, and one report ends it", async () => {
  using ws = new Workspace();
  ws.file("w/old", "");
  const { logPath, open, write } = scene(ws, { providers: [new FilesystemProvider()] });
  const kernel = await open();
  const { status, recordId = "", data } = await kernel.permit(write("a"));
  assertEquals([status, data], ["OK", null]);
  assertEquals(Array.from(Deno.readDirSync(ws.path("w"))).length, 1);
  const digest = "ab".repeat(32);
  assertEquals(await kernel.report(recordId, { durationMs: 3, resultDigest: digest }), true);
  assertEquals(await kernel.report(recordId, {}), false);
  assertEquals(await kernel.report("unknown", {}), false);
  await kernel.close();
  const [permitted, done, ...more] = await recordsOf(logPath);
  assertEquals(more, []);
  assertEquals([permitted?.status, permitted?.record_id, permitted?.rule], [
    "PERMITTED",
    recordId,
    "work",
  ]);
  assertEquals([done?.status, done?.permit, done?.duration_ms], ["DONE", recordId, 3]);
  assertEquals(done?.stages, { report: { result: digest } });
  assertEquals([done?.params, done?.target], [permitted?.params, permitted?.target]);
  assertEquals((await verifyAuditLog(logPath)).ok, true);
});

Deno.test("permit refuses what submit refuses, with the same records", async () => {
  using ws = new Workspace();
  ws.file("w/secret", "");
  const { logPath, open, write } = scene(ws);
  const kernel = await open();
  const bad = [
    write("secret"),
    { action: "fs.write", target: "/etc/passwd" },
    { action: "fs.write", target: ws.path("w/../../etc/passwd") },
    { action: "fs.write", target: "relative" },
    // What can be shown of it would be allowed.
    { ...write("a"), params: { content: () => {} } as never },
    { ...write("a"), params: { id: 2 ** 53 } },
    { ...write("a"), agent: "" },
    null as never,
  ];
  const permitted = [];
  for (const request of bad) permitted.push(await kernel.permit(request));
  const submitted = [];
  for (const request of bad) submitted.push(await kernel.submit(request));
  assertEquals(permitted, submitted);
  await kernel.close();
  const all = await recordsOf(logPath);
  const essence = (
    { status, code, action, target, error, params }: AuditRecord,
  ) => [status, code, action, target, error, params];
  assertEquals(all.slice(0, bad.length).map(essence), all.slice(bad.length).map(essence));
  assertEquals(all.filter(({ status }) => status === "PERMITTED"), []);
});

Deno.test("a permit needs no provider, and a failure that is reported is on record", async () => {
  using ws = new Workspace();
  ws.file("w/old", "");
  const { logPath, open, write } = scene(ws);
  const kernel = await open();
  const { recordId = "" } = await kernel.permit(write("a"));
  const odd = { error: "e".repeat(5000), durationMs: -1, resultDigest: "no" };
  assertEquals(await kernel.report(recordId, odd), true);
  await kernel.close();
  const [, done] = await recordsOf(logPath);
  assertEquals([done?.status, done?.code, done?.error?.length, done?.duration_ms, done?.stages], [
    "DONE",
    "REPORTED_FAILURE",
    1024,
    undefined,
    undefined,
  ]);
});

Deno.test("what is not reported in time, or is open at the end, is UNREPORTED, each once", async () => {
  using ws = new Workspace();
  ws.file("w/old", "");
  const due: (() => void)[] = [];
  const timer = {
    now: () => 0,
    schedule(run: () => void, ms: number) {
      if (ms !== 60_000) return SYSTEM_TIMER.schedule(run, ms);
      due.push(run);
      return () => {};
    },
  };
  const { logPath, open, write } = scene(ws, { timer, reportWithinMs: 60_000 });
  const kernel = await open();
  const late = await kernel.permit(write("a"));
  due.shift()?.();
  assertEquals(await kernel.report(late.recordId ?? "", {}), false);
  const dropped = await kernel.permit(write("b"));
  const notDone = "the call was refused";
  assertEquals(await kernel.report(dropped.recordId ?? "", { notDone }), true);
  const open2 = await kernel.permit(write("c"));
  await kernel.close();
  const ended = (await recordsOf(logPath)).filter(({ status }) => status === "UNREPORTED");
  assertEquals(ended.map(({ permit }) => permit), [late, dropped, open2].map((r) => r.recordId));
  assertStringIncludes(ended[0]?.error ?? "", "no report came within 60 s");
  assertStringIncludes(ended[1]?.error ?? "", "the call was refused");
  assertStringIncludes(ended[2]?.error ?? "", "the kernel ended");
});

Deno.test("stages refuse a permit, and limits are charged for it", async () => {
  using ws = new Workspace();
  ws.file("w/old", "");
  const { logPath, open, write } = scene(ws, {
    policy: {
      capabilities: [{
        id: "work",
        action: "fs.write",
        resource: ws.path("w/**"),
        limits: { calls: "2/hour" },
      }],
    },
  });
  const kernel = await open();
  const codes = [];
  for (const name of ["a", "b", "c"]) codes.push((await kernel.permit(write(name))).code);
  assertEquals(codes, [undefined, undefined, "BUDGET_EXHAUSTED"]);
  await kernel.close();
  assertEquals((await recordsOf(logPath)).slice(0, 3).map(({ status }) => status), [
    "PERMITTED",
    "PERMITTED",
    "DENIED",
  ]);
});

Deno.test("a rule that only a provider can hold to is not permitted", async () => {
  using ws = new Workspace();
  const { open } = scene(ws, {
    policy: {
      capabilities: [{ action: "run.it", resource: "**" }],
    },
    providers: [
      new Provider({
        name: "runner",
        isolation: "none",
        actions: { "run.it": { kind: "name" } },
        execute: () => "done",
      }),
    ],
    stages: [{ name: "bound", enter: () => ({ preparation: { bound: 1 } }) }],
  });
  const kernel = await open();
  const request = { action: "run.it", target: "x" };
  assertEquals((await kernel.permit(request)).code, "NOT_ENFORCEABLE");
  assertEquals((await kernel.submit(request)).data, "done");
  await kernel.close();
});

Deno.test("without a record there is no permit", async () => {
  using ws = new Workspace();
  ws.file("w/old", "");
  const { logPath, open, write } = scene(ws);
  const kernel = await open();
  Deno.removeSync(logPath);
  const { status, code, recordId } = await kernel.permit(write("a"));
  assertEquals([status, code, recordId], ["ERROR", "AUDIT_UNAVAILABLE", undefined]);
  await kernel.close();
});

Deno.test("a report that could not be recorded is on record once the log has recovered", async () => {
  using ws = new Workspace();
  ws.file("w/old", "");
  let time = 0;
  // The log is looked at by time.
  const timer = { ...SYSTEM_TIMER, now: () => time += 1000 };
  const { logPath, open, write } = scene(ws, { timer });
  const kernel = await open();
  const { recordId = "" } = await kernel.permit(write("a"));
  const other = await kernel.permit(write("b"));
  Deno.renameSync(logPath, `${logPath}.away`);
  await assertRejects(() => kernel.report(recordId, {}), AuditLogError);
  await assertRejects(() => kernel.report(other.recordId ?? "", {}), AuditLogError);
  Deno.renameSync(`${logPath}.away`, logPath);
  await kernel.recover();
  assertEquals(await kernel.report(recordId, {}), false);
  await kernel.close();
  const ends = (await recordsOf(logPath)).filter(({ permit }) => permit !== undefined);
  assertEquals(ends.map(({ status, permit }) => [status, permit]), [
    ["DONE", recordId],
    ["DONE", other.recordId],
  ]);
});

Deno.test("what a killed kernel had permitted is UNREPORTED when its log is next opened, once", async () => {
  using ws = new Workspace();
  const folder = ws.folder("w");
  const { logPath, open } = scene(ws);
  const child = new Deno.Command("deno", {
    args: [
      ...["run", "-q", "--no-prompt", "--allow-read", `--allow-write=${ws.root}`],
      ...[`${ROOT}/tests/permit_victim.ts`, folder, logPath],
    ],
    cwd: ROOT,
    ...{ stdin: "piped", stdout: "piped" },
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const [a, , c] = JSON.parse((await reader.read()).value ?? "");
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  await child.stdin.close().catch(() => {});

  for (let i = 0; i < 2; i++) await (await open()).close();
  const records = await recordsOf(logPath);
  const unreported = records.filter(({ status }) => status === "UNREPORTED");
  assertEquals(unreported.map(({ permit, target, agent, rule }) => [permit, target, agent, rule]), [
    [a, `${folder}/a`, "claude", "work"],
    [c, `${folder}/c`, "claude", "work"],
  ]);
  assertStringIncludes(unreported[0]?.error ?? "", "killed");
  // They name the policy and the params of the permit, not those of the kernel that found them.
  const permitted = records.find(({ record_id }) => record_id === a);
  assertEquals(
    [unreported[0]?.policy, unreported[0]?.params],
    [permitted?.policy, permitted?.params],
  );
  assertEquals((await verifyAuditLog(logPath)).ok, true);
});
