import { assertEquals } from "@std/assert";
import { WorkerHost } from "../../../src/core/isolation/worker_host.ts";
import { WORKER_TRANSPORT } from "../../../src/transport/worker_transport.ts";
import { NOTHING, toWorkerOptions } from "../../../src/core/isolation/permission_set.ts";
import { checkAnswer } from "../../../src/core/isolation/answer.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import type { DecideQuestion } from "../../../src/core/isolation/provider_host.ts";
import { HostileProvider } from "./fixtures/hostile_provider.ts";

/** Has a call ask ten questions. */
async function ask(decide: DecideQuestion, timer: ManualTimer): Promise<string> {
  const host = new WorkerHost(new HostileProvider({ deadlineMs: 1_000_000 }), {
    permissions: toWorkerOptions(NOTHING),
    revoke: [],
    environment: {
      files: { readable: [], writable: [], denied: [] },
      network: false,
      hosts: [],
    },
    transport: WORKER_TRANSPORT,
    onWarning: () => {},
    timer,
  });
  const params = { attempt: "ask ten times" };
  const received = await host.call({ action: "hostile.do", target: "x", params }, decide);
  await host.close();
  const answer = checkAnswer(received, host.maxOutputBytes);
  return answer.ok ? String(answer.data) : `${answer.code}: ${answer.error}`;
}

/** Has a call ask ten questions. Each decision takes so long, and so long a pause follows it. */
function askFor({ decideMs, pauseMs }: { decideMs: number; pauseMs: number }): Promise<string> {
  const timer = new ManualTimer();
  return ask(() => {
    timer.pass(decideMs);
    // The time after the decision is idle.
    queueMicrotask(() => timer.pass(pauseMs));
    return { allowed: true, target: "x", reason: "", code: "ALLOWED" };
  }, timer);
}

Deno.test("a Worker that keeps the gate busy for more than two seconds in a row is ended", async () => {
  assertEquals(
    await askFor({ decideMs: 300, pauseMs: 0 }),
    'PROVIDER_CRASHED: The Worker of provider "hostile" kept the kernel busy with questions',
  );
});

Deno.test("a Worker may ask for two seconds, and for half of the time after that", async () => {
  assertEquals(await askFor({ decideMs: 200, pauseMs: 0 }), "asked");
  assertEquals(await askFor({ decideMs: 300, pauseMs: 600 }), "asked");
  assertEquals((await askFor({ decideMs: 300, pauseMs: 100 })).slice(0, 16), "PROVIDER_CRASHED");
});

Deno.test("a decision that fails denies: whoever asked is answered, and the call ends", async () => {
  assertEquals(await ask(() => Promise.reject(new Error("broken")), new ManualTimer()), "asked");
});
