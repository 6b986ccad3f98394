/**
 * The way of one request through an open kernel: bounded, with its session and its stages, to the gate of
 * the core; questions of its provider go the same way.
 *
 * @module
 */
import type { ActionRequest, CanonicalRequest } from "./core/action.ts";
import type { Admit } from "./core/admission.ts";
import type { ProviderHost } from "./core/isolation/provider_host.ts";
import type { CoreKernel } from "./core/kernel.ts";
import type { Timer } from "./core/timer.ts";
import type { Deployment } from "./deployment.ts";
import type { EventLoopTurns } from "./event_loop.ts";
import type { SubmitGate } from "./limits/submit_gate.ts";
import type { PolicyWithExamples } from "./policy_tools/read.ts";
import { Asking } from "./provenance/asking.ts";
import { mayChangeFiles } from "./provenance/changed_files.ts";
import type { SessionDesk } from "./provenance/desk.ts";
import { type QuestionGate, recordingHost } from "./recorded_decisions.ts";
import { StageAdmission } from "./stages/admission.ts";
import { ruledPartsOf } from "./stages/parts.ts";
import type { Stage } from "./stages/stage.ts";
import type { LabelledResult, SubmitOptions } from "./stages/submit.ts";

/** What of an open kernel every request passes. */
export interface SubmissionParts {
  readonly core: CoreKernel;
  readonly gate: SubmitGate;
  readonly sessions: SessionDesk;
  readonly timer: Timer;
  readonly turns: EventLoopTurns;
  /** Stages of the host, behind those of the policy. */
  readonly stages: readonly Stage[];
  /** The digest of the policy that decides what comes now. */
  readonly policyInForce: () => string;
  readonly onWarning: (line: string) => void;
}

/**
 * Has one request decided, done and recorded.
 *
 * @param deployment The policy that decides, until the request has ended.
 * @param outside Stands where the provider would, for an action that the caller does itself.
 */
export function submitThrough(
  request: ActionRequest,
  { problem, stages = [], session: given }: SubmitOptions,
  { parts, deployment, outside }: {
    readonly parts: SubmissionParts;
    readonly deployment: Deployment;
    readonly outside: ProviderHost | undefined;
  },
): Promise<LabelledResult> {
  const { core, gate: submits, timer, onWarning, policyInForce } = parts;
  const { policy, world } = deployment;
  const asking = askingOf(policy, given, parts.sessions);
  const entered = submits.enter(request, { policy, session: asking, problem });
  if (entered.refused !== undefined) return entered.refused;
  const own = asking === undefined ? deployment.stages : [asking.stage(), ...deployment.stages];
  /** The call during which its provider asks. */
  let askedBy: { action: string; target: string; rule: string } | undefined;
  const admit = (more: readonly Stage[], ended?: AbortSignal): Admit | undefined => {
    const all = [...own, ...parts.stages, ...more];
    if (all.length === 0) return undefined;
    return (request, context) => {
      const admission = new StageAdmission({ ownStages: own, timer, policyInForce, onWarning });
      const { parts, refusal } = ruledPartsOf(request, { policy, session: asking });
      if (refusal !== undefined) return Promise.resolve(admission.refuse(refusal));
      const told = {
        ...{ ...context, parts },
        ...outside === undefined ? {} : { isPermit: true },
        ...asking === undefined
          ? {}
          : { notes: (asked: CanonicalRequest) => asking.notes(asked, context.rule) },
      };
      const asked = askedBy === undefined || ended === undefined
        ? told
        : { ...told, askedBy: { ...askedBy, signal: ended } };
      askedBy ??= { action: request.action, target: request.target, rule: context.rule };
      return admission.enter(all, request, asked);
    };
  };
  const gate = (): QuestionGate => ({
    submit: (request, host, ended) => {
      const entered = submits.enter(request, { policy, session: asking });
      if (entered.refused !== undefined) return entered.refused;
      const more = { hostOf: () => host, admit: admit([], ended) };
      return core.submit(entered.request, { policy, world, session: asking, ...more });
    },
    needsRecord: (rule, target) =>
      policy.approvals.has(rule) && !(rule === askedBy?.rule && target === askedBy.target),
    turn: () => parts.turns.own(),
  });
  const hostOf = (action: string) => {
    if (outside !== undefined) return outside;
    const host = deployment.hostOf(action);
    const records = deployment.recordsOf(action);
    if (host === undefined || (records.length === 0 && policy.approvals.size === 0)) return host;
    return recordingHost(host, records, gate());
  };
  const submitted = () =>
    core.submit(entered.request, {
      ...{ policy, world, session: asking, problem, hostOf, admit: admit(stages) },
      isPermit: outside !== undefined,
    });
  if (asking === undefined) return deployment.run(submitted);
  return deployment.run(async () => {
    const result = await submitted();
    asking.learnError(result);
    const provenance = asking.label;
    return provenance === undefined ? result : { ...result, provenance };
  });
}

/** What conditions on origin ask; `undefined` if there are none, no session, and no file can change. */
function askingOf(
  policy: PolicyWithExamples,
  given: SubmitOptions["session"],
  sessions: SessionDesk,
): Asking | undefined {
  const { provenance, actions, rules } = policy;
  const isAsked = provenance.rules.size > 0 ||
    provenance.sources.some(({ isSecret }) => isSecret);
  // What is changed under this policy may be a source under the next.
  if (given === undefined && !isAsked && !mayChangeFiles(policy)) return undefined;
  const session = given === undefined ? undefined : sessions.get(given.id) ?? { id: given.id };
  const changed = () => sessions.changed;
  return new Asking({ session, provenance, actions, changed, rules });
}
