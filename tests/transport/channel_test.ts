import { assert, assertEquals, assertMatch } from "@std/assert";
import { Ring } from "../../src/transport/ring.ts";
import { Channel, type ChannelOptions } from "../../src/transport/channel.ts";
import { Kernel, verifyAuditLog } from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";
import { EchoProvider } from "../core/isolation/fixtures/echo_provider.ts";
import { HostileProvider } from "../core/isolation/fixtures/hostile_provider.ts";
import { nextTurn } from "../turn.ts";

/** One end of a connection, with rings on the other side that a test reads and fills. */
class End implements Disposable {
  readonly inbox = new Ring();
  readonly outbox = new Ring();
  readonly posted: unknown[] = [];
  readonly received: unknown[] = [];
  readonly failures: string[] = [];
  readonly channel: Channel;
  /** The other side of `outbox`. */
  readonly reader = new Ring(this.outbox.shared);
  /** The other side of `inbox`. */
  readonly writer = new Ring(this.inbox.shared);
  #read = 0;

  constructor(options: Partial<ChannelOptions> = {}) {
    this.channel = new Channel({
      inbox: this.inbox,
      outbox: this.outbox,
      post: (posted) => void this.posted.push(structuredClone(posted)),
      receive: (message) => void this.received.push(message),
      fail: (reason) => void this.failures.push(reason),
      ...options,
    });
  }

