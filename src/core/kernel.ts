/**
 * The gate: the only way in which an action is done.
 *
 * @module
 */
import {
  type ActionRequest,
  type ActionResult,
  type CanonicalRequest,
  CODES,
  type RecordStatus,
} from "./action.ts";
import type { SubmitOptions } from "./submit.ts";
import { type Answer, checkAnswer } from "./isolation/answer.ts";
import type { ProviderHost } from "./isolation/provider_host.ts";
import { authorize, decideQuestion } from "./policy/authorize.ts";
import type { Policy, PolicySummary } from "./policy/policy.ts";
import { AuditLogError } from "./record/audit_log_error.ts";
import type { AuditLog } from "./record/log.ts";
import type { RecordBody } from "./record/record.ts";
import { receive, type ReceivedRequest, sha256, shown } from "./request.ts";
import { specOf } from "./resource/kind.ts";
import type { World } from "./resource/world.ts";
import type { Admission, Admit, Stage } from "./stage.ts";
import type { Timer } from "./timer.ts";

/** `submit` was called on a kernel that is closed. */
export class KernelClosedError extends Error {
  /** The name of this class. */
  override name = "KernelClosedError";
  /** Stable code of this class of errors. */
  readonly code = "KERNEL_CLOSED";

  constructor() {
    super("Cannot submit: the kernel is closed");
  }
}

/** A policy in force, and who carries out what it allows. Replaced as a whole by a reload. */
export interface Deployment {
  readonly policy: Policy;
  /** What canonicalising may ask of the machine. */
  readonly world: World;
  /** Where the provider of an action runs; `undefined` if none carries it out. */
  hostOf(action: string): ProviderHost | undefined;
  /** Ends the providers' Workers, once no call is under way. */
  close(): Promise<void>;
}

/** Takes secrets out of what goes on record. */
export interface Redactor {
  text(text: string): string;
  value(value: unknown): unknown;
}

/** What a kernel is made of. */
export interface KernelParts {
  readonly deployment: Deployment;
  readonly log: AuditLog;
  readonly redact: Redactor;
  /** Runs the stages. It can only refuse: it gets a copy of the request. */
  readonly admit: Admit;
  /** The wall clock, as RFC 3339 in UTC with milliseconds. */
  readonly timestamp: () => string;
  readonly timer: Timer;
  /** Whether params are recorded, redacted, beside their digest. */
  readonly logsParams: boolean;
}

/** A request as far as it came: its record can be written. */
interface Decided {
  readonly request: ActionRequest;
  /** SHA-256 of the canonical JSON of the params; `null` if they are no JSON. */
  readonly paramsDigest: string | null;
  readonly policy: Policy;
}

/** A request that the policy allows, and where it is carried out. */
interface Allowed extends Decided {
  readonly request: CanonicalRequest;
  readonly rule: string;
  readonly host: ProviderHost;
  readonly deployment: Deployment;
}

/** How a request ended: what its record and its result say. */
interface Outcome {
  readonly status: RecordStatus;
  readonly code?: string | undefined;
  readonly error?: string | undefined;
  readonly rule?: string | undefined;
  readonly recordId?: string | undefined;
  readonly durationMs?: number | undefined;
  readonly data?: unknown;
  readonly truncated?: boolean | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly stages?: RecordBody["stages"];
}

/**
 * The reference monitor: receive → authorize → stages → intent → dispatch → record. Only the assembly
 * makes one, with all of its parts.
 */
