import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decimalOf, formatDecimal, parseDecimal } from "../../src/limits/decimal.ts";

for (
  const [given, text] of [
    [0.1, "0.1"],
    ["0.10", "0.1"],
    ["-12.50", "-12.5"],
    [1e-7, "0.0000001"],
    ["1e3", "1000"],
    [9007199254740991, "9007199254740991"],
    ["9007199254740993", "9007199254740993"],
    [9007199254740993n, "9007199254740993"],
    [
      "123456789012345678901234567890.123456789012345678",
      "123456789012345678901234567890.123456789012345678",
    ],
    ["0.000000000000000001", "0.000000000000000001"],
    ["-0", "0"],
  ] as const
) {
  Deno.test(`parseDecimal() reads ${typeof given} ${given} exactly as ${text}`, () => {
    const value = parseDecimal(given);
    assertEquals(value === undefined ? undefined : formatDecimal(value), text);
  });
}

for (
  const given of [
    "",
    " 1",
    "1,5",
    "0x10",
    "1_000",
    "Infinity",
    NaN,
    Infinity,
    2 ** 53,
    1e300,
    "1e999",
    "0.0000000000000000001",
    true,
    null,
    undefined,
    [1],
    { valueOf: () => 1 },
    "١",
    "--1",
  ]
) {
  Deno.test(`parseDecimal() takes ${typeof given} ${JSON.stringify(given)} for no number`, () => {
    assertEquals(parseDecimal(given), undefined);
  });
}

Deno.test("a sum of decimals is exact, whatever they are", () => {
  const cents = fc.array(fc.integer({ min: -1e9, max: 1e9 }), { maxLength: 50 });
  fc.assert(fc.property(cents, (list) => {
    const sum = list.reduce((sum, cent) => {
      const sign = cent < 0 ? "-" : "";
      const digits = String(Math.abs(cent)).padStart(3, "0");
      return sum + (parseDecimal(`${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`) ?? 0n);
    }, 0n);
    assertEquals(sum * 100n, decimalOf(list.reduce((a, b) => a + b, 0)));
  }));
});

Deno.test("what formatDecimal() writes is read back as the same", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(10n ** 50n), max: 10n ** 50n }), (value) => {
    assertEquals(parseDecimal(formatDecimal(value)), value);
  }));
});
