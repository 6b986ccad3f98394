import { assertEquals } from "@std/assert";
import { WorkerHost } from "../../../src/core/isolation/worker_host.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { HostileProvider } from "./fixtures/hostile_provider.ts";

/** Has a call ask ten questions, each of which keeps the gate so long, after so long a rest. */
async function ask({ judgeMs, restMs }: { judgeMs: number; restMs: number }): Promise<string> {
  const timer = new ManualTimer();
  const host = new WorkerHost(new HostileProvider({ deadlineMs: 1_000_000 }), {
    permissions: {
      ...{ read: [], write: [], net: [], run: [] },
      ...{ env: false, sys: false, ffi: false, import: false },
    },
    revoke: [],
    surroundings: {
      files: { readable: [], writable: [], denied: [] },
      network: false,
      hosts: [],
    },
    onWarning: () => {},
    timer,
  });
  const params = { attempt: "ask ten times" };
  const answer = await host.call({ action: "hostile.do", target: "x", params }, () => {
    timer.pass(judgeMs);
    // What comes behind the verdict is rest.
    queueMicrotask(() => timer.pass(restMs));
    return { allowed: true, target: "x", reason: "", code: "ALLOWED" };
  });
  await host.close();
  return answer.ok ? String(answer.data) : `${answer.code}: ${answer.error}`;
}

Deno.test("a Worker that keeps the gate busy for more than two seconds in a row is ended", async () => {
  assertEquals(
    await ask({ judgeMs: 300, restMs: 0 }),
    'PROVIDER_CRASHED: The Worker of provider "hostile" kept the gate busy with questions',
  );
});

Deno.test("a Worker may ask for two seconds, and for half of the time after that", async () => {
  assertEquals(await ask({ judgeMs: 200, restMs: 0 }), "asked");
  assertEquals(await ask({ judgeMs: 300, restMs: 600 }), "asked");
  assertEquals((await ask({ judgeMs: 300, restMs: 100 })).slice(0, 16), "PROVIDER_CRASHED");
});
