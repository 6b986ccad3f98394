import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type AuditRecord,
  Kernel,
  type KernelOptions,
  Provider,
  type Stage,
  type StageAnswer,
  type StageOutcome,
} from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";
import { nextTurn } from "../turn.ts";

const REQUEST = { action: "count.do", target: "a/b", params: { n: 1 }, agent: "alice" };

interface Scene {
  readonly kernel: Kernel;
  /** What the provider was called with. */
  readonly calls: { readonly params: unknown; readonly preparation: unknown }[];
  readonly warnings: string[];
  /** Ends the time of whatever waits. */
  readonly expire: () => void;
}

/** A kernel whose time passes by hand, with a provider that counts its calls; and its records. */
async function withKernel(
  options: Pick<KernelOptions, "stages">,
  body: (scene: Scene) => Promise<void>,
): Promise<AuditRecord[]> {
  using ws = new Workspace();
  const calls: { params: unknown; preparation: unknown }[] = [];
  const warnings: string[] = [];
  const waiting = new Set<() => void>();
  {
    await using kernel = await Kernel.open({
      policy: {
        capabilities: [{ id: "all", action: ["count.do", "count.fail"], resource: "**" }],
        deny: [{ id: "no", action: "count.do", resource: "secret/**" }],
      },
      providers: [
        new Provider({
          name: "count",
          isolation: "none",
          actions: { "count.do": { kind: "name" }, "count.fail": { kind: "name" } },
          execute({ action, params, preparation }) {
            calls.push({ params, preparation });
            if (action === "count.fail") throw new Error("no luck");
            return { done: true };
          },
        }),
      ],
      logPath: ws.path("kernel.log"),
      onWarning: (line) => warnings.push(line),
      timer: {
        now: () => performance.now(),
        schedule(callback) {
          waiting.add(callback);
          return () => waiting.delete(callback);
        },
      },
      ...options,
    });
    const expire = () => [...waiting].forEach((callback) => callback());
    await body({ kernel, calls, warnings, expire });
  }
  return Deno.readTextFileSync(ws.path("kernel.log")).trim().split("\n").map((l) => JSON.parse(l));
}

function stage(name: string, enter: Stage["enter"]): Stage {
  return { name, enter };
}

Deno.test("a stage sees the canonical request, the rule, the policy and the record's id before anything is done", async () => {
  const seen: unknown[] = [];
  const looking = stage("looking", (request, { recordId, rule, policy }) => {
    seen.push(request, recordId, rule, policy);
  });
  const [record] = await withKernel({ stages: [looking] }, async ({ kernel, calls }) => {
    const { recordId } = await kernel.submit(REQUEST);
    assertEquals(seen, [{ ...REQUEST }, recordId, "all", kernel.policy.digest]);
    assertEquals(calls.length, 1);
  });
  assertEquals(record?.stages, undefined);
});

Deno.test("no stage is entered for what the policy denies, or what is malformed", async () => {
  let entered = 0;
  const counting = stage("counting", () => void entered++);
  await withKernel({ stages: [counting] }, async ({ kernel }) => {
    await kernel.submit({ ...REQUEST, target: "secret/x" });
    await kernel.submit({ ...REQUEST, target: "" });
    await kernel.submit({ ...REQUEST, action: "other.do" });
    assertEquals(entered, 0);
    await kernel.submit(REQUEST);
    assertEquals(entered, 1);
  });
});

Deno.test("a refusal denies: code, reason and details reach the caller, fields reach the record", async () => {
  const budget = stage("budget", () => ({
    refusal: "not permitted: 3 calls a day are used up",
    code: "BUDGET_EXHAUSTED",
    details: { retry_after_ms: 1000 },
    fields: { used: 3 },
  }));
  const records = await withKernel({ stages: [budget] }, async ({ kernel, calls }) => {
    assertEquals(await kernel.submit(REQUEST), {
      status: "DENIED",
      error: "not permitted: 3 calls a day are used up",
      code: "BUDGET_EXHAUSTED",
      rule: "all",
      details: { retry_after_ms: 1000 },
    });
    assertEquals(calls, []);
  });
  assertEquals(
    records.map(({ status, code, rule, record_id, stages }) => ({
      status,
      code,
      rule,
      record_id,
      stages,
    })),
    [{
      status: "DENIED",
      code: "BUDGET_EXHAUSTED",
      rule: "all",
      record_id: undefined,
      stages: { budget: { used: 3 } },
    }],
  );
});

