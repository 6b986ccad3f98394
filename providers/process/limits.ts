/**
 * Bounds of what a program uses: `prlimit` of util-linux, which the kernel enforces (setrlimit(2)).
 *
 * @module
 */
import type { ResourceLimits } from "../../src/limits/program_limits.ts";

export type { ResourceLimits };

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

/** Where `prlimit` is, and what holds for every program. */
export interface Prlimit {
  readonly path: string;
  readonly limits: ResourceLimits;
  /** Whether it may be started where there is no sandbox. */
  readonly isPermitted: boolean;
}

/** Of each limit the lower one. */
export function strictest(one: ResourceLimits, other: ResourceLimits): ResourceLimits {
  const both = [...Object.entries(one), ...Object.entries(other)]
    .filter(([, value]) => value !== undefined);
  const names = Map.groupBy(both, ([name]) => name);
  return Object.fromEntries(
    Array.from(names, ([name, values]) => [name, Math.min(...values.map(([, value]) => value))]),
  );
}

/** The command that runs another command within limits. */
export function withinLimits(
  command: readonly string[],
  { path, limits }: Pick<Prlimit, "path" | "limits">,
): readonly string[] {
  const flags = limitFlags(limits);
  return flags.length === 0 ? command : [path, ...flags, "--", ...command];
}
