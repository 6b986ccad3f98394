/**
 * Ends by a signal, as bubblewrap tells them.
 *
 * @module
 */

/** By number, of Linux. SIGHUP is left out: 129 is what git says of wrong usage. */
const SIGNALS: Readonly<Record<number, string>> = {
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGUSR1",
  11: "SIGSEGV",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

/** The signal that the exit code stands for: 128 and its number, as shells have it. */
export function signalOf(code: number): string | undefined {
  return SIGNALS[code - 128];
}
