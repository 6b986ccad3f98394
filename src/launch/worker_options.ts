/**
 * Whether this process may start Workers with permissions of their own.
 *
 * @module
 */

/** The process was started without the flag that permission-scoped Workers need. */
export class WorkerOptionsError extends Error {
  /** The name of this class. */
  override name = "WorkerOptionsError";
  /** Stable code of this class of errors. */
  readonly code = "WORKER_OPTIONS_MISSING";

  constructor() {
    super(
      "Cannot isolate providers: Deno gives Workers permissions of their own only with " +
        '--unstable-worker-options, or "unstable": ["worker-options"] in the deno.json of the running project',
    );
  }
}

/**
 * Finds out whether `--unstable-worker-options` is on, by flag or by configuration.
 *
 * Starting a Worker to see is not possible: without the flag Deno exits with code 70, and no `catch`
 * sees it. Deno 2.9 has no API for it either. But `child_process.fork` passes unstable flags on to its
 * child, and the arguments of the child can be read even if it cannot be started. This one cannot,
 * because its path is below a device file; Deno asks for no permission then.
 *
 * @returns `undefined` if it cannot be found out.
 */
export function hasWorkerOptions(): Promise<boolean | undefined> {
  // Once for each process: the flag does not change, and each try leaves a socket of the child open.
  return known ??= tryFork();
}

let known: Promise<boolean | undefined> | undefined;

async function tryFork(): Promise<boolean | undefined> {
  const { fork } = await import("node:child_process");
  const env = Deno.env as { get(name: string): string | undefined };
  const get = env.get;
  try {
    // `fork` reads one variable of the environment; this process may have no permission for that.
    env.get = () => undefined;
    const child = fork("/dev/null/none.js", [], {
      execPath: "/dev/null/none",
      stdio: "ignore",
      env: {},
    });
    child.on("error", () => {/* Expected: there is nothing to start. */});
    return child.spawnargs.includes("--unstable-worker-options");
  } catch {
    // Not known: then a Worker without the flag ends the process, which widens nothing.
    return undefined;
  } finally {
    env.get = get;
  }
}
