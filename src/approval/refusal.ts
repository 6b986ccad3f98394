/**
 * Refusals of requests that needed a yes.
 *
 * @module
 */
import type { StageRefusal } from "../core/admission.ts";

/** Codes of refusals. */
export const APPROVAL_CODES = {
  /** Somebody said no. */
  DENIED: "APPROVAL_DENIED",
  /** Nobody answered in time. */
  TIMEOUT: "APPROVAL_TIMEOUT",
  /** Nobody has answered yet; the question is left, and an equal request takes it up. */
  PENDING: "APPROVAL_PENDING",
  /** There was a yes, and what was shown has changed since. */
  STALE: "APPROVAL_STALE",
  /** There is nobody to ask, or asking failed. */
  UNAVAILABLE: "APPROVAL_UNAVAILABLE",
} as const;

/** Longest reason of an answer that is passed on, in bytes of UTF-8. */
export const MAX_REASON_BYTES = 1024;

/** A refusal with one of these codes, and what its record says. */
export function refused(
  code: keyof typeof APPROVAL_CODES,
  why: string,
  fields?: Readonly<Record<string, unknown>>,
): StageRefusal {
  const refusal = { refusal: `not permitted: ${why}`, code: APPROVAL_CODES[code] };
  return fields === undefined ? refusal : { ...refusal, fields };
}
