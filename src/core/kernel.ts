/**
 * The gate: the only way in which an action is done.
 *
 * @module
 */
import {
  type ActionRequest,
  type ActionResult,
  CODES,
  type RecordStatus,
  type SubmitOptions,
} from "./action.ts";
import { AuditLogError } from "./record/audit_log_error.ts";
import { AuditLog } from "./record/log.ts";
import type { RecordBody } from "./record/record.ts";
import { copyJson } from "./json.ts";
import type { Preparation } from "./stage.ts";
import type { CheckpointPublisher } from "../checkpoint/publisher.ts";
import { redactText, redactValue } from "../redaction.ts";
import { Installation, warnerOf } from "../installation.ts";
import { judgeQuestion } from "./policy/judge.ts";
import type { KernelOptions } from "../options.ts";
import { auditOptions, publisherFor } from "../log_options.ts";
import type { PolicySummary } from "./policy/policy.ts";
import { SYSTEM_TIMER, type Timer } from "./timer.ts";
import type { Answer } from "./isolation/protocol.ts";
import { whatWasThrown } from "./isolation/answer.ts";
import type { ProviderRequest } from "./isolation/provider.ts";
import { receive, refused, sha256, shown } from "./request.ts";
import { type Decided, type Permitted, resultOf, verdictOn } from "./verdict.ts";
import { type SubmitTracer, submitTracer } from "../telemetry.ts";

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

/** How a submit ended. */
interface Outcome {
  readonly status: RecordStatus;
  readonly error?: string | undefined;
  readonly code?: string | undefined;
  readonly rule?: string | undefined;
  readonly durationMs?: number;
  readonly recordId?: string;
}

/** What a kernel is made of. */
interface Parts {
  readonly installation: Installation;
  readonly audit: AuditLog;
  readonly checkpoints: CheckpointPublisher | undefined;
  readonly tracer: SubmitTracer | undefined;
}

// INVARIANT: only Kernel.open makes kernels, so that none works without its checks.
const OPENED = Symbol("opened");

/**
 * A security boundary for LLM agents. Every tool call becomes a request; `submit` is the only way
 * to have it done, and each submit ends in exactly one record of the audit log.
 *
 * It decides what the process's own code asks it to decide: code that has Deno permissions of its
 * own and goes around the kernel is not its matter. See `SECURITY.md` for what is not protected.
 *
 * @example
 * ```ts ignore
 * import { Kernel } from "@agent-kernel/kernel";
 * import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
 *
 * await using kernel = await Kernel.open({
 *   policy: "policy.yaml",
 *   providers: [new FilesystemProvider()],
 *   logPath: "kernel.log",
 * });
 * const result = await kernel.submit({ action: "fs.read", target: "/workspace/data.csv" });
 * ```
 */
export class Kernel implements AsyncDisposable {
  readonly #audit: AuditLog;
  readonly #checkpoints: CheckpointPublisher | undefined;
  readonly #tracer: SubmitTracer | undefined;
  readonly #clock: () => Date;
  readonly #logsParams: boolean;
  readonly #timer: Timer;
  #installation: Installation;
  #reloading: Promise<void> | undefined;
  #lastTime = NaN;
  #lastTimestamp = "";
  #inFlight = 0;
  #closed: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  /** Use {@linkcode Kernel.open}. */
  constructor(opened: symbol, parts: Parts, options: KernelOptions) {
    if (opened !== OPENED) {
      throw new TypeError("Cannot construct a Kernel, use await Kernel.open({...})");
    }
    this.#installation = parts.installation;
    this.#audit = parts.audit;
    this.#checkpoints = parts.checkpoints;
    this.#tracer = parts.tracer;
    this.#clock = options.clock ?? (() => new Date());
    this.#logsParams = options.logParams === "redacted";
    this.#timer = options.timer ?? SYSTEM_TIMER;
  }

