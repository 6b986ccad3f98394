/**
 * Where a provider runs, as the kernel sees it.
 *
 * @module
 */
import type { Preparation } from "../admission.ts";

/** A request that the policy allows, everything in canonical form. */
export interface ProviderRequest {
  /** One of the provider's actions. */
  readonly action: string;
  /** The canonical target. */
  readonly target: string;
  /** The params with their defaults; secondary resources in canonical form. */
  readonly params: Readonly<Record<string, unknown>>;
  /** The principal that asks. */
  readonly agent?: string;
  /** From the host's own code (a stage), never from a request. Neither decided nor recorded. */
  readonly preparation?: Preparation;
}

/** The kernel's decision on a resource that a provider asks about. */
export interface ResourceDecision {
  /** Whether the policy allows it. */
  readonly allowed: boolean;
  /** Its canonical form: what was decided, and what has to be used. */
  readonly target: string;
  /** Why it is denied and what would be needed; empty if it is allowed. */
  readonly reason: string;
  /** One of `CODES`; `ALLOWED` if it is allowed. */
  readonly code: string;
  /** Id of the rule that decided. */
  readonly rule?: string;
}

/** Decides what a provider asks during a call. The question is untrusted. Never throws or rejects. */
export type DecideQuestion = (question: unknown) => ResourceDecision | Promise<ResourceDecision>;

/** Where a provider runs. */
export interface ProviderHost {
  /** The provider's bound for results, see {@linkcode checkAnswer}. */
  readonly maxOutputBytes: number;
  /**
   * Has a request carried out.
   *
   * @returns What came back, UNCHECKED: it has to go through {@linkcode checkAnswer}. Never rejects.
   */
  call(request: ProviderRequest, decide: DecideQuestion): Promise<unknown>;
  /** Waits for the calls in flight, then ends. No call may follow. */
  close(): Promise<void>;
}
