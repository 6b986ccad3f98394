import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { markLargeNumbers, withExactNumbers } from "../../../providers/mcp/exact_numbers.ts";

const parsed = (json: string) => withExactNumbers(JSON.parse(markLargeNumbers(json)));

// deno-fmt-ignore -- a row is a line
const NUMBERS: readonly (readonly [json: string, expected: unknown])[] = [
  ["9007199254740991", 9007199254740991],
  ["9007199254740992", 9007199254740992],
  ["9007199254740993", "9007199254740993"],
  ["-9007199254740993", "-9007199254740993"],
  ["1234567890123456789", "1234567890123456789"],
  ["1234567890123456800", 1234567890123456800],
  ["18446744073709551615", "18446744073709551615"],
  ["12345678901234567.5", "12345678901234567.5"],
  ["1e300", 1e300],
  ["1.50E+300", 1.5e300],
  ["1e400", "1e400"],
  ["-1e400", "-1e400"],
  ["1e-400", 0],
  ["0.1234567890123456789", 0.1234567890123456789],
  ["3.14159265358979323846", Math.PI],
  ['"1234567890123456789"', "1234567890123456789"],
  ['"a\\"1234567890123456789\\\\"', 'a"1234567890123456789\\'],
  ['{"1234567890123456789":1234567890123456789}', { "1234567890123456789": "1234567890123456789" }],
  ["[1234567890123456789,2,-9223372036854775808]", ["1234567890123456789", 2, "-9223372036854775808"]],
  ['{"a":{"b":[null,true,1234567890123456789]}}', { a: { b: [null, true, "1234567890123456789"] } }],
];
for (const [json, expected] of NUMBERS) {
  Deno.test(`markLargeNumbers() keeps the digits of what would change: ${json}`, () => {
    assertEquals(parsed(json), expected);
  });
}

Deno.test("markLargeNumbers() changes nothing else of any JSON", () => {
  fc.assert(fc.property(fc.json(), (json) => {
    assertEquals(JSON.stringify(parsed(json)), JSON.stringify(JSON.parse(json)));
  }));
});

Deno.test("markLargeNumbers() keeps every whole number, wherever it stands", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), fc.string(), (number, text) => {
      const value = parsed(`{${JSON.stringify(text)}:[${JSON.stringify(text)},${number}]}`);
      const [same, kept] = (value as Record<string, [string, string | number]>)[text] ?? [];
      assertEquals([same, BigInt(kept as string)], [text, number]);
    }),
  );
});

Deno.test("markLargeNumbers() leaves what is no JSON as it is for the parser to refuse", () => {
  for (const text of ['"1234567890123456789', "1234567890123456789 x", "-", "", '"\\']) {
    assertEquals(markLargeNumbers(text).endsWith(text.slice(-1)), true);
  }
});

Deno.test("withExactNumbers() takes no string of a server for a number", () => {
  const forged = JSON.parse(markLargeNumbers('"1234567890123456789"'));
  assertEquals(withExactNumbers(forged, () => "number"), "1234567890123456789");
  assertEquals(
    withExactNumbers(JSON.parse(markLargeNumbers("1234567890123456789")), Number),
    1234567890123456800,
  );
});
