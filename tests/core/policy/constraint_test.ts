import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { effectOn, load } from "./deciding.ts";

/** What the three truths become in an allow rule and in a deny rule. */
const EFFECTS = {
  holds: ["allow", "deny"],
  fails: ["deny", "allow"],
  // INVARIANT of both: what cannot be decided never widens access.
  undecidable: ["deny", "deny"],
} as const;

const MISSING = Symbol("missing");
// deno-fmt-ignore -- a row is a line
const ROWS: readonly [condition: unknown, value: unknown, truth: keyof typeof EFFECTS][] = [
  // Equality
  ["GET", "GET", "holds"],
  ["GET", "POST", "fails"],
  ["GET", "get", "fails"],
  ["GET", MISSING, "fails"],
  ["GET", ["GET"], "undecidable"],
  ["GET", null, "undecidable"],
  [1, 1, "holds"],
  [1, 1.0, "holds"],
  [1, 2, "fails"],
  [1, "1", "undecidable"],
  [1, true, "undecidable"],
  [0, -0, "holds"],
  [0, false, "undecidable"],
  [true, true, "holds"],
  [true, false, "fails"],
  [true, "true", "undecidable"],
  [null, null, "holds"],
  [null, MISSING, "fails"],
  [null, 0, "undecidable"],
  [["a", 1], ["a", 1], "holds"],
  [["a", 1], [1, "a"], "fails"],
  [["a"], ["a", "b"], "fails"],
  [[], [], "holds"],
  [[{ x: 1, y: 2 }], [{ y: 2, x: 1 }], "holds"],
  [["a"], "a", "undecidable"],
  [["a"], { 0: "a", length: 1 }, "undecidable"],
  // in
  [{ in: ["GET", "HEAD"] }, "HEAD", "holds"],
  [{ in: ["GET", "HEAD"] }, "POST", "fails"],
  [{ in: ["GET", "HEAD"] }, MISSING, "fails"],
  [{ in: ["GET", "HEAD"] }, 1, "undecidable"],
  [{ in: ["GET", 1] }, 1, "holds"],
  [{ in: ["GET", 1] }, 2, "undecidable"],
  [{ in: [["a"], ["b"]] }, ["b"], "holds"],
  // any
  [{ any: [".", { glob: "a*" }] }, ".", "holds"],
  [{ any: [".", { glob: "a*" }] }, "ab", "holds"],
  [{ any: [".", { glob: "a*" }] }, "b", "fails"],
  [{ any: [".", { glob: "a*" }] }, "..", "undecidable"],
  [{ any: [".", { glob: "a*" }] }, 1, "undecidable"],
  [{ any: [".", { glob: "a*" }] }, MISSING, "fails"],
  [{ any: [".", { exists: false }] }, MISSING, "holds"],
  // not
  [{ not: "POST" }, "GET", "holds"],
  [{ not: "POST" }, "POST", "fails"],
  [{ not: "POST" }, MISSING, "holds"],
  [{ not: "POST" }, ["POST"], "undecidable"],
  [{ not: { in: ["POST", "PUT"] } }, "GET", "holds"],
  [{ not: { in: ["POST", "PUT"] } }, "PUT", "fails"],
  [{ not: { in: ["POST", "PUT"] } }, 1, "undecidable"],
  [{ not: { not: 1 } }, 1, "holds"],
  [{ not: { max: 5 } }, 6, "holds"],
  [{ not: { max: 5 } }, "6", "undecidable"],
  [{ not: { exists: true } }, MISSING, "holds"],
  // glob
  [{ glob: "src/**" }, "src/a/b", "holds"],
  [{ glob: "src/**" }, "src-evil/a", "fails"],
  [{ glob: "src/**" }, "src/../etc", "undecidable"],
  [{ glob: "src/**" }, "src/./a", "undecidable"],
  [{ glob: "src/**" }, "src/..notes", "holds"],
  [{ glob: "*.txt" }, "a.txt", "holds"],
  [{ glob: "*.txt" }, "d/a.txt", "fails"],
  [{ glob: ["*.txt", "*.md"] }, "a.md", "holds"],
  [{ glob: "*.{txt,md}" }, "a.md", "holds"],
  [{ glob: "*.txt" }, MISSING, "fails"],
  [{ glob: "*.txt" }, ["a.txt"], "undecidable"],
  [{ glob: "*" }, "", "holds"],
  [{ glob: "**" }, "", "holds"],
  [{ glob: "src/**" }, "src/", "holds"],
  // As in resources: `D/**` allows what is inside of `D`, and denies `D` too.
  [{ glob: "src/**" }, "src", "undecidable"],
  [{ glob: "{lib,src}/**" }, "src", "undecidable"],
  [{ glob: ["src/**", "src"] }, "src", "holds"],
  [{ glob: "src/**/a" }, "src/a", "holds"],
  [{ not: { glob: "**/*:*/**" } }, "host:file", "undecidable"],
  [{ not: { glob: "**/*:*/**" } }, "a/file", "holds"],
  // prefix
  [{ prefix: ["git", "log"] }, ["git", "log", "-1"], "holds"],
  [{ prefix: ["git", "log"] }, ["git", "log"], "holds"],
  [{ prefix: ["git", "log"] }, ["git"], "fails"],
  [{ prefix: ["git", "log"] }, ["git", "push"], "fails"],
  [{ prefix: ["git", "log"] }, [], "fails"],
  [{ prefix: ["git", "log"] }, MISSING, "fails"],
  [{ prefix: ["git", 1] }, ["git", "1"], "undecidable"],
  [{ prefix: ["git"] }, 1, "undecidable"],
  [{ prefix: ["a", "b"] }, "ab", "undecidable"],
  // each
  [{ each: { glob: "*.txt" } }, ["a.txt", "b.txt"], "holds"],
  [{ each: { glob: "*.txt" } }, ["a.txt", "b.sh"], "fails"],
  [{ each: { glob: "*.txt" } }, ["a.txt", 1], "undecidable"],
  [{ each: { glob: "*.txt" } }, [1, "b.sh"], "fails"],
  [{ each: { glob: "*.txt" } }, [], "holds"],
  [{ each: { glob: "*.txt" } }, "a.txt", "undecidable"],
  [{ each: { glob: "*.txt" } }, MISSING, "fails"],
  [{ each: "a" }, ["a", "a"], "holds"],
  [{ each: { each: { max: 1 } } }, [[1], [0, 1]], "holds"],
  // options: the words that begin with "-" before the first "--"
  [{ options: ["-l", "--all"] }, ["a", "-l", "b", "--all"], "holds"],
  [{ options: ["-l", "--all"] }, [], "holds"],
  [{ options: ["-l", "--all"] }, ["a", "-", ""], "holds"],
  [{ options: ["-l", "--all"] }, ["-l", "--", "-x", "--", "--al"], "holds"],
  [{ options: ["-l", "--all"] }, ["-x", "--"], "fails"],
  [{ options: ["-l", "--all"] }, ["--al"], "fails"],
  [{ options: ["-l", "--all"] }, ["-ll"], "fails"],
  [{ options: ["-l", "--all"] }, ["--all=x"], "fails"],
  [{ options: ["-l", "--all"] }, ["---"], "fails"],
  [{ options: ["--n=[0-9]"] }, ["--n=5"], "holds"],
  [{ options: ["--n=[0-9]"] }, ["--n=55"], "fails"],
  [{ options: ["--n=*/**"] }, ["--n=a/../b"], "undecidable"],
  [{ options: "-l" }, ["-l"], "holds"],
  [{ options: ["-l"] }, MISSING, "fails"],
  [{ options: ["-l"] }, "-l", "undecidable"],
  [{ options: ["-l"] }, ["-l", 1], "undecidable"],
  // operands: all other words
  [{ operands: { glob: "a*" } }, ["a", "-x", "ab", "--", "abc"], "holds"],
  [{ operands: { glob: "a*" } }, ["--"], "holds"],
  [{ operands: { glob: "a*" } }, ["a", "--", "-a"], "fails"],
  [{ operands: { glob: "a*" } }, ["a", "--", "--"], "fails"],
  [{ operands: { glob: "a*" } }, ["-"], "fails"],
  [{ operands: { glob: "a*" } }, [""], "fails"],
  [{ operands: { glob: "a*" } }, ["a", ".."], "undecidable"],
  [{ operands: "a" }, ["a", "a"], "holds"],
  [{ operands: "a" }, MISSING, "fails"],
  [{ operands: "a" }, "a", "undecidable"],
  [{ operands: "a" }, ["a", null], "undecidable"],
  // max, min
  [{ max: 5 }, 5, "holds"],
  [{ max: 5 }, 5.1, "fails"],
  [{ max: 5 }, "5", "undecidable"],
  [{ max: 5 }, null, "undecidable"],
  [{ max: 5 }, [5], "undecidable"],
  [{ max: 5 }, MISSING, "fails"],
  [{ max: "1KiB" }, 1024, "holds"],
  [{ max: "1KiB" }, 1025, "fails"],
  [{ min: 5 }, 5, "holds"],
  [{ min: 5 }, 4, "fails"],
  [{ min: 5 }, "9", "undecidable"],
  [{ min: 1, max: 5 }, 3, "holds"],
  [{ min: 1, max: 5 }, 6, "fails"],
  [{ min: 1, in: ["x"] }, 0, "fails"],
  // max_length, max_bytes
  [{ max_length: 2 }, "ab", "holds"],
  [{ max_length: 2 }, "abc", "fails"],
  [{ max_length: 2 }, "\u{1f600}\u{1f600}", "holds"],
  [{ max_length: 2 }, [1, 2], "holds"],
  [{ max_length: 2 }, [1, 2, 3], "fails"],
  [{ max_length: 2 }, { length: 1 }, "undecidable"],
  [{ max_length: 2 }, 12, "undecidable"],
  [{ max_length: 2 }, MISSING, "fails"],
  [{ max_bytes: 2 }, "é", "holds"],
  [{ max_bytes: 2 }, "éa", "fails"],
  [{ max_bytes: "1kB" }, "a".repeat(1001), "fails"],
  [{ max_bytes: 2 }, ["a"], "undecidable"],
  [{ max_bytes: 2 }, MISSING, "fails"],
  // exists
  [{ exists: true }, null, "holds"],
  [{ exists: true }, "", "holds"],
  [{ exists: true }, MISSING, "fails"],
  [{ exists: false }, MISSING, "holds"],
  [{ exists: false }, 0, "fails"],
];

