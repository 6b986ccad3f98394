/** The ledger recomputed from records. */
import { assertEquals } from "@std/assert";
import type { AuditRecord } from "@agent-kernel/kernel";
import { decimalOf } from "../../src/limits/decimal.ts";
import type { LedgerContent } from "../../src/limits/ledger_file.ts";
import type { Charge } from "../../src/limits/store.ts";
import { LedgerCheck, type LedgerFindings } from "../../src/limits/verify.ts";

const AT = Date.UTC(2026, 10, 28, 12);
const UNTIL = "2026-11-29T00:00:00.000Z";
const meter = {
  kind: "window",
  max: decimalOf(100),
  window: "2026-11-28",
  endsAt: Date.parse(UNTIL),
} as const;

/** A ledger that says so much is used, with these reservations. */
function ledger(
  used: number,
  { limit = "r.calls", who = "alice", reservations = [] as LedgerContent["reservations"] } = {},
): LedgerContent {
  const left = decimalOf(100 - used);
  const usage = [{ limit, who, meter, used: decimalOf(used), left, renewsAt: meter.endsAt }];
  return { latest: AT, usage: used === 0 ? [] : usage, reservations };
}

let ids = 0;

function record(amount: string, more: object = {}, charged: object = {}): AuditRecord {
  const one = { limit: "r.calls", amount, window: meter.window, until: UNTIL, ...charged };
  return {
    timestamp: "2026-11-28T11:00:00.000Z",
    status: "OK",
    agent: "alice",
    record_id: `${ids++}`,
    stages: { limits: { charged: [one] } },
    ...more,
  } as unknown as AuditRecord;
}

function check(content: LedgerContent, records: readonly AuditRecord[], at = AT): LedgerFindings {
  const found = new LedgerCheck(content, at);
  const lines = records.map((record, i) => ({ line: i + 1, record }));
  for (const line of lines) found.observeReset(line);
  for (const line of lines) found.observe(line);
  return found.findings();
}

const differs = (...args: Parameters<typeof check>) =>
  check(...args).differences.map(({ ledger, log }) => [ledger, ...log]);

const charge: Charge = { limit: "r.calls", who: "alice", amount: decimalOf(2), meter };
const reservation = { id: "dead", charges: [charge], abandoned: true };

Deno.test("a ledger that says what the records say agrees, and one that says less or more differs", () => {
  const records = [record("1"), record("2.5")];
  assertEquals(differs(ledger(3), records), [["3", "3.5", "3.5"]]);
  assertEquals(differs(ledger(3), [record("1"), record("2")]), []);
  assertEquals(differs(ledger(4), [record("1"), record("2")]), [["4", "3", "3"]]);
  assertEquals(differs(ledger(0), [record("1")]), [["0", "1", "1"]]);
  assertEquals(differs(ledger(1), []), [["1", "0", "0"]]);
});

Deno.test("what was abandoned without a record counts, and with one only once", () => {
  const content = ledger(3, { reservations: [reservation] });
  assertEquals(differs(content, [record("1")]), []);
  assertEquals(differs(content, [record("1"), record("2", { record_id: "dead" })]), []);
  assertEquals(differs(ledger(3), [record("1")]), [["3", "1", "1"]]);
});

Deno.test("of an interrupted action it is not known whether bytes were corrected, calls are known", () => {
  const interrupted = { status: "INTERRUPTED" };
  const bytes = { limit: "r.bytes" };
  const records = [record("1", {}, bytes), record("50", interrupted, bytes)];
  for (const [used, ok] of [[1, true], [30, true], [51, true], [0, false], [52, false]] as const) {
    assertEquals(differs(ledger(used, bytes), records).length === 0, ok, `${used}`);
  }
  assertEquals(differs(ledger(1), [record("1"), record("1", interrupted)]), [["1", "2", "2"]]);
});

Deno.test("what was charged before the last reset does not count", () => {
  const reset = (status: string, target = "r.calls") =>
    record("0", { action: "kernel.limits.reset", target, status, stages: undefined });
  const later = { timestamp: "2026-11-28T11:30:00.000Z" };
  const records = [record("9"), reset("OK"), record("2", later)];
  assertEquals(differs(ledger(2), records), []);
  assertEquals(differs(ledger(2), [record("9"), reset("DENIED"), record("2", later)]).length, 1);
  assertEquals(
    differs(ledger(2), [record("9"), reset("OK", "s.calls"), record("2", later)]).length,
    1,
  );
});

