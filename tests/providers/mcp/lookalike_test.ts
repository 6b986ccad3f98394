import { assertEquals } from "@std/assert";
import { isPlain, lookOf } from "../../../providers/mcp/lookalike.ts";

const ALIKE: readonly (readonly [string, string])[] = [
  ["read_file", "READ_FILE"],
  ["read_file", "read-file"],
  ["l", "I"],
  ["l", "1"],
  ["o", "0"],
  ["modern", "modem"],
  ["paypal", "\u0440\u0430y\u0440\u0430l"],
  ["scope", "\u0455\u0441\u043e\u0440\u0435"],
  ["read", "\u{1d42b}\u{1d41e}\u{1d41a}\u{1d41d}"],
  ["read", "re\u2060ad"],
  ["read", "\u202eread"],
  ["read", "r\u0435\u0301ad"],
];
for (const [a, b] of ALIKE) {
  Deno.test(`${JSON.stringify(a)} and ${JSON.stringify(b)} look alike`, () => {
    assertEquals(lookOf(a), lookOf(b));
  });
}

for (
  const [a, b] of [["read", "reed"], ["get", "gets"], ["a_b", "ab"], ["\u8aad", "\u66f8"]] as const
) {
  Deno.test(`${JSON.stringify(a)} and ${JSON.stringify(b)} do not look alike`, () => {
    assertEquals(lookOf(a) === lookOf(b), false);
  });
}

Deno.test("a name is plain if it shows all that it is", () => {
  for (const name of ["read_file", "a.b/c-d", "get sum", "x!"]) assertEquals(isPlain(name), true);
  for (const name of ["", " a", "a ", "a  b", "a\u00a0b", "\u0430", "a\u200b", "a\tb"]) {
    assertEquals(isPlain(name), false, JSON.stringify(name));
  }
});
