import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { explain } from "../../src/policy_tools/explain.ts";
import { explainRequest } from "../../src/policy_tools/explained_request.ts";
import { effectOn, FLAT, load } from "../core/policy/deciding.ts";

const POLICY = load({
  capabilities: [
    { id: "work", action: "fs.read", resource: "/w/src/**" },
    { id: "output", action: "fs.write", resource: "/w/out/**", constraint: { encoding: "utf-8" } },
    { id: "web", action: "net.http", resource: "https://h.example/**" },
  ],
  deny: [{ id: "secret", action: "fs.*", resource: "/w/src/secret/**", reason: "private" }],
});
const ask = (action: string, target: string, params: Record<string, unknown> = {}) =>
  explain({ action, target, params }, { policy: POLICY, world: FLAT });

Deno.test("explain() gives the rule that decided, and then no near misses", () => {
  for (const [target, id] of [["/w/src/a", "work"], ["/w/src/secret/a", "secret"]] as const) {
    const { rule, nearMisses } = ask("fs.read", target);
    assertEquals([rule?.id, nearMisses], [id, []]);
  }
});

Deno.test("explain() names what the nearest rule lacks", () => {
  const { rule, nearMisses: [nearest] } = ask("fs.read", "/w/other");
  assertEquals([rule, nearest?.rule.id], [undefined, "work"]);
  assertEquals(nearest?.lacks, ["its resource /w/src/** does not match /w/other"]);
});

Deno.test("explain() names an unmet constraint with what was wanted and given", () => {
  const { nearMisses: [nearest] } = ask("fs.write", "/w/out/a", { encoding: "base64" });
  assertEquals(nearest?.lacks, ['its constraint wants encoding "utf-8", given is "base64"']);
});

Deno.test("explain() finds the rule that has the wrong action", () => {
  const { nearMisses: [nearest] } = ask("fs.list", "/w/src/a");
  assertEquals(nearest?.rule.id, "work");
  assertStringIncludes(nearest?.lacks[0] ?? "", "its action is fs.read, not fs.list");
});

Deno.test("explain() says why a target has no canonical form", () => {
  const explanation = ask("net.http", "https://u@h.example/");
  assertEquals(explanation.authorized, undefined);
  assertStringIncludes(explanation.invalid ?? "", "credentials");
});

for (const action of ["constructor", "__proto__", "toString", "kv.get", "mcp.call"]) {
  Deno.test(`explain() answers for the action ${action}, which no rule names`, () => {
    assertEquals(ask(action, "a").authorized?.decision.effect, "deny");
  });
}

Deno.test("explain() comes to the effectOn of the gate, whatever is asked", () => {
  const action = fc.constantFrom(
    "fs.read",
    "fs.write",
    "fs.move",
    "net.http",
    "kv.get",
    "constructor",
  );
  const target = fc.oneof(
    fc.constantFrom("/w/src/a", "/w/src/secret", "/w/out/a", "https://h.example/a", "a", ""),
    fc.webUrl(),
    fc.string(),
  );
  fc.assert(
    fc.property(
      action,
      target,
      fc.dictionary(fc.constantFrom("to", "encoding"), fc.jsonValue()),
      (action, target, params) => {
        const explanation = ask(action, target, params);
        assertEquals(
          explanation.authorized?.decision.effect ?? "invalid",
          effectOn(POLICY, action, target, params),
        );
      },
    ),
  );
});

Deno.test("explainRequest() has the limits of all that a move is", () => {
  const policy = load({
    limits: [{ action: "fs.write", calls: "3/day" }],
    capabilities: [
      { id: "move", action: ["fs.move", "fs.read", "fs.write"], resource: "/w/**" },
      { id: "delete", action: "fs.delete", resource: "/w/**", limits: { calls: "1/day" } },
    ],
  });
  const move = { action: "fs.move", target: "/w/a", params: { to: "/w/b" } };
  const { limits } = explainRequest(move, { policy, world: FLAT });
  assertEquals(limits, ["calls 1/day (delete.calls)", "calls 3/day (fs.write.calls)"]);
});