export class CoreKernel {
  readonly #parts: KernelParts;
  #active: ActiveDeployment;
  readonly #retired = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(parts: KernelParts) {
    this.#parts = parts;
    this.#active = new ActiveDeployment(parts.deployment);
  }

  /** The policy in force. */
  get policy(): PolicySummary {
    return this.#active.deployment.policy;
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /**
   * Decides a request, has it carried out if it is allowed, and puts it on record. It never rejects
   * for anything that the request can contain.
   *
   * @param request What an agent wants done; untrusted.
   * @param options For what stands between an agent and the kernel, like a loop or a layer.
   * @returns How it ended, when its record has reached the operating system.
   * @throws {KernelClosedError} (as a rejection) After `close`.
   */
  async submit(request: ActionRequest, options: SubmitOptions = {}): Promise<ActionResult> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    const { problem, stages = [] } = options;
    const active = this.#active;
    active.enter();
    try {
      // INVARIANT: copied before anything is awaited; later changes of the caller change nothing.
      const received = receive(request, { problem });
      return await this.#process(received, active.deployment, stages);
    } catch (error) {
      // INVARIANT: what could not be recorded was not done, or is not answered as done.
      if (!(error instanceof AuditLogError)) throw error;
      return { status: "ERROR", code: CODES.AUDIT_UNAVAILABLE, error: error.message };
    } finally {
      active.leave();
    }
  }

  /**
   * Opens the audit log again after it could not be written (a full disk, lost permissions, a file
   * that was taken away), and continues the same chain. Until then every submit that would act ends
   * with `AUDIT_UNAVAILABLE`. What was carried out but not recorded is recorded first.
   *
   * @throws {AuditLogError} The cause is still there.
   */
  async recover(): Promise<void> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    await this.#parts.log.recover();
  }

  /** Refuses further submits, waits for those in flight, ends the Workers, closes the log. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** Puts another deployment in force for all later submits; those in flight end under the old one. */
  deploy(deployment: Deployment): void {
    const before = this.#active;
    this.#active = new ActiveDeployment(deployment);
    const retired = before.close().finally(() => this.#retired.delete(retired));
    this.#retired.add(retired);
  }

  async #close(): Promise<void> {
    await Promise.all([this.#active.close(), ...this.#retired]);
    await this.#parts.log.close();
  }

  /** authorize. */
  async #process(
    received: ReceivedRequest,
    deployment: Deployment,
    stages: readonly Stage[],
  ): Promise<ActionResult> {
    const { policy } = deployment;
    const { paramsDigest } = received;
    if (received.problem !== undefined) {
      const { request, problem: error } = received;
      return await this.#finish({ request, paramsDigest, policy }, {
        status: "INVALID",
        code: CODES.INVALID_REQUEST,
        error,
      });
    }
    const { request, decision } = authorize(received.request, deployment);
    const { effect, code, reason: error, ruleId: rule } = decision;
    const decided = { request, paramsDigest, policy };
    if (code === CODES.INVALID_TARGET) {
      const outcome = { status: "INVALID", code, error: `malformed request: ${error}` } as const;
      return await this.#finish(decided, outcome);
    }
    // INVARIANT: only a decision that says "allow", by the name of a rule, leads on.
    if (effect !== "allow" || rule === undefined) {
      return await this.#finish(decided, { status: "DENIED", code, error, rule });
    }
    const host = deployment.hostOf(request.action);
    if (host === undefined) {
      return await this.#finish(decided, {
        status: "NO_PROVIDER",
        code: CODES.NO_PROVIDER,
        error:
          `no provider: ${request.action} is allowed, but no provider of this kernel carries it out`,
        rule,
      });
    }
    return await this.#admit({ ...decided, rule, host, deployment }, stages);
  }

  /** stages → intent → dispatch → record. */
  async #admit(allowed: Allowed, stages: readonly Stage[]): Promise<ActionResult> {
    const { request, rule, policy } = allowed;
    const recordId = crypto.randomUUID();
    const context = { recordId, rule, policy: policy.digest };
    const admission = await this.#parts.admit(stages, structuredClone(request), context);
    const refusal = admission.refusal ?? admission.confirm(this.policy.digest);
    const outcome: Outcome = refusal === undefined
      ? await this.#execute(allowed, admission, recordId)
      : { status: "DENIED", code: refusal.code, error: refusal.refusal, rule };
    const { status, code, data, durationMs } = outcome;
    const executed = durationMs !== undefined;
    await admission.settle({ status, code, data, executed, durationMs: durationMs ?? 0 });
    return await this.#finish(allowed, {
      ...outcome,
      details: refusal?.details,
      stages: admission.fields,
    });
  }

  /** intent → dispatch. */
  async #execute(
    { request, rule, host, deployment, paramsDigest, policy }: Allowed,
    admission: Admission,
    recordId: string,
  ): Promise<Outcome> {
    const { log, timer } = this.#parts;
    try {
      // INVARIANT: what could not be recorded is not done. If this throws, no provider is called.
      log.assertWritable();
      if (specOf(policy.actions, request.action).effect !== "none") {
        const intent = { status: "INTERRUPTED", rule, stages: admission.fields } as const;
        await log.intend(this.#body({ request, paramsDigest, policy }, intent), recordId);
      }
    } catch (error) {
      const code = CODES.AUDIT_UNAVAILABLE;
      await admission.settle({ status: "FAILED", code, executed: false, durationMs: 0 });
      throw error;
    }
    const { preparation } = admission;
    const start = timer.now();
    // INVARIANT: what is executed is what was decided: the same canonical request.
    const answer = checkAnswer(
      await host.call(
        preparation === undefined ? request : { ...request, preparation },
        (question) => decideQuestion(question, request.action, deployment),
      ),
      host.maxOutputBytes,
    );
    return { ...outcomeOf(answer, rule, policy), recordId, durationMs: timer.now() - start };
  }

  /** record: exactly one for each submit that is answered. */
  async #finish(decided: Decided, outcome: Outcome): Promise<ActionResult> {
    await this.#parts.log.append(this.#body(decided, outcome));
    return resultOf(outcome);
  }

  #body({ request, paramsDigest, policy }: Decided, outcome: Outcome): RecordBody {
    const { redact, timestamp, logsParams } = this.#parts;
    const { status, error, durationMs, stages } = outcome;
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
      agent: agent === undefined ? undefined : redact.text(agent),
      rule: outcome.rule,
      code: outcome.code,
      policy: policy.digest,
      params: paramsDigest,
      params_values: logsParams && params !== undefined ? redact.value(params) : undefined,
      // What looks like a secret is not shown, but two targets stay two.
      target_digest: target === given ? undefined : sha256(given),
      stages: stages === undefined ? undefined : redact.value(stages) as RecordBody["stages"],
    };
  }
}

/** A deployment and the submits that are under way by it. */
class ActiveDeployment {
  readonly deployment: Deployment;
  #inFlight = 0;
  #drained: (() => void) | undefined;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  enter(): void {
    this.#inFlight++;
  }

  leave(): void {
    if (--this.#inFlight === 0) this.#drained?.();
  }

  /** Waits for what is under way, then ends it. */
  async close(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#drained = resolve);
    await this.deployment.close();
  }
}

function outcomeOf(answer: Answer, allowedBy: string, policy: Policy): Outcome {
  if (answer.ok) {
    const { data, truncated } = answer;
    return { status: "OK", data, truncated, rule: allowedBy };
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
  return {
    status: status === "OK" || status === "DENIED" ? status : "ERROR",
    ...(status === "OK" ? { data: outcome.data } : { error, code }),
    ...(recordId === undefined ? {} : { recordId }),
    ...(rule === undefined ? {} : { rule }),
    ...(details === undefined ? {} : { details }),
    ...(truncated ? { truncated } : {}),
  } as ActionResult;
}
