/**
 * The assembly: from options to a kernel with all its parts. The only module that knows all rooms.
 *
 * @module
 */
import { type ActionRequest, CODES } from "./core/action.ts";
import type { ProviderHost } from "./core/isolation/provider_host.ts";
import { CoreKernel } from "./core/kernel.ts";
import type { PolicySummary } from "./core/policy/policy.ts";
import type { AuditLog } from "./core/record/log.ts";
import type { Timer } from "./core/timer.ts";
import type { ApprovalDesk } from "./approval/stage.ts";
import type { PlanAnswer, PlannedRequest } from "./approval/plan.ts";
import type { Unanswered } from "./approval/unanswered.ts";
import { authorizeWithPaths } from "./argument_paths/decision.ts";
import { Deployment } from "./deployment.ts";
import { EventLoopTurns } from "./event_loop.ts";
import { recordedResets } from "./limit_resets.ts";
import { LimitEnforcement } from "./limits/enforcement.ts";
import { SubmitGate } from "./limits/submit_gate.ts";
import { resolveAndCheck, warnerOf } from "./open_checks.ts";
import { messageOf } from "./core/errors.ts";
import { hasJournal, openLog, timestamps } from "./open_log.ts";
import { openPermits } from "./log/open_permits.ts";
import { endPermits, PermitDesk, type PermitReport } from "./permits.ts";
import { deskOf, stagesOf } from "./policy_stages.ts";
import type { KernelOptions } from "./options.ts";
import { receive } from "./core/request.ts";
import { approvalOf } from "./policy_tools/effect.ts";
import { redactText, redactValue } from "./redaction.ts";
import { SharedTimer } from "./system_timer.ts";
import type { LabelledResult, SubmitOptions } from "./stages/submit.ts";
import { SessionDesk, type SessionInfo, type SessionOptions } from "./provenance/desk.ts";
import { Session } from "./session.ts";
import { submitRefused } from "./refused_submit.ts";
import { type SubmissionParts, submitThrough } from "./submission.ts";
import { type SubmitTracer, submitTracer } from "./telemetry.ts";

/** `submit` was called on a kernel that is closed. */
export class KernelClosedError extends Error {
  /** The name of this class. */
  override name = "KernelClosedError";
  /** Stable code of this class of errors. */
  readonly code = "KERNEL_CLOSED";

  /** Made by the kernel. */
  constructor() {
    super("Cannot submit: the kernel is closed");
  }
}

// INVARIANT: only Kernel.open makes kernels, so that none works without its checks.
const OPENED = Symbol("opened");

/** What `Kernel.open` hands to the constructor. */
interface Opened {
  readonly options: KernelOptions;
  readonly logPath: string;
  readonly log: AuditLog;
  readonly core: CoreKernel;
  readonly enforcement: LimitEnforcement;
  readonly gate: SubmitGate;
  readonly desk: ApprovalDesk;
  readonly permits: PermitDesk;
  readonly sessions: SessionDesk;
  readonly deployment: Deployment;
  readonly tracer: SubmitTracer | undefined;
  readonly timer: Timer;
}

