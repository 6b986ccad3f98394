/**
 * Stages: what stands between the decision and the intent, for example limits, approvals, snapshots.
 *
 * @module
 */
import type { CanonicalRequest, RecordStatus } from "./action.ts";

/**
 * What stands between the policy's decision and the execution of a request. A stage is asked about
 * requests that the policy allows, and can refuse them or let them pass. It cannot widen anything: what
 * the policy denies never reaches it, and it cannot change the request.
 *
 * Stages are entered one after the other, in the order in which they are given. One that throws, does
 * not answer in time, or answers with something else than a {@linkcode StageAnswer} denies.
 */
export interface Stage {
  /** Lower-case letters, digits, `_`: names its fields on the record and stands in messages. */
  readonly name: string;
  /** How long `enter` and `settle` may each take, in milliseconds. @default 30000 */
  readonly timeoutMs?: number;
  /**
   * Asked whether the request may go on.
   *
   * @param request A private copy: what the policy allowed, and what will be executed.
   * @param context The circumstances of this request.
   * @returns Nothing to let it pass, or how it passes, or a refusal.
   */
  enter(request: CanonicalRequest, context: StageContext): StageAnswer | Promise<StageAnswer>;
}

/** The circumstances of one request. */
export interface StageContext {
  /** The id that the record of the action will have. */
  readonly recordId: string;
  /** Id of the rule that allows it. */
  readonly rule: string;
  /** Digest of the policy that allows it. */
  readonly policy: string;
  /** Aborted when the time of the stage is over. */
  readonly signal: AbortSignal;
}

/** What a stage says of a request. */
export type StageAnswer = void | StagePass | StageRefusal;

/** A request may go on. */
export interface StagePass {
  /** JSON that appears in the record, and in the intent, under the name of the stage. @default none */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** What the provider is to know. See {@linkcode Preparation}. */
  readonly preparation?: Preparation;
  /**
   * Asked once more when all stages have let the request pass, right before it is executed, for what
   * may have changed since: an approval that expired, a policy that was replaced.
   *
   * @param current Digest of the policy in force now.
   */
  confirm?(current: { readonly policy: string }): StageRefusal | void;
  /**
   * Told once how the request ended, before its record is written, also when a later stage refused it.
   * What it throws is a warning to the operator and changes nothing.
   *
   * @returns JSON to add to `fields`, or nothing.
   */
  settle?(
    outcome: StageOutcome,
  ): void | Readonly<Record<string, unknown>> | Promise<void | Readonly<Record<string, unknown>>>;
}

/** A request may not go on: it is `DENIED`. */
export interface StageRefusal {
  /** Why, and what would be needed. */
  readonly refusal: string;
  /** Stable code in upper case, for example `RATE_LIMITED`. */
  readonly code: string;
  /** JSON for the caller, as `details` of the result. @default none */
  readonly details?: Readonly<Record<string, unknown>>;
  /** JSON that appears in the record under the name of the stage. @default none */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** How a request ended. */
export interface StageOutcome {
  readonly status: RecordStatus;
  /** Code of a refusal or failure. */
  readonly code?: string | undefined;
  /** Whether a provider was called: only if not, it is certain that nothing was done. */
  readonly executed: boolean;
  /** What the provider returned, with `OK`. Belongs to the caller: not to be changed. */
  readonly data?: unknown;
  /** From the call of the provider to its answer, in milliseconds; 0 if none was called. */
  readonly durationMs: number;
}

/** What all stages together say of a request; runs outside of the core (`src/stages/`). */
export interface Admission {
  /** Why it may not go on. */
  readonly refusal: StageRefusal | undefined;
  /** What the provider is to know. */
  readonly preparation: Preparation | undefined;
  /** JSON for the record, by the names of the stages. */
  readonly fields: Readonly<Record<string, unknown>> | undefined;
  /** Asked right before the execution. @param policy Digest of the policy in force now. */
  confirm(policy: string): StageRefusal | undefined;
  /** Told how the request ended. Never rejects. */
  settle(outcome: StageOutcome): Promise<void>;
}

/**
 * Enters the stages of a request.
 *
 * @param stages Those of this request alone, after the kernel's own.
 * @param request A private copy.
 */
export type Admit = (
  stages: readonly Stage[],
  request: CanonicalRequest,
  context: Omit<StageContext, "signal">,
) => Promise<Admission>;

/**
 * What a stage hands to a provider beside a request: JSON that no request can contain, and that is
 * neither decided nor recorded. So a provider may only let it make the action fail, or take it as the
 * permission for something that the params, which were decided, name themselves.
 */
export type Preparation = Readonly<Record<string, unknown>>;
