/**
 * From the first process, which may only read, to one with the permissions that the command needs.
 *
 * @module
 */
import { union } from "../core/isolation/permission_set.ts";
import { permissionsOf } from "../implied_permissions.ts";
import { toFlags } from "../launch/flags.ts";
import { deniedNetworks } from "../launch/private_networks.ts";
import type { ResolvedOptions } from "../resolve.ts";
import { type ForwardOptions, launchWith, spawnDeno } from "./second_start.ts";
import { shellQuoted } from "./shell_quoted.ts";
import { complain, escape } from "./terminal.ts";

/** What the second process gets in addition to what follows from the options of the kernel. */
export interface LaunchOptions extends ForwardOptions {
  /** Whether its command line is printed. */
  readonly verbose: boolean;
  /** Files that the command itself reads. @default [] */
  readonly read?: readonly string[];
  /** Files that the command itself writes; no Worker gets them. @default [] */
  readonly write?: readonly string[];
  /** Variables of the environment that it may read. @default [] */
  readonly env?: readonly string[];
  /** Modules of the command line that only the second process loads, relative to this one. @default [] */
  readonly modules?: readonly string[];
  /** What the command itself connects to, `host` or `host:port`; no Worker gets it. @default [] */
  readonly net?: readonly string[];
  /**
   * Where the command itself listens, `address:port`. Ranges that are denied stay denied: `node:http` listens in them
   * all the same (Deno 2.9), and nothing connects to them. @default []
   */
  readonly listen?: readonly string[];
}

/**
 * Runs the same command again, as `deno run` with exactly the flags that its options imply.
 *
 * @param args The arguments of the command.
 * @returns The exit code of the second process.
 */
export async function launch(
  resolved: ResolvedOptions,
  args: readonly string[],
  {
    verbose,
    read = [],
    write = [],
    env = [],
    net = [],
    listen = [],
    modules = [],
    forwardsInput = false,
  }: LaunchOptions,
): Promise<number> {
  const { allow, deny } = permissionsOf(resolved).process;
  // A range in which a host of the command lies cannot be denied to its process.
  const deniable = deniedNetworks(net.map((host) => host.replace(/:\d+$/, "")));
  const flags = [
    ...toFlags({
      allow: union(allow, { read, write, net: [...net, ...listen] }),
      deny: { ...deny, net: deny.net.filter((range) => deniable.includes(range)) },
    }),
    ...(env.length === 0 ? [] : [`--allow-env=${env.join(",")}`]),
  ];
  if (verbose) complain(`agent-kernel: deno run ${escape(flags.map(shellQuoted).join(" "))}`);
  await cacheModules([
    ...resolved.providers.flatMap(({ module }) => module ?? []),
    ...modules.map((module) => new URL(module, import.meta.url).href),
  ]);
  return await launchWith(flags, args, env, { forwardsInput });
}

/** Downloads modules of the second process and its Workers, without running them: the second process downloads nothing. */
async function cacheModules(modules: readonly string[]): Promise<void> {
  const remote = modules.filter((module) => !module.startsWith("file:"));
  if (remote.length === 0) return;
  const child = spawnDeno(["cache", "--quiet", "--no-config", ...remote], []);
  await child.stdin.close();
  await child.status;
}
