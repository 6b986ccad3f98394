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
 * Trying it is no way: without the flag Deno exits with code 70, past every catch. But what
 * `child_process.fork` would pass on to a child of the same kind can be seen in the child's
 * arguments, also when it cannot be started, and this one cannot: there is nothing below a device
 * file, and no permission is asked for.
 *
 * @returns `undefined` if it cannot be told.
 */
export function hasWorkerOptions(): Promise<boolean | undefined> {
  // It does not change while a process lives, and each try leaves a socket of the child open.
  return known ??= tryFork();
}

let known: Promise<boolean | undefined> | undefined;

async function tryFork(): Promise<boolean | undefined> {
  const { fork } = await import("node:child_process");
  const env = Deno.env as { get(name: string): string | undefined };
  const get = env.get;
  try {
    // `fork` reads one variable of the environment, for which this process may have no permission.
    env.get = () => undefined;
    const child = fork("/dev/null/none.js", [], {
      execPath: "/dev/null/none",
      stdio: "ignore",
      env: {},
    });
    child.on("error", () => {/* expected: there is nothing to start */});
    return child.spawnargs.includes("--unstable-worker-options");
  } catch {
    return undefined;
  } finally {
    env.get = get;
  }
}
