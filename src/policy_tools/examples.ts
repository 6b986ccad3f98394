/**
 * The examples with which a policy says what it means.
 *
 * @module
 */
import { CanonicalError, NotReadableError, type World } from "../core/resource/world.ts";
import { authorise } from "../core/policy/authorize.ts";
import type { Decision } from "../core/policy/decide.ts";
import type { Example, Policy } from "../core/policy/policy.ts";
import type { Place, Problems } from "../core/policy/problem.ts";

const KEYS = ["action", "target", "params", "agent", "expect", "rule"];
const EFFECTS = ["allow", "deny", "approve"];

/** Reads a list of examples. */
export function parseExamples(
  source: unknown,
  problems: Problems,
  place: Place = ["examples"],
): Example[] {
  if (!Array.isArray(source)) {
    problems.add(place, "Expected a list of {action, target, params?, expect, rule?}");
    return [];
  }
  return source.flatMap((item, i) => parseExample(item, [...place, i], problems) ?? []);
}

/** Holds the examples against their policy, with the very code of the gate. */
export function checkExamples(policy: Policy, world: World, problems: Problems): void {
  for (const [i, example] of policy.examples.entries()) {
    const wrong = mismatch(example, policy, world);
    if (wrong !== undefined) problems.add(["examples", i], wrong);
  }
}

/** What is different from what the example expects; `undefined` if it holds. */
export function mismatch(example: Example, policy: Policy, world: World): string | undefined {
  const verdict = verdictOf(example, policy, world);
  if (verdict === undefined) return undefined;
  const { effect, ruleId, reason } = verdict;
  const what = `${example.action} on "${example.target}"`;
  if (effect !== example.expect) {
    return `Expects ${example.expect} for ${what}, but it is ${effect}: ${reason}`;
  }
  if (example.rule !== undefined && example.rule !== ruleId) {
    return `Expects rule "${example.rule}" for ${what}, but it is ${
      ruleId === undefined ? "no rule" : `"${ruleId}"`
    }`;
  }
  return undefined;
}

/**
 * The verdict on an example; a target without canonical form counts as denied.
 *
 * @returns `undefined` if this process may not look at the target: the kernel will not open then.
 */
export function verdictOf(
  example: Example,
  policy: Policy,
  world: World,
): Pick<Decision, "effect" | "ruleId" | "reason"> | undefined {
  try {
    return authorise(policy, example, world).decision;
  } catch (error) {
    if (error instanceof NotReadableError) return undefined;
    if (error instanceof CanonicalError) return { effect: "deny", reason: error.message };
    throw error;
  }
}

function parseExample(
  source: unknown,
  place: Place,
  problems: Problems,
): Example | undefined {
  if (source === null || typeof source !== "object" || Array.isArray(source)) {
    problems.add(place, "Expected a mapping {action, target, params?, expect, rule?}");
    return undefined;
  }
  const example = source as Record<string, unknown>;
  const before = problems.found.length;
  for (const key of Object.keys(example)) {
    if (!KEYS.includes(key)) {
      problems.add([...place, key], `Unknown key "${key}", expected one of ${KEYS.join(", ")}`);
    }
  }
  for (const key of ["action", "target"]) {
    if (typeof example[key] !== "string" || example[key] === "") {
      problems.add([...place, key], `Expected a text`);
    }
  }
  for (const key of ["agent", "rule"]) {
    if (example[key] !== undefined && typeof example[key] !== "string") {
      problems.add([...place, key], "Expected a text");
    }
  }
  const params = example["params"];
  if (
    params !== undefined && (params === null || typeof params !== "object" || Array.isArray(params))
  ) {
    problems.add([...place, "params"], "Expected a mapping");
  }
  if (!EFFECTS.includes(example["expect"] as string)) {
    problems.add([...place, "expect"], `Expected one of ${EFFECTS.join(", ")}`);
  }
  return problems.found.length === before ? example as unknown as Example : undefined;
}
