/**
 * Shadow mode as a stage: puts on record what a policy that is only tried would have said.
 *
 * @module
 */
import { authorizeWithPaths } from "./argument_paths/decision.ts";
import type { World } from "./core/resource/world.ts";
import { effectOf } from "./policy_tools/effect.ts";
import type { TriedPolicy } from "./policy_tools/read.ts";
import type { Stage } from "./stages/stage.ts";

/**
 * Makes the stage `shadow`. It refuses nothing.
 *
 * @param tried What is tried.
 * @param world The machine.
 * @returns None if nothing is tried.
 */
export function shadowStages(tried: TriedPolicy | undefined, world: World): Stage[] {
  if (tried === undefined) return [];
  const { policy, approvals } = tried;
  return [{
    name: "shadow",
    enter(request) {
      const authorized = authorizeWithPaths(request, { policy, world });
      const would = effectOf(authorized, { policy, approvals });
      if (would === "allow") return undefined;
      const { code, ruleId, reason } = authorized.decision;
      const rule = ruleId === undefined ? {} : { rule: ruleId };
      return {
        fields: would === "approve" ? { would, ...rule } : { would, code, ...rule, error: reason },
      };
    },
  }];
}
