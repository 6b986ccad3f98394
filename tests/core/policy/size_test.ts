import { assertEquals } from "@std/assert";
import { parseSize } from "../../../src/core/policy/size.ts";
import { problemsOf } from "./deciding.ts";

// deno-fmt-ignore -- a row is a line
const SIZES: readonly { text: string; expected: number | undefined; why: string }[] = [
  { text: "0", expected: 0, why: "it is a whole number" },
  { text: "1000", expected: 1000, why: "it is a whole number" },
  { text: "7B", expected: 7, why: "it is a whole number" },
  { text: "1kB", expected: 1000, why: "a thousand" },
  { text: "1KiB", expected: 1024, why: "two to the tenth" },
  { text: "10 MiB", expected: 10_485_760, why: "a space may stand before the unit" },
  { text: "1.5KiB", expected: 1536, why: "it is a whole number of bytes" },
  { text: "1.001kB", expected: 1001, why: "it is one, which floating point misses" },
  { text: "9007199254740991", expected: Number.MAX_SAFE_INTEGER, why: "it is the largest safe one" },
  { text: "0.5", expected: undefined, why: "there is no half of a byte" },
  { text: "1.0001kB", expected: undefined, why: "there is no tenth of a byte" },
  { text: "0.1KiB", expected: undefined, why: "it is 102.4 bytes" },
  { text: "9007199254740992", expected: undefined, why: "the number after it would be the same" },
  { text: "9007199254740GB", expected: undefined, why: "it is no safe integer" },
  { text: `${"9".repeat(400)}B`, expected: undefined, why: "it would be Infinity" },
  { text: "", expected: undefined, why: "it is no number" },
  { text: "-1", expected: undefined, why: "nothing is smaller than empty" },
  { text: "1e3", expected: undefined, why: "it has an exponent" },
  { text: "1.", expected: undefined, why: "it has no fraction" },
  { text: "1XB", expected: undefined, why: "there is no such unit" },
  { text: "1constructor", expected: undefined, why: "there is no such unit" },
];

for (const { text, expected, why } of SIZES) {
  const shown = text.slice(0, 20);
  Deno.test(`parseSize() ${expected === undefined ? "refuses" : "reads"} ${JSON.stringify(shown)}: ${why}`, () => {
    assertEquals(parseSize(text), expected);
  });
}

for (const operator of ["min", "max", "max_length", "max_bytes"]) {
  Deno.test(`A constraint refuses a part of a byte as the text of ${operator}`, () => {
    const rule = { action: "kv.put", resource: "*", constraint: { p: { [operator]: "0.5" } } };
    assertEquals(problemsOf({ capabilities: [rule] }), [{
      place: `capabilities[0].constraint.p.${operator}`,
      path: ["capabilities", 0, "constraint", "p", operator],
      message: "Expected a number, or a size like 10KiB",
    }]);
  });
}
