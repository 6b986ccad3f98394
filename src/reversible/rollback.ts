/**
 * The options and results of rollbacks.
 *
 * @module
 */
import { type ActionResult, CODES, type ResultStatus } from "../core/action.ts";
import type { UndoStep } from "./strategy.ts";

/** The codes of failed rollbacks; other codes are the gate's and the providers'. */
export const ROLLBACK_CODES = {
  /** There is no snapshot of such an action, it has expired, or it was removed to make room. */
  NO_SNAPSHOT: "NO_SNAPSHOT",
  /** The layer has no strategy for the action. */
  NO_STRATEGY: "NO_STRATEGY",
  /** It was rolled back already. */
  ALREADY_ROLLED_BACK: "ALREADY_ROLLED_BACK",
  /** Something is no longer as the action left it; `force` overwrites it. */
  ROLLBACK_CONFLICT: "ROLLBACK_CONFLICT",
  /** What is needed is missing; `force` does not help. */
  ROLLBACK_IMPOSSIBLE: "ROLLBACK_IMPOSSIBLE",
  /** The state could not be read, or the store could not be written. */
  ROLLBACK_FAILED: "ROLLBACK_FAILED",
} as const;

/** How an action is rolled back. */
export interface RollbackOptions {
  /** Overwrites changes that were made after the action; they are lost. @default false */
  readonly force?: boolean;
  /** Who asks (the principal); appears in the records. @default nobody */
  readonly agent?: string;
}

/** How a rollback ended. */
export interface RollbackResult {
  /** `OK`: everything is as before the action. `DENIED`: the policy refused a step. `ERROR`: anything else. */
  readonly status: ResultStatus;
  /** Record id of the action to be undone. */
  readonly recordId: string;
  /** What went wrong. */
  readonly error?: string;
  /** One of {@linkcode ROLLBACK_CODES}, or the code of the step that failed. */
  readonly code?: string;
  /** What was submitted, in this order; empty if everything was already as before the action. */
  readonly steps: readonly RollbackStep[];
}

/** One action of a rollback, with its result. */
export interface RollbackStep extends ActionResult {
  /** The action. */
  readonly action: string;
  /** Its target. */
  readonly target: string;
}

/** Which actions are rolled back together. */
export interface RollbackSelection extends RollbackOptions {
  /** Those whose snapshot was taken at or after this time. @default all */
  readonly since?: Date;
  /** Those that this agent asked for. @default all agents */
  readonly of?: string;
}

/** How a rollback of many actions ended. */
export interface RollbackReport {
  /** `OK`: all were undone. Else that of the one that stopped it. */
  readonly status: ResultStatus;
  /** The actions that were undone, the latest first. */
  readonly rolledBack: readonly string[];
  /** What stopped it. */
  readonly stopped?: RollbackResult;
  /** The actions that were not undone, the latest first. */
  readonly remaining: readonly string[];
}

/** What a rollback would change. */
export interface RollbackPreview extends Omit<RollbackResult, "steps"> {
  /** What it would submit. */
  readonly steps: readonly Pick<RollbackStep, "action" | "target">[];
  /** The changes: of text files as unified diff, escaped so that a terminal shows every character. */
  readonly text: string;
}

/** Denials that depend on the policy; that of a guarded path, for example, does not. */
const OF_POLICY: readonly (string | undefined)[] = [
  CODES.NO_RULE,
  CODES.CONSTRAINT_UNMET,
  CODES.DENY_RULE,
];

/** What a policy would have to allow for a denied step, for people; only the names of params. */
export function lackedBy(
  { action, target, params = {} }: UndoStep,
  { code }: ActionResult,
): string {
  if (!OF_POLICY.includes(code)) return "";
  const names = Object.keys(params).map((name) => `"${name}"`).join(" and ");
  const given = names === "" ? "" : ` with ${names}`;
  return `; to undo it, the policy has to allow ${action} of "${target}"${given}`;
}
