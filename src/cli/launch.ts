/**
 * From the first process, which may only read, to one with the permissions that the command needs.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { permissionsOf } from "../implied_permissions.ts";
import { union } from "../core/isolation/permission_set.ts";
import { toFlags } from "../launch/flags.ts";
import { deniedNetworks } from "../launch/private_networks.ts";
import type { ResolvedOptions } from "../resolve.ts";
import { complain, escape } from "./terminal.ts";

/** The argument by which the second process knows what it is. */
export const UNDER_POLICY = "--under-policy";

/** What the second process gets in addition to what follows from the plan. */
export interface LaunchOptions {
  /** Whether its command line is printed. */
  readonly verbose: boolean;
  /** Files that the command itself reads. @default [] */
  readonly read?: readonly string[];
  /** Variables of the environment that it may read. @default [] */
  readonly env?: readonly string[];
  /** What the command itself connects to, `host` or `host:port`; no Worker gets it. @default [] */
  readonly net?: readonly string[];
}

/**
 * Runs the same command again, as `deno run` with exactly the flags of the plan.
 *
 * @param args The arguments of the command.
 * @returns The exit code of the second process.
 */
export async function launch(
  plan: ResolvedOptions,
  args: readonly string[],
  { verbose, read = [], env = [], net = [] }: LaunchOptions,
): Promise<number> {
  const { allow, deny } = permissionsOf(plan).process;
  // A range in which a host of the command lies cannot be denied to its process.
  const deniable = deniedNetworks(net.map((host) => host.replace(/:\d+$/, "")));
  const flags = [
    ...toFlags({
      allow: union(allow, { read, net }),
      deny: { ...deny, net: deny.net.filter((range) => deniable.includes(range)) },
    }),
    ...(env.length === 0 ? [] : [`--allow-env=${env.join(",")}`]),
  ];
  if (verbose) complain(`agent-kernel: deno run ${escape(flags.map(shellQuoted).join(" "))}`);
  await cacheModules(plan.providers.flatMap(({ module }) => module ?? []));
  return await launchWith(flags, args);
}

/** Downloads the modules of the Workers, without running them: the second process downloads nothing. */
async function cacheModules(modules: readonly string[]): Promise<void> {
  const remote = modules.filter((module) => !module.startsWith("file:"));
  if (remote.length === 0) return;
  await new Deno.Command("deno", { args: ["cache", "--quiet", "--no-config", ...remote] }).output();
}

/**
 * Runs the same command again, as `deno run` with these flags.
 *
 * @param args The arguments of the command.
 * @returns The exit code of the second process.
 */
export async function launchWith(
  flags: readonly string[],
  args: readonly string[],
): Promise<number> {
  const main = new URL("./main.ts", import.meta.url);
  const config = main.protocol === "file:"
    ? ["--quiet", `--config=${fromFileUrl(new URL("../../deno.json", import.meta.url))}`]
    : ["--quiet"];
  try {
    // By name: that is what "--allow-run=deno" permits.
    const child = new Deno.Command("deno", {
      args: ["run", ...config, ...flags, main.href, UNDER_POLICY, ...args],
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    return await ended(child);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Cannot start the process that acts: ${reason}; agent-kernel needs --allow-run=deno, and deno in the PATH`,
      { cause: error },
    );
  }
}

/**
 * Waits for the second process, also through a Ctrl-C: how to end is up to the one that acts. A
 * terminal signals both; where there is none, the signal is handed on.
 */
async function ended(child: Deno.ChildProcess): Promise<number> {
  const hand = () => {
    if (!Deno.stdin.isTerminal()) child.kill("SIGINT");
  };
  Deno.addSignalListener("SIGINT", hand);
  try {
    return (await child.status).code;
  } finally {
    Deno.removeSignalListener("SIGINT", hand);
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
