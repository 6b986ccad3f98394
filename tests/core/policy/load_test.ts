import { assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import { PolicyError } from "../../../src/core/policy/problem.ts";
import { load, problemsOf } from "./deciding.ts";

const RULE = { action: "fs.read", resource: "/w/**" };
const rule = (more: object) => ({ capabilities: [{ ...RULE, ...more }] });
const example = (more: object) => ({
  capabilities: [RULE],
  examples: [{ action: "fs.read", target: "/w/a", expect: "allow", ...more }],
});

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly { cell: string; policy: object; place: string; message: RegExp }[] = [
  // The document
  { cell: "a list", policy: [], place: "", message: /"capabilities"/ },
  { cell: "no capabilities", policy: {}, place: "", message: /Has no "capabilities"/ },
  { cell: "capabilities: null", policy: { capabilities: null }, place: "", message: /Has no "capabilities"|list/ },
  { cell: "capabilities that are a mapping", policy: { capabilities: {} }, place: "capabilities", message: /list/ },
  { cell: "capabilities that are a text", policy: { capabilities: "all" }, place: "capabilities", message: /list/ },
  { cell: "deny that is a mapping", policy: { capabilities: [], deny: {} }, place: "deny", message: /list/ },
  { cell: "a key in the singular", policy: { capabilities: [], denies: [] }, place: "denies", message: /Unknown key "denies".*deny/ },
  { cell: "a key in another case", policy: { capabilities: [], Deny: [] }, place: "Deny", message: /Unknown key "Deny"/ },
  { cell: "a version to come", policy: { version: 2, capabilities: [] }, place: "version", message: /unknown version.*1/ },
  { cell: "a version as a text", policy: { version: "1", capabilities: [] }, place: "version", message: /expected 1/ },
  { cell: "no version at all", policy: { version: null, capabilities: [] }, place: "version", message: /expected 1/ },
  { cell: "variables in a list", policy: { capabilities: [], variables: ["A"] }, place: "variables", message: /mapping/ },
  { cell: "a variable that is a number", policy: { capabilities: [], variables: { A: 1 } }, place: "variables.A", message: /text/ },
  { cell: "a variable with a dash", policy: { capabilities: [], variables: { "A-B": "x" } }, place: "variables.A-B", message: /letters/ },
  // A rule
  { cell: "a rule that is a text", policy: { capabilities: ["fs.read"] }, place: "capabilities[0]", message: /mapping with action and resource/ },
  { cell: "a rule that is null", policy: { capabilities: [null] }, place: "capabilities[0]", message: /mapping with action and resource/ },
  { cell: "no action", policy: { capabilities: [{ resource: "/w" }] }, place: "capabilities[0]", message: /Has no "action"/ },
  { cell: "no resource", policy: { capabilities: [{ action: "fs.read" }] }, place: "capabilities[0]", message: /Has no "resource"/ },
  { cell: "an empty action", policy: rule({ action: "" }), place: "capabilities[0].action", message: /action name/ },
  { cell: "no actions", policy: rule({ action: [] }), place: "capabilities[0].action", message: /action name/ },
  { cell: "a number as an action", policy: rule({ action: 1 }), place: "capabilities[0].action", message: /action name/ },
  { cell: "a number among the resources", policy: rule({ resource: ["/w", 1] }), place: "capabilities[0].resource", message: /pattern/ },
  { cell: "a mapping as a resource", policy: rule({ resource: {} }), place: "capabilities[0].resource", message: /pattern/ },
  { cell: "an empty resource", policy: rule({ resource: "" }), place: "capabilities[0].resource", message: /pattern/ },
  { cell: "a misspelt key", policy: rule({ constraints: {} }), place: "capabilities[0].constraints", message: /Unknown key "constraints".*constraint/ },
  { cell: "an effect on a rule", policy: rule({ effect: "deny" }), place: "capabilities[0].effect", message: /Unknown key/ },
  { cell: "limits on a deny rule", policy: { capabilities: [], deny: [{ ...RULE, limits: { calls: 1 } }] }, place: "deny[0].limits", message: /Unknown key/ },
  { cell: "an approval on a deny rule", policy: { capabilities: [], deny: [{ ...RULE, approval: "required" }] }, place: "deny[0].approval", message: /Unknown key/ },
  { cell: "an id that is a number", policy: rule({ id: 7 }), place: "capabilities[0].id", message: /text/ },
  { cell: "an empty id", policy: rule({ id: "" }), place: "capabilities[0].id", message: /text/ },
  { cell: "a reason that is a list", policy: rule({ reason: ["no"] }), place: "capabilities[0].reason", message: /text/ },
  { cell: "a reason of 501 characters", policy: rule({ reason: "x".repeat(501) }), place: "capabilities[0].reason", message: /500/ },
  // Actions and resources
  { cell: "an unknown file action", policy: rule({ action: "fs.raed" }), place: "capabilities[0].action", message: /no action "fs\.raed".*fs\.read/ },
  { cell: "an unknown HTTP action", policy: rule({ action: "net.get", resource: "https://h/" }), place: "capabilities[0].action", message: /net\.http/ },
  { cell: "a lone * as an action", policy: rule({ action: "*" }), place: "capabilities[0].action", message: /never match/ },
  { cell: "a wildcard of no action", policy: rule({ action: "fss.*" }), place: "capabilities[0].action", message: /never match/ },
  { cell: "a wildcard within a name", policy: rule({ action: "fs.re*" }), place: "capabilities[0].action", message: /not an action/ },
  { cell: "an action with a space", policy: rule({ action: "fs read" }), place: "capabilities[0].action", message: /not an action/ },
  { cell: "an action with a dot too many", policy: rule({ action: "fs..read" }), place: "capabilities[0].action", message: /not an action/ },
  { cell: "a URL for files", policy: rule({ resource: "https://h/**" }), place: "capabilities[0].resource", message: /path for fs\.read/ },
  { cell: "a path for HTTP", policy: rule({ action: "net.http" }), place: "capabilities[0].resource", message: /url for net\.http/ },
  { cell: "a path for MCP", policy: rule({ action: "mcp.call" }), place: "capabilities[0].resource", message: /name for mcp\.call/ },
  { cell: "a URL for commands", policy: rule({ action: "proc.exec", resource: "https://h/" }), place: "capabilities[0].resource", message: /command for proc\.exec/ },
  { cell: "a path for two kinds", policy: rule({ action: ["fs.read", "net.http"] }), place: "capabilities[0].resource", message: /url for net\.http/ },
  { cell: "a typo in a namespace", policy: rule({ action: "ffs.read" }), place: "capabilities[0].resource", message: /no provider declares ffs\.read/ },
  { cell: "a relative path without a file", policy: rule({ resource: "w/**" }), place: "capabilities[0].resource", message: /relative/ },
  { cell: "a pattern that climbs", policy: rule({ resource: "/w/../etc/**" }), place: "capabilities[0].resource", message: /never match/ },
  { cell: "a pattern with a slash at the end", policy: rule({ resource: "/w/" }), place: "capabilities[0].resource", message: /never match/ },
  { cell: "a brace that is not closed", policy: rule({ resource: "/w/{a,b" }), place: "capabilities[0].resource", message: /not closed/ },
  { cell: "the second of two patterns", policy: rule({ resource: ["/w", "/w/"] }), place: "capabilities[0].resource[1]", message: /never match/ },
  { cell: "an undeclared variable", policy: rule({ resource: "${ROOT}/**" }), place: "capabilities[0].resource", message: /ROOT, which is not set/ },
  // Constraints
  { cell: "a constraint in a list", policy: rule({ constraint: ["GET"] }), place: "capabilities[0].constraint", message: /mapping/ },
  { cell: "a constraint that is null", policy: rule({ constraint: null }), place: "capabilities[0].constraint", message: /mapping/ },
  { cell: "an unknown operator", policy: rule({ constraint: { a: { matches: "x" } } }), place: "capabilities[0].constraint.a.matches", message: /no operator "matches", expected one of in, any, not/ },
  { cell: "an operator of JavaScript", policy: rule({ constraint: { a: { constructor: "x" } } }), place: "capabilities[0].constraint.a.constructor", message: /no operator "constructor"/ },
  { cell: "no operator", policy: rule({ constraint: { a: {} } }), place: "capabilities[0].constraint.a", message: /Expected a value or one of/ },
  { cell: "an unknown operator within not", policy: rule({ constraint: { a: { not: { is: 1 } } } }), place: "capabilities[0].constraint.a.not.is", message: /no operator "is"/ },
  { cell: "in without a list", policy: rule({ constraint: { a: { in: "x" } } }), place: "capabilities[0].constraint.a.in", message: /list/ },
  { cell: "in of nothing", policy: rule({ constraint: { a: { in: [] } } }), place: "capabilities[0].constraint.a.in", message: /at least one/ },
  { cell: "not of a list", policy: rule({ constraint: { a: { not: ["x"] } } }), place: "capabilities[0].constraint.a.not", message: /in: \[/ },
  { cell: "prefix of a text", policy: rule({ constraint: { a: { prefix: "x" } } }), place: "capabilities[0].constraint.a.prefix", message: /list/ },
  { cell: "max of a word", policy: rule({ constraint: { a: { max: "many" } } }), place: "capabilities[0].constraint.a.max", message: /number/ },
  { cell: "max of an unknown unit", policy: rule({ constraint: { a: { max: "10XB" } } }), place: "capabilities[0].constraint.a.max", message: /number/ },
  { cell: "max of a unit out of JavaScript", policy: rule({ constraint: { a: { max: "10constructor" } } }), place: "capabilities[0].constraint.a.max", message: /number/ },
  { cell: "max of true", policy: rule({ constraint: { a: { max: true } } }), place: "capabilities[0].constraint.a.max", message: /number/ },
  { cell: "exists of a text", policy: rule({ constraint: { a: { exists: "yes" } } }), place: "capabilities[0].constraint.a.exists", message: /true or false/ },
  { cell: "glob of a number", policy: rule({ constraint: { a: { glob: 1 } } }), place: "capabilities[0].constraint.a.glob", message: /pattern/ },
  { cell: "glob that is not closed", policy: rule({ constraint: { a: { glob: "[a" } } }), place: "capabilities[0].constraint.a.glob", message: /not closed/ },
  { cell: "an empty way into a param", policy: rule({ constraint: { "a..b": 1 } }), place: "capabilities[0].constraint.a..b", message: /way into it/ },
  // Examples
  { cell: "examples in a mapping", policy: { capabilities: [], examples: {} }, place: "examples", message: /list/ },
  { cell: "an example that is a text", policy: { capabilities: [], examples: ["x"] }, place: "examples[0]", message: /mapping/ },
  { cell: "a misspelt key of an example", policy: example({ param: {} }), place: "examples[0].param", message: /Unknown key "param"/ },
  { cell: "an example without expectation", policy: { capabilities: [RULE], examples: [{ action: "fs.read", target: "/w/a" }] }, place: "examples[0].expect", message: /allow, deny, approve/ },
  { cell: "an example with another expectation", policy: example({ expect: "ok" }), place: "examples[0].expect", message: /allow, deny, approve/ },
  { cell: "params of an example in a list", policy: example({ params: [] }), place: "examples[0].params", message: /mapping/ },
  { cell: "an example that is wrong", policy: example({ target: "/x" }), place: "examples[0]", message: /Expects allow for fs\.read on "\/x", but it is deny: not permitted/ },
  { cell: "an example that another rule decides", policy: example({ rule: "other" }), place: "examples[0]", message: /Expects rule "other".*"capabilities\[0\]"/ },
];

for (const { cell, policy, place, message } of REFUSED) {
  Deno.test(`readPolicy() refuses ${cell} at "${place}"`, () => {
    const problems = problemsOf(policy);
    assertEquals(Array.from(new Set(problems.map((problem) => problem.place))), [place]);
    assertMatch(problems.map((problem) => problem.message).join("\n"), message);
  });
}

// deno-fmt-ignore -- a row is a line
const TAKEN: readonly { cell: string; policy: object }[] = [
  { cell: "nothing allowed", policy: { capabilities: [] } },
  { cell: "version 1", policy: { version: 1, capabilities: [] } },
  { cell: "no deny rules", policy: { capabilities: [], deny: [] } },
  { cell: "a list of actions and resources", policy: rule({ action: ["fs.read", "fs.list"], resource: ["/a", "/b/**"] }) },
  { cell: "a wildcard action", policy: rule({ action: "fs.*" }) },
  { cell: "an action of nobody's, which has names", policy: rule({ action: "db.query", resource: "users/**" }) },
  { cell: "a reason of 500 characters", policy: rule({ reason: "x".repeat(500) }) },
  { cell: "an example that holds", policy: example({}) },
  { cell: "an example of a denial", policy: example({ target: "/w/../x", expect: "deny" }) },
  { cell: "an example without canonical form, denied", policy: example({ target: "x", expect: "deny" }) },
  { cell: "an example that names its rule", policy: example({ rule: "capabilities[0]" }) },
];

for (const { cell, policy } of TAKEN) {
  Deno.test(`readPolicy() takes ${cell}`, () => assertEquals(problemsOf(policy), []));
}

Deno.test("readPolicy() refuses an id that is used twice, also across sections and by default", () => {
  const twice = [
    { capabilities: [{ ...RULE, id: "a" }, { ...RULE, id: "a" }], at: "capabilities[1].id" },
    { capabilities: [{ ...RULE, id: "a" }], deny: [RULE, { ...RULE, id: "a" }], at: "deny[1].id" },
    { capabilities: [{ ...RULE, id: "capabilities[1]" }, RULE], at: "capabilities[1].id" },
  ];
  for (const { at, ...policy } of twice) {
    assertEquals(problemsOf(policy).map(({ place }) => place), [at]);
  }
});

Deno.test("readPolicy() tells all problems at once, in one PolicyError with a stable code", () => {
  const error = assertThrows(() =>
    load({
      version: 3,
      capabilities: [{ action: "fs.raed", resource: "/w" }, { resource: "/w/", extra: 1 }],
      deny: [{ action: "fs.read", constraint: { a: { is: 1 } } }],
      examples: [{ action: "fs.read" }],
    }, { source: "a.yaml" })
  );
  assertInstanceOf(error, PolicyError);
  assertEquals(error.code, "POLICY_INVALID");
  assertMatch(error.message, /^Cannot load policy "a\.yaml":\n/);
  assertEquals(
    error.problems.map(({ place }) => place).toSorted(),
    [
      "capabilities[0].action",
      "capabilities[1]",
      "capabilities[1].extra",
      "deny[0]",
      "deny[0].constraint.a.is",
      "examples[0].expect",
      "examples[0].target",
      "version",
    ],
  );
});

Deno.test("readPolicy() refuses objects that are no plain data as a PolicyError", () => {
  const cycle: Record<string, unknown> = { capabilities: [] };
  cycle["deny"] = [cycle];
  const hostile = [
    cycle,
    { capabilities: [() => RULE] },
    { capabilities: [new Map()] },
    JSON.parse('{"capabilities": [], "__proto__": {"deny": []}}'),
  ];
  for (const policy of hostile) assertThrows(() => load(policy as object), PolicyError);
});
