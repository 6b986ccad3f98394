/**
 * What stands between decision and execution because the policy says so.
 *
 * @module
 */
import { MemoryGrants } from "./approval/grant.ts";
import { ApprovalInbox } from "./approval/inbox.ts";
import { ApprovalDesk } from "./approval/stage.ts";
import { argumentPathsStages } from "./argument_paths/stage.ts";
import type { LimitEnforcement } from "./limits/enforcement.ts";
import { programLimitsStage } from "./limits/program_limits.ts";
import type { KernelOptions } from "./options.ts";
import type { ResolvedOptions } from "./resolve.ts";
import { shadowStages } from "./shadow_stage.ts";
import type { Stage } from "./stages/stage.ts";

/** Who answers: the approver of the options, or whoever has the inbox. */
export function deskOf(
  options: KernelOptions,
  { approvalsPath, policy }: ResolvedOptions,
  onWarning: (line: string) => void,
): ApprovalDesk {
  const { timer, clock = () => new Date() } = options;
  const inbox = approvalsPath === undefined ? undefined : new ApprovalInbox(approvalsPath, {
    ...{ timer, clock },
  });
  // There from the start, so that it is hidden from programs that run before the first question.
  if (policy.approvals.size > 0) inbox?.open();
  const { approver = inbox, onQuestion, patienceMs } = options.approvals ?? {};
  if (patienceMs !== undefined && !(patienceMs >= 0)) {
    throw new RangeError(
      `Cannot open the kernel: approvals.patienceMs is ${patienceMs}, expected 0 or more milliseconds`,
    );
  }
  const grants = inbox ?? new MemoryGrants();
  return new ApprovalDesk({ approver, clock, timer, grants, patienceMs, onQuestion, onWarning });
}

/** The stages that follow from the policy: paths among arguments, limits, approvals. */
export async function stagesOf(
  { policy, world, byAction }: ResolvedOptions,
  { enforcement, desk }: { readonly enforcement: LimitEnforcement; readonly desk: ApprovalDesk },
): Promise<Stage[]> {
  const { programs } = policy.limits;
  const stage = await enforcement.stageFor(policy.limits, {
    boundsOf(action) {
      const provider = byAction.get(action);
      if (provider === undefined) throw new Error(`No provider carries out ${action}`);
      return provider;
    },
  });
  return [
    ...shadowStages(policy.tried, world),
    ...argumentPathsStages({ policy, world }),
    ...stage === undefined ? [] : [stage],
    ...programs.size === 0 ? [] : [programLimitsStage(programs)],
    ...desk.stagesFor(policy, policy.approvals),
  ];
}
