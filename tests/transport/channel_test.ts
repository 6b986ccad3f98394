import { assert, assertEquals, assertMatch } from "@std/assert";
import { Box } from "../../src/transport/box.ts";
import { Channel } from "../../src/transport/channel.ts";
import { Kernel, verifyAuditLog } from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";
import { EchoProvider } from "../core/isolation/fixtures/echo_provider.ts";
import { HostileProvider } from "../core/isolation/fixtures/hostile_provider.ts";
import { nextTurn } from "../turn.ts";

/** One end of a connection, with a box on the other side that a test reads and fills. */
class End {
  readonly inbox = new Box();
  readonly outbox = new Box();
  readonly posted: unknown[] = [];
  readonly received: unknown[] = [];
  readonly failures: string[] = [];
  mayPoll = false;
  readonly channel = new Channel({
    inbox: this.inbox,
    outbox: this.outbox,
    post: (batch) => void this.posted.push(structuredClone(batch)),
    receive: (message) => void this.received.push(message),
    fail: (reason) => void this.failures.push(reason),
    mayPoll: () => this.mayPoll,
  });
  /** The other side of `outbox`. */
  readonly reader = new Box(this.outbox.shared);
  /** The other side of `inbox`. */
  readonly writer = new Box(this.inbox.shared);
}

Deno.test("send() posts the messages of one tick as one batch if the other end does not poll", async () => {
  const end = new End();
  for (let id = 0; id < 5; id++) end.channel.send(id);
  assertEquals(end.posted, []);
  await nextTurn();
  assertEquals(end.posted, [[0, 1, 2, 3, 4]]);
});

Deno.test("send() fills the box if the other end polls", async () => {
  const end = new End();
  end.reader.startPolling();
  for (let id = 0; id < 5; id++) end.channel.send(id);
  await nextTurn();
  assertEquals([end.posted, end.reader.take()], [[], [0, 1, 2, 3, 4]]);
});

Deno.test("send() splits a large batch, and what is too large for the box is posted", async () => {
  const end = new End();
  end.reader.startPolling();
  for (let id = 0; id < 40; id++) end.channel.send(id);
  await nextTurn();
  assertEquals((end.reader.take() as unknown[]).length, 16);
  assertEquals(end.posted.map((batch) => (batch as unknown[]).length), [16, 8]);
  const large = new End();
  large.reader.startPolling();
  large.channel.send("x".repeat(100_000));
  await nextTurn();
  assertEquals(large.posted.length, 1);
});

Deno.test("a message that cannot be sent fails the connection, once", async () => {
  const end = new End();
  end.channel.send(() => {});
  await nextTurn();
  end.channel.send(1);
  await nextTurn();
  assertEquals(end.failures.length, 1);
  assertMatch(end.failures[0] ?? "", /could not be reached/);
  assertEquals(end.posted, []);
});

Deno.test("accept() receives the messages of a batch, and counts what is none as one message", () => {
  const end = new End();
  for (const batch of [[1, 2], [], null, "x", 7, {}]) end.channel.accept(batch);
  assertEquals(end.received, [1, 2, undefined, undefined, undefined, undefined, undefined]);
});

Deno.test("accept() does not walk through an array of any length", () => {
  const end = new End();
  const looked: PropertyKey[] = [];
  const batch = new Proxy(new Array(2 ** 32 - 1), {
    get(target, key) {
      // Who would walk through it is stopped soon, not after minutes.
      if (looked.push(key) > 10) throw new Error("looked at more than its length");
      return Reflect.get(target, key);
    },
  });
  end.channel.accept(batch);
  assertEquals([end.received, end.failures], [[], ["sent too many messages at once"]]);
  assertEquals(looked.filter((key) => key !== "length"), []);
});

Deno.test("close() sends and receives nothing any more, and tells the other end", async () => {
  const end = new End();
  end.channel.send(1);
  end.channel.close();
  end.channel.send(2);
  end.channel.accept([3]);
  await nextTurn();
  assertEquals([end.posted, end.received, end.writer.isClosed], [[], [], true]);
});

Deno.test("isAbandoned says whether the other end has closed", () => {
  const end = new End();
  assertEquals(end.channel.isAbandoned, false);
  end.reader.close();
  assertEquals(end.channel.isAbandoned, true);
});

Deno.test("polling ends by itself, in vain or not, and leaves the box closed to the writer", async () => {
  const end = new End();
  end.mayPoll = true;
  end.channel.accept(["begin"]);
  end.writer.countPosted();
  for (let id = 0; id < 50; id++) {
    end.channel.send(id);
    await nextTurn();
    assertEquals(end.writer.fill(["too late"]), false);
  }
  assertEquals(end.posted.length, 50);
});

