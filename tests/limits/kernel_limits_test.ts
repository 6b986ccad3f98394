/** Limits through a real kernel: each measure at its edge. Counts, never times. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  Kernel,
  LimitStoreError,
  MemoryLimitStore,
  Provider,
  type ResourceDecision,
} from "@agent-kernel/kernel";
import { assertRejects } from "@std/assert";
import { canMount, SmallDisk } from "../core/record/small_disk.ts";
import { Workspace } from "../workspace.ts";
import { HandClock, openShop, pay, policyOf, recordsOf, shop, submitMany } from "./scene.ts";

// deno-fmt-ignore -- a row is a line
const EDGES: readonly { limits: object; request?: object; passed: number; code: string; why: string }[] = [
  { limits: { calls: "400/day" }, passed: 400, code: "BUDGET_EXHAUSTED", why: "one each" },
  { limits: { calls: "400/session" }, request: { action: "shop.look" }, passed: 400, code: "BUDGET_EXHAUSTED", why: "actions without an effect count too" },
  { limits: { rate: "60/min", burst: 300 }, passed: 300, code: "RATE_LIMITED", why: "the burst, at one moment" },
  { limits: { rate: "250/hour" }, passed: 250, code: "RATE_LIMITED", why: "the burst is the rate by default" },
  { limits: { sum: { param: "amount", max: "10/day" } }, request: { params: { amount: 0.1 } }, passed: 100, code: "BUDGET_EXHAUSTED", why: "0.1 a hundred times is 10 exactly" },
  { limits: { sum: { param: "amount", max: "9007199254740993/forever" } }, request: { params: { amount: "9007199254740.993" } }, passed: 1000, code: "", why: "beyond 2^53 exactly" },
  { limits: { sum: { param: "amount", max: "9007199254740992/forever" } }, request: { params: { amount: "9007199254740.993" } }, passed: 999, code: "BUDGET_EXHAUSTED", why: "one less" },
  // "vendor" and {"amount":1} are 18 bytes.
  { limits: { sent: "1800B/hour" }, request: { params: { amount: 1 } }, passed: 100, code: "BUDGET_EXHAUSTED", why: "target and params" },
  // 100 are reserved of each; all of them are, before the first has ended.
  { limits: { bytes: "5KB/week" }, request: { action: "shop.text", params: { size: 1 } }, passed: 50, code: "BUDGET_EXHAUSTED", why: "what the provider can return at most is reserved" },
  { limits: { duration: "50s/day" }, passed: 50, code: "BUDGET_EXHAUSTED", why: "the deadline of the provider is reserved" },
];

for (const { limits, request = {}, passed, code, why } of EDGES) {
  Deno.test(`of 1,000 concurrent submits ${passed} pass ${JSON.stringify(limits)}: ${why}`, async () => {
    using ws = new Workspace();
    const clock = new HandClock();
    const it = shop();
    await using kernel = await openShop(ws, limits, { provider: it.provider, clock: clock.now });
    const ended = await submitMany(kernel, 1000, () => request);
    assertEquals(ended, { OK: passed, ...passed < 1000 ? { [code]: 1000 - passed } : {} });
    assertEquals(it.calls, passed);
  });
}

Deno.test("of 1,000 concurrent submits never more than the limit are under way", async () => {
  using ws = new Workspace();
  const it = shop();
  await using kernel = await openShop(ws, { concurrent: 7 }, { provider: it.provider });
  const { OK = 0, BUDGET_EXHAUSTED = 0 } = await submitMany(kernel, 1000);
  assertEquals([it.calls, OK + BUDGET_EXHAUSTED, it.underWay.most <= 7], [OK, 1000, true]);
  assert(OK >= 7);
  // All have ended: the slots are free again.
  assertEquals(await submitMany(kernel, 7), { OK: 7 });
});

Deno.test("each agent has its own budget, unless all share it", async () => {
  using ws = new Workspace();
  const it = shop();
  const agents = [
    "alice",
    "bob",
    "__proto__",
    "constructor",
    "bob,",
    '","',
    "hasOwnProperty",
    "ａlice",
  ];
  const each = (i: number) => ({ agent: agents[i % agents.length] as string });
  {
    await using kernel = await openShop(ws, { calls: "10/day" }, { provider: it.provider });
    assertEquals(await submitMany(kernel, 1000, each), {
      OK: 10 * agents.length,
      BUDGET_EXHAUSTED: 1000 - 10 * agents.length,
    });
    // All without a name are one.
    const { status } = await kernel.submit({ action: "shop.pay", target: "vendor" });
    assertEquals(status, "OK");
  }
  const logPath = ws.path("shared.log");
  await using kernel = await openShop(ws, { calls: "10/day", across: "all" }, {
    provider: it.provider,
    logPath,
  });
  assertEquals(await submitMany(kernel, 1000, each), { OK: 10, BUDGET_EXHAUSTED: 990 });
});

Deno.test("more agents than are kept in mind at once have their budgets, and no more", async () => {
  using ws = new Workspace();
  const it = shop();
  await using kernel = await openShop(ws, { calls: "1/day" }, { provider: it.provider });
  const each = (i: number) => ({ agent: `agent ${i}` });
  assertEquals(await submitMany(kernel, 2100, each), { OK: 2100 });
  assertEquals(await submitMany(kernel, 2100, each), { BUDGET_EXHAUSTED: 2100 });
});

Deno.test("limits of the rule and of the whole policy hold together, and charge all or nothing", async () => {
  using ws = new Workspace();
  const it = shop();
  const store = new MemoryLimitStore();
  await using kernel = await openShop(ws, {
    calls: "5/day",
    sum: { param: "amount", max: "8/day" },
  }, {
    provider: it.provider,
    limits: { store },
    all: [{ action: "shop.*", calls: "7/day", across: "all" }, {
      id: "w",
      action: "*",
      calls: "9/day",
    }],
  });
  const params = { amount: 2 };
  assertEquals(await submitMany(kernel, 10, () => ({ params })), { OK: 4, BUDGET_EXHAUSTED: 6 });
  assertEquals(await submitMany(kernel, 10, () => ({ params: { amount: 0 } })), {
    OK: 1,
    BUDGET_EXHAUSTED: 9,
  });
  assertEquals(await submitMany(kernel, 10, () => ({ params: { amount: 0 }, agent: "bob" })), {
    OK: 2,
    BUDGET_EXHAUSTED: 8,
  });
  const used = store.usage(Date.now()).map((
    { limit, who, used },
  ) => [limit, who, used / 10n ** 18n]);
  assertEquals(used.sort(), [
    ["r.calls", "alice", 5n],
    ["r.calls", "bob", 2n],
    ["r.sum", "alice", 8n],
    ["r.sum", "bob", 0n],
    ["shop.*.calls", "", 7n],
    ["w.calls", "alice", 5n],
    ["w.calls", "bob", 2n],
  ]);
});

Deno.test("a denial says which limit, what is left and when to try again; both are on record", async () => {
  using ws = new Workspace();
  const clock = new HandClock();
  const it = shop();
  const limits = { sum: { param: "amount", max: "10/hour" } };
  {
    await using kernel = await openShop(ws, limits, { provider: it.provider, clock: clock.now });
    await pay(kernel, { params: { amount: "7.50" } });
    clock.at += 60_000;
    const { status, code, rule, details, error } = await pay(kernel, { params: { amount: 5 } });
    assertEquals([status, code, rule], ["DENIED", "BUDGET_EXHAUSTED", "r"]);
    assertEquals(details, { limit: "r.sum", left: "2.5", retry_after_ms: 59 * 60_000 });
    assertMatch(
      error ?? "",
      /^not permitted now: limit "r\.sum": 2\.5 is left, and this needs up to 5, try again in 59 min$/,
    );
  }
  const [passed, denied] = recordsOf(ws);
  assertEquals(passed?.stages, {
    limits: {
      charged: [{
        limit: "r.sum",
        amount: "7.5",
        window: "2026-11-28T12:00Z",
        until: "2026-11-28T13:00:00.000Z",
      }],
    },
  });
  assertEquals(denied?.stages, { limits: { exceeded: "r.sum" } });
});

Deno.test("what was used less than reserved is given back, what failed stays charged", async () => {
  using ws = new Workspace();
  const it = shop();
  await using kernel = await openShop(ws, { bytes: "300B/day" }, { provider: it.provider });
  const text = (size: number) => pay(kernel, { action: "shop.text", params: { size } });
  for (let i = 0; i < 4; i++) assertEquals((await text(50)).status, "OK");
  assertEquals((await pay(kernel, { action: "shop.fail" })).code, "PROVIDER_ERROR");
  assertEquals((await text(1)).details?.["left"], "0");
});

Deno.test("a text in a param cannot lower what is reserved of an action that does not promise to obey it", async () => {
  using ws = new Workspace();
  const it = shop();
  await using kernel = await openShop(ws, { bytes: "300B/day", duration: "9s/day" }, {
    provider: it.provider,
  });
  const params = { size: 100, max_bytes: 0, timeout: 0 };
  const ended = await submitMany(kernel, 100, () => ({ action: "shop.text", params }));
  assertEquals(ended, { OK: 3, BUDGET_EXHAUSTED: 97 });
});

Deno.test("what a later stage refuses is given back, but for the token of a rate", async () => {
  using ws = new Workspace();
  const it = shop();
  let refuses = true;
  const no = { refusal: "not permitted: no", code: "NO" };
  await using kernel = await openShop(ws, { calls: "2/day", concurrent: 1, rate: "3/day" }, {
    provider: it.provider,
    stages: [{ name: "no", enter: () => refuses ? no : undefined }],
  });
  assertEquals((await pay(kernel)).code, "NO");
  refuses = false;
  assertEquals([(await pay(kernel)).status, (await pay(kernel)).status], ["OK", "OK"]);
  assertEquals((await pay(kernel)).details?.["limit"], "r.rate");
  const [first] = recordsOf(ws);
  assertEquals(first?.stages?.["limits"], { charged: [{ limit: "r.rate", amount: "1" }] });
});

// deno-fmt-ignore -- a row is a line
const HOSTILE: readonly (readonly [cell: string, amount: unknown, passes?: string])[] = [
  ["a negative number", -1],
  ["a negative text", "-1"],
  ["minus nothing", -0, "0"],
  ["NaN as a text", "NaN"],
  ["Infinity as a text", "Infinity"],
  ["a number beyond 2^53", 2 ** 53],
  ["a huge number", 1e300],
  ["a text with an exponent, which others read as 1000", "1000e-3"],
  ["a text with a large exponent", "1e999"],
  ["a hexadecimal text", "0x10"],
  ["a text with zeros before it", "010"],
  ["a text with a plus", "+1"],
  ["a text with a space", " 1"],
  ["a text with a line feed", "1\n"],
  ["a text with separators", "1_000"],
  ["a text with a comma", "1,5"],
  ["nothing before the point", ".5"],
  ["nothing after the point", "5."],
  ["more digits than are counted", "0.0000000000000000001"],
  ["a list", [1]],
  ["an object", { valueOf: 1 }],
  ["true", true],
  ["null", null],
  ["an empty text", ""],
  ["nothing", undefined],
  ["Arabic digits", "١"],
  ["fullwidth digits", "１"],
  ["a near miss: the text of a number", "0.10", "0.1"],
  ["a near miss: a small number, with an exponent in JavaScript", 1e-7, "0.0000001"],
];

for (const [cell, amount, charged] of HOSTILE) {
  Deno.test(`a sum ${charged === undefined ? "refuses" : `counts ${charged} for`} ${cell}`, async () => {
    using ws = new Workspace();
    const it = shop();
    await using kernel = await openShop(ws, { sum: { param: "amount", max: "100/day" } }, {
      provider: it.provider,
    });
    const { status, code, details } = await pay(kernel, {
      params: amount === undefined ? {} : { amount },
    });
    if (charged === undefined) {
      // A number that JSON readers take for different ones is no request at all.
      const isInexact = typeof amount === "number" && amount > Number.MAX_SAFE_INTEGER;
      const expected = isInexact
        ? ["ERROR", "INVALID_REQUEST", undefined]
        : ["DENIED", "LIMIT_UNDECIDED", { limit: "r.sum" }];
      assertEquals([status, code, details], expected);
      assertEquals(it.calls, 0);
    } else {
      assertEquals(status, "OK");
      const { limits } = recordsOf(ws)[0]?.stages as { limits: { charged: { amount: string }[] } };
      assertEquals(limits.charged[0]?.amount, charged);
    }
  });
}

Deno.test("a sum looks at own members only, also inside of others", async () => {
  using ws = new Workspace();
  const it = shop();
  await using kernel = await openShop(ws, { sum: { param: "order.length", max: "3/day" } }, {
    provider: it.provider,
  });
  for (const order of ["ab", {}, null]) {
    assertEquals((await pay(kernel, { params: { order } })).code, "LIMIT_UNDECIDED");
  }
  const order = { length: 3 };
  assertEquals(await submitMany(kernel, 2, () => ({ params: { order } })), {
    OK: 1,
    BUDGET_EXHAUSTED: 1,
  });
});

Deno.test("windows renew, by the zone of the limit, and a clock that goes back renews nothing", async () => {
  using ws = new Workspace();
  const clock = new HandClock();
  const it = shop();
  await using kernel = await openShop(ws, { calls: "1/day", zone: "Europe/Berlin" }, {
    provider: it.provider,
    clock: clock.now,
  });
  assertEquals(await submitMany(kernel, 3), { OK: 1, BUDGET_EXHAUSTED: 2 });
  clock.at = Date.UTC(2026, 10, 28, 22, 59);
  assertEquals((await pay(kernel)).details?.["retry_after_ms"], 60_000);
  clock.at = Date.UTC(2026, 10, 28, 23);
  assertEquals(await submitMany(kernel, 3), { OK: 1, BUDGET_EXHAUSTED: 2 });
  for (const back of [1, 3_600_000, 400 * 86_400_000]) {
    clock.at = Date.UTC(2026, 10, 28, 23) - back;
    assertEquals(await submitMany(kernel, 3), { BUDGET_EXHAUSTED: 3 });
  }
});

Deno.test("a reload that changes max counts on, and one that takes limits away needs no ledger", async () => {
  using ws = new Workspace();
  const it = shop();
  const clock = new HandClock();
  await using kernel = await openShop(ws, { calls: "3/day" }, {
    provider: it.provider,
    clock: clock.now,
  });
  assertEquals(await submitMany(kernel, 5), { OK: 3, BUDGET_EXHAUSTED: 2 });
  await kernel.reload(policyOf({ calls: "5/day" }));
  assertEquals(await submitMany(kernel, 5), { OK: 2, BUDGET_EXHAUSTED: 3 });
  await kernel.reload(policyOf({ calls: "4/day" }));
  assertEquals((await pay(kernel)).details, {
    limit: "r.calls",
    left: "0",
    retry_after_ms: 12 * 3_600_000,
  });
  await kernel.reload(policyOf({}));
  assertEquals(await submitMany(kernel, 5), { OK: 5 });
  assertEquals(recordsOf(ws).at(-1)?.stages, undefined);
});

Deno.test("limits that come with a reload hold from then on", async () => {
  using ws = new Workspace();
  const it = shop();
  await using kernel = await openShop(ws, {}, {
    provider: it.provider,
    limits: { path: ws.path("l") },
  });
  assertEquals(await submitMany(kernel, 5), { OK: 5 });
  assertEquals(Array.from(Deno.readDirSync(ws.root), ({ name }) => name).includes("l"), false);
  await kernel.reload(policyOf({ calls: "2/day" }));
  assertEquals(await submitMany(kernel, 5), { OK: 2, BUDGET_EXHAUSTED: 3 });
});

Deno.test("a ledger in a folder survives restarts, and two kernels share it", async () => {
  using ws = new Workspace();
  const it = shop();
  const limits = { path: ws.path("ledger") };
  const open = (log: string) =>
    openShop(ws, { calls: "10/day", concurrent: 4, rate: "20/day" }, {
      provider: it.provider,
      logPath: ws.path(log),
      limits,
    });
  {
    await using kernel = await open("a.log");
    for (let i = 0; i < 4; i++) assertEquals((await pay(kernel)).status, "OK");
  }
  {
    await using a = await open("a.log");
    await using b = await open("b.log");
    for (let i = 0; i < 3; i++) {
      assertEquals([(await pay(a)).status, (await pay(b)).status], ["OK", "OK"]);
    }
    assertEquals([(await pay(a)).code, (await pay(b)).code], [
      "BUDGET_EXHAUSTED",
      "BUDGET_EXHAUSTED",
    ]);
  }
  assertEquals(it.calls, 10);
  // Nothing of the two kernels is left in it but the ledger.
  const names = Array.from(Deno.readDirSync(ws.path("ledger")), ({ name }) => name);
  assertEquals(names, ["ledger.db"]);
});

Deno.test("a session is one open kernel, also in a ledger that is shared", async () => {
  using ws = new Workspace();
  const it = shop();
  const limits = { path: ws.path("ledger") };
  for (const log of ["a.log", "a.log", "b.log"]) {
    await using kernel = await openShop(ws, { calls: "2/session" }, {
      provider: it.provider,
      logPath: ws.path(log),
      limits,
    });
    assertEquals(await submitMany(kernel, 5), { OK: 2, BUDGET_EXHAUSTED: 3 });
  }
});

Deno.test("a ledger that is deleted or replaced while it is open denies", async () => {
  using ws = new Workspace();
  const it = shop();
  const path = ws.path("ledger");
  const open = (log: string) =>
    openShop(ws, { calls: "3/day" }, {
      provider: it.provider,
      limits: { path },
      logPath: ws.path(log),
    });
  await using kernel = await open("a.log");
  assertEquals((await pay(kernel)).status, "OK");
  Deno.removeSync(path, { recursive: true });
  const { code, error } = await pay(kernel);
  assertEquals(code, "LIMIT_UNAVAILABLE");
  assertStringIncludes(error ?? "", "was deleted or replaced while it was open");
  await using other = await open("b.log");
  assertEquals((await pay(other)).status, "OK");
  assertEquals((await pay(kernel)).code, "LIMIT_UNAVAILABLE");
  assertEquals(it.calls, 2);
});

Deno.test("a kernel whose ledger cannot be opened does not open; its log is free", async () => {
  using ws = new Workspace();
  const it = shop();
  const path = ws.file("ledger", "no folder");
  const open = (path: string) =>
    openShop(ws, { calls: "3/day" }, { provider: it.provider, limits: { path } });
  await assertRejects(() => open(path), LimitStoreError, "Cannot use the ledger of limits");
  ws.file("broken/ledger.db", "this is no database, but text that is long enough to be looked at");
  await assertRejects(() => open(ws.path("broken")), LimitStoreError, "not a database");
  await using kernel = await open(ws.path("other"));
  await assertRejects(
    () =>
      openShop(ws, { calls: "3/day" }, {
        provider: it.provider,
        limits: { path: ws.path("other") },
      }),
    Error,
    "has it open",
  );
  assertEquals((await pay(kernel)).status, "OK");
});

Deno.test("a store that throws denies", async () => {
  using ws = new Workspace();
  const it = shop();
  const store = new MemoryLimitStore();
  store.reserve = () => {
    throw new Error("the disk is full");
  };
  await using kernel = await openShop(ws, { calls: "3/day" }, {
    provider: it.provider,
    limits: { store },
  });
  const { status, code } = await pay(kernel);
  assertEquals([status, code, it.calls], ["DENIED", "LIMIT_UNAVAILABLE", 0]);
});

Deno.test("a store of the host is shared by kernels and is not closed by them", async () => {
  using ws = new Workspace();
  const it = shop();
  const store = new MemoryLimitStore();
  for (const expected of ["OK", "DENIED"]) {
    await using kernel = await openShop(ws, { calls: "1/day" }, {
      provider: it.provider,
      limits: { store },
    });
    assertEquals((await pay(kernel)).status, expected);
  }
});

Deno.test("with memory, one warning says what is forgotten at a restart; a session is not", async () => {
  using ws = new Workspace();
  const it = shop();
  const warnings: string[] = [];
  const onWarning = (line: string) => warnings.push(line);
  const told = () => warnings.splice(0).filter((line) => line.includes("in memory"));
  {
    await using kernel = await openShop(ws, { calls: "1/day", rate: "1/min", concurrent: 1 }, {
      provider: it.provider,
      onWarning,
    });
    await kernel.reload(policyOf({ calls: "2/day" }));
  }
  const [line, ...more] = told();
  assertMatch(
    line ?? "",
    /what "r\.calls" has used is forgotten when this process ends; limits\.path/,
  );
  assertEquals(more, []);
  for (const limits of [{}, { calls: "1/session", concurrent: 1 }]) {
    await using _ = await openShop(ws, limits, { provider: it.provider, onWarning });
  }
  await using _ = await openShop(ws, { calls: "1/day" }, {
    provider: it.provider,
    onWarning,
    limits: { path: ws.path("l") },
  });
  assertEquals(told(), []);
});

Deno.test("a clock far behind the ledger's latest time is told at the start", async () => {
  using ws = new Workspace();
  const it = shop();
  const clock = new HandClock();
  const warnings: string[] = [];
  const open = () =>
    openShop(ws, { calls: "9/day" }, {
      provider: it.provider,
      limits: { path: ws.path("l") },
      clock: clock.now,
      onWarning: (line) => warnings.push(line),
    });
  {
    await using kernel = await open();
    await pay(kernel);
  }
  clock.at -= 3_600_000;
  await using _ = await open();
  assertEquals(warnings.filter((line) => line.includes("3600 s behind")).length, 1);
});

Deno.test("no action may read or change a ledger, whether it is there or not", async () => {
  using ws = new Workspace();
  const actions = ["fs.read", "fs.write", "fs.delete", "fs.list", "fs.stat", "fs.mkdir"];
  const files = new Provider({
    name: "files",
    isolation: "none",
    actions: Object.fromEntries(actions.map((action) => [action, {}])),
    execute: () => "done",
  });
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: actions, resource: `${ws.root}/**` }] },
    providers: [files],
    logPath: ws.path("kernel.log"),
    limits: { path: ws.path("own") },
    onWarning: () => {},
  });
  for (const folder of ["own", "kernel.log.limits"]) {
    for (const target of [folder, `${folder}/ledger.db`, `${folder}/owner-x`]) {
      for (const action of actions) {
        const params = action === "fs.write" ? { content: "" } : {};
        const { code } = await kernel.submit({ action, target: ws.path(target), params });
        assertEquals(code, "GUARDED", `${action} ${target}`);
      }
    }
  }
  const near = { action: "fs.read", target: ws.path("owner") };
  assertEquals((await kernel.submit(near)).status, "OK");
});

Deno.test("an agent that changes its name gets a new budget, as docs/limits.md says; a shared limit holds", async () => {
  using ws = new Workspace();
  const it = shop();
  await using kernel = await openShop(ws, { calls: "1/day" }, {
    provider: it.provider,
    all: [{ action: "*", calls: "5/day", across: "all" }],
  });
  const ended = await submitMany(kernel, 100, (i) => ({ agent: `alice${i}` }));
  assertEquals(ended, { OK: 5, BUDGET_EXHAUSTED: 95 });
});

Deno.test({
  name: "a ledger on a full disk denies until there is room again, and loses nothing",
  ignore: !canMount(),
  async fn() {
    using ws = new Workspace();
    using disk = new SmallDisk(ws);
    const it = shop();
    const limits = { path: `${disk.path}/ledger` };
    {
      await using kernel = await openShop(ws, { calls: "99/day" }, {
        provider: it.provider,
        limits,
      });
      // Few: a ledger of some pages writes many to its journal before it cleans up.
      assertEquals(await submitMany(kernel, 2), { OK: 2 });
      disk.fill();
      const { OK = 0, LIMIT_UNAVAILABLE = 0 } = await submitMany(kernel, 50);
      assertEquals(it.calls, 2 + OK);
      assert(LIMIT_UNAVAILABLE > 40, `${LIMIT_UNAVAILABLE}`);
      assertMatch((await pay(kernel)).error ?? "", /ledger\.db": .*disk/);
      disk.free();
      assertEquals(await submitMany(kernel, 1), { OK: 1 });
    }
    await using kernel = await openShop(ws, { calls: `${it.calls + 1}/day` }, {
      provider: it.provider,
      limits,
    });
    assertEquals((await pay(kernel)).status, "OK");
    assertEquals((await pay(kernel)).code, "BUDGET_EXHAUSTED");
  },
});

Deno.test("a charge that could not be ended is ended with the next request: slots come free", async () => {
  using ws = new Workspace();
  const it = shop();
  const store = new MemoryLimitStore();
  const warnings: string[] = [];
  await using kernel = await openShop(ws, { concurrent: 1 }, {
    provider: it.provider,
    limits: { store },
    onWarning: (line) => warnings.push(line),
  });
  const commit = store.commit.bind(store);
  store.commit = () => {
    throw new Error("the disk is full");
  };
  assertEquals((await pay(kernel)).status, "OK");
  assertEquals((await pay(kernel)).code, "BUDGET_EXHAUSTED");
  assertEquals(warnings.filter((line) => line.includes("the disk is full")).length, 1);
  store.commit = commit;
  assertEquals(await submitMany(kernel, 1), { OK: 1 });
});

/** A provider that asks about as many connections as its target says, all at once. */
function asking(answers: ResourceDecision[][]): Provider {
  return new Provider({
    name: "asking",
    isolation: "none",
    actions: { "ask.many": { kind: "name" } },
    records: ["net.connect"],
    async execute({ target }, { decide }) {
      const asked = Array.from(
        { length: Number(target) },
        (_, i) => decide({ action: "net.connect", target: `https://h${i}.example/` }),
      );
      answers.push(await Promise.all(asked));
    },
  });
}

