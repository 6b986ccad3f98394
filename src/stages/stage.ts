/**
 * Stages: what stands between the decision and the intent, for example limits, approvals, snapshots.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { Preparation, StageOutcome, StageRefusal } from "../core/admission.ts";

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
  /**
   * What it does beside acting on its target, and the rules that allow it: the goal of a move, and that a move
   * is also a read, a delete and a write. `isCounted` is `false` of what it only looks at, like the folder in
   * which a program runs. Empty for most requests.
   */
  readonly parts: readonly {
    readonly action: string;
    readonly target: string;
    readonly rule: string;
    readonly isCounted: boolean;
  }[];
  /** Digest of the policy that allows it. */
  readonly policy: string;
  /**
   * Set if a provider asks during a call, for a connection of a program or the next hop of a redirect: the
   * action, the target and the rule of that call. If the question is let pass, the provider does itself what it asked
   * about: the outcome that the stage is told is that of the question, and comes before it is done.
   */
  readonly askedBy?: {
    readonly action: string;
    readonly target: string;
    readonly rule: string;
    /** Aborted when that call has ended. */
    readonly signal: AbortSignal;
  };
  /** Whether the caller does it itself after this (`Kernel.permit`). @default false */
  readonly isPermit?: boolean;
  /** For a person who is asked: what is known of the values of the request. @default nothing */
  readonly notes?: (request: CanonicalRequest) => string | undefined;
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
