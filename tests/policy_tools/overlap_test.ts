import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseSegment } from "../../src/core/resource/pattern.ts";
import { PatternTrie } from "../../src/core/resource/trie.ts";
import { overlap } from "../../src/policy_tools/overlap.ts";

const steps = (text: string) => text.split("/").map((segment) => parseSegment(segment));

// deno-fmt-ignore -- a row is a line
const ROWS: readonly [a: string, b: string, expected: boolean][] = [
  ["a/b", "a/b", true],
  ["a/b", "a/c", false],
  ["a/b", "a", false],
  ["a/*", "a/b", true],
  ["a/*", "a/b/c", false],
  ["a/**", "a", true],
  ["a/**", "a/b/c", true],
  ["a/**/z", "a/b/**", true],
  ["a/**/z", "b/**", false],
  ["**/x", "**/y", false],
  ["**/x", "y/**", true],
  ["*.txt", "a*", true],
  ["*.txt", "*.md", false],
  ["a*", "b*", false],
  ["a?", "ab", true],
  ["a?", "a", false],
  ["[ab]x", "ax", true],
  ["[ab]x", "cx", false],
];

for (const [a, b, expected] of ROWS) {
  Deno.test(`overlap() says ${expected} of ${a} and ${b}`, () => {
    assertEquals([overlap(steps(a), steps(b)), overlap(steps(b), steps(a))], [expected, expected]);
  });
}

Deno.test("overlap() is true of any two patterns that match the same target", () => {
  const segment = fc.constantFrom("a", "b", "ab", "*", "**", "a*", "*b", "?", "[ab]", "[!a]b");
  const pattern = fc.array(segment, { minLength: 1, maxLength: 4 });
  const target = fc.array(fc.constantFrom("a", "b", "ab", "bb"), { maxLength: 4 });
  const matches = (pattern: string[], target: string[]) => {
    const trie = new PatternTrie<true>();
    trie.insert(pattern.map((one) => parseSegment(one)), true);
    return trie.match(target).length > 0;
  };
  let common = 0;
  fc.assert(
    fc.property(pattern, pattern, target, (a, b, target) => {
      if (!matches(a, target) || !matches(b, target)) return;
      common++;
      assert(overlap(steps(a.join("/")), steps(b.join("/"))));
    }),
    { numRuns: 5000 },
  );
  assert(common > 20, `${common} targets in common`);
});