// deno-fmt-ignore -- a row is a line
const OF_QUESTIONS: readonly { limits: object; whole?: boolean; allowed: number; code?: string }[] = [
  { limits: { calls: "3/day" }, allowed: 3, code: "BUDGET_EXHAUSTED" },
  { limits: { rate: "3/min" }, allowed: 3, code: "RATE_LIMITED" },
  { limits: { sent: "1KB/day" }, allowed: 5 },
  { limits: { calls: "4/day" }, whole: true, allowed: 3, code: "BUDGET_EXHAUSTED" },
  { limits: { bytes: "1GB/day" }, allowed: 0, code: "LIMIT_UNDECIDED" },
  { limits: { duration: "10h/day" }, allowed: 0, code: "LIMIT_UNDECIDED" },
  { limits: { concurrent: 9 }, allowed: 0, code: "LIMIT_UNDECIDED" },
  // The call itself is charged to it.
  { limits: { bytes: "1GB/day", concurrent: 2, duration: "1h/day" }, whole: true, allowed: 5 },
];
for (const { limits, whole = false, allowed, code } of OF_QUESTIONS) {
  const where = whole ? "of the whole policy" : "of a rule";
  Deno.test(`of 5 connections of a call ${allowed} pass ${JSON.stringify(limits)} ${where}`, async () => {
    using ws = new Workspace();
    const answers: ResourceDecision[][] = [];
    {
      await using kernel = await Kernel.open({
        policy: {
          capabilities: [
            { id: "ask", action: "ask.many", resource: "*" },
            {
              id: "out",
              action: "net.connect",
              resource: "https://*.example/",
              ...whole ? {} : { limits },
            },
          ],
          ...whole ? { limits: [{ action: "*", ...limits }] } : {},
        },
        providers: [asking(answers)],
        logPath: ws.path("kernel.log"),
        onWarning: () => {},
      });
      assertEquals((await kernel.submit({ action: "ask.many", target: "5" })).status, "OK");
    }
    const codes = answers.flat().map(({ code }) => code);
    const expected = code ?? "ALLOWED";
    assertEquals(codes, codes.map((_, i) => i < allowed ? "ALLOWED" : expected));
    const records = recordsOf(ws);
    assertEquals(records.map(({ action }) => action), [
      ...codes.map(() => "net.connect"),
      "ask.many",
    ]);
    assertEquals(records.filter(({ status }) => status === "OK").length, allowed + 1);
  });
}
