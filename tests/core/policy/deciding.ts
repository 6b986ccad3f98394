/**
 * What the tests of policies have in common: a machine without surprises, and a verdict in a line.
 *
 * @module
 */
import { authorise } from "../../../src/core/policy/authorize.ts";
import type { Decision } from "../../../src/core/policy/decide.ts";
import { type LoadOptions, loadPolicy } from "../../../src/core/policy/load.ts";
import type { Policy } from "../../../src/core/policy/policy.ts";
import { PolicyError, type PolicyProblem } from "../../../src/core/policy/problem.ts";
import { CanonicalError, type World } from "../../../src/core/resource/world.ts";

/** A machine on which every path exists, is an executable file, and is its own real path. */
export const FLAT: World = {
  base: undefined,
  searchPath: ["/bin"],
  realPath: (path) => path,
  readLink: () => undefined,
  list: () => [],
  typeOf: () => "executable",
};

/** Loads a policy for the flat machine. */
export function load(policy: string | object, options: Partial<LoadOptions> = {}): Policy {
  return loadPolicy(policy, { world: FLAT, ...options });
}

/** The problems for which a policy is refused; none if it is not. */
export function problemsOf(
  policy: string | object,
  options: Partial<LoadOptions> = {},
): readonly PolicyProblem[] {
  try {
    load(policy, options);
    return [];
  } catch (error) {
    if (error instanceof PolicyError) return error.problems;
    throw error;
  }
}

/** Decides a request; a target without canonical form is `undefined`. */
export function decisionOn(
  policy: Policy,
  action: string,
  target: string,
  params: Record<string, unknown> = {},
  world: World = FLAT,
): Decision | undefined {
  try {
    return authorise(policy, { action, target, params }, world).decision;
  } catch (error) {
    if (error instanceof CanonicalError) return undefined;
    throw error;
  }
}

/** `"allow"`, `"deny"` or `"invalid"`. */
export function verdict(
  policy: Policy,
  action: string,
  target: string,
  params: Record<string, unknown> = {},
  world: World = FLAT,
): string {
  return decisionOn(policy, action, target, params, world)?.effect ?? "invalid";
}
