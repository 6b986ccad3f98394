/**
 * What ends a program together with its children where there is no sandbox: `timeout` of GNU
 * coreutils, which leads the group of their processes. (Deno lets a process signal others only with
 * the permission to run anything.)
 *
 * @module
 */
import type { CommandLine } from "./child.ts";
import { behindGate } from "./gate.ts";

/** `setpriv` of util-linux. It has the operating system signal a process when the one that started it ends. */
export const SETPRIV = "/usr/bin/setpriv";

/** To the supervisor, SIGALRM says that the time is over. */
const OVER = "SIGALRM";

const boundBy = (signal: Deno.Signal) => [SETPRIV, "--pdeathsig", signal, "--"];

/**
 * The words that start a supervisor which ends its group when the Worker or the kernel ends, however that comes
 * about. When a Worker ends, Deno kills what it has started with SIGKILL, which a supervisor cannot receive: so
 * another one stands before it, which takes nothing with it, and whose end is a signal to the supervisor.
 */
function bound(path: string, seconds: number): readonly string[] {
  return [
    ...boundBy("SIGKILL"),
    ...[path, "--foreground", `--signal=${OVER}`, String(seconds)],
    ...boundBy(OVER),
  ];
}

/** How long a trial may take. */
const TRIAL_SECONDS = 10;

/** How programs are started under a supervisor. */
export interface Supervisor {
  readonly path: string;
  /** Whether it ends, with the program, when the Worker or the kernel is ended. */
  readonly isBound: boolean;
}

/**
 * Finds out by trying whether there is a supervisor; others of the same name do not know of groups.
 *
 * @param path Its absolute path.
 */
export async function findSupervisor(path: string): Promise<Supervisor | undefined> {
  if (await isSupervisor([...bound(path, TRIAL_SECONDS), path])) return { path, isBound: true };
  return await isSupervisor([path]) ? { path, isBound: false } : undefined;
}

async function isSupervisor([executable = "", ...words]: readonly string[]): Promise<boolean> {
  try {
    const { success, stdout } = await new Deno.Command(executable, {
      args: [...words, "--version"],
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
  { path, isBound }: Supervisor,
  { deadlineMs, hasInput }: { readonly deadlineMs: number; readonly hasInput: boolean },
): CommandLine {
  const seconds = Math.ceil(deadlineMs / 1000) + 1;
  const command = [executable, ...args];
  const waiting = isBound ? behindGate(command, { hasInput, inSandbox: false }) : command;
  const [first = "", ...words] = [
    ...isBound ? bound(path, seconds + 1) : [],
    ...[path, "--signal=KILL", String(seconds), ...waiting],
  ];
  return { ...rest, executable: first, args: words, deadly: OVER, isGated: isBound };
}
