import { assert, assertEquals, assertMatch } from "@std/assert";
import { effectOn, load, problemsOf } from "../core/policy/deciding.ts";

const block = (key: string) =>
  `capabilities:\n  - action: mcp.call\n    resource: s/t\n    constraint:\n      ${key}: secret\n`;
const flow = (key: string) =>
  `capabilities: [{action: mcp.call, resource: s/t, constraint: {${key}: secret}}]\n`;
const merged = (key: string) =>
  `capabilities:\n  - action: mcp.call\n    resource: s/t\n    constraint:\n      <<: {${key}: secret}\n`;
const mergedList = (key: string) =>
  `capabilities:\n  - action: mcp.call\n    resource: s/t\n    constraint: {<<: [{a: 1}, {${key}: secret}]}\n`;
const nested = (key: string) =>
  `capabilities: [{action: mcp.call, resource: s/t, constraint: {a: {in: [{${key}: secret}]}}}]\n`;
const anchored = (key: string) =>
  `capabilities:\n  - action: mcp.call\n    resource: s/t\n    constraint: &c {${key}: secret}\n  - action: mcp.call\n    resource: s/u\n    constraint: *c\n`;
const LAYOUTS = { block, flow, merged, mergedList, nested, anchored };

const KEYS = [
  "017",
  "0o17",
  "0x1F",
  "1_000",
  "1e3",
  "1.50",
  "1.0",
  "-0",
  ".5",
  "+5",
  ".inf",
  "12:30",
  "yes",
  "No",
  "on",
  "y",
  "True",
  "~",
];

for (const [layout, text] of Object.entries(LAYOUTS)) {
  Deno.test(`readPolicy() refuses keys that parsers read differently: ${layout}`, () => {
    for (const key of KEYS) {
      const problems = problemsOf(text(key)).filter(({ path }) => path.at(-1) === key);
      assert(problems.length > 0, `${key} is not refused`);
      assertMatch(problems[0]?.message ?? "", /without quotes/);
      assert(problems[0]?.line !== undefined, key);
    }
  });

  Deno.test(`readPolicy() takes the same keys in quotes, and keys that all read alike: ${layout}`, () => {
    const quoted = KEYS.filter((key) => !key.includes(".")).flatMap((
      key,
    ) => [`"${key}"`, `'${key}'`]);
    for (const key of [...quoted, "a", "17", "0", "-1", "a-b", "true", '"\\x61b"', '"\\u00e9"']) {
      assertEquals(problemsOf(text(key)).filter(({ message }) => /quotes/.test(message)), [], key);
    }
  });
}

Deno.test("A deny rule on the key 017 is refused, and denies it in quotes", () => {
  const policy = (key: string) =>
    `capabilities: [{action: mcp.call, resource: s/t}]\ndeny: [{action: mcp.call, resource: s/t, constraint: {arguments.${key}: secret}}]\n`;
  const deny = (key: string) =>
    `capabilities: [{action: kv.put, resource: k}]\ndeny: [{action: kv.put, resource: k, constraint: {${key}: secret}}]\n`;
  assertEquals(problemsOf(deny("017")).map(({ place, line }) => [place, line]), [[
    "deny[0].constraint.017",
    2,
  ]]);
  const loaded = load(deny('"017"'));
  assertEquals(effectOn(loaded, "kv.put", "k", { "017": "secret" }), "deny");
  assertEquals(effectOn(loaded, "kv.put", "k", { "15": "secret" }), "allow");
  // A dot makes a text of it, which all parsers read alike.
  assertEquals(problemsOf(policy("017")), []);
});

const constraint = (value: string) =>
  `capabilities: [{action: mcp.call, resource: s/t, constraint: {arguments.order: ${value}}}]`;

for (
  const value of [
    "1234567890123456789",
    "9007199254740992",
    "-9007199254740993",
    "0.1234567890123456789",
    "123456789.123456789012",
    "1000000000000000000000.5",
  ]
) {
  Deno.test(`readPolicy() refuses the number ${value} in a rule, which would become another`, () => {
    const problems = problemsOf(constraint(value));
    assertEquals(problems.map(({ place }) => place), [
      "capabilities[0].constraint.arguments.order",
    ]);
    assertMatch(problems[0]?.message ?? "", /which would become/);
    assert(problems[0]?.message.includes(value));
    assertEquals(problemsOf(constraint(`"${value}"`)), []);
  });
}