for (const [condition, value, truth] of ROWS) {
  const given = value === MISSING ? "nothing" : JSON.stringify(value).slice(0, 40);
  Deno.test(`The condition ${JSON.stringify(condition)} ${truth} for ${given}`, () => {
    const rule = { action: "kv.put", resource: "*", constraint: { p: condition } };
    const params = value === MISSING ? {} : { p: value };
    const allowing = load({ capabilities: [rule] });
    const denying = load({ capabilities: [{ ...rule, constraint: {} }], deny: [rule] });
    assertEquals(
      [effectOn(allowing, "kv.put", "k", params), effectOn(denying, "kv.put", "k", params)],
      [...EFFECTS[truth]],
    );
  });
}

// deno-fmt-ignore -- a row is a line
const PLACES: readonly { param: string; params: Record<string, unknown>; found: boolean }[] = [
  { param: "a.b", params: { a: { b: 1 } }, found: true },
  { param: "a.0", params: { a: [1] }, found: true },
  { param: "a.0.b", params: { a: [{ b: 1 }] }, found: true },
  { param: "a.1", params: { a: [1] }, found: false },
  { param: "a.00", params: { a: [1] }, found: false },
  { param: "a.-1", params: { a: [1] }, found: false },
  { param: "a.length", params: { a: [2] }, found: false },
  { param: "a.0", params: { a: "1" }, found: false },
  { param: "a.length", params: { a: "x" }, found: false },
  { param: "a.b", params: { "a.b": 1 }, found: false },
  { param: "a.b", params: { a: null }, found: false },
  { param: "constructor", params: {}, found: false },
  { param: "toString", params: {}, found: false },
  { param: "hasOwnProperty", params: {}, found: false },
  { param: "a.constructor.name", params: { a: {} }, found: false },
  { param: "a.map", params: { a: [] }, found: false },
  { param: "constructor", params: { constructor: 1 }, found: true },
];

