/**
 * Signals to the first process, which reach the second.
 *
 * @module
 */

/** Exit codes of a process that a signal ended: 128 and its number. */
export const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const;

/** The signals that are handed on. */
export type HandedOn = keyof typeof SIGNAL_EXITS;

const HANDED_ON = Object.keys(SIGNAL_EXITS) as HandedOn[];

/**
 * Waits for the second process, and hands on what asks the first one to end. How to end is decided by
 * the process that acts.
 *
 * A terminal sends its Ctrl-C to both processes. A second `SIGINT` would end the run of an agent at
 * once, so on a terminal it is handed on as `SIGTERM`, which can be received twice.
 *
 * @returns The exit code of the second process.
 */
export async function handOnSignals(child: Deno.ChildProcess): Promise<number> {
  let interrupted = false;
  const listeners = HANDED_ON.map((signal) => {
    const sent = signal === "SIGINT" && Deno.stdin.isTerminal() ? "SIGTERM" : signal;
    const listener = () => {
      interrupted ||= signal === "SIGINT";
      try {
        child.kill(sent);
      } catch {
        // It has ended already.
      }
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  try {
    const { code } = await child.status;
    return interrupted && code === SIGNAL_EXITS.SIGTERM ? SIGNAL_EXITS.SIGINT : code;
  } finally {
    for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    if (!child.stdin.locked) {
      child.stdin.close().catch(() => {
        // The second process has closed its end.
      });
    }
  }
}
