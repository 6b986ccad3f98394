/**
 * What a session would know, written down: for examples of a policy, and for explanations.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { StageRefusal } from "../core/admission.ts";
import type { Problems } from "../core/policy/problem.ts";
import { isMapping } from "../core/policy/shape.ts";
import type { ActionTable } from "../core/resource/kind.ts";
import type { World } from "../core/resource/world.ts";
import { Asking } from "./asking.ts";
import type { Provenance } from "./policy.ts";
import type { Ruled, Scope } from "./scope.ts";
import { ActiveSession } from "./session.ts";

/** A session as it is written: `{prompt, actions, rules, results: [{action, target, data}]}`. */
export interface WrittenSession extends Scope {
  readonly prompt?: string;
  /** What was read, in this order; targets in canonical form. */
  readonly results?: readonly {
    readonly action: string;
    readonly target: string;
    readonly data: unknown;
  }[];
}

/** The keys of a session that is written down. */
export const SESSION_KEYS: readonly string[] = ["prompt", "actions", "rules", "results"];
/** The keys of each of its results, none of which may be missing. */
export const RESULT_KEYS: readonly string[] = ["action", "target", "data"];
/** What is said of something else. */
export const SESSION_FORM =
  "Expected a mapping {prompt?, actions?, rules?, results?: [{action, target, data}]}";

/** A session that did what is written, without a kernel. */
export interface Rehearsal {
  /** What conditions ask. */
  readonly session: Asking;
  /** Why a request that the policy allows would be refused all the same. */
  refusal(request: CanonicalRequest, ruled: Ruled): StageRefusal | undefined;
}

/** Whether something is a {@linkcode WrittenSession}; what is wrong with it is noted. */
export function isWrittenSession(source: unknown, problems: Problems): source is WrittenSession {
  const { prompt, actions, rules, results } = isMapping(source) ? source : {};
  const isResult = (one: unknown) =>
    isMapping(one) && typeof one["action"] === "string" && typeof one["target"] === "string" &&
    one["data"] !== undefined && Object.keys(one).every((key) => RESULT_KEYS.includes(key));
  const isRight = isMapping(source) &&
    Object.keys(source).every((key) => SESSION_KEYS.includes(key)) &&
    (prompt === undefined || typeof prompt === "string") &&
    (actions === undefined || Array.isArray(actions)) &&
    (rules === undefined || Array.isArray(rules)) &&
    (results === undefined || Array.isArray(results) && results.every(isResult));
  if (!isRight) problems.add(SESSION_FORM);
  return isRight;
}

/**
 * Has a session learn what is written.
 *
 * @param written Missing for a request that belongs to no session.
 * @throws {TypeError | PolicyError} Its scope is none.
 */
export function rehearse(
  written: WrittenSession | undefined,
  { provenance, actions, world }: {
    readonly provenance: Provenance;
    readonly actions: ActionTable;
    readonly world: World;
  },
): Rehearsal {
  const parts = { provenance, actions, rules: [] };
  if (written === undefined) {
    return { session: new Asking({ ...parts, session: undefined }), refusal: () => undefined };
  }
  const file = { lines: [], append: () => {}, replace: () => {}, close: () => {} };
  const clock = () => new Date(0);
  const session = new ActiveSession(
    { id: "written", openedAt: clock().toISOString() },
    { file, clock, actions, world, onWarning: () => {} },
  );
  const { prompt, results = [], actions: names, rules } = written;
  if (names !== undefined || rules !== undefined) {
    session.narrow({ ...names && { actions: names }, ...rules && { rules } });
  }
  if (prompt !== undefined) session.addPrompt(prompt);
  const asking = new Asking({ ...parts, session });
  for (const [i, { action, target, data }] of results.entries()) {
    const outcome = { status: "OK", executed: true, data, durationMs: 0 } as const;
    asking.learn({ action, target, params: {} }, `result-${i + 1}`, outcome);
  }
  return {
    session: asking,
    refusal: (request, ruled) =>
      session.outOfScope(request, ruled) ?? session.disclosure(request, provenance, ruled.rule),
  };
}
