import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isTimeZone, type Period, PERIODS, windowAt } from "../../src/limits/window.ts";

const session = "s1";

// deno-fmt-ignore -- a row is a line
const ROWS: readonly { period: Period; at: string; zone?: string; key: string; ends: string | undefined; why: string }[] = [
  { period: "minute", at: "2026-11-28T10:15:59.999Z", key: "2026-11-28T10:15Z", ends: "2026-11-28T10:16:00Z", why: "its last millisecond" },
  { period: "hour", at: "2026-11-28T10:15:30Z", key: "2026-11-28T10:00Z", ends: "2026-11-28T11:00:00Z", why: "a full hour" },
  { period: "day", at: "2026-11-28T23:59:59.999Z", key: "2026-11-28", ends: "2026-11-29T00:00:00Z", why: "UTC" },
  { period: "day", at: "2026-11-28T23:30:00Z", zone: "Europe/Berlin", key: "2026-11-29", ends: "2026-11-29T23:00:00Z", why: "the zone is ahead" },
  { period: "day", at: "2026-03-29T12:00:00Z", zone: "Europe/Berlin", key: "2026-03-29", ends: "2026-03-29T22:00:00Z", why: "a day of 23 hours" },
  { period: "day", at: "2026-10-25T12:00:00Z", zone: "Europe/Berlin", key: "2026-10-25", ends: "2026-10-25T23:00:00Z", why: "a day of 25 hours" },
  { period: "hour", at: "2026-10-25T00:30:00Z", zone: "Europe/Berlin", key: "2026-10-25T00:00Z", ends: "2026-10-25T01:00:00Z", why: "02:30 for the first time" },
  { period: "hour", at: "2026-10-25T01:30:00Z", zone: "Europe/Berlin", key: "2026-10-25T01:00Z", ends: "2026-10-25T02:00:00Z", why: "02:30 for the second time" },
  { period: "hour", at: "2026-11-28T10:15:00Z", zone: "Asia/Kolkata", key: "2026-11-28T09:30Z", ends: "2026-11-28T10:30:00Z", why: "a zone of half an hour" },
  { period: "week", at: "2026-11-28T10:00:00Z", key: "week of 2026-11-23", ends: "2026-11-30T00:00:00Z", why: "Monday before a Saturday" },
  { period: "week", at: "2026-11-30T00:00:00Z", key: "week of 2026-11-30", ends: "2026-12-07T00:00:00Z", why: "a Monday is its own" },
  { period: "session", at: "2026-11-28T10:00:00Z", key: "session s1", ends: undefined, why: "as long as the kernel is open" },
  { period: "forever", at: "2026-11-28T10:00:00Z", key: "forever", ends: undefined, why: "it never begins again" },
];

for (const { period, at, zone, key, ends, why } of ROWS) {
  Deno.test(`the ${period} of ${at} in ${zone ?? "UTC"} is "${key}": ${why}`, () => {
    const found = windowAt(period, Date.parse(at), { zone, session });
    const endsAt = found.endsAt === undefined ? undefined : new Date(found.endsAt).toISOString();
    assertEquals([found.key, endsAt], [
      key,
      ends === undefined ? undefined : new Date(ends).toISOString(),
    ]);
  });
}

Deno.test("a time is before the end of its window, and the end is in another one", () => {
  const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"];
  fc.assert(fc.property(
    fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) }),
    fc.constantFrom(...zones),
    fc.constantFrom(...PERIODS),
    (at, zone, period) => {
      const { key, endsAt } = windowAt(period, at, { zone, session });
      if (endsAt === undefined) return;
      assert(endsAt > at);
      assertEquals(windowAt(period, endsAt - 1, { zone, session }).key, key);
      assert(windowAt(period, endsAt, { zone, session }).key !== key);
    },
  ));
});

Deno.test("isTimeZone() knows names of zones, and nothing else", () => {
  assertEquals(["UTC", "Europe/Berlin", "Mars/Olympus", "", "+99:99"].map(isTimeZone), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
