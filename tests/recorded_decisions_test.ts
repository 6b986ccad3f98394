import { assertEquals } from "@std/assert";
import { type ActionRequest, type ActionResult, Kernel, Provider } from "@agent-kernel/kernel";
import type {
  DecideQuestion,
  ProviderHost,
  ResourceDecision,
} from "../src/core/isolation/provider_host.ts";
import { nextTurn } from "./turn.ts";
import { Workspace } from "./workspace.ts";
import { type QuestionGate, recordingHost } from "../src/recorded_decisions.ts";

const REQUEST = { action: "proc.exec", target: "/bin/x", params: {}, agent: "alice" };
const DECIDED = { allowed: true, target: "decided", code: "ALLOWED", reason: "" };

/** A gate whose turns have come already. */
function gateOf(submit: QuestionGate["submit"]): QuestionGate {
  return { submit, turn: () => Promise.resolve(), needsRecord: () => false };
}

/** What a provider is answered that asks one question. */
async function answerTo(question: unknown, submit: QuestionGate["submit"]): Promise<unknown> {
  const inner = {
    maxOutputBytes: 7,
    close: () => Promise.resolve(),
    call: async (_: unknown, decide: DecideQuestion) => await decide(question),
  } as unknown as ProviderHost;
  const host = recordingHost(inner, ["net.http"], gateOf(submit));
  assertEquals(host.maxOutputBytes, 7);
  return await host.call(REQUEST as unknown as Parameters<ProviderHost["call"]>[0], () => DECIDED);
}

Deno.test("a recorded question is submitted for the agent of the call, and allowed once it has its record", async () => {
  const submitted: ActionRequest[] = [];
  const answer = await answerTo(
    { action: "net.http", target: "HTTP://a.example", params: { method: "GET" }, agent: "mallory" },
    async (request, host) => {
      submitted.push(request);
      const canonical = { ...request, target: "http://a.example/" };
      await host.call(canonical as unknown as Parameters<ProviderHost["call"]>[0], () => DECIDED);
      return { status: "OK" } as ActionResult;
    },
  );
  assertEquals(submitted, [{
    action: "net.http",
    target: "HTTP://a.example",
    params: { method: "GET" },
    agent: "alice",
  }]);
  assertEquals(answer, { ...DECIDED, target: "http://a.example/" });
});

for (const status of ["DENIED", "ERROR", "INTERRUPTED", "UNKNOWN"]) {
  Deno.test(`a recorded question whose submit ends ${status} is not allowed, also if it was let pass before`, async () => {
    const answer = await answerTo(
      { action: "net.http", target: "http://a.example/" },
      async (request, host) => {
        await host.call(request as unknown as Parameters<ProviderHost["call"]>[0], () => DECIDED);
        return {
          status,
          error: "the disk is full",
          code: "AUDIT_FAILED",
        } as unknown as ActionResult;
      },
    );
    assertEquals(answer, {
      allowed: false,
      target: "http://a.example/",
      code: "AUDIT_FAILED",
      reason: "the disk is full",
    });
  });
}

for (
  const question of [undefined, null, 1, "net.http", {}, { action: ["net.http"] }, {
    action: "fs.read",
  }]
) {
  Deno.test(`a question that is not about a recorded action is only decided: ${JSON.stringify(question)}`, async () => {
    const answer = await answerTo(question, () => Promise.reject(new Error("submitted")));
    assertEquals(answer, DECIDED);
  });
}

/** Has a call ask so many questions at once; it ends when it is told to. */
function askMany(count: number, submit: QuestionGate["submit"]) {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const asked: (Promise<ResourceDecision> | ResourceDecision)[] = [];
  const inner = {
    async call(_: unknown, decide: DecideQuestion) {
      for (let i = 0; i < count; i++) asked.push(decide({ action: "net.http", target: `t${i}` }));
      await ended;
      return "ended";
    },
  } as unknown as ProviderHost;
  const turns: (() => void)[] = [];
  const host = recordingHost(inner, ["net.http"], {
    submit,
    turn: () => new Promise((resolve) => void turns.push(resolve)),
    needsRecord: () => false,
  });
  const called = host.call(
    REQUEST as unknown as Parameters<ProviderHost["call"]>[0],
    () => DECIDED,
  );
  return { asked, turns, end, called };
}

