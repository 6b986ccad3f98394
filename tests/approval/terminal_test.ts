/** Asking on a terminal, and asking somebody else after a time. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  allOf,
  ApprovalInbox,
  type ApprovalQuestion,
  type Approver,
  approverOf,
  atLeast,
  escalating,
  firstOf,
  renderQuestion,
  type Terminal,
  terminalApprover,
} from "@agent-kernel/kernel";
import { questionOf } from "../../src/approval/question.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { nextTurn } from "../turn.ts";

function question(content: Partial<ApprovalQuestion> = {}): ApprovalQuestion {
  return questionOf({
    ...{ id: crypto.randomUUID(), action: "shop.pay", target: "vendors/pens", rule: "pay" },
    ...{ params: {}, policy: "0".repeat(64), askedAt: "2026-01-01T00:00:00.000Z" },
    expiresAt: "2026-01-01T01:00:00.000Z",
    ...content,
  });
}

/** A terminal at which lines are typed beforehand. */
class Typed implements Terminal {
  readonly width = 80;
  readonly shown: string[] = [];
  height?: number;
  readonly #lines: (string | undefined)[];

  constructor(...lines: (string | undefined)[]) {
    this.#lines = lines;
  }

  print(line: string): void {
    this.shown.push(line);
  }

  async read(text: string): Promise<string | undefined> {
    this.shown.push(text);
    await Promise.resolve();
    return this.#lines.shift();
  }
}

const { signal } = new AbortController();
const REMEMBER = { as: "target", target: "vendors/pens", for: "8 h" } as const;

Deno.test("a terminal shows the whole question and takes a word for an answer, nothing else", async () => {
  const terminal = new Typed("", "y", "remember", "sure", " Yes ");
  const answer = await terminalApprover({ by: "alice", terminal }).ask(question(), signal);
  assertEquals(answer, { approved: true, by: "alice" });
  assertEquals(terminal.shown.filter((line) => line.includes("yes or no")).length, 5);
  assert(terminal.shown.some((line) => line === 'target   "vendors/pens"'));
});

Deno.test("remember is an answer where the question says for what, and the end of the input is a no", async () => {
  const ask = (terminal: Terminal) =>
    terminalApprover({ by: "alice", terminal }).ask(question({ remember: REMEMBER }), signal);
  assertEquals(await ask(new Typed("remember")), { approved: true, remember: true, by: "alice" });
  assertEquals(await ask(new Typed("no")), { approved: false, by: "alice" });
  assertEquals((await ask(new Typed(undefined))).approved, false);
});

Deno.test("a question of more lines than the screen is shown in pages, whole, before it can be answered", async () => {
  const params = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`p${i}`, i]));
  const long = question({ params });
  const lines = renderQuestion(long, 80);
  const pages = Math.ceil(lines.length / 23);
  // A yes that is typed before the last page answers nothing.
  const terminal = new Typed(...Array(pages - 1).fill("yes"), "no");
  terminal.height = 24;
  const answer = await terminalApprover({ by: "alice", terminal }).ask(long, signal);
  assertEquals(answer, { approved: false, by: "alice" });
  const isStop = (line: string) => line.startsWith("— line ");
  const [, ...shown] = terminal.shown;
  assertEquals(shown.filter((line) => !isStop(line)), [...lines, "May it be done? yes or no: "]);
  assertEquals(
    shown.filter(isStop),
    Array.from(
      { length: pages - 1 },
      (_, i) => `— line ${23 * (i + 1)} of ${lines.length}: Enter goes on —`,
    ),
  );
  // No page is longer than the screen.
  for (let i = 23; i < 24 * (pages - 1); i += 24) assert(isStop(shown[i] ?? ""), shown[i]);
});

Deno.test("a question that fits the screen has no pages, and neither has one where there is no screen", async () => {
  const one = question();
  const lines = renderQuestion(one, 80).length;
  for (
    const [height, stops] of [[undefined, 0], [lines + 1, 0], [lines, 1], [
      1,
      Math.ceil(lines / 2) - 1,
    ]] as const
  ) {
    const terminal = new Typed(...Array(stops).fill(""), "yes");
    if (height !== undefined) terminal.height = height;
    assertEquals((await terminalApprover({ by: "a", terminal }).ask(one, signal)).approved, true);
    assertEquals(terminal.shown.filter((line) => line.startsWith("— ")).length, stops);
  }
});

