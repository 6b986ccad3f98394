/**
 * The gate: the only way in which an action is done.
 *
 * @module
 */
import { type ActionRequest, type ActionResult, type CanonicalRequest, CODES } from "./action.ts";
import { isInstance } from "./errors.ts";
import { type Answer, checkAnswer } from "./isolation/answer.ts";
import type { ProviderHost } from "./isolation/provider_host.ts";
import { authorize, decideQuestion, type PolicyContext } from "./policy/authorize.ts";
import { AuditLogError } from "./record/audit_log_error.ts";
import type { AuditLog } from "./record/log.ts";
import type { RecordBody } from "./record/record.ts";
import { clone, receive, type ReceivedRequest, sha256, shown } from "./request.ts";
import { specOf } from "./resource/kind.ts";
import type { Admission, Admit } from "./admission.ts";
import type { Timer } from "./timer.ts";

/** What one request is submitted with. */
export interface Submission extends PolicyContext {
  /** Where the provider of an action runs; `undefined` if none carries it out. */
  hostOf(action: string): ProviderHost | undefined;
  /** Asks the stages. @default there are none */
  readonly admit?: Admit | undefined;
  /** What the caller found wrong with the request: it is then `INVALID`. */
  readonly problem?: string | undefined;
  /**
   * Nothing is executed by the kernel: the caller will do it. What the host answers as `OK` is on record
   * as `PERMITTED`. @default false
   */
  readonly isPermit?: boolean;
}

/** Takes secrets out of what goes on record. */
export interface Redactor {
  text(text: string): string;
  value(value: unknown): unknown;
}

/** What a kernel is made of. */
export interface KernelParts {
  readonly log: AuditLog;
  readonly redact: Redactor;
  /** The wall clock, as RFC 3339 in UTC with milliseconds. */
  readonly timestamp: () => string;
  readonly timer: Timer;
  /** Whether params are recorded, redacted, beside their digest, of a request that ended so. */
  readonly logsParams: (status: RecordBody["status"]) => boolean;
}

/** A request as far as it came: its record can be written. */
export interface Decided extends Pick<PolicyContext, "policy" | "session"> {
  readonly request: ActionRequest;
  /** SHA-256 of the canonical JSON of the params; `null` if they are no JSON. */
  readonly paramsDigest: string | null;
}

/** A request that the policy allows, and where it is carried out. */
interface Allowed extends Decided {
  readonly request: CanonicalRequest;
  readonly rule: string;
  readonly host: ProviderHost;
  readonly submission: Submission;
}

