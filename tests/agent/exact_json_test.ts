import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { InexactNumberError, parseExactJson } from "../../src/agent/exact_json.ts";

/** Numbers as they are written, and what is read of them. */
const KEPT: readonly (readonly [text: string, value: number])[] = [
  ["0", 0],
  ["-0", 0],
  ["0.000", 0],
  ["0e999999999999999999999", 0],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ["-9007199254740991", Number.MIN_SAFE_INTEGER],
  ["9007199254740991.000", Number.MAX_SAFE_INTEGER],
  ["1e3", 1000],
  ["1.50E+1", 15],
  ["123456789012345600e-2", 1234567890123456],
  ["0.1", 0.1],
  ["0.30000000000000004", 0.30000000000000004],
  ["3.141592653589793", Math.PI],
  ["5e-324", Number.MIN_VALUE],
];
for (const [text, value] of KEPT) {
  Deno.test(`parseExactJson() keeps ${text}`, () => {
    assertEquals(parseExactJson(text) === value, true);
    assertEquals(parseExactJson(`{"a":[${text}]}`), { a: [value === 0 ? Number(text) : value] });
  });
}

const REFUSED: readonly string[] = [
  "9007199254740992",
  "9007199254740993",
  "-9007199254740993",
  "1234567890123456789",
  "9007199254740993.0",
  "900719925474099.3e1",
  "1234567890123456789e0",
  "1e16",
  "1e300",
  "1e400",
  "-1e400",
  "1e-400",
  "1e999999999999999999999",
  "0.1234567890123456789",
  "3.14159265358979323846",
  "1.00000000000000000001",
];
for (const text of REFUSED) {
  Deno.test(`parseExactJson() refuses ${text} and names it`, () => {
    const error = assertThrows(() => parseExactJson(`{"order":${text}}`), InexactNumberError);
    assertEquals(error.digits, text);
    assertEquals(
      error.message,
      `Cannot keep all digits of the number ${text} at "order", ` +
        `expected it as a string, in quotes: "${text}"`,
    );
    assertEquals(parseExactJson(`{"order":"${text}"}`), { order: text });
  });
}

function hasUnsafeInteger(value: unknown): boolean {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  return value !== null && typeof value === "object" && Object.values(value).some(hasUnsafeInteger);
}

Deno.test("parseExactJson() gives what JSON.parse gives for JSON that JSON.stringify made", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    if (hasUnsafeInteger(JSON.parse(text))) {
      assertThrows(() => parseExactJson(text), InexactNumberError);
    } else assertEquals(parseExactJson(text), JSON.parse(text));
  }));
});

Deno.test("parseExactJson() keeps a whole number exactly if it is at most 2^53 - 1", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }), (number) => {
    const size = number < 0n ? -number : number;
    if (size < 2n ** 53n) assertEquals(BigInt(Number(parseExactJson(`${number}`))), number);
    else assertThrows(() => parseExactJson(`${number}`), InexactNumberError);
  }));
});

Deno.test("parseExactJson() refuses what is no JSON, and JSON that is too deep, as SyntaxError", () => {
  for (const text of ["", "{", "01", "1234567890123456789x", "NaN", "'a'"]) {
    assertThrows(() => parseExactJson(text), SyntaxError);
  }
  const deep = 200_000;
  assertThrows(
    () => parseExactJson(`${"[".repeat(deep)}1e3${"]".repeat(deep)}`),
    SyntaxError,
    "nested too deeply",
  );
});

Deno.test("parseExactJson() keeps a key __proto__ an ordinary key, as JSON.parse does", () => {
  const value = parseExactJson('{"__proto__":{"a":1e1}}') as object;
  assertEquals([Object.keys(value), Object.getPrototypeOf(value)], [
    ["__proto__"],
    Object.prototype,
  ]);
});

Deno.test("parseExactJson() names a number of a million digits by its beginning", () => {
  for (const text of ["9".repeat(1e6), `1${"0".repeat(1e6)}1`, `1.${"0".repeat(1e6)}1`]) {
    const { message } = assertThrows(() => parseExactJson(text), InexactNumberError);
    assert(message.length < 300, `${message.length}`);
  }
});
