import { assert, assertEquals } from "@std/assert";
import { type ActionRequest, Kernel, Provider } from "@agent-kernel/kernel";
import { SYSTEM_TIMER } from "../src/system_timer.ts";
import { EventLoopTurns } from "../src/event_loop.ts";
import { Workspace } from "./workspace.ts";

/** Submits that a caller may get done before whatever waits for the event loop has its turn. */
const MOST = 200_000;

const DENIED: ActionRequest = { action: "other.do", target: "a" };
const ANSWERED_AT_ONCE: ActionRequest = { action: "quick.do", target: "a" };
const MALFORMED: ActionRequest = { action: "", target: "" };

/** What waits for the event loop; resolves when it has had its turn. */
const WAITERS: readonly (readonly [what: string, wait: (ws: Workspace) => Promise<unknown>])[] = [
  ["a timer", () => new Promise((resolve) => setTimeout(resolve, 1))],
  ["a file read", (ws) => Deno.readTextFile(ws.file("a.txt", "text"))],
  ["a signal", () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener = () => {
      Deno.removeSignalListener("SIGUSR1", listener);
      resolve();
    };
    Deno.addSignalListener("SIGUSR1", listener);
    Deno.kill(Deno.pid, "SIGUSR1");
    return promise;
  }],
  ["a request to a server in this process", async () => {
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => new Response("ok"),
    );
    return await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).text();
  }],
];

for (const callers of [1, 64]) {
  for (
    const [kind, request] of [
      ["denied", DENIED],
      ["malformed", MALFORMED],
      ["answered at once", ANSWERED_AT_ONCE],
    ] as const
  ) {
    for (const [what, wait] of WAITERS) {
      Deno.test(`${what} has its turn beside ${callers} callers whose requests are ${kind}`, async () => {
        using ws = new Workspace();
        await using kernel = await Kernel.open({
          policy: { capabilities: [{ action: "quick.do", resource: "**" }] },
          providers: [
            new Provider({
              name: "quick",
              isolation: "none",
              actions: { "quick.do": { kind: "name", effect: "none" } },
              execute: () => "done",
            }),
          ],
          logPath: ws.path("kernel.log"),
          onWarning: () => {},
        });
        let waiting = true;
        const turn = wait(ws).finally(() => waiting = false);
        let submits = 0;
        await Promise.all(Array.from({ length: callers }, async () => {
          while (waiting && submits < MOST) {
            submits++;
            await kernel.submit(request);
          }
        }));
        assertEquals(waiting, false, `not within ${submits} submits`);
        assert(submits < MOST);
        await turn;
      });
    }
  }
}

Deno.test("own() gives each caller a turn of its own, next() lets them share one", async () => {
  const turns = new EventLoopTurns(SYSTEM_TIMER);
  let turn = 0;
  const clock = setImmediate(function count() {
    turn++;
    again = setImmediate(count);
  });
  let again = clock;
  const own = await Promise.all([1, 2, 3].map(() => turns.own().then(() => turn)));
  const shared = await Promise.all([1, 2, 3].map(() => turns.next().then(() => turn)));
  clearImmediate(again);
  assertEquals([new Set(own).size, new Set(shared).size], [3, 1]);
});

Deno.test("next() lets no more than 32 callers share a turn, in the order in which they came", async () => {
  const turns = new EventLoopTurns(SYSTEM_TIMER);
  const perTurn: number[][] = [];
  let current: number[] = [];
  let counting = setImmediate(function count() {
    perTurn.push(current);
    current = [];
    counting = setImmediate(count);
  });
  await Promise.all(
    Array.from({ length: 64 }, (_, caller) => turns.next().then(() => current.push(caller))),
  );
  perTurn.push(current);
  clearImmediate(counting);
  const used = perTurn.filter(({ length }) => length > 0);
  assert(used.every(({ length }) => length <= 32), JSON.stringify(used));
  assertEquals(used.flat(), Array.from({ length: 64 }, (_, caller) => caller));
});

for (const callers of [1, 8, 64, 512]) {
  Deno.test(`between two turns of the event loop ${callers} callers get few refused submits done`, async () => {
    using ws = new Workspace();
    // Time is work that is counted: each submit takes a tenth of the millisecond after which a turn is due.
    let submits = 0;
    await using kernel = await Kernel.open({
      policy: { capabilities: [] },
      providers: [],
      logPath: ws.path("kernel.log"),
      timer: { ...SYSTEM_TIMER, now: () => submits / 10 },
      onWarning: () => {},
    });
    let most = 0;
    let turns = 0;
    let before = Infinity;
    let counting = setImmediate(function count() {
      most = Math.max(most, submits - before);
      turns++;
      before = submits;
      counting = setImmediate(count);
    });
    await Promise.all(Array.from({ length: callers }, async () => {
      // The first of all callers begin at once: what they do before they wait is their own.
      await kernel.submit(DENIED);
      while (turns < 100) {
        submits++;
        await kernel.submit(DENIED);
      }
    }));
    clearImmediate(counting);
    // What a millisecond holds, and what the callers of one turn had begun when it was over.
    assert(most <= 10 + 2 * 32, `${most} submits between two turns`);
    assert(submits >= 100, `${submits} submits in ${turns} turns`);
  });
}
