/** The layer as a stage of the gate: what it refuses, how it ends, and what becomes of its time. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Stage, StageOutcome } from "../../mod.ts";
import { DeniedError, Provider } from "../../src/worker/mod.ts";
import { ReversibleActionLayer, type SnapshotStrategy } from "../../src/reversible/mod.ts";
import type { Timer } from "../../src/core/timer.ts";
import { SYSTEM_TIMER } from "../../src/system_timer.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { recordsOf } from "../core/record/log_file.ts";
import { Scene } from "./scene.ts";

/** A strategy for `fs.write` with what is given. */
function strategy(own: Partial<SnapshotStrategy>): SnapshotStrategy {
  return {
    action: "fs.write",
    capture: () => Promise.resolve({ snapshot: null }),
    undo: () => Promise.resolve({ steps: [] }),
    ...own,
  };
}

for (const onCaptureFailure of ["deny", "proceed"] as const) {
  Deno.test(`what a strategy denies keeps its code, with onCaptureFailure "${onCaptureFailure}"`, async () => {
    const denying = strategy({
      capture() {
        throw new DeniedError("TOO_VALUABLE", "this file is not to be changed");
      },
    });
    await using scene = await Scene.open({ layer: { strategies: [denying], onCaptureFailure } });
    const result = await scene.do("fs.write", "a.txt", { content: "new" });
    assertEquals([result.status, result.code, result.error, result.reversible], [
      "DENIED",
      "TOO_VALUABLE",
      "this file is not to be changed",
      false,
    ]);
    assertEquals([scene.tree(), scene.store.list()], [{}, []]);
    const [record] = recordsOf(scene.ws.path("kernel.log")).filter(({ action }) =>
      action === "fs.write"
    );
    assertEquals([record?.status, record?.code], ["DENIED", "TOO_VALUABLE"]);
  });
}

Deno.test("an action that a later stage refuses leaves no snapshot", async () => {
  await using scene = await Scene.open();
  scene.ws.file("w/a.txt", "old");
  const refusing: Stage = { name: "later", enter: () => ({ refusal: "no", code: "NOT_NOW" }) };
  const submit: typeof scene.kernel.submit = (request, options) =>
    scene.kernel.submit(request, { ...options, stages: [...options?.stages ?? [], refusing] });
  const layer = new ReversibleActionLayer({ kernel: { submit }, store: scene.store });
  const result = await layer.submit({ action: "fs.delete", target: scene.path("a.txt") });
  assertEquals([result.status, result.code, result.reversible, result.why], [
    "DENIED",
    "NOT_NOW",
    false,
    "nothing was done",
  ]);
  assertEquals([scene.store.list(), scene.store.bytes], [[], 0]);
  // And the near miss: the next action on the file does not wait for it.
  assertEquals((await scene.do("fs.delete", "a.txt")).reversible, true);
});

Deno.test("a request that the policy denies, or that is malformed, is never captured", async () => {
  let captures = 0;
  const counting = strategy({
    capture() {
      captures++;
      return Promise.resolve({ snapshot: null });
    },
  });
  await using scene = await Scene.open({ layer: { strategies: [counting] } });
  const target = "/elsewhere/a.txt";
  const denied = await scene.layer.submit({ action: "fs.write", target, params: { content: "" } });
  assertEquals([denied.status, denied.why], ["DENIED", "nothing was done"]);
  const malformed = await scene.layer.submit({ action: "fs.write", target: "" });
  assertEquals([malformed.status, malformed.why], ["ERROR", "nothing was done"]);
  assertEquals(captures, 0);
});

Deno.test("a strategy learns the result also if it could not be recorded", async () => {
  const seen: unknown[] = [];
  let log = "";
  const provider = new Provider({
    name: "orders",
    isolation: "none",
    actions: { "order.make": { kind: "name" } },
    execute() {
      Deno.renameSync(log, `${log}.away`);
      return { id: 7 };
    },
  });
  const settling: SnapshotStrategy = {
    ...strategy({}),
    action: "order.make",
    settle: (_, { status, data }) => void seen.push(status, data),
  };
  await using scene = await Scene.open({
    providers: () => [provider],
    capabilities: () => [{ action: "order.make", resource: "*" }],
    layer: { strategies: [settling] },
    // By a clock that stands still, the log is looked at before each write.
    kernel: { timer: new ManualTimer() },
  });
  log = scene.ws.path("kernel.log");
  const result = await scene.layer.submit({ action: "order.make", target: "one" });
  assertEquals([result.code, result.reversible], ["AUDIT_UNAVAILABLE", true]);
  assertEquals(seen, ["OK", { id: 7 }]);
  Deno.renameSync(`${log}.away`, log);
});

Deno.test("a snapshot that takes too long denies, and what it saves later is forgotten", async () => {
  let expire = () => {};
  const timer: Timer = {
    now: SYSTEM_TIMER.now,
    schedule(run, ms) {
      if (ms !== 600_000) return SYSTEM_TIMER.schedule(run, ms);
      expire = run;
      return () => {};
    },
  };
  const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
  let captures = 0;
  const slow = strategy({
    async capture(_, { save }) {
      if (captures++ > 0) return { snapshot: null };
      await save(new TextEncoder().encode("saved in time"));
      expire();
      await goOn;
      return { snapshot: null };
    },
  });
  await using scene = await Scene.open({ kernel: { timer }, layer: { strategies: [slow] } });
  const late = await scene.do("fs.write", "a.txt", { content: "new" });
  assertEquals([late.status, late.code, late.reversible], ["DENIED", "STAGE_TIMEOUT", false]);
  assertStringIncludes(late.error ?? "", "600000 ms");
  assertEquals([scene.store.bytes, scene.tree()], [13, {}]);
  release();
  while (scene.store.bytes > 0) await Deno.lstat(scene.path(""));
  assertEquals([scene.store.list(), scene.store.bytes], [[], 0]);
  // And the next action on the file is not held up.
  assertEquals((await scene.do("fs.write", "a.txt", { content: "new" })).reversible, true);
});

Deno.test("the layer puts nothing on the record, and other stages are told how the action ended", async () => {
  const outcomes: StageOutcome[] = [];
  const watching: Stage = {
    name: "watching",
    enter: () => ({ settle: (outcome) => void outcomes.push(outcome) }),
  };
  await using scene = await Scene.open();
  const target = scene.path("a.txt");
  const request = { action: "fs.write", target, params: { content: "new" } };
  const { reversible } = await scene.layer.submit(request, { stages: [watching] });
  assertEquals(reversible, true);
  assertEquals(outcomes.map(({ status, executed }) => [status, executed]), [["OK", true]]);
  const [record] = recordsOf(scene.ws.path("kernel.log")).filter(({ action }) =>
    action === "fs.write"
  );
  assertEquals((record as { stages?: unknown } | undefined)?.stages, undefined);
});
