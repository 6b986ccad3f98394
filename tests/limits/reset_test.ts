/** Resets that are asked for while kernels are at work. */
import { assertEquals } from "@std/assert";
import { MemoryLimitStore } from "@agent-kernel/kernel";
import { decimalOf } from "../../src/limits/decimal.ts";
import { askReset, readLedger } from "../../src/limits/ledger_file.ts";
import { SqliteLimitStore } from "../../src/limits/sqlite_store.ts";
import { LedgerCheck } from "../../src/limits/verify.ts";
import { readAuditLog } from "../../src/log/reader.ts";
import { Workspace } from "../workspace.ts";
import { openShop, pay, recordsOf, shop, submitMany } from "./scene.ts";

async function differences(ws: Workspace, path: string, logs: readonly string[]) {
  const check = new LedgerCheck(
    readLedger(path, 0) ?? { latest: 0, usage: [], reservations: [] },
    0,
  );
  for (const observe of ["observeReset", "observe"] as const) {
    for (const log of logs) {
      for await (const line of readAuditLog(ws.path(log))) check[observe](line, log);
    }
  }
  return check.findings().differences;
}

const shown = (ws: Workspace, log?: string) =>
  recordsOf(ws, log).map(({ action, status, code }) => `${action} ${code ?? status}`);

Deno.test("a reset that is asked for is recorded by the kernel at work before its next decision", async () => {
  using ws = new Workspace();
  const path = ws.path("ledger");
  const it = shop();
  await using kernel = await openShop(ws, { calls: "2/forever", rate: "9/day" }, {
    provider: it.provider,
    limits: { path },
  });
  assertEquals(await submitMany(kernel, 3), { OK: 2, BUDGET_EXHAUSTED: 1 });
  askReset(path, "r.calls");
  askReset(path, "r.calls"); // Twice is once.
  assertEquals(await submitMany(kernel, 3), { OK: 2, BUDGET_EXHAUSTED: 1 });
  assertEquals(shown(ws).filter((line) => !line.endsWith(" BUDGET_EXHAUSTED")), [
    "shop.pay OK",
    "shop.pay OK",
    "kernel.limits.reset OK",
    "shop.pay OK",
    "shop.pay OK",
  ]);
  const reset = recordsOf(ws).find(({ action }) => action === "kernel.limits.reset");
  assertEquals([reset?.target, reset?.rule, typeof reset?.record_id], ["r.calls", "cli", "string"]);
  assertEquals(await differences(ws, path, ["kernel.log"]), []);
});

Deno.test("of kernels that share a ledger one takes a reset up, and all count anew", async () => {
  using ws = new Workspace();
  const path = ws.path("ledger");
  const { provider } = shop();
  const open = (log: string) =>
    openShop(ws, { calls: "2/forever", across: "all" }, {
      provider,
      limits: { path },
      logPath: ws.path(log),
    });
  await using first = await open("first.log");
  await using second = await open("second.log");
  assertEquals(await submitMany(first, 2), { OK: 2 });
  askReset(path, "r.calls");
  const ended = await Promise.all([submitMany(first, 20), submitMany(second, 20)]);
  assertEquals(ended.reduce((sum, { OK = 0 }) => sum + OK, 0), 2);
  const resets = ["first.log", "second.log"].flatMap((log) => shown(ws, log))
    .filter((line) => line === "kernel.limits.reset OK");
  assertEquals(resets.length, 1);
  assertEquals(await differences(ws, path, ["first.log", "second.log"]), []);
});

Deno.test("what is under way at a reset is not given back, and the ledger agrees with the log", async () => {
  using ws = new Workspace();
  const path = ws.path("ledger");
  const it = shop();
  await using kernel = await openShop(ws, { calls: "5/forever" }, {
    provider: it.provider,
    limits: { path },
  });
  const held = Array.from({ length: 4 }, () => pay(kernel));
  askReset(path, "r.calls");
  const after = await submitMany(kernel, 9);
  await Promise.all(held);
  const used = Number((readLedger(path, 0)?.usage[0]?.used ?? 0n) / decimalOf(1));
  assertEquals([after["OK"], used], [5, 5]);
  // The records themselves say so: verify needs no guess.
  const charged = recordsOf(ws).filter(({ action }) => action === "shop.pay")
    .map(({ stages }) => stages?.["limits"] as { charged?: unknown[] })
    .filter(({ charged }) => charged?.length === 1);
  assertEquals(charged.length, 5);
  assertEquals(await differences(ws, path, ["kernel.log"]), []);
});

Deno.test("nothing is reset, and nothing passes, while the reset cannot be recorded", async () => {
  using ws = new Workspace();
  const path = ws.path("ledger");
  const it = shop();
  await using kernel = await openShop(ws, { calls: "2/forever" }, {
    provider: it.provider,
    limits: { path },
  });
  assertEquals(await submitMany(kernel, 2), { OK: 2 });
  askReset(path, "r.calls");
  Deno.renameSync(ws.path("kernel.log"), ws.path("away.log"));
  assertEquals((await pay(kernel)).code, "AUDIT_UNAVAILABLE");
  assertEquals(it.calls, 2);
  assertEquals(readLedger(path, 0)?.usage[0]?.used, decimalOf(2));
  Deno.renameSync(ws.path("away.log"), ws.path("kernel.log"));
  await kernel.recover();
  assertEquals(await submitMany(kernel, 3), { OK: 2, BUDGET_EXHAUSTED: 1 });
  assertEquals(await differences(ws, path, ["kernel.log"]), []);
});

Deno.test("a reset that a kernel took up and did not carry out is left to the next", () => {
  using ws = new Workspace();
  const path = ws.path("ledger");
  const first = new SqliteLimitStore(path);
  const second = new SqliteLimitStore(path);
  askReset(path, "l");
  const asked = (store: SqliteLimitStore) => (store.now(0), store.askedResets());
  assertEquals([asked(first), asked(second), asked(first)], [["l"], [], ["l"]]);
  first.close();
  assertEquals(asked(second), ["l"]);
  second.reset("l");
  assertEquals(asked(second), []);
  second.close();
});

Deno.test("a store of the host that can be asked for resets has them recorded too", async () => {
  using ws = new Workspace();
  const asked = new Set<string>();
  class Asked extends MemoryLimitStore {
    askedResets() {
      return [...asked];
    }
    override reset(limit: string) {
      super.reset(limit);
      asked.delete(limit);
    }
  }
  const store = new Asked();
  await using kernel = await openShop(ws, { calls: "1/forever" }, {
    provider: shop().provider,
    limits: { store },
  });
  assertEquals(await submitMany(kernel, 2), { OK: 1, BUDGET_EXHAUSTED: 1 });
  asked.add("r.calls");
  assertEquals(await submitMany(kernel, 2), { OK: 1, BUDGET_EXHAUSTED: 1 });
  assertEquals(shown(ws).filter((line) => line.includes("reset")), ["kernel.limits.reset OK"]);
});
