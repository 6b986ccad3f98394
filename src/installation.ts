/**
 * A policy together with the places where its providers run: what a kernel works by until the next
 * reload.
 *
 * @module
 */
import type { KernelOptions } from "./options.ts";
import { namedHosts, workerPermissions } from "./core/isolation/worker_permissions.ts";
import { allowsNetwork, fileView } from "./launch/file_view.ts";
import { isInside } from "./core/isolation/permission_set.ts";
import { checkProcess, partlyDenied } from "./launch/check.ts";
import { toWorkerOptions } from "./launch/flags.ts";
import { needsOf, type Plan, planFor } from "./plan.ts";
import type { Policy } from "./core/policy/policy.ts";
import type { ProviderHost } from "./core/isolation/host.ts";
import { InProcessHost } from "./worker/in_process_host.ts";
import type { Provider } from "./core/isolation/provider.ts";
import { WorkerHost } from "./core/isolation/worker_host.ts";
import { hasWorkerOptions, WorkerOptionsError } from "./launch/worker_options.ts";
import type { World } from "./core/resource/world.ts";
import { SYSTEM_TIMER } from "./core/timer.ts";

/** Everything around a policy that a kernel needs to work by it. */
export class Installation {
  readonly policy: Policy;
  readonly world: World;
  readonly logPath: string;
  readonly #options: KernelOptions;
  readonly #hosts: ReadonlyMap<Provider, ProviderHost>;
  readonly #byAction: ReadonlyMap<string, Provider>;
  /** Earlier Workers that still have calls to end. */
  #retired: Promise<void>[] = [];
  #inFlight = 0;
  #drained: (() => void) | undefined;

  private constructor(plan: Plan, options: KernelOptions) {
    this.policy = plan.policy;
    this.world = plan.world;
    this.logPath = plan.logPath;
    this.#options = options;
    this.#byAction = plan.byAction;
    this.#hosts = new Map(
      plan.providers.map((provider) => [provider, hostFor(provider, plan, options)]),
    );
  }

  /** Loads and checks everything; starts nothing. */
  static async prepare(options: KernelOptions): Promise<Installation> {
    if (Deno.build.os === "windows") {
      throw new Deno.errors.NotSupported(
        "Cannot open the kernel: its path rules are those of POSIX, on Windows use it inside of WSL",
      );
    }
    const plan = planFor(options);
    const warn = warnerOf(options);
    const beyond = checkProcess(plan.permissions);
    for (const line of plan.policy.warnings) warn(`agent-kernel: ${plan.policy.source}: ${line}`);
    if (beyond !== undefined) warn(beyond);
    for (const { name, isolation } of plan.providers) {
      if (isolation === "none") {
        warn(`agent-kernel: provider "${name}" runs in this process (isolation: none)`);
      }
    }
    const isolated = plan.providers.some(({ isolation }) => isolation === "worker");
    if (isolated && await hasWorkerOptions() === false) throw new WorkerOptionsError();
    return new Installation(plan, options);
  }

  /** The same with another policy. */
  withPolicy(policy: KernelOptions["policy"]): Promise<Installation> {
    return Installation.prepare({ ...this.#options, policy, logPath: this.logPath });
  }

  /** Takes over from another one that gets no more calls: its Workers end when their calls have. */
  retire(before: Installation): void {
    this.#retired = [...before.#retired, before.#closeHosts()];
  }

  /** A submit is under way by this installation. */
  enter(): void {
    this.#inFlight++;
  }

  /** It has ended. */
  leave(): void {
    if (--this.#inFlight === 0) this.#drained?.();
  }

  /** The place where the provider of the action runs. */
  hostOf(action: string): ProviderHost | undefined {
    const provider = this.#byAction.get(action);
    return provider === undefined ? undefined : this.#hosts.get(provider);
  }

  /** Ends all Workers, once their calls have ended. */
  async close(): Promise<void> {
    await Promise.all([this.#closeHosts(), ...this.#retired]);
  }

  async #closeHosts(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#drained = resolve);
    await Promise.all(Array.from(this.#hosts.values(), (host) => host.close()));
  }
}

/** Where warnings go. */
export function warnerOf({ onWarning }: KernelOptions): (line: string) => void {
  const show = (line: unknown) => console.error(line);
  if (onWarning === undefined) return show;
  return (line) => {
    try {
      onWarning(line);
    } catch (error) {
      // INVARIANT: no provider ends the process, and when one warns is for it to choose.
      show(error);
    }
  };
}

function hostFor(provider: Provider, plan: Plan, options: KernelOptions): ProviderHost {
  const timer = options.timer ?? SYSTEM_TIMER;
  const onWarning = warnerOf(options);
  const needs = needsOf(provider, plan.byAction);
  const surroundings = {
    files: fileView(plan.policy),
    network: allowsNetwork(plan.policy),
    hosts: namedHosts(plan.policy, needs.actions),
  };
  if (provider.isolation === "none") {
    return new InProcessHost(provider, { surroundings, onWarning, timer });
  }
  const set = workerPermissions(plan.policy, needs);
  const inherited = partlyDenied(set);
  const revoke = inherited.flatMap((name) => {
    const process = plan.permissions.allow[name];
    const own = set[name];
    if (process === true || own === true || (name !== "read" && name !== "write")) return [];
    const needed = (path: string) => own.some((inner) => inner === path || isInside(inner, path));
    return process.filter((path) => !needed(path)).map((path) => ({ name, path } as const));
  });
  const permissions = toWorkerOptions(set, inherited);
  return new WorkerHost(provider, { permissions, revoke, surroundings, onWarning, timer });
}