/**
 * A security boundary for LLM agents. Every tool call becomes a request; `submit` is the only way
 * to have it done, and each answered submit has exactly one record in the audit log.
 *
 * It decides what the process's own code asks it to decide. Code that has Deno permissions of its
 * own and goes around the kernel is not covered. `SECURITY.md` says what is not protected.
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
  readonly #opened: Opened;
  readonly #timer: Timer;
  readonly #turns: EventLoopTurns;
  readonly #onWarning: (line: string) => void;
  readonly #parts: SubmissionParts;
  #deployment: Deployment;
  /** Deployments that were replaced and still have submits to end. */
  readonly #retired = new Set<Promise<void>>();
  #reloading: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** Use {@linkcode Kernel.open}. */
  constructor(token: symbol, opened: Opened) {
    if (token !== OPENED) {
      throw new TypeError("Cannot construct a Kernel, use await Kernel.open({...})");
    }
    this.#opened = opened;
    this.#deployment = opened.deployment;
    this.#timer = opened.timer;
    this.#turns = new EventLoopTurns(opened.timer);
    this.#onWarning = warnerOf(opened.options);
    this.#parts = {
      ...opened,
      turns: this.#turns,
      stages: opened.options.stages ?? [],
      policyInForce: () => this.policy.digest,
      onWarning: this.#onWarning,
    };
  }

  /**
   * Loads and checks the policy, compares the permissions of the process with it, and opens the log.
   * Providers' Workers start with their first call.
   *
   * @param options See {@linkcode KernelOptions}.
   * @returns A kernel that is to be closed (`await using`).
   * @throws {PolicyError} The policy is refused.
   * @throws {MissingPermissionError} The process was started with less than the policy needs.
   * @throws {WorkerOptionsError} Deno was started without `--unstable-worker-options`.
   * @throws {AuditLogError} The log cannot be opened or continued.
   * @throws {KeyError} The key of the checkpoints is refused.
   * @throws {AuditLogBusyError} Another kernel has the log open.
   * @throws {LimitStoreError} The policy has limits, and their ledger cannot be opened.
   * @throws {TypeError} Two providers carry out the same action, or a path is not absolute and the
   * process may not read the working directory.
   */
  static async open(options: KernelOptions): Promise<Kernel> {
    const { clock = () => new Date(), timer = new SharedTimer(), logParams } = options;
    const resolved = await resolveAndCheck(options);
    const { logPath, policy } = resolved;
    const onWarning = warnerOf(options);
    const { store, durability } = options.limits ?? {};
    const { limitsPath: path } = resolved;
    const enforcement = new LimitEnforcement({ store, path, durability, clock, onWarning });
    const desk = deskOf(options, resolved, onWarning);
    const stages = await stagesOf(resolved, { enforcement, desk });
    const deployment = new Deployment(resolved, { onWarning, timer, stages });
    const wasKilled = hasJournal(logPath);
    const log = await openLog(options, { logPath, policy: policy.digest, warn: onWarning }).catch(
      (error) => {
        enforcement.close();
        throw error;
      },
    );
    const core = new CoreKernel({
      log,
      redact: { text: redactText, value: redactValue },
      timestamp: timestamps(clock),
      timer,
      logsParams: (status) =>
        logParams === "redacted" || (logParams === "denied" && status === "DENIED"),
    });
    enforcement.onReset = recordedResets(core, { logPath, timer, onWarning });
    const tracer = await submitTracer(onWarning);
    const reportWithinMs = options.reportWithinMs ?? 3_600_000;
    const permits = new PermitDesk({
      timer,
      reportWithinMs,
      record: (permitted, outcome) => core.record(permitted, outcome),
      onWarning,
    });
    if (wasKilled) {
      await endPermits(
        openPermits(logPath, reportWithinMs),
        policy,
        (permitted, outcome) => core.record(permitted, outcome),
      ).catch((error) => onWarning(`agent-kernel: permits: ${messageOf(error)}`));
    }
    const { sessionsPath } = resolved;
    const sessions = new SessionDesk({ path: sessionsPath, clock, onWarning });
    const kernel = new Kernel(OPENED, {
      options,
      logPath,
      log,
      core,
      enforcement,
      gate: new SubmitGate({ core, timer, clock, onWarning }),
      desk,
      permits,
      sessions,
      deployment,
      tracer,
      timer,
    });
    if (policy.approvals.size > 0) await desk.clear((one) => kernel.#refuse(one));
    return kernel;
  }

  /** The policy in force. */
  get policy(): PolicySummary {
    return this.#deployment.policy;
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
  async submit(request: ActionRequest, options: SubmitOptions = {}): Promise<LabelledResult> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    const { tracer } = this.#opened;
    const result =
      await (tracer === undefined
        ? this.#submit(request, options)
        : tracer.trace(request, (request) => this.#submit(request, options)));
    if (this.#turns.isDue) await this.#turns.next();
    return result;
  }

  /**
   * Decides an action that the caller is going to do itself, outside of the kernel, and puts it on record as
   * `PERMITTED` or as what a refused submit is. Nothing is executed, and nothing keeps the caller to what was
   * permitted: this is for agents that have tools of their own. Stages are asked as in a submit; a
   * rule whose limits only a provider can hold to is refused (`NOT_ENFORCEABLE`).
   *
   * @param request What the caller is going to do; untrusted.
   * @param options As of {@linkcode Kernel.submit}.
   * @returns `OK` without data if it is permitted; its `recordId` is for {@linkcode Kernel.report}.
   * @throws {KernelClosedError} (as a rejection) After `close`.
   */
  async permit(request: ActionRequest, options: SubmitOptions = {}): Promise<LabelledResult> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    const { request: received, paramsDigest, problem } = receive(request);
    // INVARIANT: what is left of an invalid request is not decided.
    if (problem !== undefined) {
      return await this.submit(request, { problem: problem.replace(/^malformed request: /, "") });
    }
    const { policy } = this.#deployment;
    const submit = (host: ProviderHost) => this.#submit(received, options, host);
    return await this.#opened.permits.permit(submit, { paramsDigest, policy });
  }

  /**
   * Puts on record (`DONE`) what became of a permitted action. What is not reported within `reportWithinMs`, or
   * when the kernel closes, is on record as `UNREPORTED`.
   *
   * @param recordId Of the permit.
   * @param report What the caller says; untrusted.
   * @returns Whether there was such a permit without a report.
   * @throws {AuditLogError} (as a rejection) It could not be recorded.
   */
  async report(recordId: string, report: PermitReport = {}): Promise<boolean> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    return await this.#opened.permits.report(recordId, report);
  }

  /**
   * Opens a session: the requests of one task, with what the task may do at most (its scope) and what is known of where
   * values come from. Its requests are submitted with {@linkcode Session.submit}.
   *
   * @param options From the host's own code, never from an agent. All of it only narrows.
   * @returns A session that is to be closed (`await using`), or left to be taken up by its id.
   * @throws {SessionError} (as a rejection) One of this id was closed, or it cannot be kept.
   * @throws {PolicyError} (as a rejection) A rule of its scope is refused.
   * @throws {TypeError | RangeError} (as a rejection) An option has not the required form.
   */
  async session(options: SessionOptions = {}): Promise<Session> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    const { policy: { actions, rules }, world } = this.#deployment;
    const { sessions } = this.#opened;
    const ruled = Array.from(
      new Set(rules.flatMap(({ effect, actions }) => effect === "allow" ? actions : [])),
    );
    const active = await sessions.open(options, { actions, world, ruled });
    return new Session(this, active, () => sessions.end(active));
  }

  /** The sessions that are open, and those that are kept. */
  sessions(): SessionInfo[] {
    return this.#opened.sessions.list();
  }

  /**
   * Asks a person about several requests with one question. After a yes each of them passes once without a
   * question of its own, until the time of the question is over; each is still decided, limited and recorded
   * by itself. What needs no yes is left out of the question.
   *
   * @param requests What is going to be submitted, exactly like that.
   * @returns How it was answered; a no without a question if one of them is denied anyhow.
   */
  async requestApproval(requests: readonly ActionRequest[]): Promise<PlanAnswer> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    const deployment = this.#deployment;
    const { policy, world } = deployment;
    const { approvals } = policy;
    const asked: (PlannedRequest & { readonly given: ActionRequest })[] = [];
    for (const given of requests) {
      const { request, problem } = receive(given);
      const authorized = authorizeWithPaths(request, { policy, world });
      const { effect, code, reason: error } = authorized.decision;
      if (problem !== undefined) {
        return { approved: false, code: CODES.INVALID_REQUEST, error: problem };
      }
      if (effect === "deny") return { approved: false, code, error };
      const rule = approvalOf(authorized, { policy, approvals });
      if (rule !== undefined && "refusal" in rule) {
        return { approved: false, code: rule.code, error: rule.refusal };
      }
      if (rule !== undefined) asked.push({ request: authorized.request, rule, given: request });
    }
    if (asked.length > 0) {
      return await deployment.run(async () => {
        const { answer, refusal } = await this.#opened.desk.plan(asked, policy);
        if (refusal === undefined) return answer;
        for (const { given } of asked) await this.#refuse({ request: given, refusal });
        return answer;
      });
    }
    const expiresAt = (this.#opened.options.clock?.() ?? new Date()).toISOString();
    return { approved: true, id: crypto.randomUUID(), by: "the policy", expiresAt };
  }

  /**
   * Opens the audit log again after it could not be written (a full disk, lost permissions, a file
   * that was taken away), and continues the same chain. Until then every submit that would act ends
   * with `AUDIT_UNAVAILABLE`. What was carried out but not recorded is recorded first. Then the same for
   * the ledger of limits: if its file was deleted, it is restored with all that was charged.
   *
   * @throws {AuditLogError} The cause is still there.
   * @throws {LimitStoreError} The cause is still there, or another ledger is in its place.
   */
  async recover(): Promise<void> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    await this.#opened.log.recover();
    this.#opened.enforcement.recover();
  }

  /**
   * Replaces the policy at once for all later submits; those in flight end under the old one.
   * Everything that `open` checks is checked before; if it throws, the old policy stays in force.
   *
   * @param policy As in {@linkcode KernelOptions}.
   * @throws {PolicyError} The new policy is refused.
   * @throws {MissingPermissionError} It allows more than the process may do.
   * @throws {LimitStoreError} It has limits, and their ledger cannot be opened.
   */
  async reload(policy: KernelOptions["policy"]): Promise<void> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    const { options, logPath, enforcement, desk, timer } = this.#opened;
    const earlier = this.#reloading;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reloading = promise;
    try {
      await earlier;
      const resolved = await resolveAndCheck({ ...options, policy, logPath });
      const stages = await stagesOf(resolved, { enforcement, desk });
      if (this.#closed !== undefined) throw new KernelClosedError();
      const before = this.#deployment;
      this.#deployment = new Deployment(resolved, { onWarning: this.#onWarning, timer, stages });
      const retired = before.close().finally(() => this.#retired.delete(retired));
      this.#retired.add(retired);
    } finally {
      resolve();
    }
  }

  /** Refuses further submits, waits for those in flight, ends the Workers, closes the log. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** The same as {@linkcode Kernel.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @param outside Stands where the provider would, for an action that the caller does itself. */
  #submit(
    request: ActionRequest,
    options: SubmitOptions,
    outside?: ProviderHost,
  ): Promise<LabelledResult> {
    const [parts, deployment] = [this.#parts, this.#deployment];
    return submitThrough(request, options, { parts, deployment, outside });
  }

  /** Puts on record what led to no action. */
  async #refuse(one: Unanswered): Promise<void> {
    const { policy, world } = this.#deployment;
    const kernel = { policy, world, timer: this.#timer, onWarning: this.#onWarning };
    await submitRefused(this.#opened.core, one, kernel);
  }

  async #close(): Promise<void> {
    await this.#reloading;
    // What waits for a person does not hold the end back.
    this.#opened.desk.close();
    await Promise.all([this.#deployment.close(), ...this.#retired]);
    await this.#opened.permits.close();
    await this.#opened.gate.close();
    this.#opened.sessions.close();
    try {
      this.#opened.enforcement.close();
    } finally {
      await this.#opened.log.close();
      if (this.#timer instanceof SharedTimer) this.#timer[Symbol.dispose]();
    }
  }
}
