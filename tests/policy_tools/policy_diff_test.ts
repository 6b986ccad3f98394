/**
 * Tests of the comparison of policies.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import { decide } from "../../src/core/policy/decide.ts";
import type { World } from "../../src/core/resource/world.ts";
import { newlyAllowed, type OneWay } from "../../src/policy_tools/policy_diff.ts";
import { type PolicyWithExamples, readPolicy } from "../../src/policy_tools/read.ts";

/** A machine without links, with one program. */
const WORLD: World = {
  base: "/w",
  searchPath: ["/bin"],
  realPath: (path) => path,
  readLink: () => undefined,
  list: () => [],
  typeOf: (path) => path === "/bin/git" || path === "/bin/ls" ? "executable" : undefined,
};

function load(document: object): PolicyWithExamples {
  return readPolicy(document, { world: WORLD, actions: STANDARD_ACTIONS });
}

function gains(from: object, to: object): OneWay {
  const [old, now] = [load(from), load(to)];
  return newlyAllowed(asCompared(now), asCompared(old), WORLD);
}

function asCompared(policy: PolicyWithExamples) {
  return { policy, approvals: policy.approvals };
}

const PATTERNS = {
  "fs.read": [
    ...["/a/**", "/a/*", "/a/b", "/**", "/**/b", "/a/**/c", "/*/b", "/a/b*", "/a/?", "/a/[ab]"],
    ...["/a/[!b]", "/{a,b}/c", "/a/*.b", "/**/.a", "/a/b/**", "/**/a*/**", "/a/.*"],
  ],
  "mcp.call": ["a/**", "a/*", "**", "a/b", "*/b", "a/[a-c]", "a/{b,c}*", "**/c"],
  "net.http": [
    ...["https://a.b/**", "https://*.b/**", "https://**.b/**", "https://**/**", "http://a.b/**"],
    ...["https://a.b/a", "https://a.b:8443/**", "https://a.b:*/**", "https://a.b/a?b=*"],
    ...["https://a.b/*", "https://192.0.2.1/**", "http://**:*/**", "https://a.b/**?*"],
  ],
} as const;
type Action = keyof typeof PATTERNS;

const TARGETS: Readonly<Record<Action, readonly string[]>> = {
  "fs.read": combine(["a", "b", "c", ".a", "a.b", "bc"], 3).map((names) => `/${names.join("/")}`),
  "mcp.call": combine(["a", "b", "c", "d", "bx"], 3).map((names) => names.join("/"))
    .filter((name) => name !== ""),
  "net.http": ["http", "https"].flatMap((scheme) =>
    ["a.b", "b", "c.b", "d.c.b", "x.y", "192.0.2.1", "192.0.2.2", "[::1]"].flatMap((host) =>
      ["", ":8443", ":9"].flatMap((port) =>
        ["/", "/a", "/a/b", "/a?b=1", "/a?c", "/a?b=1&c"].map((path) =>
          `${scheme}://${host}${port}${path}`
        )
      )
    )
  ),
};

function combine(names: readonly string[], most: number): string[][] {
  let all: string[][] = [[]];
  let last = all;
  for (let i = 0; i < most; i++) {
    last = last.flatMap((one) => names.map((name) => [...one, name]));
    all = [...all, ...last];
  }
  return all;
}

const CONSTRAINTS: Readonly<Record<Action, readonly object[]>> = {
  "fs.read": [
    ...[{ max_bytes: { max: 10 } }, { max_bytes: { max: 5 } }, { max_bytes: { min: 6 } }],
    ...[{ encoding: "utf-8" }, { encoding: { not: "utf-8" } }, { length: { exists: false } }],
    ...[{ encoding: { in: ["utf-8", "base64"] } }, { x: { glob: "a*" } }, {
      x: { glob: ["a*", "b"] },
    }],
    ...[{ x: { max_length: 2 } }, { x: { max_bytes: 3 } }, { x: { not: { glob: "ab*" } } }],
  ],
  "mcp.call": [
    ...[{ "arguments.x": 1 }, { "arguments.x": { in: [1, 2] } }, { "arguments.x": { not: 1 } }],
    ...[{ "arguments.y": { prefix: ["a"] } }, { "arguments.y": { prefix: ["a", "b"] } }],
    ...[{ "arguments.x": { any: [1, { min: 5 }] } }],
  ],
  "net.http": [
    ...[{ method: "GET" }, { method: { in: ["GET", "HEAD"] } }, { method: { not: "POST" } }],
    ...[{ "headers.a": "b" }, { "headers.a": { exists: false } }],
  ],
};
const VALUES: Readonly<Record<Action, readonly Readonly<Record<string, unknown>>[]>> = {
  "fs.read": [
    ...[{}, { max_bytes: 3 }, { max_bytes: 7 }, { max_bytes: 30 }, { encoding: "base64" }],
    ...[{ encoding: "latin1" }, { length: 1 }, { x: "a" }, { x: "b" }, { x: "abc" }, { x: "éé" }],
    ...[{ max_bytes: "5" }, { x: "a", max_bytes: 7 }, { x: 1 }],
  ].map((one) => ({ encoding: "utf-8", ...one })),
  "mcp.call": [{}, { x: 1 }, { x: 2 }, { x: 7 }, { x: "1" }, { y: ["a"] }, { y: ["a", "b", "c"] }]
    .map((one) => ({ arguments: one })),
  "net.http": ["GET", "HEAD", "POST", "PUT"].flatMap((method) => [
    { method },
    { method, headers: { a: "b" } },
    { method, headers: { a: "c" } },
  ]),
};
const AGENTS = [undefined, "alice", "ci-1", "x"];

