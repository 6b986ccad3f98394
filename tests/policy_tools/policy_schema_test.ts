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
  assert(found.filter(({ name }) => name.includes("policies/assistant/")).length > 5);
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
const send = (more: object) => ({
  capabilities: [{ action: "mail.send", resource: "**", ...more }],
});
const example = (session: object) => ({
  capabilities: [RULE],
  examples: [{ action: "fs.read", target: "/a/b", expect: "allow", session }],
});

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
  ["a limit of the policy that limits nothing", { capabilities: [], limits: [{ action: "*" }] }],
  ["a limit on submits of a rule", allow({ id: "a", limits: { submits: "5/min" } })],
  ["a limit on submits with calls beside it", { capabilities: [], limits: [{ action: "*", submits: "5/min", calls: "5/day" }] }],
  ["a limit on submits without period", { capabilities: [], limits: [{ action: "*", submits: 5 }] }],
  ["a fold that is no time", { capabilities: [], limits: [{ action: "*", submits: "5/min", fold: "1day" }] }],
  ["a fold without submits", { capabilities: [], limits: [{ action: "*", calls: "5/day", fold: "1min" }] }],
  ["lists that are no mapping", { capabilities: [], lists: ["a"] }],
  ["a list with a bad name", { capabilities: [], lists: { Team: { values: ["a"] } } }],
  ["a list that is called prompt", { capabilities: [], lists: { prompt: { values: ["a"] } } }],
  ["a list without mapping", { capabilities: [], lists: { team: ["a"] } }],
  ["a list with neither values nor file", { capabilities: [], lists: { team: {} } }],
  ["a list with values and a file", { capabilities: [], lists: { team: { values: ["a"], file: "/a" } } }],
  ["a list with an unknown key", { capabilities: [], lists: { team: { value: ["a"] } } }],
  ["a list with an entry in an entry", { capabilities: [], lists: { team: { values: [{ a: { b: "c" } }] } } }],
  ["sources that are no list", { capabilities: [], sources: { a: { action: "mail.read" } } }],
  ["a source without id", { capabilities: [], sources: [{ action: "mail.read" }] }],
  ["a source without action", { capabilities: [], sources: [{ id: "a" }] }],
  ["a source that is called prompt", { capabilities: [], sources: [{ id: "prompt", action: "mail.read" }] }],
  ["a source of an action that there is not", { capabilities: [], sources: [{ id: "a", action: "fs.raed" }] }],
  ["a source with an unknown key", { capabilities: [], sources: [{ id: "a", action: "mail.read", field: "b" }] }],
  ["a source whose fields have a gap", { capabilities: [], sources: [{ id: "a", action: "mail.read", fields: ["b..c"] }] }],
  ["a source with links that are no boolean", { capabilities: [], sources: [{ id: "a", action: "mail.read", links: "yes" }] }],
  ["from a name that is none", send({ constraint: { a: { from: ["Nobody"] } } })],
  ["from nothing", send({ constraint: { a: { from: [] } } })],
  ["from in a deny rule", { capabilities: [], deny: [{ ...RULE, constraint: { a: { from: "prompt" } } }] }],
  ["links in a list of a deny rule", { capabilities: [], deny: [{ ...RULE, constraint: { a: { each: { links: "none" } } } }] }],
  ["from below not", send({ constraint: { a: { not: { from: "prompt" } } } })],
  ["a form that there is not", send({ constraint: { a: { from: "prompt", as: "mail" } } })],
  ["a form of nothing", send({ constraint: { a: { as: "email" } } })],
  ["a form of links alone", send({ constraint: { a: { as: "email", links: "none" } } })],
  ["links with another word", send({ constraint: { a: { links: "all" } } })],
  ["links with an unknown condition", send({ constraint: { a: { links: { form: "prompt" } } } })],
  ["a least length that is a text", send({ constraint: { a: { min_length: "3" } } })],
  ["a list by a bad name", send({ constraint: { a: { in: "list:A" } } })],
  ["a target with an unknown condition", send({ target: { form: "prompt" } })],
  ["params that are all", send({ params: "all" })],
  ["optional that is no mapping", send({ optional: ["a"] })],
  ["an optional param with an unknown condition", send({ optional: { a: { form: "prompt" } } })],
  ["one param together", send({ together: ["a"] })],
  ["otherwise something else", send({ otherwise: "allow" })],
  ["otherwise without ask", send({ otherwise: { remember: "session" } })],
  ["otherwise with an unknown approval", send({ otherwise: { ask: { timeouts: "1m" } } })],
  ["otherwise remembered for ever", send({ otherwise: { ask: "required", remember: "forever" } })],
  ["to a source that is none", send({ to: "Nobody" })],
  ...["target", "params", "optional", "together", "otherwise", "to"].map((key) =>
    [`${key} in a deny rule`, { capabilities: [], deny: [{ ...RULE, [key]: { params: "only", together: ["a", "b"], otherwise: "ask" }[key] ?? {} }] }] as const
  ),
  ["an example with an unknown key of its session", example({ prompts: "a" })],
  ["an example with a prompt that is no text", example({ prompt: 1 })],
  ["an example with a result without data", example({ results: [{ action: "fs.read", target: "/a" }] })],
  ["an example with an unknown key of a result", example({ results: [{ action: "fs.read", target: "/a", data: 1, id: "a" }] })],
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
  ["limits on submits", { capabilities: [], limits: [{ id: "total", action: "*", submits: "100/s", burst: 5, across: "all", fold: "1min" }] }],
  ["lists", { capabilities: [], lists: { team: { values: ["a", 1, { user: "b", email: "c" }] } } }],
  ["no lists and no sources", { capabilities: [], lists: null, sources: null }],
  ["sources", { capabilities: [], sources: [{ id: "a", action: ["mail.*", "fs.read"], resource: "/a/**", fields: "items.*.email", links: true, secret: true, changed_by: "mail.add" }] }],
  ["conditions on where values come from", {
    lists: { team: { values: ["a@b.example"] } },
    sources: [{ id: "hr", action: "fs.read", resource: "/hr/**", secret: true }],
    capabilities: [{
      id: "send", action: "mail.send", resource: "**",
      target: { from: "prompt", as: "email" },
      constraint: { to: { each: { any: [{ from: ["prompt", "team", "hr"], as: "email" }, { glob: "*@b.example", as: "email" }] } }, a: "x", name: { from: ["team"], min_length: 3 } },
      optional: { text: { links: { from: ["prompt"] }, max_length: 10 }, more: { links: "none" }, cc: { in: "list:team", as: "email", not: { in: ["c@b.example"], as: "email" } } },
      params: "only", together: ["to", "name"], to: ["hr"],
      otherwise: { ask: { timeout: "10m", approvers: ["ann"] }, remember: "session" },
    }],
    deny: [{ action: "mail.send", resource: "**", constraint: { to: { each: { not: { in: "list:team", as: "email" } } } } }],
  }],
  ["otherwise ask", send({ constraint: { a: { from: "prompt" } }, otherwise: "ask" })],
  ["an example with a session", example({ prompt: "a", actions: ["fs.*", { ...RULE, constraint: { encoding: { in: ["utf-8"] } } }], results: [{ action: "fs.read", target: "/a/c", data: null }] })],
  ["a deny rule in shadow mode", { capabilities: [], deny: [{ ...RULE, mode: "shadow" }] }],
];

for (const [cell, document] of RIGHT) {
  Deno.test(`schema and loader take ${cell}`, () => {
    readPolicy(document as object, { world: AS_RECORDED, actions: STANDARD_ACTIONS });
    assert(isValid(document));
  });
}