Deno.test("windows that have ended, and sessions, need not be in the ledger; a window for ever has to", () => {
  assertEquals(differs(ledger(0), [record("1")], Date.parse(UNTIL)), []);
  const session = { window: "session x", until: undefined };
  assertEquals(differs(ledger(0), [record("1", {}, session)]), []);
  const forever = { window: "forever", until: undefined };
  assertEquals(differs(ledger(0), [record("1", {}, forever)]), [["0", "1", "1"]]);
});

Deno.test("what is shared is counted over agents, and agents as the log names them", () => {
  const shared = { shared: true };
  const bob = { agent: "bob" };
  assertEquals(
    differs(ledger(2, { who: "" }), [record("1", {}, shared), record("1", bob, shared)]),
    [],
  );
  const secret = `sk-${"A1".repeat(20)}`;
  assertEquals(differs(ledger(1, { who: secret }), [record("1", { agent: "[redacted]" })]), []);
  const own = record("1", { agent: "__proto__" });
  assertEquals(differs(ledger(1, { who: "__proto__" }), [own]), []);
});

Deno.test("charges that are none are left out, damaged lines are counted", () => {
  for (const stages of [undefined, {}, { limits: null }, { limits: { charged: {} } }]) {
    assertEquals(check(ledger(0), [record("1", { stages })]).records, 0);
  }
  assertEquals(differs(ledger(0), [record("many"), record("1", {}, { limit: 1 })]), []);
  const found = new LedgerCheck(ledger(0), AT);
  found.observe({ line: 1, damage: "is not JSON" });
  assertEquals(found.findings().damaged, 1);
});

Deno.test("of an interrupted action it is not known what its result told, of others it is on record", () => {
  const sum = { limit: "r.sum" };
  const charged = { ...sum, result: "total" };
  const open = [record("1", {}, charged), record("50", { status: "INTERRUPTED" }, charged)];
  for (const [used, ok] of [[0, false], [1, true], [30, true], [90, true]] as const) {
    assertEquals(differs(ledger(used, sum), open).length === 0, ok, `${used}`);
  }
  assertEquals(check(ledger(0, sum), open).differences[0]?.log, ["1", undefined]);
  const corrected = [record("7", {}, { ...charged, reserved: "50" })];
  assertEquals(differs(ledger(7, sum), corrected), []);
  assertEquals(differs(ledger(50, sum), corrected), [["50", "7", "7"]]);
});

Deno.test("of what other kernels had under way at a reset it is not known whether it still counts", () => {
  const limit = "r.calls";
  const at = "2026-11-28T11:00:01.000Z";
  const reset = record("0", {
    action: "kernel.limits.reset",
    target: limit,
    timestamp: at,
    stages: undefined,
  });
  const later = { timestamp: "2026-11-28T11:00:03.000Z" };
  const { stages } = record("1");
  const waited = { ...stages, approval: { asked_at: at } };
  const spans: readonly (readonly [object, boolean])[] = [
    [{ ...later, duration_ms: 1000 }, true],
    [{ ...later, duration_ms: 999 }, false],
    [{ ...later, stages: waited }, true],
    [{ ...later, status: "INTERRUPTED" }, true],
    [{ timestamp: at }, true],
  ];
  for (const [more, isUnsure] of spans) {
    for (
      const [used, log, agrees] of [[1, "b", true], [0, "b", isUnsure], [1, "a", true]] as const
    ) {
      const found = new LedgerCheck(ledger(used), AT);
      const lines = [[reset, "a"], [record("1", more), log]] as const;
      lines.forEach(([record, log], i) => found.observeReset({ line: i + 1, record }, log));
      lines.forEach(([record, log], i) => found.observe({ line: i + 1, record }, log));
      assertEquals(found.findings().differences.length === 0, agrees, JSON.stringify(more));
    }
    // In the log of the reset the order says it, but for what was interrupted.
    const own = differs(ledger(0), [reset, record("1", more)]).length === 0;
    assertEquals(own, "status" in more, JSON.stringify(more));
    assertEquals(differs(ledger(0), [record("1", more), reset]), [], JSON.stringify(more));
  }
});
