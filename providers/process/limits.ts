/**
 * Bounds of what a program uses: `prlimit` of util-linux, which the kernel enforces (setrlimit(2)).
 *
 * @module
 */

/** Bounds of each program; what is not given is not bounded. */
export interface ResourceLimits {
  /**
   * Address space of each process, in bytes (`RLIMIT_AS`). Programs that reserve more than they use
   * (Node.js, Deno, Java, Go) need some GiB. It bounds no sum over processes.
   */
  readonly memory?: number;
  /**
   * Processes and threads at a time (`RLIMIT_NPROC`). In a sandbox those of the program are counted,
   * without one all of the user. Linux does not hold it against root.
   */
  readonly processes?: number;
  /** Size of each file that it writes, in bytes (`RLIMIT_FSIZE`). It bounds no sum over files. */
  readonly fileSize?: number;
  /** Time on a CPU of each process, in seconds (`RLIMIT_CPU`); then SIGKILL. */
  readonly cpuSeconds?: number;
  /** Open files of each process (`RLIMIT_NOFILE`). */
  readonly openFiles?: number;
}

const FLAGS: Readonly<Record<keyof ResourceLimits, string>> = {
  memory: "as",
  processes: "nproc",
  fileSize: "fsize",
  cpuSeconds: "cpu",
  openFiles: "nofile",
};

/**
 * Checks limits.
 *
 * @returns The flags of `prlimit` that set them.
 * @throws {RangeError} One is unknown, or no positive whole number.
 */
export function limitFlags(limits: ResourceLimits): readonly string[] {
  return Object.entries(limits).filter(([, value]) => value !== undefined).map(([name, value]) => {
    if (!Object.hasOwn(FLAGS, name)) {
      throw new RangeError(
        `There is no limit "${name}", expected one of ${Object.keys(FLAGS).join(", ")}`,
      );
    }
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`The limit "${name}" is ${value}, expected a positive whole number`);
    }
    return `--${FLAGS[name as keyof ResourceLimits]}=${value}`;
  });
}

/** The flags of `prlimit`, and where it is. */
export interface Prlimit {
  readonly path: string;
  readonly flags: readonly string[];
}

/** The command that runs another command within limits. */
export function withinLimits(
  command: readonly string[],
  { path, flags }: Prlimit,
): readonly string[] {
  return [path, ...flags, "--", ...command];
}
