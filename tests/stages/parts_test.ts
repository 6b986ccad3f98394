/** What stages ask about beside the target, and what happens to a part that no rule allows. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import { partsOf, ruledPartsOf } from "../../src/stages/parts.ts";
import { load } from "../core/policy/deciding.ts";

const MOVE = { action: "fs.move", target: "/w/a", params: { to: "/w/b" } };

Deno.test("partsOf() has the goal of a move, and what a move amounts to", () => {
  const parts = partsOf(MOVE, STANDARD_ACTIONS).map(({ action, target }) => `${action} ${target}`);
  assertEquals(parts, ["fs.move /w/b", "fs.read /w/a", "fs.delete /w/a", "fs.write /w/b"]);
  assertEquals(partsOf({ ...MOVE, action: "fs.read" }, STANDARD_ACTIONS), []);
  assertEquals(partsOf({ ...MOVE, action: "other.do" }, STANDARD_ACTIONS), []);
});

Deno.test("ruledPartsOf() counts what a move amounts to, and not the folder in which a program runs", () => {
  const policy = load({
    capabilities: [
      { id: "move", action: ["fs.move", "fs.read"], resource: "/w/**" },
      { id: "change", action: ["fs.delete", "fs.write"], resource: "/w/**" },
      {
        id: "run",
        action: "proc.exec",
        resource: "/bin/ls",
        constraint: { args: { max_length: 9 } },
      },
    ],
  });
  const counted = ruledPartsOf(MOVE, { policy }).parts.map(({ action, rule, isCounted }) =>
    [action, rule, isCounted] as const
  );
  assertEquals(counted, [
    ["fs.move", "move", true],
    ["fs.read", "move", true],
    ["fs.delete", "change", true],
    ["fs.write", "change", true],
  ]);
  const run = { action: "proc.exec", target: "/bin/ls", params: { args: [], cwd: "/w/a" } };
  const { parts, refusal } = ruledPartsOf(run, { policy });
  assertEquals(refusal, undefined);
  assertEquals(parts.map(({ action, isCounted }) => [action, isCounted]), [["fs.read", false]]);
});

Deno.test("ruledPartsOf() refuses a request if no rule allows one of its parts", () => {
  const policy = load({
    capabilities: [
      { action: ["fs.move", "fs.read", "fs.delete"], resource: "/w/**" },
      { action: "fs.write", resource: "/w/**", target: { from: ["prompt"], as: "path" } },
    ],
  });
  // Nobody knows the session in which it was allowed.
  const { parts, refusal } = ruledPartsOf(MOVE, { policy });
  assertEquals([parts, refusal?.code], [[], "CONSTRAINT_UNMET"]);
  assertStringIncludes(refusal?.refusal ?? "", 'fs.write of "/w/b" is a part of fs.move');
});
