/**
 * Where a program waits until what ends it with its kernel is in force.
 *
 * The operating system ends a process when the thread that started it ends, once the process has asked for
 * that (PR_SET_PDEATHSIG of prctl(2)). bubblewrap, which becomes three processes one after the other, and `setpriv`
 * ask for it only after they were started. When a Worker is terminated, or a kernel killed, before all have asked,
 * the rest would run on. So the program waits: the shell in its place says that it is there, which is after that,
 * and goes on only if the Worker answers.
 *
 * @module
 */
import { SHELL } from "./shell.ts";

/** Under this name the shell complains of a program that it cannot start. */
export const GATE_NAME = "start";

/**
 * The first process of the sandbox is bound to bubblewrap right before it gets its seccomp filter. That is seen
 * from outside of it by the number of its filters, which is then that of this process (Linux 5.9).
 */
const BOUND_FIRST = `filters() {
  n=
  while read -r key value; do
    [ "$key" = Seccomp_filters: ] && n=$value
  done <"/proc/$1/status"
}
filters self; own=$n
filters 1
while [ "$n" != "$own" ]; do filters 1; done
`;

/** INVARIANT: the end of the input, because the Worker has ended, starts nothing. */
const WAIT = `echo; read -r _ || exit 1
`;

/**
 * The command that waits, and then becomes another one.
 *
 * @param command Its words.
 * @param options Whether it gets an input, and whether it runs in a sandbox.
 */
export function behindGate(
  command: readonly string[],
  { hasInput, inSandbox }: { readonly hasInput: boolean; readonly inSandbox: boolean },
): readonly string[] {
  const script = `${inSandbox ? BOUND_FIRST : ""}${WAIT}exec "$@"${hasInput ? "" : " </dev/null"}`;
  return [SHELL, "-c", script, GATE_NAME, ...command];
}

/**
 * Lets the program behind the gate go on, unless it is to end.
 *
 * @param child What was started. Afterwards its output is that of the program.
 */
export async function openGate(child: Deno.ChildProcess, signal: AbortSignal): Promise<void> {
  const input = child.stdin.getWriter();
  const output = child.stdout.getReader({ mode: "byob" });
  const giveUp = () => {
    input.abort().catch(() => {/* It has ended meanwhile. */});
    output.cancel().catch(() => {/* The same. */});
  };
  signal.addEventListener("abort", giveUp);
  try {
    const { value } = await output.read(new Uint8Array(1));
    // What never came to the gate says why on its standard error.
    if (value?.length === 1 && !signal.aborted) await input.write(new Uint8Array([10]));
    else giveUp();
  } catch {
    giveUp();
  } finally {
    signal.removeEventListener("abort", giveUp);
    input.releaseLock();
    output.releaseLock();
  }
}
