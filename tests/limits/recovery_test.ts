/** A ledger that was deleted, replaced or could not be written, through `kernel.recover()`. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Kernel, LimitStoreError } from "@agent-kernel/kernel";
import { decimalOf } from "../../src/limits/decimal.ts";
import { readLedger } from "../../src/limits/ledger_file.ts";
import { SqliteLimitStore } from "../../src/limits/sqlite_store.ts";
import type { Charge } from "../../src/limits/store.ts";
import { LedgerCheck } from "../../src/limits/verify.ts";
import { readAuditLog } from "../../src/log/reader.ts";
import { canMount, SmallDisk } from "../core/record/small_disk.ts";
import { Workspace } from "../workspace.ts";
import { openShop, pay, shop, submitMany } from "./scene.ts";

const LIMITS = { calls: "10/forever", across: "all" };

/** Two kernels that share a ledger. */
async function withTwo(
  body: (it: { ws: Workspace; path: string; first: Kernel; second: Kernel }) => Promise<void>,
): Promise<void> {
  using ws = new Workspace();
  const path = ws.path("ledger");
  const { provider } = shop();
  const open = (log: string) =>
    openShop(ws, LIMITS, { provider, limits: { path }, logPath: ws.path(log) });
  await using first = await open("first.log");
  await using second = await open("second.log");
  await body({ ws, path, first, second });
}

/** Whether ledger and logs say the same. */
async function agrees(ws: Workspace, path: string): Promise<boolean> {
  const content = readLedger(path, 0);
  if (content === undefined) return false;
  const check = new LedgerCheck(content, 0);
  for (const log of ["first.log", "second.log"]) {
    for await (const line of readAuditLog(ws.path(log))) check.observe(line);
  }
  return check.findings().differences.length === 0;
}

const REMOVALS: readonly (readonly [string, (path: string) => void])[] = [
  ["whose folder was deleted", (path) => Deno.removeSync(path, { recursive: true })],
  ["of which only the database was deleted", (path) => Deno.removeSync(`${path}/ledger.db`)],
  ["whose folder was moved away", (path) => Deno.renameSync(path, `${path}.away`)],
];

for (const [cell, remove] of REMOVALS) {
  Deno.test(`recover() restores a ledger ${cell}, with what others have charged`, async () => {
    await withTwo(async ({ ws, path, first, second }) => {
      assertEquals(await submitMany(first, 3), { OK: 3 });
      assertEquals(await submitMany(second, 4), { OK: 4 });
      remove(path);
      assertEquals(await submitMany(first, 2), { LIMIT_UNAVAILABLE: 2 });
      await first.recover();
      assertEquals((await pay(first)).status, "OK");
      // Each kernel has to be told: the second one has the deleted file still open.
      assertEquals((await pay(second)).code, "LIMIT_UNAVAILABLE");
      await second.recover();
      assertEquals(await submitMany(second, 5), { OK: 2, BUDGET_EXHAUSTED: 3 });
      assertEquals((await pay(first)).code, "BUDGET_EXHAUSTED");
      assertEquals(await agrees(ws, path), true);
    });
  });
}

Deno.test("recover() fails closed where another ledger is in its place, and restores when it is moved away", async () => {
  await withTwo(async ({ ws, path, first, second }) => {
    assertEquals(await submitMany(first, 9), { OK: 9 });
    Deno.removeSync(path, { recursive: true });
    const other = new SqliteLimitStore(path);
    other.reserve("x", [charge(1)], 0);
    other.close();
    const error = await assertRejects(() => first.recover(), LimitStoreError);
    assertStringIncludes(error.message, "another ledger is in its place");
    assertStringIncludes(error.message, "move it away and recover again");
    assertEquals((await pay(first)).code, "LIMIT_UNAVAILABLE");
    Deno.renameSync(path, ws.path("moved"));
    await first.recover();
    await second.recover();
    assertEquals(await submitMany(second, 2), { OK: 1, BUDGET_EXHAUSTED: 1 });
  });
});

