import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseSegment, type Step } from "../../../src/core/resource/pattern.ts";
import { PatternTrie } from "../../../src/core/resource/trie.ts";

/** The pattern language once more, as a regular expression that backtracks: slow and obvious. */
function oracle(pattern: string): RegExp {
  const segments = pattern.split("/").map((segment) => {
    if (segment === "**") return "**";
    return segment.replace(
      /\\(.)|\[([!^]?)([^\]]+)\]|\*|\?|[^\\[*?]/gu,
      (text, escaped, not, set) => {
        if (text === "*") return "[^/]*";
        if (text === "?") return "[^/]";
        if (set !== undefined) return `[${not ? "^/" : ""}${set.replace(/[\\^]/g, "\\$&")}]`;
        return (escaped ?? text).replace(/[.*+?^${}()|[\]\\-]/g, "\\$&");
      },
    );
  });
  // Every segment brings its slash, so that "**" can stand for none.
  const source = segments.map((one) => one === "**" ? "(?:/[^/]*)*" : `/${one}`).join("");
  return new RegExp(`^${source}$`, "u");
}

function compile(pattern: string): Step[] {
  return pattern.split("/").map((segment) => parseSegment(segment));
}

const TOKENS = ["a", "b", "*", "?", "[ab]", "[!a]", "\\*", "\\\\", "\\?", "\\[", "."];
const SEGMENT = fc.oneof(
  { weight: 1, arbitrary: fc.constant("**") },
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 4 }) },
).map((found) => typeof found === "string" ? found : found.join("").replace(/\*\*+/g, "*"));
/** `\**` is an escaped star and a wildcard, so collapsing stars could leave a lone backslash. */
const PATTERN = fc.array(SEGMENT, { minLength: 1, maxLength: 4 }).map((all) => all.join("/"))
  .filter((pattern) => isWellFormed(pattern));
const TARGET = fc.array(
  fc.array(fc.constantFrom("a", "b", "*", "\\", "?", "["), { maxLength: 4 }).map((all) =>
    all.join("")
  ),
  { minLength: 1, maxLength: 5 },
).map((all) => all.join("/"));

/** Patterns that look alike, and names that only some of them match. */
const LOOK_ALIKE = fc.array(fc.constantFrom("\\\\", "?", "\\?", "*a"), {
  minLength: 1,
  maxLength: 3,
}).map((all) => all.join(""));
const SHORT_NAME = fc.array(fc.constantFrom("\\", "?", "a"), { maxLength: 4 }).map((all) =>
  all.join("")
);

function isWellFormed(pattern: string): boolean {
  try {
    compile(pattern);
    return true;
  } catch {
    return false;
  }
}

Deno.test("PatternTrie.match() agrees with a regular expression on one pattern", () => {
  let matches = 0;
  fc.assert(
    fc.property(PATTERN, TARGET, (pattern, target) => {
      const trie = new PatternTrie<string>();
      trie.insert(compile(pattern), pattern);
      const expected = oracle(pattern).test(`/${target}`);
      if (expected) matches++;
      assertEquals(trie.match(target.split("/")).length > 0, expected);
    }),
    { numRuns: 5000 },
  );
  assert(matches > 100, `only ${matches} of the random targets matched`);
});

Deno.test("PatternTrie.match() finds of many patterns exactly those that match alone", () => {
  const patternsAndTarget = fc.oneof(
    fc.tuple(fc.uniqueArray(PATTERN, { maxLength: 12 }), TARGET),
    fc.tuple(fc.uniqueArray(LOOK_ALIKE, { maxLength: 30 }), SHORT_NAME),
  );
  fc.assert(
    fc.property(patternsAndTarget, ([patterns, target]) => {
      const trie = new PatternTrie<string>();
      for (const pattern of patterns) trie.insert(compile(pattern), pattern);
      const expected = patterns.filter((pattern) => oracle(pattern).test(`/${target}`));
      assertEquals(trie.match(target.split("/")).toSorted(), expected.toSorted());
    }),
    { numRuns: 3000 },
  );
});

Deno.test("PatternTrie.match() tells an escaped question mark from a backslash and a wildcard", () => {
  const trie = new PatternTrie<string>();
  trie.insert([parseSegment("x\\\\?*")], "backslash");
  trie.insert([parseSegment("x\\?*")], "question mark");
  assertEquals(trie.match(["x\\yz"]), ["backslash"]);
  assertEquals(trie.match(["x?z"]), ["question mark"]);
});

Deno.test("PatternTrie.match() gives each value once, however many ways lead to it", () => {
  const trie = new PatternTrie<string>();
  trie.insert(compile("**/**/a/**"), "rule");
  assertEquals(trie.match(["a", "a", "a", "a"]), ["rule"]);
});

Deno.test("PatternTrie.match() forgets one match before the next", () => {
  const trie = new PatternTrie<string>();
  trie.insert(compile("a/*b*/**"), "rule");
  assertEquals(trie.match(["a", "xby", "c"]), ["rule"]);
  assertEquals(trie.match(["a", "xcy", "c"]), []);
  assertEquals(trie.match(["a"]), []);
  assertEquals(trie.match(["a", "b"]), ["rule"]);
});

Deno.test("PatternTrie.match() takes names from JavaScript's prototypes for names", () => {
  const trie = new PatternTrie<string>();
  trie.insert(compile("constructor/*"), "rule");
  assertEquals(trie.match(["__proto__", "a"]), []);
  assertEquals(trie.match(["constructor", "__proto__"]), ["rule"]);
});

/** How often a class is asked, for a target of `n` characters: the work, without a clock. */
function work(pattern: string, n: number): number {
  let asked = 0;
  const step = parseSegment(pattern);
  assert(typeof step === "object");
  const counted = step.glob.map((one) =>
    typeof one === "object" ? { ...one, accepts: (c: string) => (asked++, one.accepts(c)) } : one
  );
  const trie = new PatternTrie<true>();
  trie.insert([{ glob: counted }], true);
  assertEquals(trie.match(["a".repeat(n)]), []);
  return asked;
}

for (
  const pattern of ["*[a]*[a]*[a]*[a]*[a]*[a]*[a]*[a]*b", "[a]*[a]*[a]*[a]*[!a]", "*[a][a][a][a]*x"]
) {
  Deno.test(`PatternTrie.match() does work in proportion to the target for ${pattern}`, () => {
    const small = work(pattern, 200), large = work(pattern, 2000);
    assert(small > 0);
    assert(large <= small * 11, `${large} steps for ten times of what took ${small}`);
  });
}

Deno.test("PatternTrie.match() does work in proportion to the depth for many **", () => {
  const visited = (depth: number) => {
    let count = 0;
    const trie = new PatternTrie<true>();
    const steps = compile(`${"**/a/".repeat(10)}x`);
    trie.insert(steps, true);
    const symbols = Array.from({ length: depth }, () => "a");
    // A glob beside each level counts how often the level is active.
    for (let i = 0; i < 10; i++) {
      const accepts = () => (count++, false);
      trie.insert([...steps.slice(0, i * 2), { glob: [{ text: `n${i}`, accepts }] }], true);
    }
    assertEquals(trie.match(symbols), []);
    return count;
  };
  const small = visited(100), large = visited(1000);
  assert(small > 0);
  assert(large <= small * 11, `${large} steps for ten times of what took ${small}`);
});
