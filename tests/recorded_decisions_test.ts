import { assertEquals } from "@std/assert";
import type { ActionRequest, ActionResult } from "@agent-kernel/kernel";
import type { DecideQuestion, ProviderHost } from "../src/core/isolation/provider_host.ts";
import { recordingHost, type SubmitTo } from "../src/recorded_decisions.ts";

const REQUEST = { action: "proc.exec", target: "/bin/x", params: {}, agent: "alice" };
const DECIDED = { allowed: true, target: "decided", code: "ALLOWED", reason: "" };

/** What a provider is answered that asks one question. */
async function answerTo(question: unknown, submit: SubmitTo): Promise<unknown> {
  const inner = {
    maxOutputBytes: 7,
    close: () => Promise.resolve(),
    call: async (_: unknown, decide: DecideQuestion) => await decide(question),
  } as unknown as ProviderHost;
  const host = recordingHost(inner, ["net.http"], submit);
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

Deno.test("of the questions of one call 256 at most are decided at once, and further ones are denied", async () => {
  const { promise, resolve } = Promise.withResolvers<ActionResult>();
  let submitted = 0;
  const asked: (Promise<unknown> | unknown)[] = [];
  const inner = {
    call(_: unknown, decide: DecideQuestion) {
      for (let i = 0; i < 300; i++) asked.push(decide({ action: "net.http", target: `t${i}` }));
    },
  } as unknown as ProviderHost;
  const host = recordingHost(inner, ["net.http"], () => {
    submitted++;
    return promise;
  });
  await host.call(REQUEST as unknown as Parameters<ProviderHost["call"]>[0], () => DECIDED);
  assertEquals(submitted, 256);
  assertEquals(await asked[256], {
    allowed: false,
    target: "t256",
    code: "RULE_ERRORED",
    reason: "more than 256 questions of one call are being decided",
  });
  resolve({ status: "OK" } as ActionResult);
  assertEquals((await asked[255] as { allowed: boolean }).allowed, true);
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
