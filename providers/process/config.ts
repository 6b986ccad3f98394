/**
 * What the Worker of the process provider is configured with.
 *
 * @module
 */

import type { Prlimit } from "./limits.ts";

/** When programs run in a sandbox: if there is one, always (or not at all), or never. */
export type SandboxMode = "auto" | "required" | "off";

/**
 * What of the network a program in the sandbox reaches: what the policy allows, through a proxy;
 * nothing; or all that the host reaches.
 */
export type NetworkMode = "policy" | "none" | "host";

/** The options of the provider with their defaults. */
export interface ProcessConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly sandbox: SandboxMode;
  readonly bubblewrap: string;
  readonly supervisor?: string;
  readonly systemPaths: readonly string[];
  readonly network: NetworkMode;
  /** Absolute path of Deno, which runs the relay of a program that reaches the network. */
  readonly deno: string | undefined;
  readonly home: string | undefined;
  readonly prlimit: Prlimit;
  /** The folder for control groups. */
  readonly cgroup: string | undefined;
  readonly stdoutShare: number;
  readonly maxEntries: number;
  readonly deadlineMs: number;
}
