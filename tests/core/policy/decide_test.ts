import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { World } from "../../../src/core/resource/world.ts";
import { decide } from "../../../src/core/policy/decide.ts";
import { decisionOn, effectOn, FLAT, load } from "./deciding.ts";

const ALL = { action: "fs.read", resource: "/w/**" };
const SECRET = { action: "fs.read", resource: "/w/secret/**" };

// deno-fmt-ignore -- a row is a line
const CODES: readonly { cell: string; policy: object; target: string; expected: [effect: string, code: string, rule?: string] }[] = [
  { cell: "no rule at all", policy: { capabilities: [] }, target: "/w/a", expected: ["deny", "NO_RULE"] },
  { cell: "no rule for the target", policy: { capabilities: [ALL] }, target: "/x", expected: ["deny", "NO_RULE"] },
  { cell: "an allow rule", policy: { capabilities: [ALL] }, target: "/w/a", expected: ["allow", "ALLOWED", "capabilities[0]"] },
  { cell: "an allow rule with an id", policy: { capabilities: [{ ...ALL, id: "work" }] }, target: "/w/a", expected: ["allow", "ALLOWED", "work"] },
  { cell: "two allow rules", policy: { capabilities: [{ ...ALL, id: "one" }, { ...ALL, id: "two" }] }, target: "/w/a", expected: ["allow", "ALLOWED", "one"] },
  { cell: "an allow rule of another action", policy: { capabilities: [{ ...ALL, action: "fs.list" }] }, target: "/w/a", expected: ["deny", "NO_RULE"] },
  { cell: "an unmet constraint", policy: { capabilities: [{ ...ALL, constraint: { a: 1 } }] }, target: "/w/a", expected: ["deny", "CONSTRAINT_UNMET"] },
  { cell: "an unmet constraint on another target", policy: { capabilities: [{ ...ALL, constraint: { a: 1 } }] }, target: "/x", expected: ["deny", "NO_RULE"] },
  { cell: "a deny rule", policy: { capabilities: [ALL], deny: [SECRET] }, target: "/w/secret/a", expected: ["deny", "DENY_RULE", "deny[0]"] },
  { cell: "a deny rule beside the target", policy: { capabilities: [ALL], deny: [SECRET] }, target: "/w/secrets", expected: ["allow", "ALLOWED", "capabilities[0]"] },
  { cell: "a deny rule and a narrower allow rule", policy: { capabilities: [{ ...ALL, resource: "/w/secret/a" }], deny: [SECRET] }, target: "/w/secret/a", expected: ["deny", "DENY_RULE", "deny[0]"] },
  { cell: "a deny rule without any allow rule", policy: { capabilities: [], deny: [SECRET] }, target: "/w/secret/a", expected: ["deny", "DENY_RULE", "deny[0]"] },
  { cell: "a deny rule of another action", policy: { capabilities: [ALL], deny: [{ ...SECRET, action: "fs.write" }] }, target: "/w/secret/a", expected: ["allow", "ALLOWED", "capabilities[0]"] },
  { cell: "two deny rules", policy: { capabilities: [ALL], deny: [{ ...SECRET, id: "one" }, { ...SECRET, id: "two" }] }, target: "/w/secret/a", expected: ["deny", "DENY_RULE", "one"] },
  { cell: "a deny rule with an unmet constraint", policy: { capabilities: [ALL], deny: [{ ...SECRET, constraint: { a: 1 } }] }, target: "/w/secret/a", expected: ["allow", "ALLOWED", "capabilities[0]"] },
];

for (const { cell, policy, target, expected: [effect, code, rule] } of CODES) {
  Deno.test(`decide() answers ${effect} with ${code} for ${cell}`, () => {
    const decision = decisionOn(load(policy), "fs.read", target);
    assertEquals([decision?.effect, decision?.code, decision?.ruleId], [effect, code, rule]);
    if (effect === "deny") assertMatch(decision?.reason ?? "", /^not permitted: ./);
  });
}

Deno.test("decide() tells the reason of a deny rule in the words of its author", () => {
  const policy = load({ capabilities: [ALL], deny: [{ ...SECRET, reason: "ask Ada first" }] });
  assertEquals(
    decisionOn(policy, "fs.read", "/w/secret/a")?.reason,
    'not permitted: rule "deny[0]" denies it: ask Ada first',
  );
});

Deno.test("decide() does not show the reason of an allow rule as the reason of a denial", () => {
  const policy = load({ capabilities: [{ ...ALL, reason: "the password is swordfish" }] });
  assertEquals(decisionOn(policy, "fs.read", "/x")?.reason.includes("swordfish"), false);
});

