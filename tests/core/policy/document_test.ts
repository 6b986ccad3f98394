import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { load, problemsOf } from "./deciding.ts";

const constraint = (value: string) =>
  `capabilities: [{action: fs.read, resource: /w, constraint: {a: ${value}}}]`;
const numbered = (make: (i: number) => string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => make(from + i)).join("\n");
/** Nine aliases of nine aliases and so on: "billion laughs". */
const LAUGHS = `capabilities: []\nx0: &x0 [a]\n${
  numbered((i) => `x${i}: &x${i} [${Array(9).fill(`*x${i - 1}`)}]`, 1, 12)
}`;
const MERGED_LAUGHS = `capabilities: []\nx0: &x0 {}\n${
  numbered((i) => `x${i}: &x${i} {<<: [${Array(3).fill(`*x${i - 1}`)}]}`, 1, 13)
}`;

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly { cell: string; text: string; line?: number; message: RegExp }[] = [
  { cell: "nothing", text: "", message: /mapping/ },
  { cell: "only a comment", text: "# capabilities\n", message: /mapping/ },
  { cell: "a list", text: "- action: fs.read\n", line: 1, message: /mapping/ },
  { cell: "a text", text: "all\n", line: 1, message: /mapping/ },
  { cell: "a standard tag", text: "capabilities: !!seq []", line: 1, message: /tag/i },
  { cell: "a tag of its own", text: "capabilities:\n  - !rule {}", line: 2, message: /tag/i },
  { cell: "a tag of JavaScript", text: "capabilities: []\nx: !!js/function 'x'", line: 2, message: /tag/i },
  { cell: "a binary", text: "capabilities: []\nx: !!binary aGk=", line: 2, message: /tag/i },
  { cell: "a directive", text: "%YAML 1.1\n---\ncapabilities: []", line: 1, message: /directive/i },
  { cell: "a second document", text: "capabilities: []\n---\ncapabilities: []", message: /document/ },
  { cell: "a second document after an end", text: "capabilities: []\n...\n---\nx: 1", message: /document/ },
  { cell: "a doubled key", text: "capabilities: []\ndeny: []\ncapabilities: []", line: 3, message: /duplicat/ },
  { cell: "a doubled key of a rule", text: "capabilities:\n  - action: fs.read\n    action: fs.write", line: 3, message: /duplicat/ },
  { cell: "a doubled key in quotes", text: 'deny: []\n"deny": []\ncapabilities: []', line: 2, message: /duplicat/ },
  { cell: "a doubled key in a flow", text: "capabilities: [{action: fs.read, action: fs.write}]", line: 1, message: /duplicat/ },
  { cell: "a ? key", text: "? capabilities\n: []", line: 1, message: /key/ },
  { cell: "a list as a key", text: "[a]: 1\ncapabilities: []", message: /./ },
  { cell: "a tab as indentation", text: "capabilities:\n\t- action: fs.read", line: 2, message: /tab/ },
  { cell: "a NUL", text: "capabilities: []\n\0", message: /YAML/ },
  { cell: "a quote that is not closed", text: 'capabilities: [{action: "fs.read}]', message: /YAML/ },
  { cell: "a bracket that is not closed", text: "capabilities: [", message: /YAML/ },
  { cell: "an alias of nothing", text: "capabilities: *none", line: 1, message: /YAML/ },
  { cell: "an alias of itself", text: "capabilities: &a [*a]", message: /deep|itself/ },
  { cell: "a merge of itself", text: "capabilities: []\nx: &a\n  <<: *a", message: /./ },
  { cell: "a merge of a text", text: "capabilities:\n  - <<: fs.read", line: 2, message: /mapping/ },
  { cell: "a billion laughs", text: LAUGHS, message: /too many/ },
  { cell: "a billion merges", text: MERGED_LAUGHS, message: /too many/ },
  { cell: "a thousand brackets", text: `capabilities: ${"[".repeat(1000)}${"]".repeat(1000)}`, message: /deep|nesting/ },
  { cell: "a hundred thousand brackets", text: `capabilities: ${"[".repeat(1e5)}${"]".repeat(1e5)}`, message: /deep|nesting/ },
  { cell: "a hundred mappings in each other", text: `capabilities: ${"{a: ".repeat(100)}1${"}".repeat(100)}`, message: /deep|nesting/ },
];

for (const { cell, text, line, message } of REFUSED) {
  Deno.test(`readPolicy() refuses a text with ${cell}${line ? ` in line ${line}` : ""}`, () => {
    const problems = problemsOf(text);
    assert(problems.length > 0, "not refused");
    assertMatch(problems.map((problem) => problem.message).join("\n"), message);
    if (line !== undefined) assertEquals(problems[0]?.line, line);
  });
}

