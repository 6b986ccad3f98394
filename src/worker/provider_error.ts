/**
 * The errors with a code of their own that a provider can throw.
 *
 * @module
 */
import type { ResourceDecision } from "../core/isolation/provider_host.ts";

/** A failure with a stable code; result and record carry it. */
export class ProviderError extends Error {
  /** The name of this class. */
  override name = "ProviderError";
  /** Stable code in upper case, for example `NOT_FOUND`. */
  readonly code: string;

  /**
   * A failure with a code.
   *
   * @param code Upper-case letters, digits and `_`, at most 64; anything else becomes `PROVIDER_ERROR`.
   * @param message What failed and what was expected.
   */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The provider refuses the call: the result and the record are `DENIED` instead of failed. */
export class DeniedError extends ProviderError {
  /** The name of this class. */
  override name = "DeniedError";
  /** Id of the rule of the policy that denied it. */
  readonly rule: string | undefined;

  /**
   * A denial with a code.
   *
   * @param code Upper-case letters, digits and `_`, at most 64.
   * @param message What was denied and why.
   * @param options The rule that denied it, and the cause.
   */
  constructor(
    code: string,
    message: string,
    { rule, ...options }: ErrorOptions & { readonly rule?: string | undefined } = {},
  ) {
    super(code, message, options);
    this.rule = rule;
  }
}

/**
 * Turns a denial into an error that ends the call.
 *
 * @param decision What `context.decide()` resolved to.
 * @returns An error whose message names the resource that was denied.
 */
export function deniedBy({ target, code, reason, rule }: ResourceDecision): DeniedError {
  const message = reason.includes(target) ? reason : `${reason}: "${target}"`;
  return new DeniedError(code, message, { rule });
}
