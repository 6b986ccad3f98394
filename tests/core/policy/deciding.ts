/**
 * What the tests of policies have in common: a machine without surprises, and a decision in a line.
 *
 * @module
 */
import { STANDARD_ACTIONS } from "../../../src/actions/standard.ts";
import { authorize } from "../../../src/core/policy/authorize.ts";
import type { Decision } from "../../../src/core/policy/decide.ts";
import type { Policy } from "../../../src/core/policy/policy.ts";
import { PolicyError, type PolicyProblem } from "../../../src/core/policy/problem.ts";
import type { World } from "../../../src/core/resource/world.ts";
import {
  type PolicyWithExamples,
  type ReadOptions,
  readPolicy,
} from "../../../src/policy_tools/read.ts";
import { ROOT } from "../../workspace.ts";

/** A machine on which every path exists, is an executable file, and is its own real path. */
export const FLAT: World = {
  base: undefined,
  searchPath: ["/bin"],
  realPath: (path) => path,
  readLink: () => undefined,
  list: () => [],
  typeOf: () => "executable",
};

/**
 * The machine as it would be if the tests did not run in a checkout, in which no allow rule follows a
 * link. It looks all the same, so that it needs the same permissions.
 */
export function outsideCheckouts(world: World): World {
  const realPath = (path: string) => {
    const real = world.realPath(path);
    const isAround = path.endsWith("/.git") && `${ROOT}/`.startsWith(path.slice(0, -".git".length));
    return isAround ? undefined : real;
  };
  return { ...world, realPath };
}

/** Reads a policy, YAML text or an object, for the flat machine with the standard actions. */
export function load(
  policy: string | object,
  options: Partial<ReadOptions> = {},
): PolicyWithExamples {
  const source = typeof policy === "string" ? { text: policy } : policy;
  const actions = { ...STANDARD_ACTIONS, ...options.actions };
  return readPolicy(source, { world: FLAT, ...options, actions });
}

/** The problems for which a policy is refused; none if it is not. */
export function problemsOf(
  policy: string | object,
  options: Partial<ReadOptions> = {},
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
  const { decision } = authorize({ action, target, params }, { policy, world });
  return decision.code === "INVALID_TARGET" ? undefined : decision;
}

/** `"allow"`, `"deny"` or `"invalid"`. */
export function effectOn(
  policy: Policy,
  action: string,
  target: string,
  params: Record<string, unknown> = {},
  world: World = FLAT,
): string {
  return decisionOn(policy, action, target, params, world)?.effect ?? "invalid";
}
