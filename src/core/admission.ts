/**
 * What stands between decision and intent, as far as the core knows of it.
 *
 * @module
 */
import type { CanonicalRequest, RecordStatus } from "./action.ts";

/**
 * Asks the stages (`src/stages/`) whether a request that the policy allows may go on.
 *
 * INVARIANT: it can only refuse. It gets a copy of the request, and nothing that it answers reaches the
 * policy or changes what is executed.
 *
 * @param request A private copy: what the policy allowed, and what will be executed.
 * @param context The id of the record to come, the rule that allows it, and the policy's digest.
 */
export type Admit = (
  request: CanonicalRequest,
  context: { readonly recordId: string; readonly rule: string; readonly policy: string },
) => Promise<Admission>;

/** What the stages say of one request. */
export interface Admission {
  /** Why it may not go on. Asked again right before the execution, for what may have changed. */
  refusal(): StageRefusal | undefined;
  /** What the provider is to know. */
  readonly preparation: Preparation | undefined;
  /** JSON for the record, by the names of the stages. */
  readonly fields: Readonly<Record<string, unknown>> | undefined;
  /** Told how the request ended, before its record is written. Never rejects. */
  settle(outcome: StageOutcome): Promise<void>;
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
  /** As in the record. */
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

/**
 * What a stage hands to a provider beside a request: JSON that no request can contain, and that is
 * neither decided nor recorded. So a provider may only let it make the action fail, or take it as the
 * permission for something that the params, which were decided, name themselves.
 */
export type Preparation = Readonly<Record<string, unknown>>;
