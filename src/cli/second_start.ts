/**
 * Starting the second process. It loads nothing of the kernel: commands that only ask a resident one
 * are as fast as that.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { messageOf } from "../core/errors.ts";
import { childEnvironment, withoutRefused } from "./environment.ts";
import { handOnSignals } from "./signals.ts";

/** What becomes of standard input. */
export interface ForwardOptions {
  /** Whether standard input is for the second process. @default false */
  readonly forwardsInput?: boolean;
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
  { forwardsInput = false }: ForwardOptions = {},
): Promise<number> {
  // The module of a command that acts has the command's name, and is the main module here.
  const main = new URL(`./${name}.ts`, import.meta.url);
  const command = ["run", "--quiet", ...checkoutFlags(), ...flags, main.href, ...args];
  const child = spawnDeno(command, named);
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

/** Starts Deno with these arguments. */
export function spawnDeno(args: string[], named: readonly string[]): Deno.ChildProcess {
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
