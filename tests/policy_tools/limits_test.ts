/** `limits` of policies: what is read, and what is refused at which place. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { formatDecimal } from "../../src/limits/decimal.ts";
import { PolicyError, type PolicyProblem } from "../../src/core/policy/problem.ts";
import type { PolicyWithExamples } from "../../src/policy_tools/read.ts";
import { load } from "../core/policy/deciding.ts";

const RULE = { id: "pay", action: "shop.pay", resource: "vendors/**" };

function withLimits(limits: unknown, rule: object = RULE): PolicyWithExamples {
  return load({ capabilities: [{ ...rule, limits }] });
}

function problemsOf(policy: object): readonly PolicyProblem[] {
  return assertThrows(() => load(policy), PolicyError).problems;
}

Deno.test("a policy carries the limits of its rules and of the whole policy", () => {
  const { limits } = load({
    limits: [
      { action: "net.http", rate: "60/min", burst: 10 },
      { id: "total", action: "*", calls: "5000/day", across: "all", zone: "Europe/Berlin" },
    ],
    capabilities: [
      {
        ...RULE,
        limits: {
          calls: "20/day",
          sum: { param: "order.amount", max: "500.50/day" },
          concurrent: 1,
        },
      },
      { action: "fs.read", resource: "/w/**" },
    ],
  });
  assertEquals(Array.from(limits.rules.keys()), ["pay"]);
  const shown = [...limits.rules.get("pay") ?? [], ...limits.all.flatMap(({ limits }) => limits)]
    .map(({ id, text, shared, max }) => [id, text, shared, formatDecimal(max)]);
  assertEquals(shown, [
    ["pay.calls", "calls 20/day", false, "20"],
    ["pay.sum", "sum of order.amount 500.50/day", false, "500.5"],
    ["pay.concurrent", "concurrent 1", false, "1"],
    ["net.http.rate", "rate 60/min burst 10", false, "10"],
    ["total.calls", "calls 5000/day across all (Europe/Berlin)", true, "5000"],
  ]);
  assertEquals(limits.rules.get("pay")?.[1]?.path, ["order", "amount"]);
});

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly { cell: string; limits: unknown; place?: string; message: RegExp }[] = [
  { cell: "nothing", limits: {}, message: /Limits nothing/ },
  { cell: "a list", limits: [], message: /mapping of limits/ },
  { cell: "null", limits: null, message: /mapping of limits/ },
  { cell: "only a scope", limits: { across: "all" }, message: /Limits nothing/ },
  { cell: "an unknown measure", limits: { calls: "1/day", cost: 1 }, place: ".cost", message: /There is no limit "cost"/ },
  { cell: "a measure out of JavaScript", limits: { calls: "1/day", constructor: "1/day" }, place: ".constructor", message: /no limit/ },
  { cell: "a number without a period", limits: { calls: 3 }, place: ".calls", message: /like 20\/day/ },
  { cell: "an unknown period", limits: { rate: "60/fortnight" }, place: ".rate", message: /like 60\/min/ },
  { cell: "a period out of JavaScript", limits: { calls: "1/constructor" }, place: ".calls", message: /like 20\/day/ },
  { cell: "an unknown unit", limits: { bytes: "10 parsecs" }, place: ".bytes", message: /like 100MiB\/hour/ },
  { cell: "half a call", limits: { calls: "0.5/day" }, place: ".calls", message: /like 20\/day/ },
  { cell: "half a byte", limits: { bytes: "0.3KiB/day" }, place: ".bytes", message: /like 100MiB/ },
  { cell: "a negative amount", limits: { calls: "-1/day" }, place: ".calls", message: /like 20\/day/ },
  { cell: "no calls in a rate", limits: { rate: "0/min" }, place: ".rate", message: /like 60\/min/ },
  { cell: "a sum without a period", limits: { sum: { param: "amount", max: 1 } }, place: ".sum", message: /param: name/ },
  { cell: "a sum of nothing", limits: { sum: { param: "a..b", max: "1/day" } }, place: ".sum", message: /param: name/ },
  { cell: "a sum with more", limits: { sum: { param: "a", max: "1/day", min: 1 } }, place: ".sum", message: /param: name/ },
  { cell: "a sum that a result of no name corrects", limits: { sum: { param: "a", result: "", max: "1/day" } }, place: ".sum", message: /result: name/ },
  { cell: "a sum that null corrects", limits: { sum: { param: "a", result: null, max: "1/day" } }, place: ".sum", message: /result: name/ },
  { cell: "a burst alone", limits: { calls: "1/day", burst: 3 }, place: ".burst", message: /"rate"/ },
  { cell: "a burst of nothing", limits: { rate: "1/min", burst: 0 }, place: ".rate", message: /burst of 1/ },
  { cell: "no slot", limits: { concurrent: 0 }, place: ".concurrent", message: /1 or more/ },
  { cell: "half a slot", limits: { concurrent: 1.5 }, place: ".concurrent", message: /1 or more/ },
  { cell: "an unknown scope", limits: { calls: "1/day", across: "everybody" }, place: ".across", message: /"all"/ },
  { cell: "an unknown zone", limits: { calls: "1/day", zone: "Mars/Olympus" }, place: ".zone", message: /Europe\/Berlin/ },
];

for (const { cell, limits, place = "", message } of REFUSED) {
  Deno.test(`readPolicy() refuses limits with ${cell}`, () => {
    const [problem] = problemsOf({ capabilities: [{ ...RULE, limits }] });
    assertEquals(problem?.place, `capabilities[0].limits${place}`);
    assertMatch(problem?.message ?? "", message);
  });
  Deno.test(`readPolicy() refuses limits of the whole policy with ${cell}`, () => {
    if (limits === null || Array.isArray(limits)) return;
    const [problem] = problemsOf({
      capabilities: [],
      limits: [{ action: "*", ...limits as object }],
    });
    assertEquals(problem?.place, `limits[0]${place}`);
    assertMatch(problem?.message ?? "", message);
  });
}

Deno.test("a policy carries its limits on submits", () => {
  const { limits: { all, submits } } = load({
    limits: [
      { action: "*", submits: "600/min", burst: 50, fold: "1min" },
      { id: "total", action: "*", submits: "10/s", across: "all" },
      { action: "*", rate: "1/min" },
    ],
    capabilities: [],
  });
  assertEquals(all.length, 1);
  assertEquals(submits, [
    {
      ...{ id: "*.submits", action: "*", shared: false, burst: 50, refillMs: 100, foldMs: 60_000 },
      text: "submits 600/min burst 50, fold 1min",
    },
    {
      ...{ id: "total.submits", action: "*", shared: true, burst: 10, refillMs: 100 },
      text: "submits 10/s across all",
    },
  ]);
});

// deno-fmt-ignore -- a row is a line
const REFUSED_OF_SUBMITS: readonly { cell: string; limit: object; place: string; message: RegExp }[] = [
  { cell: "no rate", limit: { submits: "20" }, place: ".submits", message: /a rate like 60\/min/ },
  { cell: "a number", limit: { submits: 20 }, place: ".submits", message: /a rate like 60\/min/ },
  { cell: "null", limit: { submits: null }, place: ".submits", message: /a rate like 60\/min/ },
  { cell: "a burst of nothing", limit: { submits: "1/s", burst: 0 }, place: ".submits", message: /burst of 1/ },
  { cell: "another measure", limit: { submits: "1/s", calls: "1/day" }, place: ".calls", message: /an item of their own/ },
  { cell: "a rate beside it", limit: { submits: "1/s", rate: "1/s" }, place: ".rate", message: /an item of their own/ },
  { cell: "a zone", limit: { submits: "1/s", zone: "Europe/Berlin" }, place: ".zone", message: /expected action, id, submits, burst, across, fold/ },
  { cell: "an unknown scope", limit: { submits: "1/s", across: "everybody" }, place: ".across", message: /"all"/ },
  { cell: "a fold of no time", limit: { submits: "1/s", fold: true }, place: ".fold", message: /a time from 1s to 1h/ },
  { cell: "a fold without a unit", limit: { submits: "1/s", fold: "60" }, place: ".fold", message: /a time from 1s to 1h/ },
  { cell: "a fold of a unit out of JavaScript", limit: { submits: "1/s", fold: "1constructor" }, place: ".fold", message: /a time from 1s to 1h/ },
  { cell: "a short fold", limit: { submits: "1/s", fold: "999ms" }, place: ".fold", message: /a time from 1s to 1h/ },
  { cell: "a long fold", limit: { submits: "1/s", fold: "61min" }, place: ".fold", message: /a time from 1s to 1h/ },
  { cell: "an action that could never match", limit: { action: "fs", submits: "1/s" }, place: "", message: /could never match/ },
  { cell: "no such measure", limit: { submit: "1/s" }, place: ".submit", message: /or submits in an item/ },
];

for (const { cell, limit, place, message } of REFUSED_OF_SUBMITS) {
  Deno.test(`readPolicy() refuses a limit on submits with ${cell}`, () => {
    const [problem] = problemsOf({ capabilities: [], limits: [{ action: "*", ...limit }] });
    assertEquals(problem?.place, `limits${place === "" ? "" : `[0]${place}`}`);
    assertMatch(problem?.message ?? "", message);
  });
}

Deno.test("a limit on submits has an id of its own, and cannot belong to a rule", () => {
  const limit = { action: "*", submits: "1/s" };
  const [twice] = problemsOf({ capabilities: [], limits: [limit, limit] });
  assertMatch(twice?.message ?? "", /There is another limit "\*\.submits"/);
  const [problem] = problemsOf({ capabilities: [{ ...RULE, limits: { submits: "1/s" } }] });
  assertEquals(problem?.place, "capabilities[0].limits.submits");
  assertMatch(problem?.message ?? "", /cannot belong to a rule/);
});

Deno.test("a rule with limits needs an id that stays when rules are added before it", () => {
  const { id: _, ...nameless } = RULE;
  for (const rule of [nameless, { ...RULE, id: "a b" }, { ...RULE, id: "a/b" }]) {
    const [problem] = problemsOf({ capabilities: [{ ...rule, limits: { calls: "1/day" } }] });
    assertMatch(problem?.message ?? "", /needs an "id"/);
  }
  withLimits({ calls: "1/day" }, { ...RULE, id: "__proto__" });
});

Deno.test("two limits never share a counter: an id is used once", () => {
  const limits = { calls: "1/day" };
  const twice = [
    { capabilities: [{ ...RULE, limits }], limits: [{ id: "pay", action: "*", ...limits }] },
    { capabilities: [], limits: [{ action: "*", ...limits }, { action: "*", ...limits }] },
  ];
  for (const policy of twice) {
    assertMatch(problemsOf(policy)[0]?.message ?? "", /There is another limit "/);
  }
  load({
    capabilities: [{ ...RULE, limits }],
    limits: [{ action: "*", ...limits }, { action: "*", rate: "1/min" }],
  });
});

Deno.test("a limit of the whole policy that could never match is refused", () => {
  const limits = { calls: "1/day" };
  for (const action of ["net.htpp", "fs", "shop.*"]) {
    const [problem] = problemsOf({ capabilities: [], limits: [{ action, ...limits }] });
    assertMatch(problem?.message ?? "", /could never match/);
  }
  for (const action of ["f*", "", "fs.", 1, null]) {
    const [problem] = problemsOf({ capabilities: [], limits: [{ action, ...limits }] });
    assertEquals(problem?.place, "limits[0].action");
  }
  load({ capabilities: [RULE], limits: [{ action: "shop.*", ...limits }] });
});

Deno.test("limits that an earlier rule gets around are warned of", () => {
  const limited = { ...RULE, limits: { calls: "1/day" } };
  const wide = { id: "wide", action: "shop.*", resource: "vendors/pens" };
  const table = [
    { capabilities: [{ ...wide, action: "shop.pay" }, limited], warned: true },
    { capabilities: [limited, { ...wide, action: "shop.pay" }], warned: false },
    { capabilities: [{ ...wide, action: "shop.look" }, limited], warned: false },
    {
      capabilities: [{ ...wide, action: "shop.pay", resource: "others/*" }, limited],
      warned: false,
    },
    {
      capabilities: [{ ...wide, action: "shop.pay", limits: { calls: "9/day" } }, limited],
      warned: false,
    },
  ];
  for (const { capabilities, warned } of table) {
    const lines = load({ capabilities }).warnings.filter((line) => line.includes("limits"));
    const line =
      'pay: its limits do not count what "wide" before it allows; put it before that rule';
    assertEquals(lines, warned ? [line] : []);
  }
});

Deno.test("deny rules have no limits", () => {
  const [problem] = problemsOf({
    capabilities: [],
    deny: [{ ...RULE, limits: { calls: "1/day" } }],
  });
  assertEquals(problem?.place, "deny[0].limits");
});
