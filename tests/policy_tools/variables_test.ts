import { assertEquals, assertMatch } from "@std/assert";
import { withValues } from "../../src/policy_tools/variables.ts";
import { effectOn, load, problemsOf } from "../core/policy/deciding.ts";

const read = (resource: string, variables?: Record<string, string>) => ({
  ...(variables === undefined ? {} : { variables }),
  capabilities: [{ action: "fs.read", resource }],
});

// deno-fmt-ignore -- a row is a line
const ROWS: readonly { cell: string; resource: string; variables: Record<string, string>; target: string; expected: string }[] = [
  { cell: "a folder", resource: "${ROOT}/**", variables: { ROOT: "/w" }, target: "/w/a", expected: "allow" },
  { cell: "a folder beside it", resource: "${ROOT}/**", variables: { ROOT: "/w" }, target: "/wx/a", expected: "deny" },
  { cell: "two variables", resource: "${A}/${B}", variables: { A: "/w", B: "b" }, target: "/w/b", expected: "allow" },
  { cell: "a part of a name", resource: "/w/${A}.txt", variables: { A: "a" }, target: "/w/a.txt", expected: "allow" },
  { cell: "a value of *", resource: "/w/${A}", variables: { A: "*" }, target: "/w/*", expected: "allow" },
  { cell: "what a value of * would match", resource: "/w/${A}", variables: { A: "*" }, target: "/w/a", expected: "deny" },
  { cell: "what a value of ** would match", resource: "/w/${A}", variables: { A: "**" }, target: "/w/a/b", expected: "deny" },
  { cell: "what a value of ? would match", resource: "/w/${A}", variables: { A: "?" }, target: "/w/a", expected: "deny" },
  { cell: "what a value of [ab] would match", resource: "/w/${A}", variables: { A: "[ab]" }, target: "/w/a", expected: "deny" },
  { cell: "a value of [ab]", resource: "/w/${A}", variables: { A: "[ab]" }, target: "/w/[ab]", expected: "allow" },
  { cell: "what a value of {a,b} would match", resource: "/w/${A}", variables: { A: "{a,b}" }, target: "/w/a", expected: "deny" },
  { cell: "a value of {a,b}", resource: "/w/${A}", variables: { A: "{a,b}" }, target: "/w/{a,b}", expected: "allow" },
  { cell: "a value with a backslash", resource: "/w/${A}*", variables: { A: "\\" }, target: "/w/\\a", expected: "allow" },
  { cell: "a value that names a variable", resource: "/w/${A}", variables: { A: "${B}", B: "b" }, target: "/w/b", expected: "deny" },
  { cell: "a value with a dollar", resource: "/w/${A}", variables: { A: "$&" }, target: "/w/$&", expected: "allow" },
  { cell: "a dollar without braces", resource: "/w/$A", variables: { A: "a" }, target: "/w/$A", expected: "allow" },
  { cell: "the home folder", resource: "~/a", variables: { HOME: "/home/u" }, target: "/home/u/a", expected: "allow" },
  { cell: "the home folder alone", resource: "~", variables: { HOME: "/home/u" }, target: "/home/u", expected: "allow" },
  { cell: "a tilde within", resource: "/w/~/a", variables: { HOME: "/home/u" }, target: "/w/~/a", expected: "allow" },
  { cell: "a name like prototypes have", resource: "/w/${constructor}", variables: { constructor: "c" }, target: "/w/c", expected: "allow" },
];

for (const { cell, resource, variables, target, expected } of ROWS) {
  Deno.test(`A rule with a variable has the effect ${expected} on ${cell}`, () => {
    assertEquals(effectOn(load(read(resource, variables)), "fs.read", target), expected);
    // The same, given by the caller.
    assertEquals(effectOn(load(read(resource), { variables }), "fs.read", target), expected);
  });
}

Deno.test("The caller's variables win over the policy's own", () => {
  const policy = load(read("${ROOT}/**", { ROOT: "/own" }), { variables: { ROOT: "/caller" } });
  assertEquals(["/own/a", "/caller/a"].map((target) => effectOn(policy, "fs.read", target)), [
    "deny",
    "allow",
  ]);
});

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly { cell: string; resource: string; variables?: Record<string, string> }[] = [
  { cell: "an undeclared variable", resource: "${NONE}/a" },
  { cell: "a home folder that is not declared", resource: "~/a" },
  { cell: "a name out of JavaScript's prototypes", resource: "${toString}/a" },
  { cell: "a variable without a name", resource: "${}/a" },
  { cell: "a default as shells have it", resource: "${ROOT:-/w}/a", variables: { ROOT: "/w" } },
  { cell: "a value that climbs", resource: "/w/${A}/a", variables: { A: ".." } },
  { cell: "a value that climbs within", resource: "/w/${A}", variables: { A: "a/../../etc" } },
  { cell: "an empty value before /**", resource: "${ROOT}/**", variables: { ROOT: "" } },
  { cell: "a value with a NUL", resource: "/w/${A}", variables: { A: "a\0" } },
];

for (const { cell, resource, variables } of REFUSED) {
  Deno.test(`readPolicy() refuses ${cell} in a resource`, () => {
    const places = problemsOf(read(resource, variables)).map(({ place }) => place);
    assertEquals(places.slice(-1), [
      places.some((place) => place.startsWith("variables"))
        ? places[0] ?? ""
        : "capabilities[0].resource",
    ]);
  });
}

Deno.test("readPolicy() never reads the environment", () => {
  Deno.env.set("AGENT_KERNEL_TEST_ROOT", "/w");
  try {
    const problems = problemsOf(read("${AGENT_KERNEL_TEST_ROOT}/**"));
    assertMatch(
      problems[0]?.message ?? "",
      /AGENT_KERNEL_TEST_ROOT, which is not set.*environment is never read/,
    );
  } finally {
    Deno.env.delete("AGENT_KERNEL_TEST_ROOT");
  }
});

Deno.test("A variable in a URL or a name means itself", () => {
  const policy = load({
    variables: { HOST: "h.example", USER: "*" },
    capabilities: [
      { action: "net.http", resource: "https://${HOST}/**" },
      { action: "mcp.call", resource: "${USER}/tool" },
    ],
  });
  assertEquals(effectOn(policy, "net.http", "https://h.example/a"), "allow");
  assertEquals(effectOn(policy, "net.http", "https://hxexample/a"), "deny");
  assertEquals(effectOn(policy, "mcp.call", "*/tool"), "allow");
  assertEquals(effectOn(policy, "mcp.call", "ada/tool"), "deny");
});

Deno.test("A wildcard in a variable's value stays literal behind a backslash", () => {
  const resource = "/w/\\${A}";
  const problems = problemsOf(read(resource, { A: "*" }));
  if (problems.length > 0) return;
  assertEquals(effectOn(load(read(resource, { A: "*" })), "fs.read", "/w/\\anything"), "deny");
});

Deno.test("in examples declared variables are replaced in all texts, others stay", () => {
  const example = { target: "${DIR}/x", params: { a: ["${DIR}", "${OTHER}"], n: 1 } };
  assertEquals(withValues(example, { DIR: "/a*" }), {
    target: "/a*/x",
    params: { a: ["/a*", "${OTHER}"], n: 1 },
  });
  const policy = {
    ...read("${DIR}/**", { DIR: "/w" }),
    examples: [{ action: "fs.read", target: "${DIR}/x", expect: "allow" }],
  };
  assertEquals(problemsOf(policy), []);
});
