/**
 * The assembly: from options to a kernel with all its parts. The only module that knows all rooms.
 *
 * @module
 */
import type { ActionRequest, ActionResult, SubmitOptions } from "./core/action.ts";
import { CheckpointWitness } from "./checkpoint/witness.ts";
import { CoreKernel, type Deployment, KernelClosedError, type KernelParts } from "./core/kernel.ts";
import type { ProviderHost } from "./core/isolation/provider_host.ts";
import { isInside, toWorkerOptions } from "./core/isolation/permission_set.ts";
import { WorkerHost } from "./core/isolation/worker_host.ts";
import { workerPermissions } from "./core/isolation/worker_permissions.ts";
import type { PolicySummary } from "./core/policy/policy.ts";
import { AuditLog } from "./core/record/log.ts";
import { SYSTEM_TIMER } from "./core/timer.ts";
import { EventLoopTurns } from "./event_loop.ts";
import { checkProcess, partlyDenied } from "./launch/check.ts";
import { allowsNetwork, fileView } from "./launch/file_view.ts";
import { namedHosts } from "./launch/named_hosts.ts";
import { hasWorkerOptions, WorkerOptionsError } from "./launch/worker_options.ts";
import type { KernelOptions } from "./options.ts";
import { redactText, redactValue } from "./redaction.ts";
import { needsOf, type ResolvedOptions, resolveOptions } from "./resolve.ts";
import { StageAdmission } from "./stages/admission.ts";
import { type SubmitTracer, submitTracer } from "./telemetry.ts";
import { WORKER_TRANSPORT } from "./transport/worker_transport.ts";
import { InProcessHost } from "./worker/in_process_host.ts";
import type { Provider } from "./worker/provider.ts";

// INVARIANT: only Kernel.open makes kernels, so that none works without its checks.
const OPENED = Symbol("opened");

