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