function ruleOf(action: Action): fc.Arbitrary<object> {
  return fc.record({
    action: fc.constant(action),
    resource: fc.uniqueArray(fc.constantFrom(...PATTERNS[action]), { minLength: 1, maxLength: 2 }),
    constraint: fc.option(fc.constantFrom(...CONSTRAINTS[action]), { nil: undefined, freq: 2 }),
    agent: fc.option(fc.constantFrom("alice", "ci-*", ["alice", "x"]), { nil: undefined, freq: 4 }),
  }, { requiredKeys: ["action", "resource"] }).map((rule) =>
    Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined))
  );
}

function policyOf(action: Action): fc.Arbitrary<object> {
  const asking = (rule: object, asks: boolean) => asks ? { ...rule, approval: "required" } : rule;
  return fc.record({
    capabilities: fc.array(
      fc.tuple(ruleOf(action), fc.integer({ min: 0, max: 4 })).map(([rule, n]) =>
        asking(rule, n === 0)
      ),
      { maxLength: 4 },
    ),
    deny: fc.array(ruleOf(action), { maxLength: 3 }),
  });
}

for (const action of Object.keys(PATTERNS) as Action[]) {
  Deno.test(`newlyAllowed() is what decide() says, both ways, of ${action}`, () => {
    let told = 0;
    let all = 0;
    fc.assert(
      fc.property(policyOf(action), policyOf(action), (from, to) => {
        const [old, now] = [load(from), load(to)];
        const { differences, untold } = newlyAllowed(asCompared(now), asCompared(old), WORLD);
        const free = (policy: PolicyWithExamples, request: Parameters<typeof decide>[1]) => {
          const { effect, ruleId = "" } = decide(policy, request);
          return effect === "deny" ? 0 : policy.approvals.has(ruleId) ? 1 : 2;
        };
        // What is said is so.
        for (const { asked, example } of differences) {
          const least = asked ? 2 : 1;
          assert(free(now, example) >= least, JSON.stringify(example));
          assert(free(old, example) < least, JSON.stringify(example));
        }
        all++;
        if (untold.length > 0) return;
        told++;
        // What is not said is not so.
        for (const asked of [false, true]) {
          if (differences.some((one) => asked || !one.asked)) continue;
          const least = asked ? 2 : 1;
          for (const target of TARGETS[action]) {
            for (const params of VALUES[action]) {
              for (const agent of AGENTS) {
                const request = { action, target, params, agent };
                const grows = free(now, request) >= least && free(old, request) < least;
                assert(!grows, `${asked} ${JSON.stringify(request)}`);
              }
            }
          }
        }
      }),
      { numRuns: 40 },
    );
    assert(told > all * 0.6, `only ${told} of ${all} could be told`);
  });
}

Deno.test("newlyAllowed() finds nothing between a policy and itself", () => {
  for (const action of Object.keys(PATTERNS) as Action[]) {
    fc.assert(
      fc.property(policyOf(action), (policy) => {
        assertEquals(gains(policy, policy), { differences: [], untold: [] });
      }),
      { numRuns: 40 },
    );
  }
});

/** So many rules, one in fifty of which is another one for another seed. */
function manyRules(seed: number): object {
  const name = (i: number) => (i * 7 + seed) % 50 === 0 ? `d${i}x${seed}` : `d${i}`;
  const all = Array.from({ length: 1000 }, (_, i) => i);
  const is = (n: number) => all.filter((i) => i % 5 === n);
  return {
    capabilities: [
      ...is(0).map((i) => ({ action: ["fs.read", "fs.list"], resource: `/w/${name(i)}/**` })),
      ...is(1).map((i) => ({
        action: "fs.write",
        resource: `/w/*/${name(i)}*/**`,
        constraint: { content: { max_bytes: 1000 + i } },
      })),
      ...is(2).map((i) => ({
        action: "net.http",
        resource: `https://*.${name(i)}.test/**`,
        constraint: { method: "GET" },
      })),
      ...is(3).map((i) => ({ action: "mcp.call", resource: `${name(i)}/**/[a-c]*` })),
    ],
    deny: is(4).map((i) => ({ action: "fs.*", resource: `/**/.${name(i)}/**` })),
  };
}

