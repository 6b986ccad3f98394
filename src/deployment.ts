/**
 * A policy in force, with the hosts of the providers that carry out what it allows.
 *
 * @module
 */
import type { ProviderHost } from "./core/isolation/provider_host.ts";
import { isInside, toWorkerOptions } from "./core/isolation/permission_set.ts";
import { WorkerHost } from "./core/isolation/worker_host.ts";
import { workerPermissions } from "./core/isolation/worker_permissions.ts";
import type { PolicyWithExamples } from "./policy_tools/read.ts";
import type { World } from "./core/resource/world.ts";
import type { Timer } from "./core/timer.ts";
import { SYSTEM_TIMER } from "./system_timer.ts";
import { partlyDenied } from "./launch/check.ts";
import { allowsNetwork, fileView } from "./launch/file_view.ts";
import { namedHosts } from "./launch/named_hosts.ts";
import { needsOf, type ResolvedOptions } from "./resolve.ts";
import type { Stage } from "./stages/stage.ts";
import { WORKER_TRANSPORT } from "./transport/worker_transport.ts";
import { InProcessHost } from "./worker/in_process_host.ts";
import type { Provider } from "./worker/provider.ts";
import { boundedWarnings } from "./worker/warnings.ts";

/** What hosts are made with. */
export interface DeploymentOptions {
  readonly onWarning: (line: string) => void;
  /** @default the platform's */
  readonly timer?: Timer | undefined;
  /** The stages that follow from the policy. @default none */
  readonly stages?: readonly Stage[];
}

/**
 * Replaced as a whole by a reload. Submits that are under way by it end by it: its Workers end when the
 * last of them has ended.
 */
export class Deployment {
  readonly policy: PolicyWithExamples;
  readonly world: World;
  /** The stages that follow from the policy. */
  readonly stages: readonly Stage[];
  readonly #byAction: ReadonlyMap<string, Provider>;
  readonly #hosts: ReadonlyMap<Provider, ProviderHost>;
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  /** Starts nothing: a Worker starts with its first call. */
  constructor(resolved: ResolvedOptions, options: DeploymentOptions) {
    this.policy = resolved.policy;
    this.world = resolved.world;
    this.stages = options.stages ?? [];
    this.#byAction = resolved.byAction;
    this.#hosts = new Map(
      resolved.providers.map((provider) => [provider, hostFor(provider, resolved, options)]),
    );
  }

  /** Where the provider of an action runs; `undefined` if none carries it out. */
  hostOf(action: string): ProviderHost | undefined {
    const provider = this.#byAction.get(action);
    return provider === undefined ? undefined : this.#hosts.get(provider);
  }

  /** The actions about which the provider of an action asks with records. */
  recordsOf(action: string): readonly string[] {
    return this.#byAction.get(action)?.records ?? [];
  }

  /** Runs a submit; the deployment lives at least as long. */
  async run<T>(submit: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await submit();
    } finally {
      if (--this.#underWay === 0) this.#onIdle?.();
    }
  }

  /** Waits for what is under way, then ends the Workers. No submit may follow. */
  async close(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
    await Promise.all(Array.from(this.#hosts.values(), (host) => host.close()));
  }
}

function hostFor(
  provider: Provider,
  { policy, byAction, permissions: process }: ResolvedOptions,
  { timer = SYSTEM_TIMER, ...options }: DeploymentOptions,
): ProviderHost {
  const onWarning = boundedWarnings(provider.name, options.onWarning);
  const needs = needsOf(provider, byAction);
  const environment = {
    files: fileView(policy),
    network: allowsNetwork(policy),
    hosts: namedHosts(policy, [...needs.actions, ...needs.uses ?? []]),
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
  return new WorkerHost(provider, {
    permissions: toWorkerOptions(set, inherited),
    revoke,
    environment,
    transport: WORKER_TRANSPORT,
    onWarning,
    timer,
  });
}
