import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { escapePattern, expandBraces, parseSegment } from "../../../src/core/resource/pattern.ts";
import { PATH } from "../../../src/core/resource/path.ts";
import { PatternTrie } from "../../../src/core/resource/trie.ts";
import { PatternError } from "../../../src/core/resource/world.ts";
import { effectOn, FLAT, load } from "../policy/deciding.ts";

// deno-fmt-ignore -- a row is a line
const BRACES: readonly { pattern: string; expected: readonly string[] }[] = [
  { pattern: "a", expected: ["a"] },
  { pattern: "", expected: [""] },
  { pattern: "{a,b}", expected: ["a", "b"] },
  { pattern: "x{a,b}y", expected: ["xay", "xby"] },
  { pattern: "{a,b}{c,d}", expected: ["ac", "ad", "bc", "bd"] },
  { pattern: "{a,{b,c}d}", expected: ["a", "bd", "cd"] },
  { pattern: "{,a}b", expected: ["b", "ab"] },
  { pattern: "{a/b,c}/**", expected: ["a/b/**", "c/**"] },
  { pattern: "\\{a,b\\}", expected: ["\\{a,b\\}"] },
  { pattern: "{a\\,b,c}", expected: ["a\\,b", "c"] },
  { pattern: "{a\\},b}", expected: ["a\\}", "b"] },
];

for (const { pattern, expected } of BRACES) {
  Deno.test(`expandBraces() reads ${JSON.stringify(pattern)} as ${JSON.stringify(expected)}`, () => {
    assertEquals(expandBraces(pattern), [...expected]);
  });
}

// deno-fmt-ignore -- a row is a line
const REFUSED_BRACES: readonly { pattern: string; why: string }[] = [
  { pattern: "{a,b", why: "it is not closed" },
  { pattern: "a,b}", why: "it was not opened" },
  { pattern: "{a,b}}", why: "one more is closed than opened" },
  { pattern: "{{a,b}", why: "one more is opened than closed" },
  { pattern: "}{a,b}", why: "it is closed before it is opened" },
  { pattern: "{a}", why: "it offers no choice" },
  { pattern: "{}", why: "it offers no choice" },
  { pattern: "{a,b\\}", why: "the end is escaped" },
  { pattern: "{a,b}".repeat(9), why: "it stands for 512" },
  { pattern: "{a,b}".repeat(2000), why: "it stands for 2^2000" },
  { pattern: `${"{a,".repeat(500)}b${"}".repeat(499)}`, why: "a deep one is not closed" },
];

for (const { pattern, why } of REFUSED_BRACES) {
  Deno.test(`expandBraces() refuses ${pattern.slice(0, 20)}: ${why}`, () => {
    assertThrows(() => expandBraces(pattern), PatternError);
  });
}

