/**
 * Tests of the JSON Schema of policies, with a validator of JSON Schema and the loader side by side.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Schema, Validator } from "@cfworker/json-schema";
import { join } from "@std/path";
import { STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import { parseDocument } from "../../src/core/policy/document.ts";
import { PolicyError } from "../../src/core/policy/problem.ts";
import { policySchema } from "../../src/policy_tools/policy_schema.ts";
import { readPolicy } from "../../src/policy_tools/read.ts";
import { AS_RECORDED } from "../../src/policy_tools/past_request.ts";
import { ROOT } from "../workspace.ts";

const VALIDATOR = new Validator(policySchema() as Schema, "2020-12");

function isValid(document: unknown): boolean {
  return VALIDATOR.validate(document as object).valid;
}

/** All policies in files of the repository, and those in its documents. */
function* policies(folder: string): Generator<{ name: string; text: string }> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory && !name.startsWith(".") && name !== "node_modules") yield* policies(path);
    if (/\.ya?ml$/.test(name)) yield { name: path, text: Deno.readTextFileSync(path) };
    if (!name.endsWith(".md")) continue;
    for (const [, text = ""] of Deno.readTextFileSync(path).matchAll(/```yaml\n(.*?)```/gs)) {
      if (/^capabilities:/m.test(text)) yield { name: path, text };
    }
  }
}

Deno.test("schema/policy.schema.json is what the tables of the loader say (deno task schema)", () => {
  const file = JSON.parse(Deno.readTextFileSync(join(ROOT, "schema/policy.schema.json")));
  assertEquals(file, JSON.parse(JSON.stringify(policySchema())));
});

Deno.test("every policy of this repository fits the schema", () => {
  const found = ["policies", "examples", "docs"].flatMap((name) =>
    Array.from(policies(join(ROOT, name)))
  ).filter(({ text }) => /^capabilities:/m.test(text));
  assert(found.length > 14, `${found.length} policies`);
  const refused = found.flatMap(({ name, text }) => {
    let document: unknown;
    try {
      document = JSON.parse(JSON.stringify(parseDocument(text)));
    } catch {
      return []; // An example of what is no YAML.
    }
    const { valid, errors } = VALIDATOR.validate(document as object);
    return valid
      ? []
      : [`${name}: ${
        errors.map(({ error, instanceLocation }) => `${instanceLocation} ${error}`).join("; ")
      }`];
  });
  assertEquals(refused, []);
});

const RULE = { action: "fs.read", resource: "/a/**" };
const allow = (more: object) => ({ capabilities: [{ ...RULE, ...more }] });

// deno-fmt-ignore -- a row is a line
const BROKEN: readonly (readonly [cell: string, document: unknown])[] = [
  ["no mapping", []],
  ["no capabilities", {}],
  ["capabilities that are no list", { capabilities: RULE }],
  ["an unknown key", { capabilites: [] , capabilities: [] }],
  ["another version", { version: 2, capabilities: [] }],
  ["a rule without resource", { capabilities: [{ action: "fs.read" }] }],
  ["a rule without action", { capabilities: [{ resource: "/a" }] }],
  ["an unknown key of a rule", allow({ constraints: {} })],
  ["an action that there is not", allow({ action: "fs.raed" })],
  ["an action in a list that there is not", allow({ action: ["fs.read", "net.htpp"] })],
  ["no list of resources", allow({ resource: [] })],
  ["an empty resource", allow({ resource: "" })],
  ["an id of the kernel", allow({ id: "kernel:x" })],
  ["an id that is too long", allow({ id: "x".repeat(501) })],
  ["an operator that there is not", allow({ constraint: { a: { eq: 1 } } })],
  ["no operator", allow({ constraint: { a: {} } })],
  ["an empty list of values", allow({ constraint: { a: { in: [] } } })],
  ["not with a list", allow({ constraint: { a: { not: [1] } } })],
  ["a size that is none", allow({ constraint: { a: { max_bytes: "10XB" } } })],
  ["exists with a text", allow({ constraint: { a: { exists: "yes" } } })],
  ["a way into a param with a gap", allow({ constraint: { "a..b": 1 } })],
  ["an operator within another one that there is not", allow({ constraint: { a: { each: { globs: "x" } } } })],
  ["a constraint that is no mapping", allow({ constraint: ["a"] })],
  ["an approval that there is not", allow({ approval: "optional" })],
  ["an unknown key of approval", allow({ approval: { timeouts: "1m" } })],
  ["limits of nothing", allow({ id: "a", limits: {} })],
  ["a limit without period", allow({ id: "a", limits: { calls: 5 } })],
  ["an unknown limit", allow({ id: "a", limits: { call: "5/day" } })],
  ["a burst without rate", allow({ id: "a", limits: { burst: 5, calls: "5/day" } })],
  ["a rate in weeks", allow({ id: "a", limits: { rate: "5/week" } })],
  ["an unknown mode", { mode: "dry", capabilities: [] }],
  ["a deny rule with limits", { capabilities: [], deny: [{ ...RULE, limits: { calls: "1/day" } }] }],
  ["an unknown key of paths", { capabilities: [{ action: "proc.exec", resource: "ls", paths: { operand: "fs.read" } }] }],
  ["an example without expect", { capabilities: [], examples: [{ action: "fs.read", target: "/a" }] }],
  ["an example that expects something else", { capabilities: [], examples: [{ action: "fs.read", target: "/a", expect: "yes" }] }],
  ["a limit of the policy without action", { capabilities: [], limits: [{ calls: "5/day" }] }],
  ["a variable with a bad name", { capabilities: [], variables: { "a-b": "x" } }],
];

for (const [cell, document] of BROKEN) {
  Deno.test(`schema and loader refuse ${cell}`, () => {
    assertThrows(
      () => readPolicy(document as object, { world: AS_RECORDED, actions: STANDARD_ACTIONS }),
      PolicyError,
    );
    assert(!isValid(document));
  });
}

// deno-fmt-ignore -- a row is a line
const RIGHT: readonly (readonly [cell: string, document: unknown])[] = [
  ["a pattern of actions", allow({ action: "fs.*" })],
  ["a custom action", { capabilities: [{ action: "db.query", resource: "a/**" }] }],
  ["conditions", allow({ constraint: { a: 1, "b.0": { any: [null, { min: 1, max: "1KiB" }] }, c: { not: { in: ["x"] } } } })],
  ["limits and approval", allow({ id: "a", limits: { rate: "60/min", burst: 5, sum: { param: "n", max: "5/day" }, across: "all" }, approval: { timeout: "10m", remember: { for: "8h", as: "folder" }, after: "3/min" } })],
  ["a deny rule in shadow mode", { capabilities: [], deny: [{ ...RULE, mode: "shadow" }] }],
];

for (const [cell, document] of RIGHT) {
  Deno.test(`schema and loader take ${cell}`, () => {
    readPolicy(document as object, { world: AS_RECORDED, actions: STANDARD_ACTIONS });
    assert(isValid(document));
  });
}