Deno.test("recover() does not restore what another kernel has restored and used since", async () => {
  await withTwo(async ({ path, first, second }) => {
    assertEquals(await submitMany(first, 2), { OK: 2 });
    Deno.removeSync(path, { recursive: true });
    await second.recover();
    assertEquals(await submitMany(second, 8), { OK: 8 });
    Deno.removeSync(path, { recursive: true });
    const error = await assertRejects(() => first.recover(), LimitStoreError);
    assertStringIncludes(error.message, "recover that kernel first");
    await second.recover();
    await first.recover();
    assertEquals((await pay(first)).code, "BUDGET_EXHAUSTED");
  });
});

Deno.test("recover() of a ledger that is in its place changes nothing, nor of one in memory", async () => {
  await withTwo(async ({ ws, path, first }) => {
    assertEquals(await submitMany(first, 9), { OK: 9 });
    await first.recover();
    assertEquals(await submitMany(first, 2), { OK: 1, BUDGET_EXHAUSTED: 1 });
    assertEquals(await agrees(ws, path), true);
  });
  using ws = new Workspace();
  await using kernel = await openShop(ws, { calls: "1/session" }, { provider: shop().provider });
  assertEquals((await pay(kernel)).status, "OK");
  await kernel.recover();
  assertEquals((await pay(kernel)).code, "BUDGET_EXHAUSTED");
});

Deno.test({
  name: "recover() goes on with a ledger whose disk was full, and says so while it is",
  ignore: !canMount,
  async fn() {
    using ws = new Workspace();
    using disk = new SmallDisk(ws);
    const { provider } = shop();
    const limits = { path: `${disk.path}/ledger` };
    await using kernel = await openShop(ws, { calls: "9/day" }, { provider, limits });
    assertEquals(await submitMany(kernel, 2), { OK: 2 });
    Deno.removeSync(limits.path, { recursive: true });
    disk.fill();
    await assertRejects(() => kernel.recover(), LimitStoreError);
    assertEquals((await pay(kernel)).code, "LIMIT_UNAVAILABLE");
    disk.free();
    await kernel.recover();
    assertEquals(await submitMany(kernel, 9), { OK: 7, BUDGET_EXHAUSTED: 2 });
  },
});

function charge(amount: number, { limit = "l", slot = false } = {}): Charge {
  const meter = slot
    ? { kind: "slots", max: 1 } as const
    : { kind: "window", max: decimalOf(10), window: "w", endsAt: undefined } as const;
  return { limit, who: "a", amount: decimalOf(amount), meter };
}

Deno.test("what is under way when a ledger is restored ends in the new file, in each process", () => {
  using ws = new Workspace();
  const path = ws.path("ledger");
  const first = new SqliteLimitStore(path);
  const second = new SqliteLimitStore(path);
  first.reserve("1", [charge(4)], 0);
  second.reserve("2", [charge(3), charge(1, { limit: "s", slot: true })], 0);
  second.reserve("3", [charge(2)], 0);
  // Only the database: the marks of both processes stay.
  Deno.removeSync(`${path}/ledger.db`);
  first.recover();
  assertEquals(first.reserve("4", [charge(2)], 0)?.left, decimalOf(1));
  first.release("1");
  second.commit("2", new Map([["l", decimalOf(1)]])); // In the deleted file: it is not known in the new one.
  assertEquals(first.reserve("5", [charge(1, { limit: "s", slot: true })], 0)?.limit, "s");
  assertThrows(() => second.reserve("6", [charge(1)], 0), LimitStoreError, "deleted or replaced");
  second.recover();
  assertEquals(first.reserve("7", [charge(1, { limit: "s", slot: true })], 0), undefined);
  second.release("3");
  const used = () => second.usage(0).find(({ limit }) => limit === "l")?.used;
  assertEquals(used(), decimalOf(3));
  first.close();
  second.close();
});
