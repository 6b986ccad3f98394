/**
 * From the first process, which may only read, to one with the permissions that the command needs.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { messageOf } from "../core/errors.ts";
import { union } from "../core/isolation/permission_set.ts";
import { permissionsOf } from "../implied_permissions.ts";
import { toFlags } from "../launch/flags.ts";
import { deniedNetworks } from "../launch/private_networks.ts";
import type { ResolvedOptions } from "../resolve.ts";
import { childEnvironment, withoutRefused } from "./environment.ts";
import { handOnSignals } from "./signals.ts";
import { complain, escape } from "./terminal.ts";

/** What the second process gets in addition to what follows from the options of the kernel. */
export interface LaunchOptions {
  /** Whether its command line is printed. */
  readonly verbose: boolean;
  /** Files that the command itself reads. @default [] */
  readonly read?: readonly string[];
  /** Files that the command itself writes; no Worker gets them. @default [] */
  readonly write?: readonly string[];
  /** Variables of the environment that it may read. @default [] */
  readonly env?: readonly string[];
  /** What the command itself connects to, `host` or `host:port`; no Worker gets it. @default [] */
  readonly net?: readonly string[];
  /** Whether standard input is for the second process. @default false */
  readonly forwardsInput?: boolean;
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
  { verbose, read = [], write = [], env = [], net = [], forwardsInput = false }: LaunchOptions,
): Promise<number> {
  const { allow, deny } = permissionsOf(resolved).process;
  // A range in which a host of the command lies cannot be denied to its process.
  const deniable = deniedNetworks(net.map((host) => host.replace(/:\d+$/, "")));
  const flags = [
    ...toFlags({
      allow: union(allow, { read, write, net }),
      deny: { ...deny, net: deny.net.filter((range) => deniable.includes(range)) },
    }),
    ...(env.length === 0 ? [] : [`--allow-env=${env.join(",")}`]),
  ];
  if (verbose) complain(`agent-kernel: deno run ${escape(flags.map(shellQuoted).join(" "))}`);
  await cacheModules(resolved.providers.flatMap(({ module }) => module ?? []));
  return await launchWith(flags, args, env, { forwardsInput });
}

/** Downloads the modules of the Workers, without running them: the second process downloads nothing. */
async function cacheModules(modules: readonly string[]): Promise<void> {
  const remote = modules.filter((module) => !module.startsWith("file:"));
  if (remote.length === 0) return;
  const child = spawn(["cache", "--quiet", "--no-config", ...remote], []);
  await child.stdin.close();
  await child.status;
}

/**
 * Runs the same command again, as `deno run` with these flags.
 *
 * @param args The arguments of the command, its name first.
 * @param named Variables of the environment that the second process gets too.
 * @returns The exit code of the second process.
 */
export async function launchWith(
  flags: readonly string[],
  [name, ...args]: readonly string[],
  named: readonly string[] = [],
  { forwardsInput = false }: Pick<LaunchOptions, "forwardsInput"> = {},
): Promise<number> {
  // The module of a command that acts has the command's name, and is the main module here.
  const main = new URL(`./${name}.ts`, import.meta.url);
  const command = ["run", "--quiet", ...checkoutFlags(), ...flags, main.href, ...args];
  const child = spawn(command, named);
  // Its end, or the end of this process, is the end of the second one's input.
  if (forwardsInput) Deno.stdin.readable.pipeTo(child.stdin).catch(() => {/* It has ended. */});
  return await handOnSignals(child);
}

/** A checkout has a configuration, and a lock file of what the command line imports; `--frozen` is among the flags. */
function checkoutFlags(): string[] {
  if (!import.meta.url.startsWith("file:")) return [];
  const path = (name: string) => fromFileUrl(new URL(name, import.meta.url));
  return [`--config=${path("../../deno.json")}`, `--lock=${path("./deno.lock")}`];
}

function spawn(args: string[], named: readonly string[]): Deno.ChildProcess {
  const { clearEnv, env } = childEnvironment(named);
  const start = (env: Record<string, string>) =>
    // By name: that is what "--allow-run=deno" permits.
    new Deno.Command("deno", {
      args,
      clearEnv,
      env,
      // INVARIANT: held open; its end tells the second process that this one is gone. Nothing is written to it
      // but what is handed on.
      stdin: "piped",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  try {
    try {
      return start(env);
    } catch (error) {
      const emptied = withoutRefused(error);
      if (emptied === undefined) throw error;
      return start({ ...env, ...emptied });
    }
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no deno in the PATH"
      : messageOf(error);
    throw new Error(
      `Cannot start the process that acts: ${reason}; agent-kernel needs --allow-run=deno, and deno in the PATH`,
      { cause: error },
    );
  }
}

/** A word as a shell would read it back: POSIX, or with control characters bash, zsh and ksh. */
export function shellQuoted(word: string): string {
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/u.test(word)) {
    const bytes = Array.from(
      new TextEncoder().encode(word),
      (byte) =>
        byte > 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c
          ? String.fromCharCode(byte)
          : `\\x${byte.toString(16).padStart(2, "0")}`,
    );
    return `$'${bytes.join("")}'`;
  }
  return /^[\w@%+=:,./[\]-]+$/.test(word) && !/[[\]]/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}
