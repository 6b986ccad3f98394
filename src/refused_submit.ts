/**
 * Requests that are put on record as denied, because nobody said yes to them.
 *
 * @module
 */
import type { Unanswered } from "./approval/unanswered.ts";
import { CODES } from "./core/action.ts";
import type { ProviderHost } from "./core/isolation/provider_host.ts";
import type { CoreKernel, Submission } from "./core/kernel.ts";
import { AuditLogError } from "./core/record/audit_log_error.ts";
import type { Timer } from "./core/timer.ts";
import { StageAdmission } from "./stages/admission.ts";

/** Carries out nothing. */
const NOBODY: ProviderHost = {
  maxOutputBytes: 0,
  call: () => Promise.reject(new Error("There is nobody to carry it out")),
  close: () => Promise.resolve(),
};

/** What is in force. */
export interface RefusedSubmitOptions extends Pick<Submission, "policy" | "world"> {
  readonly timer: Timer;
  readonly onWarning: (line: string) => void;
}

/**
 * Submits a request that is refused.
 *
 * INVARIANT: it goes through the gate like every request, so that it has its record, and is refused in any
 * case: no stage but the refusal is asked, nothing is reserved, and there is nobody who could carry it out.
 *
 * @throws {AuditLogError} (as a rejection) It cannot be recorded.
 */
export async function submitRefused(
  core: CoreKernel,
  { request, refusal }: Unanswered,
  { policy, world, timer, onWarning }: RefusedSubmitOptions,
): Promise<void> {
  const stages = [{ name: "approval", enter: () => refusal }];
  const policyInForce = () => policy.digest;
  const { code, error } = await core.submit(request, {
    ...{ policy, world },
    hostOf: () => NOBODY,
    admit: (request, context) =>
      new StageAdmission({ ownStages: stages, timer, policyInForce, onWarning })
        .enter(stages, request, { ...context, parts: [] }),
  });
  if (code === CODES.AUDIT_UNAVAILABLE) throw new AuditLogError(error ?? code);
}