// deno-fmt-ignore -- a row is a line
const SEGMENTS: readonly { pattern: string; takes: readonly string[]; leaves: readonly string[] }[] = [
  { pattern: "a*", takes: ["a", "ab", "a*"], leaves: ["", "b", "ba"] },
  { pattern: "*a", takes: ["a", "ba"], leaves: ["ab", ""] },
  { pattern: "a*b*c", takes: ["abc", "axbxc", "abbcc"], leaves: ["acb", "ab", "abcd"] },
  { pattern: "?", takes: ["a", "é", "\u{1f600}"], leaves: ["", "ab", "e\u0301"] },
  { pattern: "[abc]", takes: ["a", "c"], leaves: ["d", "", "ab", "A", "[abc]"] },
  { pattern: "[a-c]x", takes: ["ax", "bx"], leaves: ["-x", "dx"] },
  { pattern: "[!a]", takes: ["b", "!", "\u{1f600}"], leaves: ["a", "", "bb"] },
  { pattern: "[^a]", takes: ["b", "^"], leaves: ["a"] },
  { pattern: "[a^]", takes: ["a", "^"], leaves: ["b"] },
  { pattern: "[]]", takes: ["]"], leaves: ["[", "]]"] },
  { pattern: "[!]]", takes: ["a"], leaves: ["]"] },
  { pattern: "[a-]", takes: ["a", "-"], leaves: ["b"] },
  { pattern: "[-a]", takes: ["-", "a"], leaves: ["b"] },
  { pattern: "[*?]", takes: ["*", "?"], leaves: ["a"] },
  { pattern: "[\u{1f600}-\u{1f602}]", takes: ["\u{1f601}"], leaves: ["a", "\u{1f603}"] },
  { pattern: "[!]a]", takes: ["b", "^"], leaves: ["]", "a", "ba]"] },
  { pattern: "[^]a]", takes: ["b", "!"], leaves: ["]", "a", "ba]"] },
  { pattern: "[!^a]", takes: ["b", "!"], leaves: ["^", "a"] },
  { pattern: "[\\-_]", takes: ["-", "_"], leaves: ["^", "\\", "]"] },
  { pattern: "[\\-a]", takes: ["-", "a"], leaves: ["_", "\\"] },
  { pattern: "[a\\-z]", takes: ["a", "-", "z"], leaves: ["b", "\\"] },
  { pattern: "[\\a-\\c]", takes: ["a", "b", "c"], leaves: ["-", "\\"] },
  { pattern: "[\\]a]", takes: ["]", "a"], leaves: ["\\", "\\a]"] },
  { pattern: "[\\!a]", takes: ["!", "a"], leaves: ["b", "\\"] },
  { pattern: "[\\^a]", takes: ["^", "a"], leaves: ["b", "\\"] },
  { pattern: "[\\\\]", takes: ["\\"], leaves: ["a"] },
  { pattern: "\\*", takes: ["*"], leaves: ["a", "\\*", ""] },
  { pattern: "\\**", takes: ["*", "*a"], leaves: ["a"] },
  { pattern: "\\?*", takes: ["?", "?a"], leaves: ["a", "\\a"] },
  { pattern: "\\\\?", takes: ["\\a", "\\?"], leaves: ["?", "\\", "a"] },
  { pattern: "\\[a]", takes: ["[a]"], leaves: ["a"] },
  { pattern: "\\a", takes: ["a"], leaves: ["\\a"] },
];

for (const { pattern, takes, leaves } of SEGMENTS) {
  Deno.test(`The segment ${pattern} takes ${JSON.stringify(takes)} and leaves ${JSON.stringify(leaves)}`, () => {
    const trie = new PatternTrie<true>();
    trie.insert([parseSegment(pattern)], true);
    assertEquals(takes.filter((name) => trie.match([name]).length === 0), []);
    assertEquals(leaves.filter((name) => trie.match([name]).length > 0), []);
  });
}

for (
  const pattern of [
    "a**",
    "**a",
    "***",
    "a\\",
    "[",
    "[a",
    "[]",
    "[!]",
    "[^]",
    "[\\]",
    "[z-a]",
    "a[b",
  ]
) {
  Deno.test(`parseSegment() refuses ${pattern}`, () => {
    assertThrows(() => parseSegment(pattern), PatternError);
  });
}

Deno.test("escapePattern() makes every name match itself and nothing else", () => {
  const character = fc.constantFrom(..."*?[]{}\\!^-,ab$~");
  const name = fc.array(character, { minLength: 1, maxLength: 6 }).map((all) => all.join(""));
  fc.assert(
    fc.property(name, name, (text, other) => {
      const [pattern, ...more] = PATH.compile(`/w/${escapePattern(text)}`, FLAT);
      assertEquals(more, []);
      assertEquals(pattern?.reach, `/w/${text}`);
      const policy = load({
        capabilities: [{ action: "fs.read", resource: `/w/${escapePattern(text)}` }],
      });
      assertEquals(effectOn(policy, "fs.read", `/w/${text}`), "allow");
      assertEquals(effectOn(policy, "fs.read", `/w/${other}`) === "allow", text === other);
    }),
    { numRuns: 500 },
  );
});