Deno.test("readPolicy() takes a text of 1 MiB and refuses one of a byte more", () => {
  const head = "capabilities: []\n#";
  const full = head + "x".repeat(1024 * 1024 - head.length);
  assertEquals(problemsOf(full), []);
  assertMatch(problemsOf(`${full}x`)[0]?.message ?? "", /1048577 bytes, expected at most 1048576/);
  // Counted in bytes: as many characters, but more bytes.
  assertMatch(problemsOf(`${full.slice(0, -1)}é`)[0]?.message ?? "", /1048577 bytes/);
});

const NUMBERS = [
  "017",
  "0o17",
  "0x1F",
  "0b11",
  "1_000",
  "+5",
  ".5",
  "5.",
  ".inf",
  "-.INF",
  ".nan",
  "1:30",
  "190:20:30",
  "1e3",
  "-1.5E-3",
  "12e03",
  "00",
];
for (const value of NUMBERS) {
  Deno.test(`readPolicy() refuses the number ${value}, which YAML versions read differently`, () => {
    const problems = problemsOf(constraint(value));
    assertEquals(problems.map(({ place }) => place), ["capabilities[0].constraint.a"]);
  });
}

for (const value of ["yes", "no", "on", "off", "y", "n", "YES", "Off", "N"]) {
  Deno.test(`readPolicy() refuses the plain word ${value}, and takes it in quotes`, () => {
    assertEquals(problemsOf(constraint(value)).map(({ line }) => line), [1]);
    assertEquals(problemsOf(constraint(`"${value}"`)), []);
    assertEquals(problemsOf(constraint(`'${value}'`)), []);
    assertEquals(
      problemsOf(`capabilities:\n  - id: ${value}\n    action: fs.read\n    resource: /w`).map((
        { line },
      ) => line),
      [2],
    );
  });
}

for (
  const value of [
    "0",
    "-1",
    "17",
    "1.5",
    "true",
    "false",
    "null",
    "text",
    "none",
    "10KiB",
    "1.2.3",
    "0.0.0.0",
    "yesterday",
    "one",
    "v1",
    "'017'",
    '"1_000"',
  ]
) {
  Deno.test(`readPolicy() takes the value ${value}, which all read alike`, () => {
    assertEquals(problemsOf(constraint(value)), []);
  });
}

Deno.test("readPolicy() follows anchors, aliases and merge keys", () => {
  const policy = load(`
capabilities:
  - &base
    action: fs.read
    resource: &place /w/**
    constraint: {encoding: utf-8}
  - <<: *base
    action: fs.list
  - {action: fs.stat, resource: *place}
  - <<: [{action: fs.mkdir}, *base]
    resource: /own
`);
  assertEquals(
    policy.rules.map((
      { actions, resources, constraint },
    ) => [actions, resources, constraint !== undefined]),
    [
      [["fs.read"], ["/w/**"], true],
      [["fs.list"], ["/w/**"], true],
      [["fs.stat"], ["/w/**"], false],
      [["fs.mkdir"], ["/own"], true],
    ],
  );
});

Deno.test("readPolicy() keeps names from JavaScript's prototypes out of rules", () => {
  const rule =
    "capabilities:\n  - action: fs.read\n    resource: /w\n    __proto__: {approval: required}";
  assertEquals(problemsOf(rule).map(({ place, line }) => [place, line]), [[
    "capabilities[0].__proto__",
    4,
  ]]);
  assertEquals(problemsOf("__proto__: {capabilities: []}").map(({ place }) => place).toSorted(), [
    "",
    "__proto__",
  ]);
  assertEquals(problemsOf("constructor: 1\ncapabilities: []").map(({ place }) => place), [
    "constructor",
  ]);
});

Deno.test("readPolicy() gives texts that differ in a byte digests that differ, and the same the same", () => {
  const [a, b, c] = ["capabilities: []", "capabilities: [ ]", "capabilities: []"].map((text) =>
    load(text).digest
  );
  assertEquals([a === b, a === c], [false, true]);
  assertMatch(a ?? "", /^[0-9a-f]{64}$/);
});

Deno.test("readPolicy() reads a text and the object that it means alike", () => {
  fc.assert(fc.property(
    fc.dictionary(
      fc.constantFrom("a", "b.0", "__x", "é", "#", "- x", "a: b", "'", '"'),
      fc.oneof(
        fc.integer(),
        fc.boolean(),
        fc.constantFrom(null, "x", "017", "yes", "{}", "# a", "a: b", "*x", "\u2028", "\n", ""),
      ),
    ),
    (constraint) => {
      const object = { capabilities: [{ action: "mcp.call", resource: "s/t", constraint }] };
      for (const space of [0, 2]) {
        // JSON lets it stand as it is; a policy does not, see ambiguous_test.ts.
        const text = JSON.stringify(object, null, space).replaceAll("\u2028", "\\u2028");
        assertEquals(
          JSON.stringify(load(text).rules[0]?.constraint?.conditions.map(({ source }) => source)),
          JSON.stringify(load(object).rules[0]?.constraint?.conditions.map(({ source }) => source)),
        );
      }
    },
  ));
});