Deno.test("the end of the input between two pages is a no", async () => {
  const terminal = new Typed("", undefined, "yes");
  terminal.height = 3;
  const answer = await terminalApprover({ by: "alice", terminal }).ask(question(), signal);
  assertEquals([answer.approved, answer.reason], [false, "the input has ended"]);
  assert(!terminal.shown.some((line) => line.startsWith("May it be done?")));
});

Deno.test("a question that is over between two pages is answered by nothing", async () => {
  const controller = new AbortController();
  const terminal = new Typed("", "yes");
  terminal.height = 3;
  const read = terminal.read.bind(terminal);
  terminal.read = (text) => {
    controller.abort(new Error("over"));
    return read(text);
  };
  await assertRejects(
    () => terminalApprover({ by: "alice", terminal }).ask(question(), controller.signal),
    Error,
    "over",
  );
});

Deno.test("questions are asked one after the other, and what is typed for one that is over answers none", async () => {
  const lines: PromiseWithResolvers<string | undefined>[] = [];
  const shown: string[] = [];
  const approver = terminalApprover({
    by: "alice",
    terminal: {
      width: 80,
      print: (line) => shown.push(line),
      read() {
        const line = Promise.withResolvers<string | undefined>();
        lines.push(line);
        return line.promise;
      },
    },
  });
  const controller = new AbortController();
  const first = approver.ask(question({ target: "one" }), controller.signal).catch(() => "over");
  const second = approver.ask(question({ target: "two" }), signal);
  await nextTurn();
  assertEquals(lines.length, 1);
  controller.abort();
  assert(shown.includes("(nobody waits any more, press Enter)"));
  assert(!shown.includes('target   "two"'));
  lines[0]?.resolve("yes");
  assertEquals(await first, "over");
  while (lines.length < 2) await nextTurn();
  lines[1]?.resolve("no");
  assertEquals((await second).approved, false);
});

Deno.test("escalating() asks the second after a time, or at once if the first fails; the first answer counts", async () => {
  for (const fails of [false, true]) {
    const timer = new ManualTimer();
    const asked: string[] = [];
    const first = approverOf(() => {
      asked.push("first");
      if (fails) throw new Error("asleep");
      return new Promise(() => {});
    });
    const then = approverOf(() => {
      asked.push("then");
      return { approved: true, by: "boss" };
    });
    const answer = escalating(first, { afterMs: 1000, then, timer }).ask(question(), signal);
    await nextTurn();
    assertEquals(asked, fails ? ["first", "then"] : ["first"]);
    timer.pass(1000);
    assertEquals((await answer).by, "boss");
    assertEquals([asked, timer.waiting], [["first", "then"], 0]);
  }
});

Deno.test("escalating() asks nobody else when the first has answered", async () => {
  const timer = new ManualTimer();
  let asked = 0;
  const first = approverOf(() => ({ approved: false, by: "alice" }));
  const then = approverOf(() => {
    asked++;
    return { approved: true, by: "boss" };
  });
  const answer = await escalating(first, { afterMs: 1000, then, timer }).ask(question(), signal);
  timer.pass(5000);
  await nextTurn();
  assertEquals([answer.approved, asked], [false, 0]);
});

const INBOX = new ApprovalInbox("/inbox");
const HOOK = { ...approverOf(() => ({ approved: true, by: "a" })), net: ["host:443"] };
const JOINED: readonly (readonly [string, Approver])[] = [
  ["firstOf", firstOf(INBOX, HOOK)],
  ["allOf", allOf(INBOX, HOOK)],
  ["atLeast", atLeast(1, INBOX, HOOK)],
  ["escalating", escalating(INBOX, { afterMs: 1, then: HOOK })],
  ["escalating, the other way", escalating(HOOK, { afterMs: 1, then: INBOX })],
];
for (const [name, { folders, net }] of JOINED) {
  Deno.test(`${name}: what its approvers use is guarded and permitted as ever`, () => {
    assertEquals([folders, net], [["/inbox"], ["host:443"]]);
  });
}
