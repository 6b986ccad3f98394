/**
 * What ends a program together with its children where there is no sandbox: `timeout` of GNU
 * coreutils, which leads the group of their processes. (Deno lets a process signal others only with
 * the permission to run anything.)
 *
 * @module
 */
import type { CommandLine } from "./child.ts";

/** Whether it is what it should be; others of the same name do not know of groups. */
export async function worksAsSupervisor(path: string): Promise<boolean> {
  try {
    const { success, stdout } = await new Deno.Command(path, {
      args: ["--version"],
      clearEnv: true,
      stdin: "null",
    }).output();
    return success && new TextDecoder().decode(stdout).includes("GNU coreutils");
  } catch {
    return false;
  }
}

/**
 * The command line under the supervisor. Its own limit is for the case that nobody is left to signal
 * it.
 */
export function supervised(
  { executable, args, ...rest }: CommandLine,
  supervisor: string,
  deadlineMs: number,
): CommandLine {
  const seconds = String(Math.ceil(deadlineMs / 1000) + 1);
  return {
    ...rest,
    executable: supervisor,
    args: ["--signal=KILL", seconds, executable, ...args],
    // To it, SIGALRM says that the time is over.
    deadly: "SIGALRM",
  };
}