for (const { param, params, found } of PLACES) {
  Deno.test(`A constraint on ${param} ${found ? "reaches" : "reaches nothing"} in ${JSON.stringify(params)}`, () => {
    const policy = load({
      capabilities: [{
        action: "kv.put",
        resource: "*",
        constraint: { [param]: { exists: true } },
      }],
    });
    assertEquals(effectOn(policy, "kv.put", "k", params), found ? "allow" : "deny");
  });
}

Deno.test("A constraint on __proto__ reaches no prototype", () => {
  const text =
    "capabilities:\n  - action: kv.put\n    resource: '*'\n    constraint: {__proto__: {exists: true}}";
  assertEquals(effectOn(load(text), "kv.put", "k", {}), "deny");
  const inner = text.replace("__proto__", '"a.__proto__.x"');
  assertEquals(effectOn(load(inner), "kv.put", "k", { a: {} }), "deny");
});

Deno.test("A constraint holds only if all of its conditions do", () => {
  const constraint = { a: 1, b: { min: 2 } };
  const policy = load({ capabilities: [{ action: "kv.put", resource: "*", constraint }] });
  assertEquals(effectOn(policy, "kv.put", "k", { a: 1, b: 2 }), "allow");
  for (const params of [{ a: 1 }, { b: 2 }, { a: 1, b: 1 }, { a: 1, b: "2" }, {}]) {
    assertEquals(effectOn(policy, "kv.put", "k", params), "deny", JSON.stringify(params));
  }
});

