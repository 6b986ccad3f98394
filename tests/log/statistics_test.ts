import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { RecordStatus } from "../../src/core/action.ts";
import { readAuditLog, type ReadLine } from "../../src/log/reader.ts";
import type { RecordBody } from "../../src/core/record/record.ts";
import { Statistics, type StatisticsSummary } from "../../src/log/statistics.ts";
import { sealedRecords, writeSealed } from "../core/record/sealed_lines.ts";
import { Workspace } from "../workspace.ts";

const [RECORD] = sealedRecords([{}]);

function lineOf(more: Partial<RecordBody>): ReadLine {
  assert(RECORD !== undefined);
  return { line: 1, record: { ...RECORD, ...more } };
}

function summaryOf(lines: readonly ReadLine[]): StatisticsSummary {
  const statistics = new Statistics();
  for (const line of lines) statistics.observe(line);
  return statistics.summary();
}

const STATUSES: RecordStatus[] = [
  "INVALID",
  "DENIED",
  "NO_PROVIDER",
  "FAILED",
  "OK",
  "INTERRUPTED",
];
/** From no time to half a year, most of them short; as exact as the log is. */
const DURATION = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 100_000 }).map((micros) => micros / 1000),
  fc.double({ min: -3, max: 10, noNaN: true }).map((log) => Math.round(10 ** log * 1000) / 1000),
);
const LINE: fc.Arbitrary<ReadLine> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ line: 1, damage: "is not JSON" }) },
  {
    weight: 20,
    arbitrary: fc.record(
      {
        status: fc.constantFrom(...STATUSES),
        action: fc.constantFrom("fs.read", "fs.write", "__proto__", ""),
        timestamp: fc.date({
          min: new Date(0),
          max: new Date(Date.UTC(2100)),
          noInvalidDate: true,
        }).map((date) => date.toISOString()),
        rule: fc.constantFrom("r1", "r2", "constructor"),
        agent: fc.constantFrom("a1", "a2", "(others)"),
        duration_ms: DURATION,
      },
      { requiredKeys: ["status", "action", "timestamp"] },
    ).map(lineOf),
  },
);

/** The same, kept in memory and sorted. */
function naive(lines: readonly ReadLine[]) {
  const records = lines.flatMap((line) => "record" in line ? [line.record] : []);
  const count = (names: readonly (string | undefined)[]) =>
    [...Map.groupBy(names.filter((name) => name !== undefined), (name) => name)]
      .map(([name, { length }]) => ({ name, count: length }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  const times = records.map(({ timestamp }) => timestamp).sort();
  return {
    records: records.length,
    damaged: lines.length - records.length,
    ...(times.length === 0 ? {} : { first: times[0], last: times.at(-1) }),
    statuses: count(records.map(({ status }) => status)),
    actions: count(records.map(({ action }) => action)),
    rules: count(records.map(({ rule }) => rule)),
    agents: count(records.map(({ agent }) => agent)),
    shadow: count(records.map(({ stages }) => {
      const { would, code } = (stages?.["shadow"] ?? {}) as Record<string, string | undefined>;
      return would === undefined || code === undefined ? would : `${would} ${code}`;
    })),
  };
}

Deno.test("Statistics counts as a sorted list in memory would", () => {
  fc.assert(fc.property(fc.array(LINE, { maxLength: 200 }), (lines) => {
    const { actions, ...summary } = summaryOf(lines);
    assertEquals(
      { ...summary, actions: actions.map(({ name, count }) => ({ name, count })) },
      naive(lines) as unknown,
    );
  }));
});

Deno.test("Statistics gives quantiles with an error of at most 1 %, and the exact maximum", () => {
  fc.assert(fc.property(fc.array(LINE, { maxLength: 300 }), (lines) => {
    const records = lines.flatMap((line) => "record" in line ? [line.record] : []);
    for (const { name, durationMs } of summaryOf(lines).actions) {
      const durations = records.filter(({ action }) => action === name)
        .flatMap(({ duration_ms }) => duration_ms === undefined ? [] : [duration_ms])
        .sort((a, b) => a - b);
      if (durationMs === undefined) {
        assertEquals(durations, []);
        continue;
      }
      const rank = (part: number) => durations[Math.ceil(part * durations.length) - 1] ?? NaN;
      assertEquals([durationMs.count, durationMs.max], [durations.length, durations.at(-1)]);
      assertNear(durationMs.p50, rank(0.5));
      assertNear(durationMs.p99, rank(0.99));
    }
  }));
});

/** Durations of up to a microsecond count as 0; beyond 1e9 ms, 11 days, only the maximum is exact. */
function assertNear(actual: number, exact: number): void {
  if (exact <= 0.001) assertEquals(actual, 0);
  else if (exact <= 1e9) {
    assert(Math.abs(actual - exact) <= exact * 0.010001, `${actual} is not near ${exact}`);
  }
}

Deno.test("Statistics sorts by count, then by name", () => {
  const names = ["b", "c", "a", "c"];
  const { actions } = summaryOf(names.map((action) => lineOf({ action })));
  assertEquals(actions, [
    { name: "c", count: 2 },
    { name: "a", count: 1 },
    { name: "b", count: 1 },
  ]);
});

Deno.test("Statistics counts refused submits that share a record apart", () => {
  const limited = (folded: unknown) => lineOf({ stages: { limits: { exceeded: "a", folded } } });
  const folds = [{ submits: 5 }, { submits: 1 }, { submits: -3 }, { submits: "7" }, null, 3];
  const { records, folded } = summaryOf([
    ...folds.map(limited),
    lineOf({}),
    limited({ submits: 8 }),
  ]);
  assertEquals([records, folded], [8, 4 + 7]);
  assertEquals("folded" in summaryOf([lineOf({})]), false);
});

Deno.test("Statistics of nothing has no timestamps", () => {
  assertEquals(summaryOf([]), {
    records: 0,
    damaged: 0,
    statuses: [],
    actions: [],
    rules: [],
    agents: [],
    shadow: [],
  });
});

Deno.test("Statistics does not grow with the names that agents make up", () => {
  const statistics = new Statistics();
  for (let i = 0; i < 5000; i++) {
    statistics.observe(lineOf({ agent: `agent ${i}`, action: `a${i}`, duration_ms: i }));
  }
  const { agents, actions } = statistics.summary();
  assertEquals([agents.length, actions.length], [1001, 1001]);
  assertEquals(agents[0], { name: "(others)", count: 4000 });
  assertEquals(actions[0]?.durationMs?.count, 4000);
  assertEquals(actions[0]?.durationMs?.max, 4999);
});

Deno.test("Statistics leaves out durations that are none", () => {
  const { actions } = summaryOf([
    lineOf({ duration_ms: -1 }),
    lineOf({ duration_ms: NaN }),
    lineOf({}),
  ]);
  assertEquals(actions, [{ name: "fs.read", count: 3 }]);
});

Deno.test("Statistics of a log file counts its damaged lines", async () => {
  using ws = new Workspace();
  const path = writeSealed(ws, [{}, {}, "{}", {}, {}]);
  const statistics = new Statistics();
  for await (const line of readAuditLog(path)) statistics.observe(line);
  const { records, damaged, first, last } = statistics.summary();
  assertEquals([records, damaged], [4, 1]);
  assertEquals([first, last], ["2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.000Z"]);
});
