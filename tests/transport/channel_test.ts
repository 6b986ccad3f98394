import { assert, assertEquals } from "@std/assert";
import { Channel, type Expectation } from "../../src/transport/channel.ts";
import { Mailbox } from "../../src/transport/mailbox.ts";
import { Kernel, verifyAuditLog } from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";
import { EchoProvider } from "../core/isolation/fixtures/echo_provider.ts";
import { HostileProvider } from "../core/isolation/fixtures/hostile_provider.ts";
import { nextTurn } from "../turn.ts";

interface Note {
  readonly id: number;
  readonly text?: string;
}

/** Two ends in one thread. A post arrives with a later turn of the event loop, as between threads. */
class Pair {
  /** How many notes came to the second end by post, and how many through the box. */
  readonly came = { post: 0, box: 0 };
  readonly received: number[] = [];
  expected: Expectation = "nothing";
  readonly first: Channel<Note>;
  readonly second: Channel<Note>;

  constructor() {
    const there = new Mailbox();
    const back = new Mailbox();
    const receive = (way: "post" | "box", notes: readonly unknown[]) => {
      this.came[way] += notes.length;
      this.received.push(...notes.map((note) => (note as Note).id));
    };
    const pack = ({ text, ...json }: Note) => ({ json, text });
    this.first = new Channel<Note>({
      ...{ inbox: back, outbox: there, pack, glanceMs: 0.05 },
      post: (notes) => void setTimeout(() => receive("post", notes)),
      receive: () => {},
      expecting: () => "nothing",
      unreadable: () => {},
    });
    this.second = new Channel<Note>({
      ...{ inbox: there, outbox: back, pack, glanceMs: 0.05 },
      post: () => {},
      receive: (notes) => receive("box", notes),
      expecting: () => this.expected,
      unreadable: () => {},
    });
  }

  /** Until so many notes have come. */
  async until(count: number): Promise<void> {
    while (this.received.length < count) await nextTurn();
  }
}

Deno.test("what is sent to an end that is away goes by post, all of a tick together", async () => {
  const pair = new Pair();
  for (let id = 0; id < 5; id++) pair.first.send({ id });
  await pair.until(5);
  assertEquals(pair.came, { post: 5, box: 0 });
});

Deno.test("what is sent to an end that looks goes through the box", async () => {
  const pair = new Pair();
  pair.expected = "soon";
  pair.second.attend();
  for (let id = 0; id < 5; id++) pair.first.send({ id });
  await pair.until(5);
  assertEquals(pair.came, { post: 0, box: 5 });
  pair.second.close();
});

Deno.test("what is too large for the box goes by post; what comes before and behind it is not held up", async () => {
  const pair = new Pair();
  pair.expected = "soon";
  pair.second.attend();
  pair.first.send({ id: 0 });
  pair.first.send({ id: 1, text: "x".repeat(500_000) });
  pair.first.send({ id: 2 });
  await pair.until(3);
  assertEquals(pair.received.toSorted(), [0, 1, 2]);
  assert(pair.came.post > 0, JSON.stringify(pair.came));
  pair.second.close();
});

Deno.test("an end that stops looking loses nothing, whenever it is", async () => {
  const pair = new Pair();
  pair.expected = "soon";
  pair.second.attend();
  let sent = 0;
  for (let round = 0; round < 200; round++) {
    pair.expected = round % 3 === 0 ? "nothing" : "soon";
    pair.second.attend();
    for (let i = 0; i <= round % 4; i++) pair.first.send({ id: sent++ });
    if (round % 5 === 0) await nextTurn();
    else await Promise.resolve();
  }
  await pair.until(sent);
  assertEquals(pair.received.toSorted((a, b) => a - b), Array.from({ length: sent }, (_, i) => i));
  assert(pair.came.box > 0 && pair.came.post > 0, JSON.stringify(pair.came));
  pair.second.close();
});