Deno.test("newlyAllowed() tells all differences of 1,000 rules a side", () => {
  const { differences, untold } = gains(manyRules(1), manyRules(2));
  assertEquals(untold, []);
  // Of 20 that are others in each of them.
  const rules = new Set(differences.map(({ rule, other }) => other.ruleId ?? rule.id));
  assertEquals(rules.size, 40);
});

const SURE: readonly (readonly [cell: string, from: object, to: object])[] = [
  ["the order of values", { method: { in: ["GET", "PUT"] } }, { method: { in: ["PUT", "GET"] } }],
  ["letter case of a method", { method: "get" }, { method: "GET" }],
  ["one value and a list of it", { method: "GET" }, { method: { in: ["GET"] } }],
  ["sizes", { body: { max_bytes: "1KiB" } }, { body: { max_bytes: 1024 } }],
  ["two globs and one with braces", { "headers.a": { glob: ["x*", "y*"] } }, {
    "headers.a": { glob: "{x,y}*" },
  }],
];

for (const [cell, from, to] of SURE) {
  Deno.test(`newlyAllowed() sees no difference in ${cell}`, () => {
    const policy = (constraint: object) => ({
      capabilities: [{ action: "net.http", resource: "https://a.test/**", constraint }],
    });
    assertEquals(gains(policy(from), policy(to)), { differences: [], untold: [] });
    assertEquals(gains(policy(to), policy(from)), { differences: [], untold: [] });
  });
}

const MOVE = { capabilities: [{ action: "fs.move", resource: "/a/**" }] };

Deno.test("newlyAllowed() knows that a move reads and deletes: a deny rule for that is one for it", () => {
  const denied = { ...MOVE, deny: [{ action: "fs.read", resource: "/a/b", constraint: { x: 1 } }] };
  const { differences } = gains(denied, MOVE);
  assertEquals(differences.map(({ actions, example }) => [actions, example.target, example.as]), [
    [["fs.move"], "/a/b", undefined],
  ]);
  const written = { ...MOVE, deny: [{ action: "fs.write", resource: "/a/b" }] };
  assertEquals(gains(written, MOVE).differences.map(({ example }) => example.as?.param), ["to"]);
});

Deno.test("newlyAllowed() compares the folder of a program, as it is decided", () => {
  const run = { action: "proc.exec", resource: "git" };
  const from = { capabilities: [run] };
  const to = { capabilities: [run, { action: "fs.read", resource: "/w/**" }] };
  const roles = gains(from, to).differences.map(({ actions, example }) => [actions, example.as]);
  assertEquals(roles, [
    [["fs.read"], { action: "proc.exec", param: "cwd" }],
    [["fs.read"], undefined],
  ]);
});

// deno-fmt-ignore -- a row is a line
const FOUND: readonly (readonly [cell: string, from: object, to: object])[] = [
  ["a text beside those that are named", { x: { not: { in: ["x", "X", "x1", "other"] } } }, { x: { exists: true } }],
  ["a text of the same glob as those that are named", { x: { in: ["a", "ax", "b"] } }, { x: { glob: "a*" } }],
  ["a text of a length, of which others are named", { x: { in: ["xx", "yy"] } }, { x: { max_length: 2 } }],
  ["an item beside those of lists", { x: { any: [{ prefix: ["x"] }, { prefix: ["x1"] }, { prefix: [1] }] } }, { x: { prefix: ["q"] } }],
  ["a number between two", { x: { any: [{ max: 1 }, { min: 2 }] } }, { x: { min: 0, max: 5 } }],
  ["a control character", { x: { glob: "[!\u0001]*" } }, { x: { glob: "?*" } }],
  ["a missing param", { x: { exists: true } }, { x: { any: [{ exists: false }, 1] } }],
];

for (const [cell, from, to] of FOUND) {
  Deno.test(`newlyAllowed() finds ${cell}`, () => {
    const policy = (constraint: object) => ({
      capabilities: [{ action: "mcp.call", resource: "a/b", constraint: within(constraint) }],
    });
    const within = (constraint: object) =>
      Object.fromEntries(
        Object.entries(constraint).map(([name, value]) => [`arguments.${name}`, value]),
      );
    const { differences, untold } = gains(policy(from), policy(to));
    assertEquals([differences.length, untold.length], [1, 0]);
  });
}

Deno.test("newlyAllowed() says what it cannot tell", () => {
  const policy = (options: readonly string[]) => ({
    capabilities: [{
      action: "proc.exec",
      resource: "git",
      constraint: { args: { any: [{ options }, { each: { not: { glob: "-*" } } }] } },
    }],
  });
  const { differences, untold } = gains(policy(["-a", "-b"]), policy(["-b", "-a"]));
  assertEquals([differences.length, untold.length], [0, 1]);
  assertEquals(untold[0]?.why.includes("trying values"), true);
});