/** A box that is filled past all rules as soon as it is polled. */
class HostileBox extends Box {
  readonly text: string;
  readonly length: number;

  constructor(text: string, length: number) {
    super();
    [this.text, this.length] = [text, length];
  }

  override startPolling(): boolean {
    const polls = super.startPolling();
    new TextEncoder().encodeInto(this.text, new Uint8Array(this.shared, 16));
    const words = new Int32Array(this.shared, 0, 4);
    words[1] = this.length;
    Atomics.store(words, 0, 2);
    return polls;
  }
}

// deno-fmt-ignore -- a row is a line
const FILLINGS: readonly { cell: string; text: string; length: number; received: unknown[]; failure?: RegExp }[] = [
  { cell: "a batch", text: "[1,2]", length: 5, received: [1, 2] },
  { cell: "what is not JSON", text: "[", length: 1, received: [], failure: /^sent what cannot be read/ },
  { cell: "a size that it cannot have", text: "[1]", length: 2 ** 30, received: [], failure: /^sent what cannot be read/ },
  { cell: "a negative size", text: "[1]", length: -1, received: [], failure: /^sent what cannot be read/ },
  { cell: "no batch", text: "{}", length: 2, received: [undefined] },
  { cell: "too many messages", text: `[${"1,".repeat(1024)}1]`, length: 2051, received: [], failure: /^sent too many/ },
];
for (const { cell, text, length, received: expected, failure } of FILLINGS) {
  Deno.test(`polling a box in which the other end wrote ${cell} ${failure ? "fails" : "receives"}`, async () => {
    const [received, failures]: [unknown[], string[]] = [[], []];
    const channel = new Channel({
      inbox: new HostileBox(text, length),
      outbox: new Box(),
      post: () => {},
      receive: (message) => void received.push(message),
      fail: (reason) => void failures.push(reason),
      mayPoll: () => true,
      now: () => 0,
    });
    channel.send("question");
    await nextTurn();
    assertEquals(received, expected);
    assertEquals(failures.length, failure === undefined ? 0 : 1);
    if (failure !== undefined) assertMatch(failures[0] ?? "", failure);
  });
}

/** Two ends in one thread. A posted batch arrives in a later turn, as between threads. */
class Pair {
  readonly received: number[] = [];
  readonly first: Channel;
  readonly second: Channel;
  readonly #there = new Box();
  /** Whether the second end is to poll for a batch when it next has a turn. */
  readonly reader = new Box(this.#there.shared);

  constructor() {
    const back = new Box();
    this.second = new Channel({
      inbox: this.reader,
      outbox: back,
      post: () => {},
      receive: (message) => void this.received.push(message as number),
      fail: (reason) => assertEquals(reason, ""),
      mayPoll: () => false,
    });
    this.first = new Channel({
      inbox: new Box(back.shared),
      outbox: this.#there,
      post: (batch) => void setTimeout(() => this.second.accept(batch)),
      receive: () => {},
      fail: (reason) => assertEquals(reason, ""),
      mayPoll: () => false,
    });
  }
}

Deno.test("messages arrive in the order in which they were sent, whichever way they take", async () => {
  const pair = new Pair();
  let sent = 0;
  let filled = 0;
  for (let round = 0; round < 300; round++) {
    const polls = round % 3 !== 0 && pair.reader.startPolling();
    for (let i = 0; i <= round % 4; i++) pair.first.send(sent++);
    await Promise.resolve();
    await Promise.resolve();
    if (polls) {
      pair.reader.stopPolling();
      if (pair.reader.isFilled) {
        filled++;
        pair.received.push(...pair.reader.take() as number[]);
      }
    }
    if (round % 5 === 0) await nextTurn();
  }
  while (pair.received.length < sent) await nextTurn();
  assertEquals(pair.received, Array.from({ length: sent }, (_, i) => i));
  assert(filled > 10 && filled < 290, String(filled));
});

Deno.test("each of thousands of calls to a Worker has its own answer, in whatever rhythm they are made", async () => {
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
        // Some go on at once, some only in a later turn, when the Worker does not poll any more.
        if (id % 7 === caller % 7) await nextTurn();
      }
    }));
  }
  const verified = await verifyAuditLog(ws.path("kernel.log"));
  assert(verified.ok);
});

Deno.test("a Worker that claims to poll and never does is ended at its deadline, and timers go on meanwhile", async () => {
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
  const { code } = await attempt("claim to poll");
  clearInterval(timer);
  assert(code === "DEADLINE_EXCEEDED" || code === "PROVIDER_CRASHED", code);
  assert(ticks > 3, `${ticks} ticks`);
  assertEquals((await attempt("permissions")).status, "OK");
});
