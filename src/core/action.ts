/**
 * What goes into the gate and what comes out of it.
 *
 * @module
 */

/** One thing that an agent wants done to the world. Everything in it is untrusted. */
export interface ActionRequest {
  /** Dotted name of the action, for example `"fs.read"`. */
  readonly action: string;
  /** What it is done to: a path, URL, command or name; its kind belongs to the action. */
  readonly target: string;
  /** Further arguments: JSON values only. @default {} */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Who asks (the principal); appears in the record. */
  readonly agent?: string;
  /** The `recordId` of an earlier action that this one undoes; appears in the record. */
  readonly undoes?: string;
}

/** How a submit ended, for the caller. */
export type ResultStatus = "OK" | "DENIED" | "ERROR";

/** How a submit can end, for the audit log. */
const SUBMIT_STATUSES = [
  "INVALID",
  "DENIED",
  "NO_PROVIDER",
  "FAILED",
  "OK",
  "INTERRUPTED",
] as const;
/** What is on record of an action that the caller does itself: permitted, reported, never reported. */
const PERMIT_STATUSES = ["PERMITTED", "DONE", "UNREPORTED"] as const;
/** All of them. */
export const RECORD_STATUSES = [...SUBMIT_STATUSES, ...PERMIT_STATUSES] as const;
/** How a submit ended, or what is known of an action that was permitted. */
export type RecordStatus = typeof RECORD_STATUSES[number];

/**
 * The stable codes of decisions and failures. Providers may add their own (`FAILED` records only),
 * in the same upper-case form.
 */
export const CODES = {
  /** `action`, `target`, `params` or `agent` is not of the required form. */
  INVALID_REQUEST: "INVALID_REQUEST",
  /** The target, or a secondary resource in the params, has no canonical form. */
  INVALID_TARGET: "INVALID_TARGET",
  /** No rule allows it: default deny. */
  NO_RULE: "NO_RULE",
  /** Rules name action and target, but the constraint of none of them holds. */
  CONSTRAINT_UNMET: "CONSTRAINT_UNMET",
  /** A deny rule of the policy matched. */
  DENY_RULE: "DENY_RULE",
  /** The target belongs to the kernel itself: its policy, log, keys or snapshots. */
  GUARDED: "GUARDED",
  /** Deciding failed; an error never widens access. */
  RULE_ERRORED: "RULE_ERRORED",
  /** A stage between decision and execution threw, or gave an answer that is none. */
  STAGE_FAILED: "STAGE_FAILED",
  /** A stage between decision and execution did not answer in time. */
  STAGE_TIMEOUT: "STAGE_TIMEOUT",
  /** Allowed, but no provider carries out this action. */
  NO_PROVIDER: "NO_PROVIDER",
  /** The provider threw. */
  PROVIDER_ERROR: "PROVIDER_ERROR",
  /** The provider did not answer in time. */
  DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
  /** The provider's Worker died, or was terminated, with this call in flight. */
  PROVIDER_CRASHED: "PROVIDER_CRASHED",
  /** The provider answered with something that is not bounded JSON. */
  RESULT_INVALID: "RESULT_INVALID",
  /** The audit log cannot be written, so nothing is done. */
  AUDIT_UNAVAILABLE: "AUDIT_UNAVAILABLE",
} as const;

/** What {@linkcode Kernel.submit} resolves to. */
export interface ActionResult {
  /** `OK`: done. `DENIED`: the policy refused, nothing was done. `ERROR`: anything else. */
  readonly status: ResultStatus;
  /** What the provider returned; only with `OK`. */
  readonly data?: unknown;
  /** What was refused or failed, why, and what would be needed. */
  readonly error?: string;
  /** A stable code: one of {@linkcode CODES} or the provider's own. */
  readonly code?: string;
  /** Id of the rule that decided. */
  readonly rule?: string;
  /** Id of the record of an action that a provider was called for. */
  readonly recordId?: string;
  /** Of a refusal by a stage: what a program needs to react, for example `retry_after_ms`. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The provider had to cut `data` to its size limit. */
  readonly truncated?: true;
}

/** A request after validation and canonicalisation: what the policy sees, the provider gets and the record holds. */
export interface CanonicalRequest {
  /** As in the request. */
  readonly action: string;
  /** The canonical form of the target. */
  readonly target: string;
  /** A private copy of the params: defaults filled in, secondary resources in canonical form. */
  readonly params: Readonly<Record<string, unknown>>;
  /** As in the request. */
  readonly agent?: string;
  /** As in the request. */
  readonly undoes?: string;
}

/** A pattern that holds for a name of an action: names joined by dots. */
const ACTION_NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/** Whether a string can be the name of an action, like `fs.read`. */
export function isActionName(name: string): boolean {
  return ACTION_NAME.test(name);
}

/** Whether an action has the form of a pattern, in which `*` stands for one segment: `fs.*`. */
export function matchesAction(pattern: string, action: string): boolean {
  const names = action.split(".");
  const segments = pattern.split(".");
  return segments.length === names.length &&
    segments.every((segment, i) => segment === "*" || segment === names[i]);
}
