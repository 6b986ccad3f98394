/**
 * A PID namespace around a program, so that everything that it starts ends with it.
 *
 * `npx` starts `node`, which starts the server: a signal reaches only the first of them. When the first
 * process of a PID namespace ends, the kernel of the operating system ends all others in it, also those
 * with a session of their own (pid_namespaces(7)). It is no sandbox: files, network and user are the
 * same.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";

/** A program and its arguments. */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

/** `--die-with-parent`: also when this process is killed. `/proc` has to show the namespace. */
const FLAGS = ["--die-with-parent", "--unshare-pid", "--dev-bind", "/", "/", "--proc", "/proc"];

/**
 * The command line that starts a program in a PID namespace of its own.
 *
 * @param bubblewrap Absolute path of `bwrap`.
 */
export function inPidNamespace(bubblewrap: string, { command, args }: CommandLine): CommandLine {
  return { command: bubblewrap, args: [...FLAGS, "--", command, ...args] };
}

/**
 * Tries whether this machine permits PID namespaces. Many containers do not.
 *
 * @param bubblewrap Absolute path of `bwrap`.
 * @returns Why not; `undefined` if it does.
 */
export async function whyNoPidNamespace(bubblewrap: string): Promise<string | undefined> {
  try {
    const { command, args } = inPidNamespace(bubblewrap, {
      command: bubblewrap,
      args: ["--version"],
    });
    const { success, stderr } = await new Deno.Command(command, {
      args: [...args],
      clearEnv: true,
      stdin: "null",
    }).output();
    if (success) return undefined;
    return new TextDecoder().decode(stderr).split("\n")[0] || "bubblewrap failed";
  } catch (error) {
    return messageOf(error);
  }
}