Deno.test("decide() denies when evaluating fails", () => {
  const policy = load({ capabilities: [ALL] });
  const hostile = {
    action: "fs.read",
    params: {},
    get target(): string {
      return null as unknown as string;
    },
  };
  assertEquals([decide(policy, hostile).effect, decide(policy, hostile).code], [
    "deny",
    "RULE_ERRORED",
  ]);
  const constrained = load({ capabilities: [{ ...ALL, constraint: { "a.b": 1 } }] });
  const params = {
    get a(): never {
      throw new Error("no");
    },
  };
  assertEquals(
    decide(constrained, { action: "fs.read", target: "/w/a", params }).code,
    "RULE_ERRORED",
  );
});

// deno-fmt-ignore -- a row is a line
const WHOLE: readonly { action: string; allowed: string; denied: string; target: string; expected: string }[] = [
  { action: "fs.delete", allowed: "/w/**", denied: "/w/d/**", target: "/w/d", expected: "deny" },
  { action: "fs.delete", allowed: "/w/**", denied: "/w/d/**", target: "/w/d/", expected: "deny" },
  { action: "fs.delete", allowed: "/w/**", denied: "/w/d/**", target: "/w/d/x/y", expected: "deny" },
  { action: "fs.delete", allowed: "/w/**", denied: "/w/d/**", target: "/w/dd", expected: "allow" },
  { action: "fs.delete", allowed: "/w/**", denied: "/w/*/d/**", target: "/w/x/d", expected: "deny" },
  { action: "fs.delete", allowed: "/w/**", denied: "/w/**/d/**", target: "/w/d", expected: "deny" },
  { action: "fs.delete", allowed: "/w/**", denied: "/w/d/*", target: "/w/d", expected: "allow" },
  { action: "fs.delete", allowed: "/w/**", denied: "/w/{d,e}/**", target: "/w/e", expected: "deny" },
  { action: "mcp.call", allowed: "**", denied: "s/**", target: "s", expected: "deny" },
  { action: "mcp.call", allowed: "**", denied: "s/**", target: "s2", expected: "allow" },
  { action: "net.http", allowed: "https://h/**", denied: "https://h/d/**", target: "https://h/d/x", expected: "deny" },
  { action: "net.http", allowed: "https://h/**", denied: "https://h/d/**", target: "https://h/d/", expected: "deny" },
  { action: "net.http", allowed: "https://h/**", denied: "https://h/d/**", target: "https://h/d", expected: "deny" },
  { action: "net.http", allowed: "https://h/**", denied: "https://h/d/**", target: "https://h/d?x=1", expected: "deny" },
  { action: "net.http", allowed: "https://h/**", denied: "https://h/d/**", target: "https://h/dd", expected: "allow" },
];

for (const { action, allowed, denied, target, expected } of WHOLE) {
  Deno.test(`A deny rule for ${denied} has the effect ${expected} on ${target}`, () => {
    const policy = load({
      capabilities: [{ action, resource: allowed }],
      deny: [{ action, resource: denied }],
    });
    assertEquals(effectOn(policy, action, target), expected);
  });
}

Deno.test("A wildcard action covers the actions of its namespace and no others", () => {
  const policy = load({ capabilities: [{ action: "fs.*", resource: "/w/**" }] });
  const params = { to: "/w/b" };
  for (
    const action of [
      "fs.read",
      "fs.list",
      "fs.stat",
      "fs.write",
      "fs.delete",
      "fs.mkdir",
      "fs.move",
    ]
  ) {
    assertEquals(effectOn(policy, action, "/w/a", params), "allow", action);
  }
  for (
    const action of [
      "fs",
      "fs.chmod",
      "fs.read.x",
      "fsx.read",
      "FS.READ",
      "constructor",
      "__proto__",
    ]
  ) {
    assertEquals(effectOn(policy, action, "/w/a", params), "deny", action);
  }
});

Deno.test("A wildcard action covers the actions of providers too", () => {
  const policy = load({ capabilities: [{ action: "db.*", resource: "users/**" }] }, {
    actions: { "db.get": { kind: "name" }, "db.admin.drop": { kind: "name" } },
  });
  assertEquals(effectOn(policy, "db.get", "users/1"), "allow");
  assertEquals(effectOn(policy, "db.admin.drop", "users/1"), "deny");
  assertEquals(effectOn(policy, "db.put", "users/1"), "deny");
});

