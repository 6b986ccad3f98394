/**
 * The Deno permissions that the options of a kernel imply.
 *
 * @module
 */
import { needsOf, type ResolvedOptions, resolveOptions } from "./resolve.ts";
import type { KernelOptions } from "./options.ts";
import { workerPermissions } from "./core/isolation/worker_permissions.ts";
import { toWorkerOptions, type WorkerPermissions } from "./core/isolation/permission_set.ts";
import { toDenoJson, toFlags } from "./launch/flags.ts";
import type { ProcessPermissions } from "./launch/process_permissions.ts";

/** Permissions in all forms in which Deno takes them. */
export interface ImpliedPermissions {
  /** Of the whole process, as data. */
  readonly process: ProcessPermissions;
  /** The flags of `deno run`, those that every kernel needs among them. */
  readonly flags: readonly string[];
  /** An entry for `permissions` in `deno.json`. */
  readonly denoJson: Readonly<Record<string, unknown>>;
  /** The permissions of each provider's Worker, by the provider's name. */
  readonly workers: Readonly<Record<string, WorkerPermissions>>;
}

/**
 * Works out with which permissions a process has to be started so that a kernel can be opened in it
 * with these options. Reads the policy and resolves the paths that it names, nothing else.
 *
 * @throws {PolicyError} The policy is refused.
 * @throws {RangeError} A path holds a comma, which Deno's flags cannot express.
 *
 * @example
 * ```ts
 * import { impliedPermissions } from "@agent-kernel/kernel";
 * import { assert } from "@std/assert";
 *
 * const { flags } = impliedPermissions({
 *   policy: { capabilities: [{ action: "fs.read", resource: "/workspace/**" }] },
 *   logPath: "/var/log/agent.log",
 * });
 * assert(flags.some((flag) => flag.startsWith("--allow-write=/var/log/agent.log,")));
 * ```
 */
export function impliedPermissions(options: KernelOptions): ImpliedPermissions {
  return permissionsOf(resolveOptions(options));
}

/** The same for a plan that is there already. */
export function permissionsOf(
  { policy, providers, byAction, permissions }: ResolvedOptions,
): ImpliedPermissions {
  const isolated = providers.filter(({ isolation }) => isolation === "worker");
  return {
    process: permissions,
    flags: toFlags(permissions),
    denoJson: toDenoJson(permissions),
    workers: Object.fromEntries(isolated.map((provider) => [
      provider.name,
      toWorkerOptions(workerPermissions(policy, needsOf(provider, byAction))),
    ])),
  };
}
