/** Telling change from noise, on data whose truth is known. */
import { assertEquals, assertThrows } from "@std/assert";
import { compare, median, medianInterval, quantile } from "../../bench/statistics.ts";

/** A generator of the numbers of `Math.random`, the same in each run (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Rates of a machine that is slowed by up to a half at times, for both sides, and by a tenth for each. */
function rounds(next: () => number, n: number, factor: number): [number[], number[]] {
  const a: number[] = [];
  const b: number[] = [];
  for (let i = 0; i < n; i++) {
    const disturbed = 1 - 0.5 * next() ** 3;
    a.push(1000 * disturbed * (1 - 0.1 * next()));
    b.push(1000 * factor * disturbed * (1 - 0.1 * next()));
  }
  return [a, b];
}

Deno.test("median() and quantile() give what a look at the sorted values gives", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([7]), 7);
  const hundred = Array.from({ length: 100 }, (_, i) => i);
  assertEquals([quantile(hundred, 0), quantile(hundred, 0.5), quantile(hundred, 1)], [0, 50, 99]);
});

Deno.test("medianInterval() has the confidence of the sign test, rank by rank", () => {
  const values = Array.from({ length: 10 }, (_, i) => i + 1);
  // 2/2^10 lies outside of all ten, 22/2^10 outside of the middle eight, 112/2^10 of the middle six.
  const cases: [asked: number, low: number, high: number, confidence: number][] = [
    [0.999, 1, 10, 1 - 2 / 1024],
    [0.99, 1, 10, 1 - 2 / 1024],
    [0.95, 2, 9, 1 - 22 / 1024],
    [0.85, 3, 8, 1 - 112 / 1024],
  ];
  for (const [asked, low, high, confidence] of cases) {
    const found = medianInterval(values, asked);
    assertEquals([found.low, found.median, found.high], [low, 5.5, high], `asked: ${asked}`);
    assertEquals(found.confidence, confidence);
  }
});

Deno.test("compare() finds a change of a tenth in rounds that differ by a half", () => {
  const next = random(1);
  let slower = 0, faster = 0;
  for (let i = 0; i < 200; i++) {
    if (compare(...rounds(next, 12, 0.88)).verdict === "slower") slower++;
    if (compare(...rounds(next, 12, 1.14)).verdict === "faster") faster++;
  }
  assertEquals([slower > 180, faster > 180], [true, true], `${slower} and ${faster} of 200`);
});

Deno.test("compare() takes noise for a change in less than 1 of 100 comparisons", () => {
  const next = random(2);
  const verdicts = Array.from({ length: 1000 }, () => compare(...rounds(next, 12, 1)).verdict);
  assertEquals(verdicts.filter((verdict) => verdict !== "same").length < 10, true);
});

Deno.test("compare() is sure of nothing with too few rounds", () => {
  assertEquals(compare([1000, 1000, 1000], [500, 500, 500]).verdict, "same");
  const eight = (rate: number) => Array.from({ length: 8 }, () => rate);
  assertEquals(compare(eight(1000), eight(500)).verdict, "slower");
});

Deno.test("compare() leaves out what is sure but small", () => {
  const eight = (rate: number) => Array.from({ length: 8 }, () => rate);
  assertEquals(compare(eight(1000), eight(1020)).verdict, "same");
  assertEquals(compare(eight(1000), eight(1040)).verdict, "faster");
  assertEquals(compare(eight(1000), eight(1020), { least: 0.01 }).verdict, "faster");
});

Deno.test("compare() refuses rounds that do not belong together", () => {
  assertThrows(() => compare([1, 2], [1]), RangeError, "2 rounds with 1");
  assertThrows(() => compare([], []), RangeError);
});