  /**
   * Loads and checks the policy, compares the permissions of the process with it, and opens the log.
   * Providers' Workers start with their first call.
   *
   * @throws {PolicyError} The policy is refused.
   * @throws {MissingPermissionError} The process was started with less than the policy needs.
   * @throws {WorkerOptionsError} Deno was started without `--unstable-worker-options`.
   * @throws {AuditLogError} The log cannot be opened or continued.
   * @throws {KeyError} The key of the checkpoints is refused.
   * @throws {AuditLogBusyError} Another kernel has the log open.
   * @throws {TypeError} Two providers carry out the same action, or a path is not absolute and the
   * process may not know where it stands.
   */
  static async open(options: KernelOptions): Promise<Kernel> {
    const installation = await Installation.prepare(options);
    const { logPath, policy } = installation;
    let opened: AuditLog | undefined;
    const checkpoints = publisherFor(options, logPath, () => opened?.sync());
    const audit = opened = await AuditLog.open(logPath, {
      ...auditOptions(options, checkpoints),
      policy: policy.digest,
    });
    const tracer = await submitTracer(warnerOf(options));
    return new Kernel(OPENED, { installation, audit, checkpoints, tracer }, options);
  }

  /** The policy in force. */
  get policy(): PolicySummary {
    return this.#installation.policy;
  }

  /**
   * Decides a request, has it carried out if it is allowed, and puts it on record. It never rejects
   * for anything that the request can contain.
   *
   * @param options For what stands between an agent and the gate: a loop, a layer that saves things.
   * @returns When the record has reached the operating system.
   * @throws {KernelClosedError} (as a rejection) After `close`.
   */
  async submit(request: ActionRequest, options: SubmitOptions = {}): Promise<ActionResult> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    const { problem, prepare } = options;
    this.#inFlight++;
    const installation = this.#installation;
    installation.enter();
    const received = problem === undefined ? receive(request) : refused(receive(request), problem);
    const startTime = this.#tracer === undefined ? 0 : Date.now();
    try {
      const decided = verdictOn(received, installation);
      const { refusal } = decided;
      // INVARIANT: a submit ends with its record. The most frequent end takes the shortest way there.
      if (refusal !== undefined) await this.#audit.append(this.#body(decided, refusal));
      const result = refusal === undefined
        ? await this.#carryOut(decided, installation, prepare)
        : resultOf(refusal);
      this.#tracer?.record({ ...received.request, ...result, startTime, endTime: Date.now() });
      return result;
    } catch (error) {
      if (!(error instanceof AuditLogError)) throw error;
      return { status: "ERROR", code: CODES.AUDIT_UNAVAILABLE, error: error.message };
    } finally {
      installation.leave();
      if (--this.#inFlight === 0) this.#drained?.();
    }
  }

