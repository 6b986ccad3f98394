/** The same claims for each store: in memory, and in a file. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Decimal, decimalOf, formatDecimal, ZERO } from "../../src/limits/decimal.ts";
import { readLedger } from "../../src/limits/ledger_file.ts";
import { MemoryLimitStore } from "../../src/limits/memory_store.ts";
import { SqliteLimitStore } from "../../src/limits/sqlite_store.ts";
import type { Charge, LimitStore } from "../../src/limits/store.ts";
import { nextTurn } from "../turn.ts";
import { Workspace } from "../workspace.ts";

const STORES: readonly (readonly [string, (ws: Workspace) => LimitStore])[] = [
  ["memory", () => new MemoryLimitStore()],
  ["a file", (ws) => new SqliteLimitStore(ws.path("limits"))],
];

const AT = Date.UTC(2026, 10, 28);

function inWindow(amount: number, { max = 10, who = "a", window = "w", limit = "l" } = {}): Charge {
  const meter = { kind: "window", max: decimalOf(max), window, endsAt: AT + 1000 } as const;
  return { limit, who, amount: decimalOf(amount), meter };
}

function slot(max = 1): Charge {
  return { limit: "s", who: "a", amount: decimalOf(1), meter: { kind: "slots", max } };
}

function token(burst: number, refillMs: number): Charge {
  return { limit: "r", who: "a", amount: decimalOf(1), meter: { kind: "bucket", burst, refillMs } };
}

for (const [name, make] of STORES) {
  /** A test with a store that is closed at its end. */
  const test = (claim: string, body: (store: LimitStore) => void) =>
    Deno.test(`a store in ${name} ${claim}`, () => {
      using ws = new Workspace();
      const store = make(ws);
      try {
        body(store);
      } finally {
        store.close();
      }
    });
  const used = (store: LimitStore): Decimal =>
    store.usage(AT).reduce((sum, { used }) => sum + used, ZERO);

  test("lets pass up to the limit, and says what is left and when it begins again", (store) => {
    assertEquals(store.reserve("1", [inWindow(7)], AT), undefined);
    assertEquals(store.reserve("2", [inWindow(4)], AT + 400), {
      limit: "l",
      left: decimalOf(3),
      retryAfterMs: 600,
    });
    assertEquals(store.reserve("3", [inWindow(3)], AT), undefined);
    assertEquals(store.reserve("4", [inWindow(0)], AT), undefined);
    assertEquals(used(store), decimalOf(10));
  });

  test("charges nothing if one of several limits is exceeded", (store) => {
    const charges = [inWindow(5), inWindow(5, { limit: "m", max: 4 })];
    assertEquals(store.reserve("1", charges, AT)?.limit, "m");
    assertEquals(used(store), ZERO);
    assertEquals(store.reserve("2", [inWindow(10)], AT), undefined);
  });

  test("counts two charges of one limit in one request together", (store) => {
    assertEquals(store.reserve("1", [inWindow(6), inWindow(6)], AT)?.left, decimalOf(4));
    assertEquals(used(store), ZERO);
  });

  test("keeps agents, limits and windows apart", (store) => {
    for (
      const charge of [
        inWindow(10),
        inWindow(10, { who: "b" }),
        inWindow(10, { window: "v" }),
        inWindow(10, { limit: "m" }),
      ]
    ) assertEquals(store.reserve(crypto.randomUUID(), [charge], AT), undefined);
    assertEquals(store.reserve("x", [inWindow(1)], AT)?.left, ZERO);
  });

  test("gives back all of what did not happen, once", (store) => {
    store.reserve("1", [inWindow(6)], AT);
    store.reserve("2", [inWindow(3)], AT);
    store.release("1");
    store.release("1");
    store.commit("1", new Map());
    assertEquals(used(store), decimalOf(3));
  });

  test("corrects what was used, also to more than was reserved, never below nothing", (store) => {
    store.reserve("1", [inWindow(6)], AT);
    store.commit("1", new Map([["l", decimalOf(2)]]));
    assertEquals(used(store), decimalOf(2));
    store.reserve("2", [inWindow(3)], AT);
    store.commit("2", new Map([["l", decimalOf(4)]]));
    assertEquals(used(store), decimalOf(6));
    store.reserve("3", [inWindow(3)], AT);
    store.commit("3", new Map([["l", decimalOf(-100)]]));
    assertEquals(used(store), decimalOf(6));
    store.reserve("4", [inWindow(3)], AT);
    store.commit("4", new Map([["l", decimalOf(100)]]));
    assertEquals(used(store), decimalOf(106));
    assertEquals(store.reserve("5", [inWindow(1)], AT)?.left, ZERO);
  });

  test("frees slots when an action has ended, however it did", (store) => {
    assertEquals(store.reserve("1", [slot()], AT), undefined);
    assertEquals(store.reserve("2", [slot()], AT)?.limit, "s");
    store.commit("1", new Map());
    assertEquals(store.reserve("3", [slot()], AT), undefined);
    store.release("3");
    assertEquals(store.reserve("4", [slot()], AT), undefined);
  });

  test("lets a burst pass, then one call each interval", (store) => {
    for (let i = 0; i < 3; i++) {
      assertEquals(store.reserve(`b${i}`, [token(3, 100)], AT), undefined);
    }
    assertEquals(store.reserve("4", [token(3, 100)], AT + 40)?.retryAfterMs, 60);
    assertEquals(store.reserve("5", [token(3, 100)], AT + 100), undefined);
    assertEquals(store.reserve("6", [token(3, 100)], AT + 100)?.limit, "r");
    for (let i = 0; i < 3; i++) {
      assertEquals(store.reserve(`c${i}`, [token(3, 100)], AT + 10_000), undefined);
    }
    assertEquals(store.reserve("7", [token(3, 100)], AT + 10_000)?.limit, "r");
  });

  test("counts by the latest time it has seen: a clock that goes back gives nothing back", (store) => {
    for (let i = 0; i < 2; i++) store.reserve(`b${i}`, [token(2, 1000)], AT);
    assertEquals(store.now(AT - 3_600_000), AT);
    assertEquals(store.reserve("x", [token(2, 1000)], AT - 3_600_000)?.retryAfterMs, 1000);
  });

  test("forgets a limit that is reset, and nothing else", (store) => {
    store.reserve("1", [inWindow(5), inWindow(5, { limit: "m" })], AT);
    store.reset("l");
    assertEquals(store.usage(AT).map(({ limit }) => limit), ["m"]);
    store.release("1");
    assertEquals(used(store), ZERO);
  });

  test("gives nothing back after a reset of what was charged before it", (store) => {
    store.reserve("before", [inWindow(5), slot(2)], AT);
    store.reset("l");
    store.reset("s");
    store.reserve("after", [inWindow(10), slot(2)], AT);
    store.release("before");
    assertEquals(store.reserve("x", [inWindow(1)], AT)?.left, ZERO);
    assertEquals(store.reserve("y", [slot(1)], AT)?.limit, "s");
  });

  test("gives no token back: it comes back by itself, and would be there twice", (store) => {
    store.reserve("early", [token(2, 100)], AT);
    for (const id of ["a", "b"]) {
      assertEquals(store.reserve(id, [token(2, 100)], AT + 1000), undefined);
    }
    store.release("early");
    assertEquals(store.reserve("c", [token(2, 100)], AT + 1000)?.retryAfterMs, 100);
  });

  test("charges no window that has ended: its counter may be forgotten", (store) => {
    assertEquals(store.reserve("1", [inWindow(10)], AT + 999), undefined);
    assertEquals(store.reserve("2", [inWindow(1)], AT + 1000), {
      limit: "l",
      left: ZERO,
      retryAfterMs: 1,
    });
  });

  test("says what is left of each kind of limit, and when it renews", (store) => {
    store.reserve("1", [inWindow(4), slot(3), token(3, 100)], AT);
    const rows = store.usage(AT + 50).map(({ limit, who, used, left, renewsAt }) => [
      limit,
      who,
      formatDecimal(used),
      formatDecimal(left),
      renewsAt === undefined ? undefined : renewsAt - AT,
    ]).sort();
    assertEquals(rows, [
      ["l", "a", "4", "6", 1000],
      ["r", "a", "1", "2", 100],
      ["s", "a", "1", "2", undefined],
    ]);
    store.commit("1", new Map());
    assertEquals(store.usage(AT + 1000), []);
  });

  test("lets exactly the rate pass, also where an interval is no whole number", (store) => {
    let passed = 0;
    for (let at = 0; at < 60_000; at += 50) {
      if (store.reserve(`r${at}`, [token(1, 60_000 / 7)], AT + at) === undefined) passed++;
    }
    assertEquals(passed, 7);
  });

  test("keeps amounts beyond 2^53 exactly", (store) => {
    const large = 9007199254740993n * decimalOf(1);
    const charge = {
      ...inWindow(0),
      amount: large,
      meter: { ...inWindow(0).meter, max: large },
    } as Charge;
    assertEquals(store.reserve("1", [charge], AT), undefined);
    assertEquals(store.usage(AT)[0]?.used, large);
    assertEquals(store.reserve("2", [inWindow(1)], AT)?.left, ZERO);
  });

  test("never lets more pass than the limit, whatever happens in which order", (store) => {
    let run = 0;
    const step = fc.record({
      do: fc.constantFrom("reserve", "reserve", "reserve", "commit", "release"),
      id: fc.integer({ min: 0, max: 9 }),
      amount: fc.integer({ min: 0, max: 6 }),
      used: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const window = `run ${run++}`;
        // A model of ten lines: what is reserved, and what stays charged.
        const open = new Map<string, number>();
        let kept = 0;
        for (const { do: verb, id, amount, used } of steps) {
          const name = `${window} ${id}`;
          const total = kept + [...open.values()].reduce((a, b) => a + b, 0);
          if (verb === "reserve" && !open.has(name)) {
            const exceeded = store.reserve(name, [inWindow(amount, { window })], AT);
            assertEquals(exceeded === undefined, total + amount <= 10);
            if (exceeded === undefined) open.set(name, amount);
          } else if (verb === "commit" && open.has(name)) {
            const most = Math.min(used, open.get(name) ?? 0);
            store.commit(name, new Map([["l", decimalOf(most)]]));
            kept += most;
            open.delete(name);
          } else if (verb === "release") {
            store.release(name);
            open.delete(name);
          }
        }
        const total = kept + [...open.values()].reduce((a, b) => a + b, 0);
        const counted = store.usage(AT).find(({ meter }) =>
          meter.kind === "window" && meter.window === window
        )?.used ?? ZERO;
        assertEquals(counted, decimalOf(total));
      }),
      { numRuns: 50 },
    );
  });
}