// deno-fmt-ignore -- a row is a line
const FURTHER: readonly { cell: string; target: string; to?: unknown; expected: string; why: string }[] = [
  { cell: "a move inside", target: "/w/a", to: "/w/b", expected: "allow", why: "both ends are" },
  { cell: "a move out", target: "/w/a", to: "/x/b", expected: "deny", why: "its end is outside" },
  { cell: "a move in", target: "/x/a", to: "/w/b", expected: "deny", why: "its beginning is outside" },
  { cell: "a climb out", target: "/w/a", to: "/w/../x/b", expected: "deny", why: "its end is outside" },
  { cell: "a move to a denied folder", target: "/w/a", to: "/w/secret/b", expected: "deny", why: "a rule denies it" },
  { cell: "a move over a denied folder", target: "/w/a", to: "/w/secret", expected: "deny", why: "a rule denies it" },
  { cell: "a move to ..notes", target: "/w/a", to: "/w/..notes", expected: "allow", why: "it is a name" },
  { cell: "a move to nowhere", target: "/w/a", expected: "invalid", why: "its end is required" },
  { cell: "a move to nothing", target: "/w/a", to: "", expected: "invalid", why: "it is no path" },
  { cell: "a move to null", target: "/w/a", to: null, expected: "invalid", why: "it is no path" },
  { cell: "a move to a list", target: "/w/a", to: ["/w/b"], expected: "invalid", why: "it is no path" },
  { cell: "a move to a relative path", target: "/w/a", to: "b", expected: "invalid", why: "no base is declared" },
];

for (const { cell, target, to, expected, why } of FURTHER) {
  Deno.test(`authorize() has the effect ${expected} on ${cell}: ${why}`, () => {
    const policy = load({
      capabilities: [{ action: "fs.*", resource: "/w/**" }],
      deny: [{ action: "fs.move", resource: "/w/secret/**" }],
    });
    assertEquals(effectOn(policy, "fs.move", target, to === undefined ? {} : { to }), expected);
  });
}

Deno.test("authorize() names the param of a denied secondary resource", () => {
  const policy = load({ capabilities: [{ action: "fs.*", resource: "/w/**" }] });
  const reason = decisionOn(policy, "fs.move", "/w/a", { to: "/x" })?.reason ?? "";
  assertStringIncludes(reason, '"/x"');
  assertStringIncludes(reason, 'param "to"');
});

Deno.test("authorize() decides the cwd of a command as fs.read, by the params of neither", () => {
  const policy = load({
    capabilities: [
      { action: "proc.exec", resource: "/bin/ls" },
      { action: "fs.read", resource: "/w/**", constraint: { encoding: "utf-8" } },
    ],
  });
  const run = (params: Record<string, unknown>) => effectOn(policy, "proc.exec", "/bin/ls", params);
  assertEquals(run({}), "allow");
  assertEquals(run({ cwd: "/w/a" }), "allow");
  assertEquals(run({ cwd: "/w/a", encoding: "base64" }), "allow");
  assertEquals(run({ cwd: "/x" }), "deny");
  assertEquals(run({ cwd: "/w/../x" }), "deny");
  assertEquals(run({ cwd: 1 }), "invalid");
  const denied = load({ capabilities: [{ action: "proc.exec", resource: "/bin/ls" }] });
  assertEquals(effectOn(denied, "proc.exec", "/bin/ls", { cwd: "/w/a" }), "deny");
});

Deno.test("authorize() denies a cwd for which a deny rule on fs.read has any constraint", () => {
  const rule = { action: "fs.read", constraint: { encoding: "base64" } };
  const policy = load({
    capabilities: [
      { action: "proc.exec", resource: "/bin/ls" },
      { action: "fs.read", resource: "/w/**" },
    ],
    deny: [{ ...rule, resource: "/w/secret/**" }],
  });
  const run = (cwd: string) => effectOn(policy, "proc.exec", "/bin/ls", { cwd });
  assertEquals([run("/w/a"), run("/w/secret")], ["allow", "deny"]);
  assertEquals(effectOn(policy, "fs.read", "/w/secret/a", { encoding: "utf-8" }), "allow");
});

Deno.test("authorize() decides what a link in a secondary resource really is", () => {
  const world: World = {
    ...FLAT,
    realPath: (path) => path.replace("/w/folder", "/x").replace("/w/link", "/x/secret"),
  };
  const policy = load({ capabilities: [{ action: "fs.*", resource: "/w/**" }] });
  assertEquals(effectOn(policy, "fs.move", "/w/a", { to: "/w/folder/b" }, world), "deny");
  assertEquals(effectOn(policy, "fs.move", "/w/folder/b", { to: "/w/a" }, world), "deny");
  // A move acts on a link itself.
  assertEquals(effectOn(policy, "fs.move", "/w/a", { to: "/w/link" }, world), "allow");
  assertEquals(effectOn(policy, "fs.move", "/w/link", { to: "/w/a" }, world), "allow");
  assertEquals(effectOn(policy, "fs.move", "/w/a", { to: "/w/b" }, world), "allow");
});
