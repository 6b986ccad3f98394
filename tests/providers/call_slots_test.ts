import { assertEquals, assertRejects } from "@std/assert";
import { ProviderError } from "@agent-kernel/kernel/provider";
import { CallSlots } from "../../providers/call_slots.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";

const NEVER = new AbortController().signal;

function slotsOf(slots: number): { timer: ManualTimer; take: CallSlots["take"] } {
  const timer = new ManualTimer();
  const all = new CallSlots({ whose: 'MCP server "h"', slots, timer });
  return { timer, take: (signal) => all.take(signal) };
}

/** What a promise has come to by now. */
async function stateOf(promise: Promise<unknown>): Promise<"taken" | "refused" | "waiting"> {
  const settled = promise.then(() => "taken" as const, () => "refused" as const);
  for (let i = 0; i < 5; i++) await Promise.resolve();
  return await Promise.race([settled, Promise.resolve("waiting" as const)]);
}

Deno.test("CallSlots gives as many slots as there are, and a freed one to the call that waits longest", async () => {
  const { take } = slotsOf(2);
  const [first] = [await take(NEVER), await take(NEVER)];
  const [third, fourth] = [take(NEVER), take(NEVER)];
  assertEquals(await stateOf(third), "waiting");
  first?.[Symbol.dispose]();
  assertEquals([await stateOf(third), await stateOf(fourth)], ["taken", "waiting"]);
  (await third)[Symbol.dispose]();
  assertEquals(await stateOf(fourth), "taken");
});

Deno.test("CallSlots refuses the calls that wait when no slot became free for a second", async () => {
  const { timer, take } = slotsOf(1);
  await take(NEVER);
  const waiting = take(NEVER);
  timer.pass(999);
  assertEquals(await stateOf(waiting), "waiting");
  timer.pass(1);
  const error = await assertRejects(() => waiting, ProviderError);
  assertEquals(error.code, "SERVER_BUSY");
  assertEquals(
    error.message,
    'MCP server "h" is busy: it has not answered 1 calls yet; this call was not sent',
  );
});

Deno.test("CallSlots refuses new calls at once while the server hangs, until a slot becomes free", async () => {
  const { timer, take } = slotsOf(1);
  const held = await take(NEVER);
  timer.pass(1_000);
  assertEquals(await stateOf(take(NEVER)), "refused");
  held[Symbol.dispose]();
  assertEquals(await stateOf(take(NEVER)), "taken");
});

Deno.test("CallSlots lets a burst wait as long as slots become free", async () => {
  const { timer, take } = slotsOf(1);
  let held = await take(NEVER);
  const burst = Array.from({ length: 10 }, () => take(NEVER));
  for (const next of burst) {
    timer.pass(900);
    held[Symbol.dispose]();
    held = await next;
  }
  assertEquals(timer.now(), 9_000);
});

Deno.test("CallSlots ends the wait of a call that is aborted, and loses no slot", async () => {
  const { take } = slotsOf(1);
  const held = await take(NEVER);
  const controller = new AbortController();
  const aborted = take(controller.signal);
  const next = take(NEVER);
  controller.abort();
  assertEquals([await stateOf(aborted), await stateOf(next)], ["refused", "waiting"]);
  held[Symbol.dispose]();
  assertEquals(await stateOf(next), "taken");
  assertEquals(await stateOf(take(controller.signal)), "refused");
});

Deno.test("CallSlots leaves no timer when nothing waits", async () => {
  const { timer, take } = slotsOf(1);
  const held = await take(NEVER);
  const next = take(NEVER);
  held[Symbol.dispose]();
  (await next)[Symbol.dispose]();
  timer.pass(1_000);
  assertEquals(timer.waiting, 0);
});