/** The answer to a question that was not submitted. */
function refused(target: string, reason: string): ResourceDecision {
  return { allowed: false, target, code: "RULE_ERRORED", reason };
}

Deno.test("of the questions of one call 256 at most are decided at once, and further ones are denied", async () => {
  const { asked, turns, end, called } = askMany(300, () => {
    return Promise.resolve({ status: "OK" } as ActionResult);
  });
  assertEquals(turns.length, 256);
  const reason = "more than 256 questions of one call are being decided";
  assertEquals(await asked[256], refused("t256", reason));
  for (const turn of turns) turn();
  assertEquals((await asked[255])?.allowed, true);
  end();
  assertEquals(await called, "ended");
});

Deno.test("what a call asked and was not decided when it ended is denied, without a record", async () => {
  let submitted = 0;
  const { promise, resolve } = Promise.withResolvers<ActionResult>();
  const { asked, turns, end, called } = askMany(3, () => {
    submitted++;
    return promise;
  });
  turns[0]?.();
  await nextTurn();
  end();
  await nextTurn();
  turns[1]?.();
  turns[2]?.();
  assertEquals(await asked[2], refused("t2", "the call has ended"));
  assertEquals(submitted, 1);
  // What is being decided ends before the call does: its record comes first.
  let hasEnded = false;
  called.finally(() => hasEnded = true);
  await nextTurn();
  assertEquals(hasEnded, false);
  resolve({ status: "OK" } as ActionResult);
  assertEquals(await called, "ended");
});

Deno.test("a submit that rejects is rejected to whoever asked, and is not counted as pending", async () => {
  const inner = {
    call: (_: unknown, decide: DecideQuestion) =>
      Promise.allSettled(
        Array.from({ length: 300 }, async (_, i) => {
          if (i === 256) await nextTurn();
          return await decide({ action: "net.http", target: `t${i}` });
        }),
      ),
  } as unknown as ProviderHost;
  const host = recordingHost(
    inner,
    ["net.http"],
    gateOf(() => Promise.reject(new Error("broken"))),
  );
  const answers = await host.call(
    REQUEST as unknown as Parameters<ProviderHost["call"]>[0],
    () => DECIDED,
  ) as PromiseSettledResult<unknown>[];
  assertEquals([answers[0]?.status, answers[256]?.status], ["rejected", "rejected"]);
});

for (const target of [undefined, null, 7, { toString: 1 }, [[]], new Map()]) {
  Deno.test(`a question whose target is no text is denied, with none: ${JSON.stringify(target)}`, async () => {
    const answer = await answerTo(
      { action: "net.http", target },
      () =>
        Promise.resolve(
          { status: "ERROR", code: "INVALID_REQUEST", error: "no target" } as ActionResult,
        ),
    );
    assertEquals(answer, {
      allowed: false,
      target: "",
      code: "INVALID_REQUEST",
      reason: "no target",
    });
  });
}

Deno.test("each question with a record has a turn of the event loop of its own, and its stages know it for one", async () => {
  using ws = new Workspace();
  let turn = 0;
  let clock = setImmediate(function count() {
    turn++;
    clock = setImmediate(count);
  });
  const entered: { action: string; askedBy: unknown; turn: number }[] = [];
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: "ask.many", resource: "**" },
        { action: "net.connect", resource: "https://a.example/" },
      ],
    },
    providers: [
      new Provider({
        name: "asking",
        isolation: "none",
        actions: { "ask.many": { kind: "name" } },
        records: ["net.connect"],
        execute: (_, { decide }) =>
          Promise.all(
            Array.from(
              { length: 50 },
              () => decide({ action: "net.connect", target: "https://a.example/" }),
            ),
          ).then((decisions) => decisions.filter(({ allowed }) => allowed).length),
      }),
    ],
    stages: [{
      name: "looking",
      enter: ({ action }, { askedBy }) => void entered.push({ action, askedBy, turn }),
    }],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  assertEquals((await kernel.submit({ action: "ask.many", target: "x" })).data, 50);
  clearImmediate(clock);
  const questions = entered.filter(({ askedBy }) => askedBy !== undefined);
  assertEquals(questions.map(({ action }) => action), Array(50).fill("net.connect"));
  assertEquals(new Set(questions.map(({ turn }) => turn)).size, 50);
  assertEquals(entered.length, 51);
});