Deno.test("A deny rule holds unless one of its conditions certainly fails", () => {
  const rule = { action: "kv.put", resource: "*" };
  const policy = load({
    capabilities: [rule],
    deny: [{ ...rule, constraint: { a: 1, b: { min: 2 } } }],
  });
  for (const params of [{ a: 1, b: 2 }, { a: "1", b: 2 }, { a: 1, b: "x" }, { a: "1", b: [] }]) {
    assertEquals(effectOn(policy, "kv.put", "k", params), "deny", JSON.stringify(params));
  }
  for (const params of [{ a: 2, b: 2 }, { a: 1, b: 1 }, { a: "1" }, {}]) {
    assertEquals(effectOn(policy, "kv.put", "k", params), "allow", JSON.stringify(params));
  }
});

// deno-fmt-ignore -- a row is a line
const METHODS: readonly { params: Record<string, unknown>; expected: string; why: string }[] = [
  { params: {}, expected: "allow", why: "GET is the default" },
  { params: { method: "GET" }, expected: "allow", why: "it is what the rule says" },
  { params: { method: "POST" }, expected: "deny", why: "it is another method" },
  { params: { method: "get" }, expected: "allow", why: "it is the same method" },
  { params: { method: ["GET"] }, expected: "invalid", why: "it is no text" },
  { params: { Method: "POST" }, expected: "allow", why: "it is another param, the default holds" },
  { params: { method: null }, expected: "invalid", why: "it was given" },
];

for (const { params, expected, why } of METHODS) {
  Deno.test(`The constraint {method: GET} has the effect ${expected} for ${JSON.stringify(params)}: ${why}`, () => {
    const policy = load({
      capabilities: [{
        action: "net.http",
        resource: "https://h/**",
        constraint: { method: "GET" },
      }],
    });
    assertEquals(effectOn(policy, "net.http", "https://h/a", params), expected);
  });
}

Deno.test("No value makes both an allow rule and the deny rule with the same condition let it pass", () => {
  const condition = fc.constantFrom(...ROWS.map(([one]) => one));
  let allowed = 0;
  fc.assert(
    fc.property(condition, fc.jsonValue({ maxDepth: 2 }), (one, value) => {
      const rule = { action: "kv.put", resource: "*", constraint: { p: one } };
      const policy = load({ capabilities: [rule], deny: [rule] });
      assertEquals(effectOn(policy, "kv.put", "k", { p: value }), "deny");
      if (effectOn(load({ capabilities: [rule] }), "kv.put", "k", { p: value }) === "allow") {
        allowed++;
      }
    }),
    { numRuns: 2000 },
  );
  assert(allowed > 0);
});
