/**
 * The stage that decides the paths among arguments.
 *
 * @module
 */
import type { Stage } from "../stages/stage.ts";
import { argumentPathsRefusal, type PathContext } from "./decision.ts";

/**
 * Makes the stage `argument_paths`.
 *
 * @param context The policy in force for the request, and the machine.
 * @returns None if no rule of the policy has the key `paths`.
 */
export function argumentPathsStages(context: PathContext): Stage[] {
  const { argumentPaths } = context.policy;
  if (argumentPaths === undefined || argumentPaths.size === 0) return [];
  return [{
    name: "argument_paths",
    enter: (request, { rule }) => argumentPathsRefusal(request, rule, context),
  }];
}
