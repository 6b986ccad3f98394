import { assertEquals, assertStringIncludes } from "@std/assert";
import { denoWorld } from "../../../src/core/resource/deno_world.ts";
import { effectOn, load } from "./deciding.ts";

const WORLD = denoWorld();
const URL = "https://h.example/";
const everything = { action: "net.http", resource: "https://**/**" };

const DENIED: readonly [constraint: Record<string, unknown>, params: Record<string, unknown>][] = [
  [{ method: "delete" }, { method: "DELETE" }],
  [{ method: "DELETE" }, { method: "delete" }],
  [{ method: { in: ["put", "delete"] } }, { method: "DELETE" }],
  [{ method: { not: { any: ["get", { glob: "he*" }] } } }, { method: "POST" }],
  [{ "headers.X-Admin": { exists: true } }, { headers: { "x-admin": "1" } }],
  [{ "headers.X-Admin": { exists: true } }, { headers: { "X-ADMIN": "1" } }],
];
for (const [constraint, params] of DENIED) {
  Deno.test(`a deny rule with ${JSON.stringify(constraint)} denies ${JSON.stringify(params)}`, () => {
    const policy = load(
      { capabilities: [everything], deny: [{ ...everything, constraint }] },
      { world: WORLD },
    );
    assertEquals(effectOn(policy, "net.http", URL, params, WORLD), "deny");
    assertEquals(effectOn(policy, "net.http", URL, { method: "HEAD" }, WORLD), "allow");
  });
}

Deno.test("an allow rule for a method in lower case allows that method", () => {
  const constraint = { method: "get" };
  const policy = load({ capabilities: [{ ...everything, constraint }] }, { world: WORLD });
  assertEquals(effectOn(policy, "net.http", URL, {}, WORLD), "allow");
  assertEquals(effectOn(policy, "net.http", URL, { method: "POST" }, WORLD), "deny");
});

Deno.test("a text in the place of a list is no way around a deny rule", () => {
  const calls = { action: "mcp.call", resource: "s/*" };
  const constraint = { "arguments.paths.0": { glob: "/etc/**" } };
  const policy = load(
    { capabilities: [calls], deny: [{ ...calls, constraint }] },
    { world: WORLD },
  );
  const on = (paths: unknown) => effectOn(policy, "mcp.call", "s/t", { paths }, WORLD);
  assertEquals(
    [["/etc/shadow"], "/etc/shadow", { 0: "/etc/shadow" }, ["/home/x"], []].map(on),
    ["deny", "deny", "deny", "allow", "allow"],
  );
});

Deno.test("readPolicy() warns of a deny rule on a param that the action does not know", () => {
  const { warnings } = load({
    capabilities: [{ ...everything, constraint: { method: { exists: true } } }],
    deny: [
      { ...everything, constraint: { mehtod: "DELETE" } },
      { ...everything, constraint: { method: "DELETE" } },
      { action: "own.thing", resource: "*", constraint: { anything: 1 } },
    ],
  }, { world: WORLD });
  assertEquals(warnings.length, 1);
  assertStringIncludes(
    warnings[0] ?? "",
    'deny[0]: denies nothing unless a request has the param "mehtod"',
  );
});

Deno.test("readPolicy() warns of a variable of the caller that nothing uses", () => {
  const policy = {
    variables: { DIR: "/a" },
    capabilities: [{ action: "fs.read", resource: "${TOP}/**" }],
  };
  const variables = { DIR: "/b", TOP: "/c", DRI: "/d" };
  assertEquals(load(policy, { world: WORLD, variables }).warnings, [
    "no rule uses the variable DRI, and the policy declares none of that name",
  ]);
});