/** What `Kernel.open` hands to the constructor. */
interface Opened {
  readonly core: CoreKernel;
  readonly options: KernelOptions;
  readonly logPath: string;
  readonly tracer: SubmitTracer | undefined;
  readonly turns: EventLoopTurns;
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
  #reloading: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Use {@linkcode Kernel.open}. */
  constructor(opened: symbol, parts: Opened) {
    if (opened !== OPENED) {
      throw new TypeError("Cannot construct a Kernel, use await Kernel.open({...})");
    }
    this.#opened = parts;
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
   * @throws {TypeError} Two providers carry out the same action, or a path is not absolute and the
   * process may not read the working directory.
   */
  static async open(options: KernelOptions): Promise<Kernel> {
    const { clock = () => new Date(), timer = SYSTEM_TIMER, stages = [] } = options;
    const { deployment, logPath } = await prepare(options);
    let log: AuditLog | undefined;
    const witness = witnessFor(options, logPath, () => log?.sync());
    log = await AuditLog.open(logPath, {
      ...logOptions(options, witness),
      policy: deployment.policy.digest,
    });
    const onWarning = warnerOf(options);
    const parts: KernelParts = {
      deployment,
      log,
      redact: { text: redactText, value: redactValue },
      admit: (own, request, context) =>
        new StageAdmission({ timer, onWarning }).enter([...stages, ...own], request, context),
      timestamp: timestamps(clock),
      timer,
      logsParams: options.logParams === "redacted",
    };
    const core = new CoreKernel(parts);
    const tracer = await submitTracer(onWarning);
    const turns = new EventLoopTurns(timer);
    return new Kernel(OPENED, { core, options, logPath, tracer, turns });
  }

  /** The policy in force. */
  get policy(): PolicySummary {
    return this.#opened.core.policy;
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
    const { core, tracer, turns } = this.#opened;
    const result =
      await (tracer === undefined
        ? core.submit(request, options)
        : tracer.trace(request, (request) => core.submit(request, options)));
    if (turns.isDue) await turns.next();
    return result;
  }

  /**
   * Opens the audit log again after it could not be written (a full disk, lost permissions, a file
   * that was taken away), and continues the same chain. Until then every submit that would act ends
   * with `AUDIT_UNAVAILABLE`. What was carried out but not recorded is recorded first.
   *
   * @throws {AuditLogError} The cause is still there.
   */
  recover(): Promise<void> {
    return this.#opened.core.recover();
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
    const { core, options, logPath } = this.#opened;
    if (core.isClosed) throw new KernelClosedError();
    const earlier = this.#reloading;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reloading = promise;
    try {
      await earlier;
      const { deployment } = await prepare({ ...options, policy, logPath });
      if (core.isClosed) throw new KernelClosedError();
      core.deploy(deployment);
    } finally {
      resolve();
    }
  }

  /** Refuses further submits, waits for those in flight, ends the Workers, closes the log. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The same as {@linkcode Kernel.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#opened.core.close();
    await this.#reloading;
  }
}

/** Loads and checks everything that a deployment needs; starts nothing. */
async function prepare(
  options: KernelOptions,
): Promise<{ deployment: Deployment; logPath: string }> {
  if (Deno.build.os === "windows") {
    throw new Deno.errors.NotSupported(
      "Cannot open the kernel: its path rules are those of POSIX, on Windows use it inside of WSL",
    );
  }
  const resolved = resolveOptions(options);
  const { policy, providers, byAction, world, logPath } = resolved;
  const warn = warnerOf(options);
  const beyond = checkProcess(resolved.permissions);
  for (const line of policy.warnings) warn(`agent-kernel: ${policy.source}: ${line}`);
  if (beyond !== undefined) warn(beyond);
  for (const { name, isolation } of providers) {
    if (isolation === "none") {
      warn(`agent-kernel: provider "${name}" runs in this process (isolation: none)`);
    }
  }
  const isolated = providers.some(({ isolation }) => isolation === "worker");
  if (isolated && await hasWorkerOptions() === false) throw new WorkerOptionsError();
  const hosts = new Map(
    providers.map((provider) => [provider, hostFor(provider, resolved, options)]),
  );
  const deployment: Deployment = {
    policy,
    world,
    hostOf(action) {
      const provider = byAction.get(action);
      return provider === undefined ? undefined : hosts.get(provider);
    },
    async close() {
      await Promise.all(Array.from(hosts.values(), (host) => host.close()));
    },
  };
  return { deployment, logPath };
}

function hostFor(
  provider: Provider,
  { policy, byAction, permissions: process }: ResolvedOptions,
  options: KernelOptions,
): ProviderHost {
  const { timer = SYSTEM_TIMER } = options;
  const onWarning = warnerOf(options);
  const needs = needsOf(provider, byAction);
  const environment = {
    files: fileView(policy),
    network: allowsNetwork(policy),
    hosts: namedHosts(policy, needs.actions),
  };
  if (provider.isolation === "none") {
    return new InProcessHost(provider, { environment, onWarning, timer });
  }
  const set = workerPermissions(policy, needs);
  const inherited = partlyDenied(set);
  const revoke = inherited.flatMap((name) => {
    const allowed = process.allow[name];
    const own = set[name];
    if (allowed === true || own === true || (name !== "read" && name !== "write")) return [];
    const needed = (path: string) => own.some((inner) => inner === path || isInside(inner, path));
    return allowed.filter((path) => !needed(path)).map((path) => ({ name, path } as const));
  });
  const permissions = toWorkerOptions(set, inherited);
  const transport = WORKER_TRANSPORT;
  return new WorkerHost(provider, {
    permissions,
    revoke,
    environment,
    transport,
    onWarning,
    timer,
  });
}

/** The witness of the log, if it is to have checkpoints. */
function witnessFor(
  options: KernelOptions,
  logPath: string,
  syncLog: () => void,
): CheckpointWitness | undefined {
  const { checkpoints, retain, timer, clock } = options;
  const warn = warnerOf(options);
  if (checkpoints === undefined) return undefined;
  const onWarning = (line: string) => warn(`agent-kernel: ${line}`);
  return new CheckpointWitness(checkpoints, { logPath, syncLog, onWarning, retain, timer, clock });
}

/** @throws {TypeError} The options contradict each other. */
function logOptions(
  { durability, rotate, retain, clock, timer }: KernelOptions,
  witness: CheckpointWitness | undefined,
): Omit<Parameters<typeof AuditLog.open>[1], "policy"> {
  if (retain !== undefined && witness === undefined) {
    throw new TypeError(
      "Cannot open the kernel: retain needs checkpoints, only what they cover is deleted",
    );
  }
  return { durability, rotate, clock, now: timer && (() => timer.now()), witness };
}

/** Where warnings go. */
function warnerOf({ onWarning }: Pick<KernelOptions, "onWarning">): (line: string) => void {
  const show = (line: unknown) => console.error(line);
  if (onWarning === undefined) return show;
  return (line) => {
    try {
      onWarning(line);
    } catch (error) {
      // INVARIANT: a callback that throws does not end the process: a provider chooses when it warns.
      show(error);
    }
  };
}

/** The wall clock as text. Formatting is slow, and many records share a millisecond. */
function timestamps(clock: () => Date): () => string {
  let lastTime = NaN;
  let lastText = "";
  return () => {
    const now = clock();
    if (now.getTime() !== lastTime) {
      lastTime = now.getTime();
      lastText = now.toISOString();
    }
    return lastText;
  };
}
