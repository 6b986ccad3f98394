import { assert, assertEquals } from "@std/assert";
import { AgentLoop, ModelError, type ModelErrorCode } from "../../src/agent/mod.ts";
import { retryDelay } from "../../src/agent/retry.ts";
import { ScriptedModel, type ScriptStep } from "../../src/testing/mod.ts";
import { clientOf, CountedGate, hastyTimer, play } from "./counted_gate.ts";

const random = () => 0.5;
const failure = (code: ModelErrorCode, retryAfterMs?: number) =>
  new ModelError(code, "x", { retryAfterMs });

Deno.test("retryDelay() doubles, spreads, and ends with the attempts", () => {
  const delays = [1, 2, 3, 4, 5].map((attempt) =>
    retryDelay(failure("SERVER_FAILED"), attempt, { random })
  );
  assertEquals(delays, [375, 750, 1500, 3000, undefined]);
  assertEquals(retryDelay(failure("SERVER_FAILED"), 1, { random: () => 0 }), 250);
  assertEquals(retryDelay(failure("SERVER_FAILED"), 4, { random, maxMs: 1000 }), 750);
});

Deno.test("retryDelay() waits as long as the host asks, and not at all if that is too long", () => {
  assertEquals(retryDelay(failure("RATE_LIMITED", 7000), 1), 7000);
  assertEquals(retryDelay(failure("RATE_LIMITED", 0), 1), 0);
  assertEquals(retryDelay(failure("RATE_LIMITED", 60_001), 1), undefined);
});

Deno.test("retryDelay() is defined for transient failures only", () => {
  for (
    const code of [
      "KEY_REFUSED",
      "KEY_MISSING",
      "MODEL_UNKNOWN",
      "NOT_PERMITTED",
      "REQUEST_REFUSED",
      "RESPONSE_INVALID",
    ] as const
  ) assertEquals(retryDelay(failure(code), 1), undefined, code);
  assertEquals(retryDelay(new TypeError("mine"), 1), undefined);
  for (const code of ["UNREACHABLE", "RATE_LIMITED", "SERVER_FAILED", "RESPONSE_CUT"] as const) {
    assert(retryDelay(failure(code), 1) !== undefined, code);
  }
});

/** Answers that are asked for again, and the wait before. */
const PASSING: readonly (readonly [string, ScriptStep, number])[] = [
  ["429 with Retry-After in seconds", { status: 429, headers: { "retry-after": "3" } }, 3000],
  ["429 with Retry-After as a date", {
    status: 429,
    headers: {
      "retry-after": "Wed, 21 Oct 2026 07:28:05 GMT",
      "date": "Wed, 21 Oct 2026 07:28:00 GMT",
    },
  }, 5000],
  ["429 with retry-after-ms", { status: 429, headers: { "retry-after-ms": "20" } }, 20],
  ["429 with a Retry-After that is neither", {
    status: 429,
    headers: { "retry-after": "soon" },
  }, 375],
  ["500", { status: 500 }, 375],
  ["503", { status: 503 }, 375],
  ["a stream that is cut", { text: "Something longer than it gets", cutAfter: 300 }, 375],
  ["a stream that ends too early", {
    headers: { "content-type": "text/event-stream" },
    body: 'data: {"choices":[{"delta":{"content":"Half"}}]}\n\ndata: [DONE]\n\n',
  }, 375],
  ["a failure in the middle of a stream", {
    headers: { "content-type": "text/event-stream" },
    body: 'data: {"error":{"message":"overloaded"}}\n\n',
  }, 375],
];
for (const [what, step, delayMs] of PASSING) {
  Deno.test(`a model is asked again after ${what}`, async () => {
    await using gate = await CountedGate.open();
    const waits: number[] = [];
    const { done, events, requests } = await play(gate, [step, { text: "Better now" }], {
      timer: hastyTimer(waits),
      retry: { random },
    });
    assertEquals([done.outcome, done.text], ["final", "Better now"], String(done.error));
    assertEquals(waits, [delayMs]);
    assertEquals(requests.length, 2);
    assertEquals(events.filter(({ type }) => type === "retry").length, 1);
  });
}

Deno.test("a call in an answer that was cut is never submitted", async () => {
  await using gate = await CountedGate.open();
  const calls = [{ name: "get", arguments: { key: "open/a" } }];
  const { done, events } = await play(gate, [
    { calls, finish: "stop", cutAfter: 700 },
    { text: "Nothing" },
  ], { timer: hastyTimer([]) });
  assertEquals(done.text, "Nothing");
  assertEquals(gate.effects, []);
  assertEquals(events.some(({ type }) => type === "tool_call"), false);
});

Deno.test("after the last attempt the run fails with what went wrong", async () => {
  await using gate = await CountedGate.open();
  const waits: number[] = [];
  const { done, requests } = await play(gate, [{ status: 500, error: "Oh no" }], {
    scripted: { whenOver: "repeat" },
    timer: hastyTimer(waits),
    retry: { retries: 2, random },
  });
  assertEquals([waits, requests.length], [[375, 750], 3]);
  const { error } = done;
  assert(error instanceof ModelError);
  assertEquals(error.code, "SERVER_FAILED");
  assert(error.message.endsWith("the host failed (500): Oh no"), error.message);
});

Deno.test("the client itself does not retry", async () => {
  await using gate = await CountedGate.open();
  const { done, requests } = await play(gate, [{ status: 500 }, { text: "Unseen" }], {
    retry: { retries: 0 },
  });
  assertEquals([done.outcome, requests.length], ["failed", 1]);
});

Deno.test("an abort ends the wait before the next attempt", async () => {
  await using gate = await CountedGate.open();
  await using model = ScriptedModel.start([{ status: 500 }]);
  const abort = new AbortController();
  const loop = new AgentLoop({ kernel: gate.kernel, model: clientOf(model) });
  let outcome: unknown;
  for await (const event of loop.stream("Go", { signal: abort.signal })) {
    if (event.type === "retry") abort.abort(new Error("Enough"));
    if (event.type === "done") outcome = [event.outcome, (event.error as Error).message];
  }
  assertEquals(outcome, ["aborted", "Enough"]);
});

Deno.test("a host that asks for a wait of more than a minute ends the run, and the error tells the wait", async () => {
  await using gate = await CountedGate.open();
  const { done, requests } = await play(gate, [
    { status: 429, headers: { "retry-after": "3600" } },
  ]);
  assert(done.error instanceof ModelError);
  assertEquals([done.error.code, done.error.retryAfterMs], ["RATE_LIMITED", 3_600_000]);
  assertEquals(requests.length, 1);
});
