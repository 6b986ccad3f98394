/**
 * Two policies compared, both ways.
 *
 * @module
 */
import { basename, dirname } from "@std/path";
import type { World } from "../core/resource/world.ts";
import { KINDS } from "../core/resource/table.ts";
import { canonicalOrError } from "../core/resource/world.ts";
import { type DemandChange, demandChanges } from "./demand_diff.ts";
import { newlyAllowed, type PolicyDifference, type UntoldDifference } from "./policy_diff.ts";
import type { PolicyWithExamples } from "./read.ts";

/** What is different between two policies. */
export interface PolicyComparison {
  /** What the new one allows and the old one does not. */
  readonly allowed: readonly PolicyDifference[];
  /** What the old one allows and the new one does not. */
  readonly denied: readonly PolicyDifference[];
  /** Limits and paths of arguments. */
  readonly demands: readonly DemandChange[];
  /** What could be newly allowed, or newly denied, and cannot be told. */
  readonly untold: {
    readonly allowed: readonly UntoldDifference[];
    readonly denied: readonly UntoldDifference[];
  };
  /** Whether the new one is only tried, or is no longer. */
  readonly mode?: "now shadow" | "now enforced";
  /** Whether certainly nothing is newly allowed. */
  readonly onlyTighter: boolean;
}

/** Compares two policies that were loaded for the same machine and actions. */
export function comparePolicies(
  old: PolicyWithExamples,
  now: PolicyWithExamples,
  world: World,
): PolicyComparison {
  const [from, to] = [old, now].map((one) => one.tried ?? { ...one, policy: one }) as [
    NonNullable<PolicyWithExamples["tried"]>,
    NonNullable<PolicyWithExamples["tried"]>,
  ];
  const gained = newlyAllowed(to, from, world);
  const lost = newlyAllowed(from, to, world);
  const demands = demandChanges(from, to);
  const mode = (old.tried === undefined) === (now.tried === undefined)
    ? undefined
    : now.tried === undefined
    ? "now enforced"
    : "now shadow";
  return {
    allowed: gained.differences,
    denied: lost.differences,
    demands,
    untold: { allowed: gained.untold, denied: lost.untold },
    ...mode === undefined ? {} : { mode },
    // INVARIANT: what cannot be told is not taken for tighter.
    onlyTighter: gained.differences.length === 0 && gained.untold.length === 0 &&
      demands.every(({ change }) => change === "tighter") && mode !== "now shadow",
  };
}

/**
 * A machine on which each program that is named exists, so that a policy for another machine is compared
 * as a whole. Programs that are there are where they are.
 */
export function withAllPrograms(world: World): World {
  const isThere = (path: string) => canonicalOrError(() => world.realPath(path)) !== undefined;
  const stands = (path: string) => {
    const folder = dirname(path);
    if (!world.searchPath.includes(folder)) return true;
    const name = basename(path);
    return folder === world.searchPath[0] &&
      !world.searchPath.some((one) => isThere(`${one}/${name}`));
  };
  return {
    ...world,
    realPath: (path) => {
      const real = world.realPath(path);
      return real ?? (stands(path) ? KINDS.path.resolve(path, world) : undefined);
    },
    typeOf: (path) => world.typeOf(path) ?? (stands(path) ? "executable" : undefined),
  };
}
