import { assertEquals, assertMatch } from "@std/assert";
import { policyDigest } from "../../src/cli/policy_digest.ts";
import { readPolicy } from "../../src/policy_tools/read.ts";
import { actionTable } from "../../src/actions/standard.ts";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import { Workspace } from "../workspace.ts";

const RULE = "capabilities:\n  - { action: fs.read, resource: '/data/**' }\n";

for (
  const [what, text, variables] of [
    ["a policy", RULE, {}],
    ["a policy in another alphabet", `# Zugänge\n${RULE}`, {}],
    ["a policy that begins with a byte order mark", `\ufeff${RULE}`, {}],
    ["a policy with variables", RULE.replace("/data", "${DIR}"), { DIR: "/data" }],
    [
      "a policy with variables in any order",
      RULE.replace("/data", "/${Z}/${A}"),
      { Z: "ä", A: "1=2" },
    ],
  ] as const
) {
  Deno.test(`policyDigest() is that of ${what} which was loaded`, async () => {
    using ws = new Workspace();
    const path = ws.file("policy.yaml", text);
    const { digest } = readPolicy(path, {
      world: denoWorld(),
      actions: actionTable(new Map()),
      guarded: [],
      variables,
    });
    const given = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    assertEquals(
      await policyDigest({ policy: path, ...(given.length > 0 ? { var: given } : {}) }),
      digest,
    );
    assertMatch(digest, /^[0-9a-f]{64}$/);
  });
}

Deno.test("policyDigest() leaves to the loader what it cannot read", async () => {
  using ws = new Workspace();
  const odd = ws.file("odd.yaml", Uint8Array.of(0xff));
  for (const policy of [ws.path("none.yaml"), odd, ws.root]) {
    assertEquals(await policyDigest({ policy }), undefined);
  }
  assertEquals(await policyDigest({}), undefined);
});
