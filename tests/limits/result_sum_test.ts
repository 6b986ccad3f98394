/** Sums that the result of an action corrects, through a real kernel. */
import { assertEquals } from "@std/assert";
import { type Kernel, MemoryLimitStore, Provider } from "@agent-kernel/kernel";
import { formatDecimal } from "../../src/limits/decimal.ts";
import { readLedger } from "../../src/limits/ledger_file.ts";
import { LedgerCheck } from "../../src/limits/verify.ts";
import { readAuditLog } from "../../src/log/reader.ts";
import { Workspace } from "../workspace.ts";
import { openShop, pay, recordsOf } from "./scene.ts";

const LIMITS = { sum: { param: "amount", result: "receipt.total", max: "10/forever" } };

/** Answers with what the params say, or fails. */
function till(): Provider {
  return new Provider({
    name: "till",
    isolation: "none",
    actions: { "shop.pay": { kind: "name" } },
    execute({ params }) {
      if (params["fails"]) throw new Error("no luck");
      return params["answer"];
    },
  });
}

function chargedOf(ws: Workspace): unknown {
  const { limits } = recordsOf(ws).at(-1)?.stages as { limits: { charged: unknown[] } };
  return limits.charged;
}

const buy = (kernel: Kernel, amount: unknown, answer: unknown, more: object = {}) =>
  pay(kernel, { params: { amount, answer, ...more } });

const receipt = (total: unknown) => ({ receipt: { total } });

// deno-fmt-ignore -- a row is a line
const TOLD: readonly { cell: string; answer: unknown; charged: string; reserved?: string }[] = [
  { cell: "a number that is less", answer: receipt(2.5), charged: "2.5", reserved: "5" },
  { cell: "the text of one", answer: receipt("0.10"), charged: "0.1", reserved: "5" },
  { cell: "nothing at all", answer: receipt(0), charged: "0", reserved: "5" },
  { cell: "what was reserved", answer: receipt(5), charged: "5", reserved: "5" },
  { cell: "more than reserved", answer: receipt(6), charged: "6", reserved: "5" },
  { cell: "more than the limit", answer: receipt("12.75"), charged: "12.75", reserved: "5" },
  { cell: "a negative amount", answer: receipt(-3), charged: "5" },
  { cell: "the text of a negative amount", answer: receipt("-3"), charged: "5" },
  { cell: "a text with an exponent", answer: receipt("1e0"), charged: "5" },
  { cell: "the text of a number beyond 2^53", answer: receipt("9007199254740993"), charged: "9007199254740993", reserved: "5" },
  { cell: "more digits than are counted", answer: receipt("0.0000000000000000001"), charged: "5" },
  { cell: "a list", answer: receipt([1]), charged: "5" },
  { cell: "null", answer: receipt(null), charged: "5" },
  { cell: "an amount at another place", answer: { total: 1 }, charged: "5" },
  { cell: "a text of JSON", answer: '{"receipt":{"total":1}}', charged: "5" },
  { cell: "a member out of JavaScript", answer: { receipt: "x" }, charged: "5" },
  { cell: "nothing", answer: null, charged: "5" },
];

for (const { cell, answer, charged, reserved } of TOLD) {
  Deno.test(`a sum of 5 whose result tells ${cell} charges ${charged}`, async () => {
    using ws = new Workspace();
    const store = new MemoryLimitStore();
    await using kernel = await openShop(ws, LIMITS, { provider: till(), limits: { store } });
    assertEquals((await buy(kernel, 5, answer)).status, "OK");
    const [usage] = store.usage(0);
    assertEquals(usage && formatDecimal(usage.used), charged);
    assertEquals(chargedOf(ws), [{
      limit: "r.sum",
      amount: charged,
      result: "receipt.total",
      ...reserved === undefined ? {} : { reserved },
      window: "forever",
    }]);
  });
}

Deno.test("what a result tells is given back to the next, and what it tells above the limit denies the next", async () => {
  using ws = new Workspace();
  await using kernel = await openShop(ws, LIMITS, { provider: till() });
  for (let i = 0; i < 3; i++) {
    assertEquals((await buy(kernel, 6, receipt("0.10"))).status, "OK"); // 0.3 in all, exactly
  }
  const left = async (amount: unknown) => (await buy(kernel, amount, receipt(0))).details?.["left"];
  assertEquals(await left("9.71"), "9.7");
  assertEquals((await buy(kernel, "9.7", receipt(20))).status, "OK");
  assertEquals(await left("0.01"), "0");
});

Deno.test("an action that fails stays charged as reserved, and without result: nobody is believed", async () => {
  using ws = new Workspace();
  const store = new MemoryLimitStore();
  const used = () => store.usage(0).map(({ limit, used }) => [limit, formatDecimal(used)]);
  {
    await using kernel = await openShop(ws, LIMITS, { provider: till(), limits: { store } });
    assertEquals((await buy(kernel, 4, receipt(1), { fails: true })).code, "PROVIDER_ERROR");
    assertEquals(used(), [["r.sum", "4"]]);
  }
  const unbelieved = { sum: { param: "amount", max: "10/forever" } };
  await using kernel = await openShop(ws, unbelieved, { provider: till(), limits: { store } });
  assertEquals((await buy(kernel, 4, receipt(1))).status, "OK");
  assertEquals(used(), [["r.sum", "8"]]);
});

Deno.test("a ledger of sums that results have corrected is what its log says", async () => {
  using ws = new Workspace();
  const path = ws.path("ledger");
  {
    await using kernel = await openShop(ws, LIMITS, { provider: till(), limits: { path } });
    for (const answer of [receipt(1), receipt(-1), null, receipt("5.25")]) {
      await buy(kernel, 2, answer);
    }
    await buy(kernel, 1, receipt(0), { fails: true });
  }
  const content = readLedger(path, 0);
  const check = new LedgerCheck(content ?? { latest: 0, usage: [], reservations: [] }, 0);
  for await (const line of readAuditLog(ws.path("kernel.log"))) check.observe(line);
  const { differences, agreed, records } = check.findings();
  assertEquals([differences, agreed, records], [[], 1, 4]);
  assertEquals(content?.usage.map(({ used }) => formatDecimal(used)), ["10.25"]);
});
