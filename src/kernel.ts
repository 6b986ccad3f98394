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
import { AuditLog, AuditLogError } from "./audit/log.ts";
import { Installation } from "./installation.ts";
import type { KernelOptions } from "./kernel_options.ts";
import { type Authorisation, authorise } from "./policy/authorisation.ts";
import type { Decision } from "./policy/decision.ts";
import type { Policy, PolicySummary } from "./policy/policy.ts";
import { SYSTEM_TIMER, type Timer } from "./timer.ts";
import type { Answer } from "./provider/protocol.ts";
import { receive, type ReceivedRequest, shown } from "./request.ts";
import { CanonicalError } from "./resource/world.ts";

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

/** What is known about a submit when it goes on record. */
interface Outcome {
  readonly status: RecordStatus;
  readonly error?: string;
  readonly code?: string;
  readonly rule?: string;
  readonly durationMs?: number;
}

/** A request with the policy and the rule that decided it. */
interface Decided extends ReceivedRequest {
  readonly policy: Policy;
  readonly rule?: string;
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
  readonly #clock: () => Date;
  readonly #timer: Timer;
  #installation: Installation;
  #reloading: Promise<void> | undefined;
  #inFlight = 0;
  #closed: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  /** Use {@linkcode Kernel.open}. */
  constructor(opened: symbol, installation: Installation, audit: AuditLog, options: KernelOptions) {
    if (opened !== OPENED) {
      throw new TypeError("Cannot construct a Kernel, use await Kernel.open({...})");
    }
    this.#installation = installation;
    this.#audit = audit;
    this.#clock = options.clock ?? (() => new Date());
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
   * @throws {TypeError} Two providers carry out the same action, or a path is not absolute and the
   * process may not know where it stands.
   */
  static async open(options: KernelOptions): Promise<Kernel> {
    const installation = await Installation.prepare(options);
    const { log, torn } = AuditLog.open(installation.logPath);
    const kernel = new Kernel(OPENED, installation, log, options);
    if (torn !== undefined) {
      await kernel.#record(
        {
          request: { action: "audit.recover", target: installation.logPath },
          paramsDigest: null,
          policy: installation.policy,
        },
        {
          status: "INTERRUPTED",
          error: `the last line was torn: its ${torn.bytes} bytes were moved to "${torn.movedTo}"`,
        },
      );
    }
    return kernel;
  }

  /** The policy in force. */
  get policy(): PolicySummary {
    return this.#installation.policy;
  }

  /**
   * Decides a request, has it carried out if it is allowed, and puts it on record. It never rejects
   * for anything that the request can contain.
   *
   * @returns When the record has reached the operating system.
   * @throws {KernelClosedError} (as a rejection) After `close`.
   */
  async submit(request: ActionRequest): Promise<ActionResult> {
    if (this.#closed !== undefined) throw new KernelClosedError();
    this.#inFlight++;
    try {
      return await this.#process(receive(request), this.#installation);
    } catch (error) {
      if (!(error instanceof AuditLogError)) throw error;
      return { status: "ERROR", code: CODES.AUDIT_UNAVAILABLE, error: error.message };
    } finally {
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

  /** Refuses further submits, waits for those in flight, ends the Workers, closes the log. */
  close(): Promise<void> {
    return this.#closed ??= (async () => {
      await this.#reloading;
      if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#drained = resolve);
      await this.#installation.close();
      this.#audit.close();
    })();
  }

  /** The same as {@linkcode Kernel.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #process(received: ReceivedRequest, installation: Installation): Promise<ActionResult> {
    const { policy } = installation;
    if (received.problem !== undefined) {
      return await this.#refuse(
        { ...received, policy },
        "INVALID",
        CODES.INVALID_REQUEST,
        received.problem,
      );
    }
    const authorisation = this.#authorise(received, installation);
    if (authorisation instanceof CanonicalError) {
      const error = `malformed request: ${authorisation.message}`;
      return await this.#refuse({ ...received, policy }, "INVALID", CODES.INVALID_TARGET, error);
    }
    const { request, decision } = authorisation;
    const { ruleId } = decision;
    const decided = {
      ...received,
      request,
      policy,
      ...(ruleId === undefined ? {} : { rule: ruleId }),
    };
    if (decision.effect !== "allow") {
      return await this.#refuse(decided, "DENIED", decision.code, decision.reason);
    }
    const host = installation.hostOf(request.action);
    if (host === undefined) {
      const error =
        `no provider: ${request.action} is allowed, but no provider of this kernel carries it out`;
      return await this.#refuse(decided, "NO_PROVIDER", CODES.NO_PROVIDER, error);
    }
    // INVARIANT: what could not be recorded is not done.
    if (this.#audit.failure !== undefined) throw this.#audit.failure;
    const start = this.#timer.now();
    const answer = await host.call(request);
    return await this.#conclude(decided, answer, this.#timer.now() - start);
  }

  #authorise(
    { request }: ReceivedRequest,
    { policy, world }: Installation,
  ): Authorisation | CanonicalError {
    try {
      return authorise(policy, request, world);
    } catch (error) {
      if (error instanceof CanonicalError) return error;
      // INVARIANT: an error while deciding denies.
      const reason = error instanceof Error ? error.message : String(error);
      const decision: Decision = {
        effect: "deny",
        code: CODES.RULE_ERRORED,
        reason: `not permitted: ${reason}`,
      };
      return { request: request as CanonicalRequest, decision };
    }
  }

  /** Everything that ends without a provider. */
  async #refuse(
    received: Decided,
    status: "INVALID" | "DENIED" | "NO_PROVIDER",
    code: string,
    error: string,
  ): Promise<ActionResult> {
    const { rule } = received;
    const why = { error, code, ...(rule === undefined ? {} : { rule }) };
    await this.#record(received, { status, ...why });
    return { status: status === "DENIED" ? "DENIED" : "ERROR", ...why };
  }

  /** Everything that a provider was called for. */
  async #conclude(
    received: Decided,
    answer: Answer,
    durationMs: number,
  ): Promise<ActionResult> {
    const rule = received.rule === undefined ? {} : { rule: received.rule };
    if (answer.ok) {
      await this.#record(received, { status: "OK", durationMs, ...rule });
      return {
        status: "OK",
        data: answer.data,
        ...rule,
        ...(answer.truncated ? { truncated: true } : {}),
      };
    }
    const { error, code } = answer;
    await this.#record(received, { status: "FAILED", durationMs, error, code, ...rule });
    return { status: "ERROR", error, code, ...rule };
  }

  #record({ request, paramsDigest, policy }: Decided, outcome: Outcome): Promise<void> {
    const { status, error, durationMs, rule, code } = outcome;
    return this.#audit.append({
      timestamp: this.#clock().toISOString(),
      action: request.action,
      target: status === "INVALID" ? shown(request.target) : request.target,
      status,
      ...(error === undefined ? {} : { error }),
      ...(durationMs === undefined ? {} : { duration_ms: Math.round(durationMs * 1000) / 1000 }),
      ...(request.agent === undefined ? {} : { agent: request.agent }),
      ...(rule === undefined ? {} : { rule }),
      ...(code === undefined ? {} : { code }),
      policy: policy.digest,
      params: paramsDigest,
    });
  }
}