  /** What is in the ring that this end has filled. */
  sent(): unknown[] {
    const messages: unknown[] = [];
    for (let next; (next = this.reader.take(this.#read)) !== undefined; this.#read++) {
      messages.push(next.message);
    }
    return messages;
  }

  [Symbol.dispose](): void {
    this.channel.close();
  }
}

Deno.test("send() puts the messages of one tick into the ring, and signals the other end", async () => {
  using end = new End();
  const signals = end.reader.signals;
  for (let id = 0; id < 3; id++) end.channel.send(id);
  assertEquals(end.sent(), []);
  await nextTurn();
  assertEquals([end.sent(), end.posted], [[0, 1, 2], []]);
  assertEquals(end.reader.signals, signals + 1);
});

Deno.test("send() does not hold many messages back until the end of the tick", () => {
  using end = new End();
  for (let id = 0; id < 10; id++) end.channel.send(id);
  assertEquals(end.sent(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("what has no place in the ring is posted with its number, and counted", async () => {
  using end = new End();
  const large = "x".repeat(100_000);
  for (const message of ["a", large, "b"]) end.channel.send(message);
  await nextTurn();
  assertEquals(end.posted, [[1, large]]);
  assertEquals([0, 1, 2].map((count) => end.reader.hasPosted(count)), [false, true, false]);
  assertEquals(end.reader.take(0), { message: "a" });
  assertEquals(end.reader.take(2), { message: "b" });
});

Deno.test("a message that cannot be sent fails the connection, once", async () => {
  using end = new End();
  end.channel.send(() => {});
  await nextTurn();
  end.channel.send(1);
  await nextTurn();
  assertEquals(end.failures.length, 1);
  assertMatch(end.failures[0] ?? "", /could not be reached/);
  assertEquals([end.posted, end.sent()], [[], []]);
});

Deno.test("a signal has what is in the ring received", async () => {
  using end = new End();
  await nextTurn();
  for (let id = 0; id < 3; id++) end.writer.push(id, id);
  end.writer.signal();
  while (end.received.length < 3) await nextTurn();
  assertEquals(end.received, [0, 1, 2]);
});

Deno.test("what was posted waits for what was sent before it, and what was sent after it waits", async () => {
  using end = new End();
  end.writer.push(2, "third");
  end.writer.signal();
  await nextTurn();
  assertEquals(end.received, []);
  const other = new Ring(end.inbox.shared);
  assertEquals(other.isEmpty, false);
  end.channel.accept([0, "first"]);
  end.channel.accept([1, "second"]);
  assertEquals(end.received, ["first", "second", "third"]);
});

Deno.test("accept() takes what does not come from a channel for a message that nobody waits for", () => {
  using end = new End();
  for (const posted of [[], null, "x", 7, {}, [1, "early"], [0, "first"], ["1", "odd"], [1, 2]]) {
    end.channel.accept(posted);
  }
  const none = undefined;
  assertEquals(end.received, [none, none, none, none, none, "first", "early", "odd", 2]);
});

Deno.test("thousands of messages in the ring before one that was posted come before it", async () => {
  using pair = new Pair();
  for (let id = 0; id < 2000; id++) pair.first.send({ id });
  pair.first.send({ id: 2000, text: "x".repeat(100_000) });
  for (let id = 2001; id < 2100; id++) pair.first.send({ id });
  while (pair.received.length < 2100) await nextTurn();
  assertEquals(pair.received, Array.from({ length: 2100 }, (_, id) => id));
});

Deno.test("what waits for a posted message waits however long that takes, and nothing is done meanwhile", async () => {
  let looks = 0;
  using end = new End({
    now() {
      looks++;
      return 0;
    },
  });
  end.writer.push(1, "second");
  end.writer.signal();
  await nextTurn();
  const before = looks;
  for (let turn = 0; turn < 1500; turn++) await nextTurn();
  assert(looks - before < 10, `${looks - before} looks`);
  end.channel.accept([0, "first"]);
  assertEquals([end.received, end.failures], [["first", "second"], []]);
});

Deno.test("what a turn has no time for has another one, also behind a posted message and without a signal", async () => {
  let time = 0;
  using end = new End({ now: () => time += 0.5 });
  for (let id = 1; id <= 50; id++) end.writer.push(id, id);
  end.writer.signal();
  for (let turn = 0; turn < 5; turn++) await nextTurn(); // From here on it awaits a signal.
  end.channel.accept([0, 0]);
  assert(end.received.length < 50, "the first turn received all");
  while (end.received.length < 51) await nextTurn();
  assertEquals(end.received, Array.from({ length: 51 }, (_, id) => id));
});

Deno.test("a turn that takes too long ends, whatever there is to receive", async () => {
  let time = 0;
  using end = new End({ now: () => time += 0.5 });
  await nextTurn();
  for (let id = 0; id < 100; id++) end.writer.push(id, id);
  end.writer.signal();
  end.channel.accept([1000, "one that is not here yet"]);
  const first = end.received.length;
  assert(first > 0 && first < 10, `${first} messages in the first turn`);
  while (end.received.length < 100) await nextTurn();
  assertEquals(end.received, Array.from({ length: 100 }, (_, id) => id));
});

Deno.test("what has to be posted is posted, whatever its size", async () => {
  using end = new End({ isPosted: (message) => message instanceof Map });
  const map = new Map([["a", new Uint8Array([1])]]);
  end.channel.send(map);
  end.channel.send("text");
  await nextTurn();
  assertEquals(end.posted, [[0, map]]);
  assertEquals(end.reader.take(1), { message: "text" });
});

Deno.test("accept() does not walk through an array of any length", () => {
  using end = new End();
  const looked: PropertyKey[] = [];
  const posted = new Proxy(new Array(2 ** 32 - 1), {
    get(target, key) {
      // Who would walk through it is stopped soon, not after minutes.
      if (looked.push(key) > 10) throw new Error("looked at more than two elements");
      return Reflect.get(target, key);
    },
  });
  end.channel.accept(posted);
  assertEquals([end.received, end.failures], [[undefined], []]);
});

Deno.test("close() sends and receives nothing any more, and tells the other end", async () => {
  using end = new End();
  end.channel.send(1);
  end.channel.close();
  end.channel.send(2);
  end.channel.accept([0, 3]);
  end.writer.push(0, 4);
  end.writer.signal();
  await nextTurn();
  assertEquals([end.posted, end.sent(), end.received, end.writer.isClosed], [[], [], [], true]);
});

Deno.test("isAbandoned says whether the other end has closed", () => {
  using end = new End();
  assertEquals(end.channel.isAbandoned, false);
  end.reader.close();
  assertEquals(end.channel.isAbandoned, true);
});

/** A channel that may look, with a clock of which each reading is 0.01 ms after the one before. */
class Looker extends End {
  readonly #clock: { readings: number; onReading: () => void };

  constructor() {
    const clock = { readings: 0, onReading: () => {} };
    super({
      mayLook: () => true,
      now() {
        clock.onReading();
        return ++clock.readings / 100;
      },
    });
    this.#clock = clock;
  }

  /**
   * Sends a question.
   *
   * @param onReading Called with each reading of the clock meanwhile.
   * @returns For how long its answer was looked for, in readings of the clock.
   */
  async ask(onReading = () => {}): Promise<number> {
    const before = this.#clock.readings;
    this.#clock.onReading = onReading;
    this.channel.send("question");
    await Promise.resolve();
    await Promise.resolve();
    this.#clock.onReading = () => {};
    return this.#clock.readings - before;
  }
}

/** A reading to receive what there is, where nothing is looked for. */
const NO_LOOK = 1;

Deno.test("looking for an answer ends by itself, after 0.5 ms", async () => {
  using end = new Looker();
  const readings = await end.ask();
  assert(readings >= 50 && readings <= 53, `${readings} readings, 0.01 ms apart`);
});

Deno.test("each look in vain has more of the next ones left out, at most 1,024", async () => {
  using end = new Looker();
  const leftOut: number[] = [];
  let count = 0;
  while (leftOut.length < 14) {
    if (await end.ask() === NO_LOOK) count++;
    else count = leftOut.push(count) * 0;
  }
  assertEquals(leftOut, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]);
});

Deno.test("looks that are not in vain take back what was left out", async () => {
  using end = new Looker();
  let answers = 0;
  /** Answers at the second reading: there is none without a look. */
  const answered = () => {
    let readings = 0;
    return end.ask(() => {
      if (++readings === 2) end.writer.push(answers++, "answer");
    });
  };
  for (let vain = 0; vain < 3;) if (await end.ask() !== NO_LOOK) vain++;
  for (let looks = 0; looks < 12;) if (await answered() !== NO_LOOK) looks++;
  let leftOut = 0;
  await end.ask();
  while (await end.ask() === NO_LOOK) leftOut++;
  assertEquals(leftOut, 1);
});

Deno.test("an answer that is there is received in the same tick", async () => {
  const inbox = new Ring();
  const writer = new Ring(inbox.shared);
  using end = new End({ inbox, mayLook: () => true, now: () => 0 });
  writer.push(0, "answer");
  end.channel.send("question");
  await Promise.resolve();
  assertEquals(end.received, ["answer"]);
});

Deno.test("a channel whose thread may sleep receives what comes meanwhile, and has its turns", async () => {
  let turns = 0;
  const inbox = new Ring();
  const writer = new Ring(inbox.shared);
  using end = new End({ inbox, maySleep: () => true });
  const timer = setInterval(() => turns++);
  writer.push(0, "first");
  writer.signal();
  while (turns < 3 || end.received.length === 0) await nextTurn();
  clearInterval(timer);
  assertEquals(end.received, ["first"]);
});

// deno-fmt-ignore -- a row is a line
const FILLINGS: readonly { cell: string; text: string; length: number; received: unknown[]; failure?: RegExp }[] = [
  { cell: "a message", text: "[1,2]", length: 5, received: [[1, 2]] },
  { cell: "what is not JSON", text: "[", length: 1, received: [], failure: /^sent what cannot be read/ },
  { cell: "a size that it cannot have", text: "[1]", length: 2 ** 30, received: [], failure: /^sent what cannot be read/ },
  { cell: "a negative size", text: "[1]", length: -2, received: [], failure: /^sent what cannot be read/ },
];
for (const { cell, text, length, received: expected, failure } of FILLINGS) {
  Deno.test(`a ring in which the other end wrote ${cell} ${failure ? "fails" : "is received"}`, async () => {
    using end = new End();
    await nextTurn();
    const words = new Int32Array(end.inbox.shared);
    new TextEncoder().encodeInto(text, new Uint8Array(end.inbox.shared, 4 * 7));
    words[5] = length;
    words[0] = 16;
    end.writer.signal();
    while (end.received.length + end.failures.length === 0) await nextTurn();
    assertEquals(end.received, expected);
    assertEquals(end.failures.length, failure === undefined ? 0 : 1);
    if (failure !== undefined) assertMatch(end.failures[0] ?? "", failure);
  });
}

Deno.test("signals that come for nothing, without end, fail the connection", async () => {
  using end = new End();
  let sent = 0;
  while (end.failures.length === 0) {
    end.writer.signal();
    if (++sent > 100_000) break;
    await nextTurn();
  }
  assertEquals(end.failures, ["sent signals for nothing"]);
});

/** Two ends in one thread. What is posted arrives in a later turn, as between threads. */
class Pair implements Disposable {
  readonly received: number[] = [];
  readonly first: Channel;
  readonly second: Channel;
  posted = 0;

  constructor() {
    const [there, back] = [new Ring(), new Ring()];
    this.second = new Channel({
      inbox: new Ring(there.shared),
      outbox: back,
      post: () => {},
      receive: (message) => void this.received.push((message as { id: number }).id),
      fail: (reason) => assertEquals(reason, ""),
    });
    this.first = new Channel({
      inbox: new Ring(back.shared),
      outbox: there,
      post: (posted) => {
        this.posted++;
        setTimeout(() => this.second.accept(posted));
      },
      receive: () => {},
      fail: (reason) => assertEquals(reason, ""),
    });
  }

  [Symbol.dispose](): void {
    this.first.close();
    this.second.close();
  }
}

Deno.test("messages arrive in the order in which they were sent, whichever way they take", async () => {
  using pair = new Pair();
  let sent = 0;
  for (let round = 0; round < 300; round++) {
    for (let i = 0; i <= round % 7; i++) {
      const id = sent++;
      // Some are too large for the ring, and sometimes the ring is full.
      pair.first.send({ id, text: "x".repeat(id % 11 === 0 ? 60_000 : 97 * (id % 200)) });
    }
    if (round % 5 === 0) await nextTurn();
    if (round % 3 === 0) await Promise.resolve();
  }
  while (pair.received.length < sent) await nextTurn();
  assertEquals(pair.received, Array.from({ length: sent }, (_, i) => i));
  assert(pair.posted > 100 && pair.posted < sent - 100, `${pair.posted} of ${sent} were posted`);
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
        // Some go on at once, some only in a later turn, when the Worker does not sleep any more.
        if (id % 7 === caller % 7) await nextTurn();
      }
    }));
  }
  const verified = await verifyAuditLog(ws.path("kernel.log"));
  assert(verified.ok);
});

Deno.test("a Worker that signals without end and never answers is ended, and timers go on meanwhile", async () => {
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
  const { code } = await attempt("signal without end");
  clearInterval(timer);
  assert(code === "DEADLINE_EXCEEDED" || code === "PROVIDER_CRASHED", code);
  assert(ticks > 3, `${ticks} ticks`);
  // On a busy machine a new Worker may take longer than the deadline to start.
  let next = await attempt("permissions");
  while (next.code === "DEADLINE_EXCEEDED") next = await attempt("permissions");
  assertEquals(next.status, "OK");
});

Deno.test("posted messages out of every order, or twice with one number, are unsolicited", () => {
  using end = new End();
  // The first is waited for; the others can be nothing that a ring has room for, or are there already.
  for (const number of [5, 5, 1_000_000, 32 * 1024, -1, 0.5]) end.channel.accept([number, number]);
  assertEquals(end.received, [5, 1_000_000, 32 * 1024, -1, 0.5]);
});