for (
  const value of [
    "9007199254740991",
    "-9007199254740991",
    "0.1",
    "1.50",
    "0.0000001",
    "123456789012.345",
  ]
) {
  Deno.test(`readPolicy() takes the number ${value}, which keeps its digits`, () => {
    assertEquals(problemsOf(constraint(value)), []);
  });
}

Deno.test("readPolicy() refuses a whole number above 2^53 in an object", () => {
  const policy = (order: unknown) => ({
    capabilities: [{
      action: "mcp.call",
      resource: "s/t",
      constraint: { "arguments.order": order },
    }],
  });
  assertMatch(problemsOf(policy(2 ** 53))[0]?.message ?? "", /2\^53/);
  assertEquals(problemsOf(policy(2 ** 53 - 1)), []);
});

Deno.test("A rule for a large number as a text holds for no other number", () => {
  const policy = load(constraint('"1234567890123456789"'));
  const effect = (order: unknown) => effectOn(policy, "mcp.call", "s/t", { arguments: { order } });
  assertEquals(effect("1234567890123456789"), "allow");
  assertEquals([effect("1234567890123456780"), effect(1234567890123456)], ["deny", "deny"]);
});

const RULE = "{action: fs.read, resource: /w/**}";
// deno-fmt-ignore -- a row is a line
const MERGES = {
  "in a block": [`capabilities:\n  - &a ${RULE}\n  - "<<": *a\n`, 3],
  "in single quotes": [`capabilities:\n  - &a ${RULE}\n  - '<<': *a\n`, 3],
  "in a flow": [`capabilities: [{"<<": ${RULE}}]\n`, 1],
  "in what is merged": [`capabilities:\n  - <<: {"<<": ${RULE}}\n`, 2],
  "escaped": [`capabilities:\n  - "\\x3c<": ${RULE}\n`, 2],
} as const;
for (const [where, [text, line]] of Object.entries(MERGES)) {
  Deno.test(`readPolicy() refuses a merge key in quotes: ${where}`, () => {
    const [problem] = problemsOf(text).filter(({ message }) => message.includes('"<<" in quotes'));
    assertEquals(problem?.line, line);
  });
}

Deno.test("readPolicy() takes merge keys without quotes", () => {
  const text = `capabilities:\n  - &a ${RULE}\n  - <<: [*a, {id: b}]\n    resource: /v/**\n`;
  assertEquals(problemsOf(text), []);
});

for (const code of [0x85, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff]) {
  const name = code.toString(16).padStart(4, "0");
  Deno.test(`readPolicy() refuses the character U+${name}, wherever it stands, and takes it escaped`, () => {
    const character = String.fromCharCode(code);
    const places = {
      comment: `# all of it${character}\ncapabilities:\n  - ${RULE}\n`,
      plain: `capabilities:\n  - {action: fs.read, resource: /w/a${character}b}\n`,
      quoted: `capabilities:\n  - {action: fs.read, resource: "/w/a${character}b"}\n`,
      blank: `capabilities:\n  - ${RULE}\n${character}\n`,
    };
    for (const [place, text] of Object.entries(places)) {
      const problems = problemsOf(text);
      assertEquals(problems.length, 1, place);
      // Where the parser refuses it first, it says so in its own words.
      assertMatch(
        problems[0]?.message ?? "",
        /readers and parsers see differently|Is not valid YAML/,
      );
    }
    const escaped = `capabilities:\n  - {action: fs.read, resource: "/w/a\\u${name}b"}\n`;
    assertEquals(effectOn(load(escaped), "fs.read", `/w/a${character}b`), "allow");
  });
}

Deno.test("readPolicy() takes a byte order mark at the beginning", () => {
  assertEquals(problemsOf(`\ufeffcapabilities:\n  - ${RULE}\n`), []);
});