/** Whoever looks at it, also with `instanceof`, gets an exception. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

// What a broken stage does, and the code that it ends with. None of them lets anything happen.
const HOSTILE: readonly (readonly [what: string, enter: () => unknown])[] = [
  ["throws", () => {
    throw new Error("broken");
  }],
  ["rejects", () => Promise.reject(new Error("broken"))],
  ["throws what cannot be read", () => {
    throw Object.create(null, {
      message: {
        get: () => {
          throw new Error("no");
        },
      },
    });
  }],
  ["answers false", () => false],
  ["answers true", () => true],
  ["answers null", () => null],
  ["returns an error instead of throwing it", () => new Error("not approved")],
  ["answers late with an error", () => Promise.resolve(new Error("not approved"))],
  ["answers with a list", () => []],
  ["answers with a map", () => new Map([["refusal", "no"]])],
  ["answers with a function", () => () => ({ refusal: "no", code: "NO" })],
  ["answers with a date", () => new Date()],
  ["answers with a response", () => Response.json({ refusal: "no", code: "NO" })],
  ["answers with an object of a class", () => new (class Approval {})()],
  ["refuses with a list as code", () => ({ refusal: "no", code: ["NO"] })],
  ["refuses with a code that throws as JSON", () => ({
    refusal: "no",
    code: {
      toString: () => "NO",
      toJSON() {
        throw new Error("no");
      },
    },
  })],
  ["throws what is an instance of nothing", () => {
    throw revoked();
  }],
  ["rejects with what is an instance of nothing", () => Promise.reject(revoked())],
  ["answers with a proxy that was revoked", () => revoked()],
  ["passes with a confirm that is no function", () => ({ confirm: true })],
  ["passes with a confirm that rejects", () => ({
    confirm: () => Promise.reject(new Error("not approved")),
  })],
  ["passes with a confirm that throws what is an instance of nothing", () => ({
    confirm() {
      throw revoked();
    },
  })],
  ["answers with a string", () => "DENIED"],
  ["misspells the refusal", () => ({ refused: "no", code: "NO" })],
  ["refuses without a code", () => ({ refusal: "no" })],
  ["refuses with a code in lower case", () => ({ refusal: "no", code: "no" })],
  ["refuses without a reason", () => ({ refusal: undefined, code: "NO" })],
  ["gives fields that are no JSON", () => ({ fields: { f: () => {} } })],
  ["gives fields without end", () => ({ fields: { f: "x".repeat(1e6) } })],
  ["gives fields that are a text", () => ({ fields: "none" })],
  ["gives fields that are a list", () => ({ fields: ["none"] })],
  ["gives fields that are null", () => ({ fields: null })],
  ["gives a preparation that is a text", () => ({ preparation: "none" })],
  ["refuses with details that are a text", () => ({ refusal: "no", code: "NO", details: "no" })],
  ["gives a preparation that is no JSON", () => ({ preparation: { bad: () => {} } })],
  ["answers with a proxy that throws", () =>
    new Proxy({}, {
      has() {
        throw new Error("no");
      },
    })],
];
for (const [what, enter] of HOSTILE) {
  Deno.test(`a stage that ${what} denies with STAGE_FAILED, in one record`, async () => {
    const hostile = stage("hostile", enter as Stage["enter"]);
    const records = await withKernel({ stages: [hostile] }, async ({ kernel, calls }) => {
      const { status, code, error } = await kernel.submit(REQUEST);
      assertEquals([status, code], ["DENIED", "STAGE_FAILED"]);
      assertStringIncludes(error ?? "", 'stage "hostile" failed: ');
      assertEquals(calls, []);
    });
    assertEquals(records.map(({ status, code }) => [status, code]), [["DENIED", "STAGE_FAILED"]]);
  });
}

const BROKEN: readonly (readonly [what: string, stage: unknown])[] = [
  ["is null", null],
  ["is no object", 1],
  ["has no enter", { name: "hostile" }],
  ["has a list as name", { name: ["hostile"], enter: () => {} }],
  ["throws when its name is read", {
    get name() {
      throw new Error("no");
    },
  }],
  ["has another name each time", {
    names: ["hostile", "__proto__", 7],
    get name() {
      return (this as { names: unknown[] }).names.shift();
    },
    enter: () => ({ fields: { f: () => {} } }),
  }],
  ["has no end", { name: "hostile", timeoutMs: Infinity, enter: () => {} }],
  ["has no time that is a number", { name: "hostile", timeoutMs: NaN, enter: () => {} }],
  ["has a time that is no number", {
    name: "hostile",
    timeoutMs: 5n,
    enter: () => Promise.resolve(),
  }],
  ["has less than no time", { name: "hostile", timeoutMs: -1, enter: () => {} }],
  ["throws when its time is read", {
    name: "hostile",
    get timeoutMs() {
      throw revoked();
    },
  }],
];
for (const [what, broken] of BROKEN) {
  Deno.test(`a stage that ${what} denies with STAGE_FAILED, and those before it are told`, async () => {
    const outcomes: StageOutcome[] = [];
    const first = stage("first", () => ({ settle: (outcome) => void outcomes.push(outcome) }));
    const records = await withKernel({}, async ({ kernel, calls }) => {
      const stages = [first, broken as Stage];
      const { status, code } = await kernel.submit(REQUEST, { stages });
      assertEquals([status, code, calls], ["DENIED", "STAGE_FAILED", []]);
    });
    assertEquals(outcomes.map(({ executed }) => executed), [false]);
    assertEquals(records.map(({ status, code }) => [status, code]), [["DENIED", "STAGE_FAILED"]]);
  });
}

Deno.test("a stage that never answers denies with STAGE_TIMEOUT when its time is over", async () => {
  let signal: AbortSignal | undefined;
  const hanging = stage("hanging", (_, context) => {
    signal = context.signal;
    return new Promise<void>(() => {});
  });
  const records = await withKernel({ stages: [hanging] }, async ({ kernel, calls, expire }) => {
    const submitted = kernel.submit(REQUEST);
    while (signal === undefined) await nextTurn();
    assertEquals(signal.aborted, false);
    expire();
    const { status, code } = await submitted;
    assertEquals([status, code, calls.length], ["DENIED", "STAGE_TIMEOUT", 0]);
    assert(signal.aborted);
  });
  assertEquals(records.length, 1);
});

Deno.test("a stage that passes too late is told that nothing was done, so that it can give back", async () => {
  const { promise: late, resolve: pass } = Promise.withResolvers<StageAnswer>();
  const { promise: told, resolve: settled } = Promise.withResolvers<StageOutcome>();
  let entered = false;
  const slow = stage("slow", () => {
    entered = true;
    return late;
  });
  await withKernel({ stages: [slow] }, async ({ kernel, calls, expire }) => {
    const submitted = kernel.submit(REQUEST);
    while (!entered) await nextTurn();
    expire();
    assertEquals((await submitted).code, "STAGE_TIMEOUT");
    pass({ settle: (outcome) => settled(outcome) });
    const outcome = await told;
    assertEquals([outcome.status, outcome.executed, calls.length], ["DENIED", false, 0]);
  });
});

Deno.test("a stage cannot change what is executed", async () => {
  const changing = stage("changing", (request) => {
    (request.params as Record<string, unknown>)["n"] = 2;
    Object.assign(request, { target: "other", action: "count.fail" });
  });
  const [record] = await withKernel({ stages: [changing] }, async ({ kernel, calls }) => {
    await kernel.submit(REQUEST);
    assertEquals(calls, [{ params: { n: 1 }, preparation: undefined }]);
  });
  assertEquals([record?.action, record?.target], ["count.do", "a/b"]);
});

Deno.test("a preparation reaches the provider as a copy, and nothing like it from a request does", async () => {
  const given = { expect: { size: 1 } };
  const preparing = stage("preparing", () => ({ preparation: given }));
  await withKernel({}, async ({ kernel, calls }) => {
    const forged = { ...REQUEST, preparation: { restore: true } };
    await kernel.submit(forged, { stages: [preparing] });
    await kernel.submit(forged);
    assertEquals(calls.map(({ preparation }) => preparation), [given, undefined]);
    assert(calls[0]?.preparation !== given);
  });
});

Deno.test("stages of the kernel come before those of the submit; a refusal ends the row", async () => {
  const order: string[] = [];
  const passing = (name: string) => stage(name, () => void order.push(name));
  const refusing = stage("second", () => {
    order.push("second");
    return { refusal: "no", code: "NO" };
  });
  await withKernel({ stages: [passing("first")] }, async ({ kernel }) => {
    await kernel.submit(REQUEST, { stages: [refusing, passing("third")] });
    assertEquals(order, ["first", "second"]);
  });
});

Deno.test("two stages of one name, or one without a name, deny", async () => {
  const named = (name: string) => stage(name, () => ({ fields: { a: 1 } }));
  await withKernel({ stages: [named("twice")] }, async ({ kernel, calls }) => {
    for (const name of ["twice", "", "Twice", "__proto__"]) {
      assertEquals((await kernel.submit(REQUEST, { stages: [named(name)] })).code, "STAGE_FAILED");
    }
    assertEquals(calls, []);
    assertEquals((await kernel.submit(REQUEST, { stages: [named("other")] })).status, "OK");
  });
});

Deno.test("of two stages of one name only one has fields on the record", async () => {
  const silent = stage("twice", () => ({ settle: () => ({ a: "late" }) }));
  const speaking = stage("twice", () => ({ fields: { a: "early" } }));
  const records = await withKernel({}, async ({ kernel, warnings }) => {
    assertEquals((await kernel.submit(REQUEST, { stages: [silent, speaking] })).status, "OK");
    assertEquals(warnings.filter((line) => /another stage of its name/.test(line)).length, 1);
  });
  assertEquals(records.map(({ stages }) => stages), [{ twice: { a: "early" } }]);
});

Deno.test("a stage that passed is told how the request ended, before the record is written", async () => {
  const outcomes: StageOutcome[] = [];
  const counting = stage("counting", () => ({
    fields: { reserved: 1 },
    settle(outcome) {
      outcomes.push(outcome);
      return { charged: outcome.executed ? 1 : 0 };
    },
  }));
  const refusing = stage("refusing", () => ({ refusal: "no", code: "NO" }));
  const records = await withKernel({ stages: [counting] }, async ({ kernel }) => {
    await kernel.submit(REQUEST);
    await kernel.submit({ ...REQUEST, action: "count.fail" });
    await kernel.submit(REQUEST, { stages: [refusing] });
  });
  assertEquals(outcomes.map(({ status, code, executed, data }) => [status, code, executed, data]), [
    ["OK", undefined, true, { done: true }],
    ["FAILED", "PROVIDER_ERROR", true, undefined],
    ["DENIED", "NO", false, undefined],
  ]);
  assertEquals(records.map(({ stages }) => stages), [
    { counting: { reserved: 1, charged: 1 } },
    { counting: { reserved: 1, charged: 1 } },
    { counting: { reserved: 1, charged: 0 } },
  ]);
});

Deno.test("a settle that throws or never answers is a warning, and changes neither result nor record", async () => {
  const throwing = stage("throwing", () => ({
    settle() {
      throw new Error("broken");
    },
  }));
  const thenable = stage("thenable", () => ({
    settle: () => ({
      then() {
        throw revoked();
      },
    }),
  } as unknown as StageAnswer));
  let settling = false;
  const hanging = stage("hanging", () => ({
    settle() {
      settling = true;
      return new Promise<void>(() => {});
    },
  }));
  const records = await withKernel({}, async ({ kernel, warnings, expire }) => {
    assertEquals((await kernel.submit(REQUEST, { stages: [throwing] })).status, "OK");
    assertEquals((await kernel.submit(REQUEST, { stages: [thenable] })).status, "OK");
    const submitted = kernel.submit(REQUEST, { stages: [hanging] });
    while (!settling) await nextTurn();
    expire();
    assertEquals((await submitted).status, "OK");
    assertEquals(warnings.filter((line) => line.includes("cannot settle")).length, 3);
  });
  assertEquals(records.map(({ status }) => status), ["OK", "OK", "OK"]);
});

Deno.test("confirm is asked after all stages have passed, and can still refuse", async () => {
  const order: string[] = [];
  const approval = stage("asking", () => ({
    confirm: ({ policy }) => {
      order.push(`confirm ${policy.length}`);
      return { refusal: "the approval has expired", code: "APPROVAL_EXPIRED" };
    },
    settle: ({ executed }) => void order.push(`settle ${executed}`),
  }));
  const later = stage("later", () => void order.push("later"));
  await withKernel({ stages: [approval, later] }, async ({ kernel, calls }) => {
    const { status, code } = await kernel.submit(REQUEST);
    assertEquals([status, code], ["DENIED", "APPROVAL_EXPIRED"]);
    assertEquals(calls, []);
    assertEquals(order, ["later", "confirm 64", "settle false"]);
  });
});

Deno.test("a confirm that throws denies", async () => {
  const approval = stage("asking", () => ({
    confirm: () => {
      throw new Error("broken");
    },
  }));
  await withKernel({ stages: [approval] }, async ({ kernel, calls }) => {
    assertEquals((await kernel.submit(REQUEST)).code, "STAGE_FAILED");
    assertEquals(calls, []);
  });
});

Deno.test("a policy that is replaced while a stage waits is known to confirm", async () => {
  const digests: string[] = [];
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  let entered = false;
  const approval = stage("asking", async (_, { policy: before }) => {
    entered = true;
    await answered;
    return { confirm: ({ policy: now }) => void digests.push(before, now) };
  });
  await withKernel({ stages: [approval] }, async ({ kernel }) => {
    const before = kernel.policy.digest;
    const submitted = kernel.submit(REQUEST);
    while (!entered) await nextTurn();
    await kernel.reload({ capabilities: [{ action: "count.do", resource: "other" }] });
    answer();
    await submitted;
    assertEquals(digests, [before, kernel.policy.digest]);
    assert(before !== kernel.policy.digest);
  });
});

Deno.test("secrets in what a stage puts on record are redacted", async () => {
  const leaking = stage("leaking", () => ({ fields: { token: "s3cr3t-value" } }));
  const [record] = await withKernel({ stages: [leaking] }, async ({ kernel }) => {
    await kernel.submit(REQUEST);
  });
  assertEquals(record?.stages, { leaking: { token: "[redacted]" } });
});

Deno.test("a listener that throws when its stage is aborted is a warning, and ends nothing", async () => {
  let entered = false;
  const listening = stage("listening", (_, { signal }) => {
    entered = true;
    signal.addEventListener("abort", () => {
      throw new Error("from listener");
    });
    return new Promise<void>(() => {});
  });
  await withKernel({ stages: [listening] }, async ({ kernel, warnings, expire }) => {
    const submitted = kernel.submit(REQUEST);
    while (!entered) await nextTurn();
    expire();
    assertEquals((await submitted).code, "STAGE_TIMEOUT");
    assertEquals(
      warnings.filter((line) => /threw when aborted: from listener/.test(line)).length,
      1,
    );
  });
});

for (const when of ["at once", "later"]) {
  Deno.test(`a stage that submits to its own kernel ${when} is entered 8 times at most`, async () => {
    let entered = 0;
    let again: Kernel | undefined;
    const notifying = stage("notifying", async () => {
      entered++;
      if (when === "later") await nextTurn();
      await again?.submit({ ...REQUEST, target: "notification" });
    });
    const records = await withKernel({ stages: [notifying] }, async ({ kernel, calls }) => {
      again = kernel;
      assertEquals((await kernel.submit(REQUEST)).status, "OK");
      assertEquals(calls.length, 8);
    });
    assertEquals(entered, 8);
    assertEquals(records.map(({ code }) => code), ["STAGE_FAILED", ...Array(8).fill(undefined)]);
  });
}

Deno.test("a stage cannot change what the next one is told of the outcome", async () => {
  const told: unknown[] = [];
  const changing = stage("changing", () => ({
    settle(outcome) {
      (outcome as { executed: boolean }).executed = false;
    },
  }));
  const looking = stage("looking", () => ({
    settle: ({ executed, status }) => void told.push(executed, status),
  }));
  await withKernel({ stages: [changing, looking] }, async ({ kernel, warnings }) => {
    assertEquals((await kernel.submit(REQUEST)).status, "OK");
    assertEquals(warnings.filter((line) => line.includes("cannot settle")).length, 1);
  });
  assertEquals(told, [true, "OK"]);
});

for (const name of ["limits", "argument_paths", "program_limits"]) {
  Deno.test(`a stage of the caller cannot be named "${name}", like one of the kernel`, async () => {
    const forging = stage(name, () => ({ fields: { charged: [] } }));
    const records = await withKernel({}, async ({ kernel }) => {
      assertEquals((await kernel.submit(REQUEST, { stages: [forging] })).code, "STAGE_FAILED");
    });
    assertEquals(records[0]?.stages, undefined);
  });
}

Deno.test("the reason of a refusal, and what a stage throws, are cut", async () => {
  const long = "é".repeat(1_000_000);
  const refusing = stage("refusing", () => ({ refusal: long, code: "NO" }));
  const throwing = stage("throwing", () => {
    throw new Error(long);
  });
  const records = await withKernel({}, async ({ kernel }) => {
    for (const one of [refusing, throwing]) {
      const { error = "" } = await kernel.submit(REQUEST, { stages: [one] });
      assert(error.length > 2000 && error.length < 4200, `${error.length} characters`);
    }
  });
  assertEquals(records.length, 2);
});

Deno.test("what a stage of the host has frozen is copied all the same: inside it can change", async () => {
  const inside = { amount: 1 };
  const frozen = stage("frozen", () => ({
    fields: Object.freeze({ inside }),
    settle() {
      inside.amount = 2;
    },
  }));
  const [record] = await withKernel({ stages: [frozen] }, async ({ kernel }) => {
    await kernel.submit(REQUEST);
  });
  assertEquals(record?.stages, { frozen: { inside: { amount: 1 } } });
});
