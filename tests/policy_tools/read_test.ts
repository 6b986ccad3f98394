import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import { PolicyError } from "../../src/core/policy/problem.ts";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import {
  policyPath,
  type PolicySource,
  readExamplesFile,
  type ReadOptions,
  readPolicy,
} from "../../src/policy_tools/read.ts";
import { effectOn } from "../core/policy/deciding.ts";
import { Workspace } from "../workspace.ts";

const WORLD = denoWorld({ base: "/base", searchPath: [] });
const read = (source: PolicySource, options: Partial<ReadOptions> = {}) =>
  readPolicy(source, { world: WORLD, actions: STANDARD_ACTIONS, ...options });
const TEXT = "capabilities:\n  - {action: fs.read, resource: w/**}\n";

Deno.test("readPolicy() reads a path, a URL, a text and an object, and names where it came from", () => {
  using ws = new Workspace();
  const path = ws.file("policy.yaml", TEXT);
  const object = { capabilities: [{ action: "fs.read", resource: "w/**" }] };
  const sources = [path, new URL(`file://${path}`), { text: TEXT }, object];
  assertEquals(sources.map((one) => read(one).source), [path, path, "(text)", "(object)"]);
  assertEquals(sources.map((one) => read(one).rules[0]?.line), [2, 2, 2, undefined]);
});

Deno.test("readPolicy() takes relative patterns of a file from its folder, others from the base", () => {
  using ws = new Workspace();
  const policy = read(ws.file("policy.yaml", TEXT));
  assertEquals(effectOn(policy, "fs.read", ws.path("w/a"), {}, WORLD), "allow");
  assertEquals(effectOn(policy, "fs.read", "/base/w/a", {}, WORLD), "deny");
  assertEquals(effectOn(read({ text: TEXT }), "fs.read", "/base/w/a", {}, WORLD), "allow");
});

for (
  const text of [
    TEXT,
    "capabilities: []",
    "version: 1",
    '{"capabilities": []}',
    "[]",
    '"capabilities": []',
    "a.yaml\n",
  ]
) {
  Deno.test(`readPolicy() refuses the plain string ${JSON.stringify(text)} and says { text }`, () => {
    assertThrows(() => read(text), TypeError, "expected { text: … } for YAML text");
  });
}

Deno.test("policyPath() takes a plain string for a path, also an odd one", () => {
  for (
    const path of ["policy.yaml", "./a b.yaml", "/x/a:b.yaml", "capabilities", "C:policy.yaml"]
  ) {
    assertEquals(policyPath(path), path);
  }
  assertEquals([policyPath({ text: "x" }), policyPath({})], [undefined, undefined]);
});

for (const source of [null, undefined, 1, true, "", () => {}]) {
  Deno.test(`readPolicy() refuses ${String(source) || "an empty path"} as a policy`, () => {
    assertThrows(
      () => read(source as unknown as PolicySource),
      TypeError,
      "Cannot read the policy",
    );
  });
}

Deno.test("readPolicy() says which file is missing", () => {
  const error = assertThrows(() => read("/none/policy.yaml"), PolicyError, "There is no such file");
  assertMatch(error.message, /"\/none\/policy\.yaml"/);
});

Deno.test("readPolicy() gives the policy its text's digest, and the caller's variables another", () => {
  const digest = (text: string, variables = {}) => read({ text }, { variables }).digest;
  assertEquals(digest(TEXT), digest(TEXT));
  assertNotEquals(digest(TEXT), digest(`${TEXT}#`));
  assertNotEquals(digest(TEXT), digest(TEXT, { A: "b" }));
  // As in 0.1.0: SHA-256 of the text.
  assertEquals(
    digest("capabilities: []"),
    "60906a361e88a4debca66cb2a9d95683729a999e247a15e90d9e7ec9b744e586",
  );
});

Deno.test("readPolicy() holds examples against the rules, unless they are to be tested", () => {
  const text = `${TEXT}examples: [{action: fs.read, target: /x, expect: allow}]\n`;
  const error = assertThrows(() => read({ text }), PolicyError);
  assertEquals(error.problems.map(({ place, path, line }) => [place, path, line]), [[
    "examples[0]",
    ["examples", 0],
    3,
  ]]);
  assertEquals(read({ text }, { enforceExamples: false }).examples.length, 1);
});

Deno.test("readPolicy() reports problems by path, for programs", () => {
  const error = assertThrows(
    () => read({ capabilities: [{ action: "fs.read", resource: ["/a", "/b/"] }] }),
    PolicyError,
  );
  assertEquals(error.problems.map(({ path }) => path), [["capabilities", 0, "resource", 1]]);
});

Deno.test("readExamplesFile() takes a list, and a list under the key examples", () => {
  using ws = new Workspace();
  const example = "{action: fs.read, target: /x, expect: deny}";
  const [list, keyed, wrong] = [
    ws.file("list.yaml", `- ${example}\n`),
    ws.file("keyed.yaml", `examples:\n  - ${example}\n`),
    ws.file("wrong.yaml", `other:\n  - ${example}\n`),
  ];
  assertEquals([list, keyed].map((path) => readExamplesFile(path).length), [1, 1]);
  assertThrows(() => readExamplesFile(wrong), PolicyError, "list");
});
