/**
 * What stands before the gate if the policy limits submits: a flood of them ends here.
 *
 * @module
 */
import { type ActionRequest, type ActionResult, CODES } from "../core/action.ts";
import { isInstance } from "../core/errors.ts";
import type { CoreKernel } from "../core/kernel.ts";
import type { Session } from "../core/policy/constraint.ts";
import type { Policy } from "../core/policy/policy.ts";
import { AuditLogError } from "../core/record/audit_log_error.ts";
import { receive } from "../core/request.ts";
import type { Timer } from "../core/timer.ts";
import { FoldedRefusals } from "./folded_refusals.ts";
import type { PolicyLimits } from "./limit.ts";
import { LIMIT_CODES, readable } from "./stage.ts";
import { SubmitBounds, type SubmitRefusal } from "./submit_bounds.ts";

/** What the gate is made of. */
export interface SubmitGateOptions {
  readonly core: Pick<CoreKernel, "record">;
  readonly timer: Timer;
  /** Wall clock. */
  readonly clock: () => Date;
  readonly onWarning: (line: string) => void;
}

/** What a submit is counted by. */
export interface SubmitContext {
  readonly policy: Policy & { readonly limits: Pick<PolicyLimits, "submits"> };
  /** Of which the submit is a part. */
  readonly session: Session | undefined;
  /** What the caller found wrong with the request. @default nothing */
  readonly problem?: string | undefined;
}

/** A submit that may go on, or has its answer. */
export type Entered =
  | { readonly request: ActionRequest; readonly refused?: undefined }
  | { readonly refused: Promise<ActionResult> };

/** Counts the submits of one open kernel, over all of its policies. */
export class SubmitGate {
  readonly #options: SubmitGateOptions;
  readonly #bounds: SubmitBounds;
  readonly #folded: FoldedRefusals;

  constructor(options: SubmitGateOptions) {
    const { core, timer, clock, onWarning } = options;
    this.#options = options;
    this.#bounds = new SubmitBounds(() => timer.now());
    this.#folded = new FoldedRefusals({
      ...{ timer, onWarning },
      timestamp: () => clock().toISOString(),
      record: (decided, outcome) => core.record(decided, outcome),
    });
  }

  /**
   * Counts a submit.
   *
   * @param request Untrusted.
   * @param context The policy with its limits, and what the caller knows.
   * @returns What is to be submitted in its place: a private copy, so that what was counted for an agent is
   * decided for that agent. Or the answer that it gets instead.
   */
  enter(request: ActionRequest, { policy, session, problem: found }: SubmitContext): Entered {
    const { submits } = policy.limits;
    if (submits.length === 0) return { request };
    const received = receive(request, { problem: found });
    const { request: copy, paramsDigest, problem } = received;
    const refusal = this.#bounds.enter(submits, copy);
    if (refusal !== undefined) {
      return { refused: this.#refuse({ request: copy, paramsDigest, policy }, refusal) };
    }
    if (problem === undefined) return { request: copy };
    // INVARIANT: what was counted as malformed is not read again: its getters could give another request.
    const invalid = { status: "INVALID", code: CODES.INVALID_REQUEST, error: problem } as const;
    return { refused: this.#record({ request: copy, paramsDigest, policy, session }, invalid) };
  }

  /** Records what is gathered. To be called before the log is closed. */
  close(): Promise<void> {
    return this.#folded.close();
  }

  async #refuse(
    decided: Parameters<CoreKernel["record"]>[0],
    { limit, who, retryAfterMs }: SubmitRefusal,
  ): Promise<ActionResult> {
    const code = LIMIT_CODES.SUBMITS_LIMITED;
    const error = `not decided: limit "${limit.id}" (${limit.text}): too many submits${
      limit.shared ? "" : " of this agent"
    }, refused ones among them${
      retryAfterMs === undefined ? "" : `, try again in ${readable(retryAfterMs)}`
    }`;
    const details = {
      ...{ limit: limit.id, left: "0" },
      ...retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs },
    };
    const { foldMs } = limit;
    if (foldMs !== undefined) {
      this.#folded.add({ ...{ decided, code, error, who, foldMs }, limit: limit.id });
      return { status: "DENIED", error, code, details };
    }
    const stages = { limits: { exceeded: limit.id } };
    return await this.#record(decided, { status: "DENIED", code, error, details, stages });
  }

  async #record(...record: Parameters<CoreKernel["record"]>): Promise<ActionResult> {
    try {
      return await this.#options.core.record(...record);
    } catch (error) {
      if (!isInstance(error, AuditLogError)) throw error;
      return { status: "ERROR", code: CODES.AUDIT_UNAVAILABLE, error: error.message };
    }
  }
}