Deno.test("close() sends nothing any more, of what waits and of what comes, and tells the other end", async () => {
  const pair = new Pair();
  pair.first.send({ id: 1 });
  pair.first.close();
  pair.first.send({ id: 2 });
  assertEquals(pair.second.isAbandoned, true);
  for (let turn = 0; turn < 3; turn++) await nextTurn();
  assertEquals(pair.received, []);
});

Deno.test("withdraw() takes back what has not left, once", () => {
  const { first } = new Pair();
  first.send({ id: 1 });
  assertEquals(first.withdraw(({ id }) => id === 1), true);
  assertEquals(first.withdraw(({ id }) => id === 1), false);
});

Deno.test("each of thousands of calls to a Worker has its own answer, in whatever rhythm they come", async () => {
  using ws = new Workspace();
  {
    await using kernel = await Kernel.open({
      policy: { capabilities: [{ action: ["echo.say", "hostile.do"], resource: "**" }] },
      providers: [new EchoProvider(), new HostileProvider()],
      logPath: ws.path("kernel.log"),
      onWarning: () => {},
    });
    let next = 0;
    await Promise.all(Array.from({ length: 40 }, async (_, caller) => {
      while (next < 4000) {
        const id = next++;
        const text = `${id} ${'ä\n\\"\u{1f600}'.repeat(id % 997)}`;
        const target = `t${id}`;
        // The one answers in a later turn, the other at once.
        const [{ data: later }, { data: atOnce }] = await Promise.all([
          kernel.submit({ action: "echo.say", target, params: { text } }),
          kernel.submit({
            action: "hostile.do",
            target,
            params: { attempt: "ok", argument: text },
          }),
        ]);
        assertEquals([later, atOnce], [{ to: target, said: text }, text]);
        // Some go on at once, some only in a later turn: the Worker has gone to sleep meanwhile, or not.
        if (id % 7 === caller % 7) await nextTurn();
      }
    }));
  }
  const verified = await verifyAuditLog(ws.path("kernel.log"));
  assert(verified.ok);
});

for (
  const [what, ...stuffed] of [
    ["what is no JSON", "{", 0, 1],
    ["a size that it cannot have", "", 0, 2 ** 30],
    ["no items", "{}", 0, 2],
    ["texts that are not there", '{"items":[{}],"lengths":[9]}', 0, 28],
  ] as const
) {
  Deno.test(`a Worker that stuffs its box with ${what} is ended, and the next call has a fresh one`, async () => {
    using ws = new Workspace();
    await using kernel = await Kernel.open({
      policy: { capabilities: [{ action: "hostile.do", resource: "**" }] },
      providers: [new HostileProvider()],
      logPath: ws.path("kernel.log"),
      onWarning: () => {},
    });
    const attempt = (attempt: string, argument = "") =>
      kernel.submit({ action: "hostile.do", target: "x", params: { attempt, argument } });
    const argument = JSON.stringify(stuffed);
    const other = Array.from({ length: 300 }, () => attempt("ok", "beside"));
    const result = await attempt("stuff the box", argument);
    assertEquals(result.code, "PROVIDER_CRASHED", JSON.stringify(result));
    await Promise.all(other);
    assertEquals((await attempt("ok", "alive")).data, "alive");
  });
}

Deno.test("a Worker that only claims to be at it is ended at its deadline, and timers go on meanwhile", async () => {
  using ws = new Workspace();
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "hostile.do", resource: "**" }] },
    providers: [new HostileProvider({ deadlineMs: 1500 })],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const attempt = (attempt: string) =>
    kernel.submit({ action: "hostile.do", target: "x", params: { attempt } });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  const { code } = await attempt("claim to be at it");
  clearInterval(timer);
  assert(code === "DEADLINE_EXCEEDED" || code === "PROVIDER_CRASHED", code);
  assert(ticks > 3, `${ticks} ticks`);
  assertEquals((await attempt("permissions")).status, "OK");
});
