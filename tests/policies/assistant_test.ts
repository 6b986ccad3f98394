import { assert, assertEquals } from "@std/assert";
import { decisionOn } from "../../src/policy_tools/examples.ts";
import { resolveOptions } from "../../src/resolve.ts";
import { ROOT } from "../workspace.ts";

const FOLDER = `${ROOT}/policies/assistant`;

Deno.test("there are templates for mail, chat, payments, travel, files and web", () => {
  const names = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name).sort();
  assertEquals(names, [
    "chat.yaml",
    "files.yaml",
    "mail.yaml",
    "payments.yaml",
    "travel.yaml",
    "web.yaml",
  ]);
});

for (const { name } of Deno.readDirSync(FOLDER)) {
  Deno.test(`policies/assistant/${name}: its examples hold, reach every rule, and each denies or asks somewhere`, () => {
    const { policy, policyWorld: world } = resolveOptions({
      policy: `${FOLDER}/${name}`,
      logPath: `${ROOT}/.tmp/none.log`,
    });
    const reached = new Set(
      policy.examples.map((example) => decisionOn(example, { ...policy, policy, world })?.ruleId),
    );
    for (const { id, guard } of policy.rules) {
      if (guard === undefined) assert(reached.has(id), `no example reaches ${id}`);
    }
    assert(policy.examples.some(({ expect }) => expect !== "allow"));
  });
}