Deno.test("escapePattern() makes every name one alternative within braces", () => {
  const character = fc.constantFrom(..."*?[]{}\\!^-,ab$~");
  const name = fc.array(character, { minLength: 1, maxLength: 6 }).map((all) => all.join(""));
  fc.assert(
    fc.property(name, (text) => {
      const alternatives = expandBraces(`{x,${escapePattern(text)},y}`);
      assertEquals(alternatives.map((one) => parseSegment(one)), ["x", text, "y"]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("PATH.compile() takes the folder of a relative pattern literally", () => {
  const world = { ...FLAT, base: "/w/a*b[c]?" };
  const policy = load({ capabilities: [{ action: "fs.read", resource: "data/**" }] }, { world });
  assertEquals(effectOn(policy, "fs.read", "/w/a*b[c]?/data/x"), "allow");
  for (const target of ["/w/aXbcX/data/x", "/w/a*bcd/data/x"]) {
    assertEquals(effectOn(policy, "fs.read", target), "deny", target);
  }
});

// deno-fmt-ignore -- a row is a line
const RELATIVE: readonly { resource: string; target: string; expected: string }[] = [
  { resource: "data/**", target: "/w/p/data/a", expected: "allow" },
  { resource: "./data/**", target: "/w/p/data/a", expected: "allow" },
  { resource: "../data/**", target: "/w/data/a", expected: "allow" },
  { resource: "../../../data/**", target: "/data/a", expected: "allow" },
  { resource: "./**", target: "/w/p/a", expected: "allow" },
  { resource: "**", target: "/w/p/a", expected: "allow" },
  { resource: "**", target: "/w/a", expected: "deny" },
  { resource: ".", target: "/w/p", expected: "allow" },
  { resource: "..notes", target: "/w/p/..notes", expected: "allow" },
  { resource: "..notes", target: "/w/notes", expected: "deny" },
  { resource: ".env", target: "/w/p/.env", expected: "allow" },
];
for (const { resource, target, expected } of RELATIVE) {
  Deno.test(`The relative pattern ${resource} in /w/p has the effect ${expected} on ${target}`, () => {
    const world = { ...FLAT, base: "/w/p" };
    const policy = load({ capabilities: [{ action: "fs.read", resource }] }, { world });
    assertEquals(effectOn(policy, "fs.read", target), expected);
  });
}

for (
  const pattern of [
    "/w/../etc",
    "/w/./a",
    "/w//a",
    "/w/",
    "data/../etc",
    "/w/\0",
    "/w/**/..",
    "/w/a**",
    "/usr/\\.\\./etc/**",
    "/w/\\../etc",
    "/w/\\./a",
    "/w/{\\.\\.,a}/b",
  ]
) {
  Deno.test(`PATH.compile() refuses ${JSON.stringify(pattern)}, which no canonical path matches`, () => {
    assertThrows(() => PATH.compile(pattern, { ...FLAT, base: "/w" }), PatternError);
  });
}

Deno.test("PATH.compile() refuses a relative pattern without a base", () => {
  assertThrows(() => PATH.compile("data/**", FLAT), PatternError);
  assert(PATH.compile("/data/**", FLAT).length > 0);
});

// deno-fmt-ignore -- a row is a line
const TOO_MANY = {
  "nested too deeply": `${"{a,".repeat(100_000)}b${"}".repeat(100_000)}`,
  "one after the other": "{a,b}".repeat(100_000),
  "not closed": "{a,".repeat(100_000),
  "more than 256 in one": `{${"a,".repeat(256)}b}`,
};
for (const [what, pattern] of Object.entries(TOO_MANY)) {
  Deno.test(`expandBraces() refuses braces ${what} as a pattern, whatever their number`, () => {
    assertThrows(() => expandBraces(pattern), PatternError, "Braces stand for more than 256");
  });
}

Deno.test("expandBraces() takes 256 alternatives, nested or not, and any number of escaped braces", () => {
  assertEquals(expandBraces(`{${"a,".repeat(255)}b}`).length, 256);
  assertEquals(expandBraces(`${"{a,".repeat(255)}b${"}".repeat(255)}`).length, 256);
  assertEquals(expandBraces("{a,b}".repeat(8)).length, 256);
  assertEquals(expandBraces("\\{".repeat(1000)).length, 1);
});
