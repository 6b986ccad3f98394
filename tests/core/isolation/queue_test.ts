import { assertEquals } from "@std/assert";
import { type Answer, checkAnswer } from "../../../src/core/isolation/answer.ts";
import { NOTHING, toWorkerOptions } from "../../../src/core/isolation/permission_set.ts";
import type { ToWorker } from "../../../src/core/isolation/protocol.ts";
import type { Receiver } from "../../../src/core/isolation/transport.ts";
import { WorkerHost } from "../../../src/core/isolation/worker_host.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { EchoProvider } from "./fixtures/echo_provider.ts";
import { nextTurn } from "../../turn.ts";

/** A host whose Workers get nothing: a test sees what is sent to them, and answers in their place. */
class Scene {
  readonly timer = new ManualTimer();
  /** What was sent to each Worker, the first message apart. */
  readonly sent: ToWorker[][] = [];
  readonly receivers: Receiver[] = [];
  readonly host: WorkerHost;

  constructor({ module }: { readonly module?: string } = {}) {
    const provider = new EchoProvider({ deadlineMs: 1000 });
    this.host = new WorkerHost({ ...provider, module: module ?? provider.module }, {
      permissions: toWorkerOptions(NOTHING),
      revoke: [],
      environment: {},
      transport: {
        connect: (_worker, receiver) => {
          const messages: ToWorker[] = [];
          this.sent.push(messages);
          this.receivers.push(receiver);
          const send = (message: ToWorker) =>
            void (message.type !== "init" && messages.push(message));
          return { send, close: () => {} };
        },
      },
      onWarning: () => {},
      timer: this.timer,
    });
  }

  /** Makes calls; gives how each ended: its data, or a code. */
  call(count: number): Promise<unknown>[] {
    const request = { action: "echo.say", target: "x", params: {} };
    const decide = () => ({ allowed: true, target: "x", reason: "", code: "ALLOWED" });
    return Array.from({ length: count }, async () => {
      const answer: Answer = checkAnswer(await this.host.call(request, decide), 1000);
      return answer.ok ? answer.data : answer.code;
    });
  }

  /** Answers a call with its own number. */
  answer(id: number): void {
    const answer = { ok: true, data: id, truncated: false };
    this.receivers.at(-1)?.receive({ type: "answer", id, answer });
  }

  /** The numbers of the calls that the last Worker was sent. */
  get calls(): number[] {
    return (this.sent.at(-1) ?? []).flatMap((message) => message.type === "call" ? message.id : []);
  }
}

Deno.test("a Worker has at most 64 calls, and gets the next when one has been answered", async () => {
  const scene = new Scene();
  const ends = scene.call(66);
  assertEquals(scene.calls.length, 64);
  assertEquals(scene.receivers[0]?.unanswered(), 64);
  scene.answer(5);
  assertEquals(scene.calls.slice(64), [64]);
  for (let id = 0; id < 66; id++) scene.answer(id);
  assertEquals(await Promise.all(ends), Array.from({ length: 66 }, (_, id) => id));
  await scene.host.close();
});

Deno.test("the deadline of a call counts in the queue, and a call that expires there is never sent", async () => {
  const scene = new Scene();
  const running = scene.call(64);
  scene.timer.pass(600);
  const [queued] = scene.call(1);
  scene.timer.pass(300);
  for (let id = 0; id < 63; id++) scene.answer(id);
  // The queued call has been sent now, and has 700 of its 1000 ms left.
  assertEquals(scene.calls.at(-1), 64);
  scene.answer(64);
  scene.answer(63);
  assertEquals(await queued, 64);
  assertEquals((await Promise.all(running)).length, 64);

  const busy = scene.call(64);
  const [expired] = scene.call(1);
  scene.timer.pass(999);
  assertEquals(scene.calls.includes(129), false);
  scene.timer.pass(1);
  // All are due: those that the Worker has are aborted, the one in the queue is answered.
  assertEquals(await expired, "DEADLINE_EXCEEDED");
  const aborts = scene.sent[0]?.filter(({ type }) => type === "abort").length;
  assertEquals([aborts, scene.calls.includes(129)], [64, false]);
  scene.timer.pass(250);
  assertEquals(new Set(await Promise.all(busy)), new Set(["DEADLINE_EXCEEDED"]));
  assertEquals(scene.timer.waiting, 0);
  await scene.host.close();
});

Deno.test("a Worker that does not end an overdue call is terminated: due calls are overdue, others crashed", async () => {
  const scene = new Scene();
  const [blocking, soonDue] = scene.call(2);
  scene.timer.pass(900);
  const [later] = scene.call(1);
  scene.timer.pass(100);
  const aborts = scene.sent[0]?.flatMap((one) => one.type === "abort" ? one.id : []);
  assertEquals(aborts, [0, 1]);
  // The answer of an overdue call does not count, but saves the Worker.
  scene.answer(1);
  assertEquals(await soonDue, "DEADLINE_EXCEEDED");
  scene.timer.pass(99);
  assertEquals(scene.sent.length, 1);
  scene.timer.pass(151);
  assertEquals([await blocking, await later], ["DEADLINE_EXCEEDED", "PROVIDER_CRASHED"]);
  // The next call has a new Worker.
  const [next] = scene.call(1);
  scene.answer(3);
  assertEquals([await next, scene.sent.length], [3, 2]);
  await scene.host.close();
});

Deno.test("a Worker that cannot be started ends all calls, however many are in the queue", async () => {
  const scene = new Scene({ module: "no URL" });
  const ends = await Promise.all(scene.call(5000));
  assertEquals(new Set(ends), new Set(["PROVIDER_CRASHED"]));
  await scene.host.close();
});

Deno.test("questions beyond the bound of a call are denied, and count as unsolicited messages", async () => {
  const scene = new Scene();
  const [end] = scene.call(1);
  const ask = (question: number) =>
    scene.receivers[0]?.receive({ type: "question", id: 0, question, about: { target: "x" } });
  for (let question = 0; question < 100_001; question++) ask(question);
  await nextTurn();
  const decisions = scene.sent[0]?.flatMap((message) =>
    message.type === "decision" ? message.decision.reason : []
  );
  assertEquals(decisions?.slice(99_999), ["", "too many questions"]);
  for (let question = 0; question < 10_000; question++) ask(question);
  assertEquals(await end, "PROVIDER_CRASHED");
  await scene.host.close();
});