Deno.test("a ledger in a file survives a restart, and is shared by two stores", () => {
  using ws = new Workspace();
  const path = ws.path("limits");
  const first = new SqliteLimitStore(path);
  const second = new SqliteLimitStore(path);
  assertEquals(first.reserve("1", [inWindow(6)], AT), undefined);
  assertEquals(second.reserve("2", [inWindow(6)], AT)?.left, decimalOf(4));
  first.commit("1", new Map());
  first.close();
  second.close();
  const third = new SqliteLimitStore(path);
  assertEquals(third.reserve("3", [inWindow(6)], AT)?.left, decimalOf(4));
  third.close();
});

Deno.test("a ledger in a file may be read by its owner only", () => {
  using ws = new Workspace();
  const path = ws.path("limits");
  new SqliteLimitStore(path).close();
  const mode = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;
  assertEquals([mode(path), mode(`${path}/ledger.db`)], [0o700, 0o600]);
});

Deno.test("a charge that ends as it was reserved is ended with the next transaction, or the next turn", async () => {
  using ws = new Workspace();
  const path = ws.path("limits");
  const store = new SqliteLimitStore(path);
  const open = () => readLedger(path, AT)?.reservations.map(({ id }) => id);
  store.reserve("1", [inWindow(1), token(9, 100)], AT);
  store.commit("1", new Map());
  assertEquals(open(), ["1"]);
  store.reserve("2", [inWindow(2), slot()], AT);
  assertEquals(open(), ["2"]);
  store.commit("2", new Map()); // A slot comes free at once.
  assertEquals(open(), []);
  store.reserve("3", [inWindow(3)], AT);
  store.commit("3", new Map([["l", decimalOf(3)]]));
  store.release("3"); // It has ended: nothing is given back.
  assertEquals(open(), []);
  store.reserve("4", [inWindow(4)], AT);
  store.commit("4", new Map());
  while (open()?.length !== 0) await nextTurn();
  assertEquals(store.reserve("5", [inWindow(1)], AT)?.left, ZERO);
  store.close();
});

Deno.test("what has ended when a process is killed stays charged, as its record says", () => {
  using ws = new Workspace();
  const path = ws.path("limits");
  const killed = new SqliteLimitStore(path);
  killed.reserve("1", [inWindow(6)], AT);
  killed.commit("1", new Map());
  // What a process that is killed here leaves behind.
  Deno.mkdirSync(ws.path("left"));
  for (const name of ["ledger.db", "ledger.db-wal"]) {
    Deno.copyFileSync(`${path}/${name}`, ws.path(`left/${name}`));
  }
  killed.close();
  const next = new SqliteLimitStore(ws.path("left"));
  assertEquals(next.abandoned, 1);
  assertEquals(next.reserve("2", [inWindow(5)], AT)?.left, decimalOf(4));
  next.close();
  const left = readLedger(ws.path("left"), AT);
  assertEquals(left?.reservations.map(({ id, abandoned }) => [id, abandoned]), [["1", true]]);
});