  /**
   * Replaces the policy at once for all later submits; those in flight end under the old one.
   * Everything that `open` checks is checked before; if it throws, the old policy stays in force.
   *
   * @param policy As in {@linkcode KernelOptions}.
   * @throws {PolicyError} The new policy is refused.
   * @throws {MissingPermissionError} It allows more than the process may do.
   */
  async reload(policy: KernelOptions["policy"]): Promise<void> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    const earlier = this.#reloading;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reloading = promise;
    try {
      await earlier;
      const next = await this.#installation.withPolicy(policy);
      const before = this.#installation;
      this.#installation = next;
      next.retire(before);
    } finally {
      resolve();
    }
  }

  /**
   * Opens the audit log again after it could not be written (a full disk, lost permissions, a file
   * that was taken away), and goes on with the same chain. Until then every submit that would act
   * ends with `AUDIT_UNAVAILABLE`. What was carried out but not recorded is recorded first.
   *
   * @throws {AuditLogError} The cause is still there.
   */
  async recover(): Promise<void> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    await this.#audit.recover();
  }

  /** Refuses further submits, waits for those in flight, ends the Workers, closes the log. */
  close(): Promise<void> {
    return this.#closed ??= (async () => {
      await this.#reloading;
      if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#drained = resolve);
      await this.#installation.close();
      await this.#checkpoints?.close();
      await this.#audit.close();
    })();
  }

  /** The same as {@linkcode Kernel.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #carryOut(
    decided: Permitted,
    installation: Installation,
    prepare: SubmitOptions["prepare"],
  ): Promise<ActionResult> {
    const { request, host, rule } = decided;
    const recordId = crypto.randomUUID();
    let call: ProviderRequest = request;
    if (prepare !== undefined) {
      try {
        const prepared = await prepare(structuredClone(request), recordId);
        // INVARIANT: a preparation comes from the caller's code, and from no request: `request` has none.
        if (prepared !== undefined) {
          call = { ...request, preparation: copyJson(prepared, "preparation") as Preparation };
        }
      } catch (error) {
        // INVARIANT: a callback that throws never widens access.
        const { code = CODES.PREPARATION_FAILED, message } = whatWasThrown(error);
        const refusal = { status: "DENIED", code, error: message, rule } as const;
        await this.#audit.append(this.#body(decided, refusal));
        return resultOf(refusal);
      }
    }
    // INVARIANT: what could not be recorded is not done. If this throws, no provider is called.
    await this.#audit.intend(this.#body(decided, { status: "INTERRUPTED", rule }), recordId);
    const start = this.#timer.now();
    const answer = await host.call(
      call,
      (question) => judgeQuestion(question, request.action, installation),
    );
    const durationMs = this.#timer.now() - start;
    return await this.#conclude(decided, answer, { recordId, durationMs });
  }

  /** Everything that a provider was called for. */
  async #conclude(
    decided: Permitted,
    answer: Answer,
    call: { readonly recordId: string; readonly durationMs: number },
  ): Promise<ActionResult> {
    const { recordId } = call;
    const { policy, rule } = decided;
    const known = rule === undefined ? { recordId } : { recordId, rule };
    if (answer.ok) {
      await this.#audit.append(this.#body(decided, { status: "OK", rule, ...call }));
      const { data, truncated } = answer;
      return truncated
        ? { status: "OK", data, ...known, truncated }
        : { status: "OK", data, ...known };
    }
    const { error, code } = answer;
    if (answer.denied) {
      // A rule that the policy does not have is made up.
      const rule = policy.rules.find(({ id }) => id === answer.rule)?.id;
      const why = { error, code, recordId, ...(rule === undefined ? {} : { rule }) };
      await this.#audit.append(this.#body(decided, { status: "DENIED", ...why, ...call }));
      return { status: "DENIED", ...why };
    }
    await this.#audit.append(this.#body(decided, { status: "FAILED", error, code, rule, ...call }));
    return { status: "ERROR", error, code, ...known };
  }

  /** Now. Formatting it is dear, and many records share a millisecond. */
  #timestamp(): string {
    const now = this.#clock();
    const time = now.getTime();
    if (time !== this.#lastTime) {
      this.#lastTime = time;
      this.#lastTimestamp = now.toISOString();
    }
    return this.#lastTimestamp;
  }

  #body({ request, paramsDigest, policy }: Decided, outcome: Outcome): RecordBody {
    const { status, error, durationMs, rule, code, recordId } = outcome;
    const { agent, params, undoes } = request;
    const named = status === "INVALID" ? shown(request.target) : request.target;
    const target = redactText(named);
    return {
      timestamp: this.#timestamp(),
      // INVARIANT: nothing reaches the log but through redaction.
      action: policy.index.has(request.action) ? request.action : redactText(request.action),
      target,
      status,
      error: error === undefined ? undefined : redactText(error),
      duration_ms: durationMs === undefined ? undefined : Math.round(durationMs * 1000) / 1000,
      record_id: recordId,
      undoes,
      agent: agent === undefined ? undefined : redactText(agent),
      rule,
      code,
      policy: policy.digest,
      params: paramsDigest,
      params_values: this.#logsParams && params !== undefined ? redactValue(params) : undefined,
      // What looks like a secret is not shown, but two targets stay two.
      target_digest: target === named ? undefined : sha256(named),
    };
  }
}
