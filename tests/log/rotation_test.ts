import { assertEquals } from "@std/assert";
import { rotateWhen } from "../../src/log/rotation.ts";

const NOON = "2026-01-31T12:00:00.000Z";

Deno.test("rotateWhen() with bytes holds after the write that reaches them, not before one", () => {
  const due = rotateWhen({ bytes: 100 });
  assertEquals([99, 100, 101].map((size) => due({ size, since: NOON })), [false, true, true]);
  assertEquals(due({ size: 101, since: NOON }, "2027-01-01T00:00:00.000Z"), false);
});

Deno.test("rotateWhen() daily holds before a record of a later day than the file's first", () => {
  const due = rotateWhen({ daily: true });
  const next = (time: string) => due({ size: 1, since: NOON }, time);
  assertEquals(next("2026-01-31T23:59:59.999Z"), false);
  assertEquals(next("2026-02-01T00:00:00.000Z"), true);
  // A clock that went back.
  assertEquals(next("2026-01-30T12:00:00.000Z"), false);
  assertEquals(due({ size: 1, since: undefined }, "2026-02-01T00:00:00.000Z"), false);
  assertEquals(due({ size: 1e12, since: NOON }), false);
});

Deno.test("rotateWhen() without conditions never holds", () => {
  const due = rotateWhen({});
  assertEquals(due({ size: 1e12, since: NOON }), false);
  assertEquals(due({ size: 1e12, since: NOON }, "2027-01-01T00:00:00.000Z"), false);
});
