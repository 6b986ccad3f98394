/**
 * Which actions a policy can allow at all.
 *
 * @module
 */
import type { PolicySummary } from "../core/policy/policy.ts";

/** The actions that some rule allows. */
export function allowedActions({ rules }: PolicySummary): string[] {
  const allowed = rules.filter(({ effect }) => effect === "allow");
  return Array.from(new Set(allowed.flatMap(({ actions }) => actions))).sort();
}
