/**
 * What a rollback is asked for with, and what came of it.
 *
 * @module
 */
import { type ActionResult, CODES, type ResultStatus } from "../core/action.ts";
import type { UndoStep } from "./strategy.ts";

/** The codes of rollbacks that did not come about; other codes are the gate's and the providers'. */
export const ROLLBACK_CODES = {
  /** There is no snapshot of such an action, or its time is over, or it had to make room. */
  NO_SNAPSHOT: "NO_SNAPSHOT",
  /** The layer has no strategy for the action. */
  NO_STRATEGY: "NO_STRATEGY",
  /** It was rolled back before. */
  ALREADY_ROLLED_BACK: "ALREADY_ROLLED_BACK",
  /** Something is no longer as the action left it; `force` goes over that. */
  ROLLBACK_CONFLICT: "ROLLBACK_CONFLICT",
  /** What is needed is not there any more; `force` does not help. */
  ROLLBACK_IMPOSSIBLE: "ROLLBACK_IMPOSSIBLE",
  /** How to undo it could not be found out, or that it was undone could not be noted. */
  ROLLBACK_FAILED: "ROLLBACK_FAILED",
} as const;

/** How an action is rolled back. */
export interface RollbackOptions {
  /** Goes over changes that were made after the action; they are lost. @default false */
  readonly force?: boolean;
  /** Who asks; appears in the records, and the policy may heed it. @default nobody */
  readonly agent?: string;
}

/** How a rollback ended. */
export interface RollbackResult {
  /** `OK`: everything is as before the action. `DENIED`: the policy refused a step. `ERROR`: anything else. */
  readonly status: ResultStatus;
  /** The action that was to be undone. */
  readonly recordId: string;
  /** What went wrong. */
  readonly error?: string;
  /** One of {@linkcode ROLLBACK_CODES}, or the code of the step that failed. */
  readonly code?: string;
  /** What was submitted, in this order; empty if everything was as before already. */
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
  /** Those from then on. @default all */
  readonly since?: Date;
  /** Those that this agent asked for. @default of everybody */
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
  /** The changes: of texts as unified diff, escaped so that a terminal shows all of it. */
  readonly text: string;
}

/** Denials that another policy would not give; that of a guarded path, for example, every one does. */
const OF_POLICY: readonly (string | undefined)[] = [
  CODES.NO_RULE,
  CODES.CONSTRAINT_UNMET,
  CODES.DENY_RULE,
];

/** What a policy lacks if a step was denied, for people: of params the names only. */
export function lackedBy(
  { action, target, params = {} }: UndoStep,
  { code }: ActionResult,
): string {
  if (!OF_POLICY.includes(code)) return "";
  const names = Object.keys(params).map((name) => `"${name}"`).join(" and ");
  const given = names === "" ? "" : ` with ${names}`;
  return `; to undo it, the policy has to allow ${action} of "${target}"${given}`;
}