/** How a request ended: what its record and its result say. */
export interface Outcome
  extends Pick<RecordBody, "status" | "code" | "error" | "rule" | "permit" | "stages"> {
  readonly recordId?: string | undefined;
  readonly durationMs?: number | undefined;
  readonly data?: unknown;
  readonly truncated?: boolean | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The reference monitor: receive → authorize → stages → intent → dispatch → record. Only the assembly
 * makes one. Which policy is in force, and who runs what, is told with each request.
 */
export class CoreKernel {
  readonly #parts: KernelParts;

  constructor(parts: KernelParts) {
    this.#parts = parts;
  }

  /**
   * Decides a request, has it carried out if it is allowed, and puts it on record. It never rejects
   * for anything that the request can contain.
   *
   * @param request What an agent wants done; untrusted.
   * @returns How it ended, when its record has reached the operating system.
   */
  async submit(request: ActionRequest, submission: Submission): Promise<ActionResult> {
    try {
      // INVARIANT: copied before anything is awaited; later changes of the caller change nothing.
      return await this.#authorize(receive(request, submission), submission);
    } catch (error) {
      // INVARIANT: what could not be recorded was not done, or is not answered as done.
      if (!isInstance(error, AuditLogError)) throw error;
      return { status: "ERROR", code: CODES.AUDIT_UNAVAILABLE, error: error.message };
    }
  }

  #authorize(received: ReceivedRequest, submission: Submission): Promise<ActionResult> {
    const { problem: error } = received;
    if (error !== undefined) {
      const outcome = { status: "INVALID", code: CODES.INVALID_REQUEST, error } as const;
      return this.record({ ...submission, ...received }, outcome);
    }
    const { request, decision } = authorize(received.request, submission);
    const { effect, code, reason, ruleId: rule } = decision;
    const decided = { ...submission, ...received, request };
    if (code === CODES.INVALID_TARGET) {
      const error = `malformed request: ${reason}`;
      return this.record(decided, { status: "INVALID", code, error });
    }
    // INVARIANT: only a decision that says "allow", by the name of a rule, leads on.
    if (effect !== "allow" || rule === undefined) {
      return this.record(decided, { status: "DENIED", code, error: reason, rule });
    }
    const host = submission.hostOf(request.action);
    if (host === undefined) {
      const error =
        `no provider: ${request.action} is allowed, but no provider of this kernel carries it out`;
      return this.record(decided, { status: "NO_PROVIDER", code: CODES.NO_PROVIDER, error, rule });
    }
    return this.#admit({ ...decided, rule, host, submission });
  }

  async #admit(allowed: Allowed): Promise<ActionResult> {
    const { request, rule, policy, submission: { admit } } = allowed;
    const recordId = crypto.randomUUID();
    const context = { recordId, rule, policy: policy.digest };
    const admission = admit && await admit(clone(request), context);
    // INVARIANT: where there are stages, nothing passes without their answer.
    const refusal = admit && (admission as Admission).refusal();
    const outcome: Outcome = refusal === undefined
      ? await this.#execute(allowed, recordId, admission)
      : { status: "DENIED", code: refusal.code, error: refusal.refusal, rule };
    const { status, code, data, durationMs } = outcome;
    const executed = durationMs !== undefined;
    await admission?.settle({ status, code, data, executed, durationMs: durationMs ?? 0 });
    const ended = { ...outcome, details: refusal?.details, stages: admission?.fields };
    return await this.record(allowed, ended);
  }

  async #execute(allowed: Allowed, recordId: string, admission?: Admission): Promise<Outcome> {
    const { request, rule, host, submission, policy } = allowed;
    const { log, timer } = this.#parts;
    try {
      // INVARIANT: what could not be recorded is not done. If this throws, no provider is called.
      log.assertWritable();
      const { effect } = specOf(policy.actions, request.action);
      if (effect !== "none" && !submission.isPermit) {
        const intent = { status: "INTERRUPTED", rule, stages: admission?.fields } as const;
        await log.intend(this.#body(allowed, intent), recordId);
      }
    } catch (error) {
      const code = CODES.AUDIT_UNAVAILABLE;
      await admission?.settle({ status: "FAILED", code, executed: false, durationMs: 0 });
      throw error;
    }
    const preparation = admission?.preparation;
    const start = timer.now();
    // INVARIANT: what is executed is what was decided: the same canonical request.
    const answer = await host.call(
      preparation === undefined ? request : { ...request, preparation },
      (question) => decideQuestion(question, request, submission),
    );
    const outcome = outcomeOf(checkAnswer(answer, host.maxOutputBytes), allowed);
    return { ...outcome, recordId, durationMs: timer.now() - start };
  }

  /**
   * record: exactly one for each submit that is answered. The assembly calls it for what became of an action
   * that was permitted, and for submits that a limit refuses before they are decided.
   */
  async record(decided: Decided, outcome: Outcome): Promise<ActionResult> {
    await this.#parts.log.append(this.#body(decided, outcome));
    return resultOf(outcome);
  }

  #body({ request, paramsDigest, policy, session }: Decided, outcome: Outcome): RecordBody {
    const { redact, timestamp, logsParams } = this.#parts;
    const { status, error, durationMs } = outcome;
    const common = session?.fields;
    const stages = common ? { ...common, ...outcome.stages } : outcome.stages;
    const { agent, params, undoes } = request;
    const given = status === "INVALID" ? shown(request.target) : request.target;
    const target = redact.text(given);
    return {
      timestamp: timestamp(),
      // INVARIANT: nothing from outside reaches the log but through redaction.
      action: policy.index.has(request.action) ? request.action : redact.text(request.action),
      target,
      status,
      error: error === undefined ? undefined : redact.text(error),
      duration_ms: durationMs === undefined ? undefined : Math.round(durationMs * 1000) / 1000,
      record_id: outcome.recordId,
      undoes,
      permit: outcome.permit,
      agent: agent === undefined ? undefined : redact.text(agent),
      rule: outcome.rule,
      code: outcome.code,
      policy: policy.digest,
      params: paramsDigest,
      params_values: logsParams(status) && params !== undefined ? redact.value(params) : undefined,
      // What looks like a secret is not shown, but two targets stay two.
      target_digest: target === given ? undefined : sha256(given),
      stages: stages === undefined ? undefined : redact.value(stages) as RecordBody["stages"],
    };
  }
}

function outcomeOf(answer: Answer, { rule: allowedBy, policy, submission }: Allowed): Outcome {
  if (answer.ok) {
    const { data, truncated } = answer;
    const status = submission.isPermit ? "PERMITTED" : "OK";
    return { status, data, truncated, rule: allowedBy };
  }
  const { code, error, denied } = answer;
  if (!denied) return { status: "FAILED", code, error, rule: allowedBy };
  // A provider can name any rule; only one that the policy has is recorded.
  const rule = policy.rules.find(({ id }) => id === answer.rule)?.id;
  return { status: "DENIED", code, error, rule };
}

/** What the caller is told. */
function resultOf(outcome: Outcome): ActionResult {
  const { status, error, code, rule, recordId, details, truncated } = outcome;
  const isOk = status === "OK" || status === "PERMITTED";
  return {
    status: isOk ? "OK" : status === "DENIED" ? status : "ERROR",
    ...(isOk ? { data: outcome.data } : { error, code }),
    ...(recordId === undefined ? {} : { recordId }),
    ...(rule === undefined ? {} : { rule }),
    ...(details === undefined ? {} : { details }),
    ...(truncated ? { truncated } : {}),
  } as ActionResult;
}
