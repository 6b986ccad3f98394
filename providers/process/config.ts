/**
 * What the Worker of the process provider is configured with.
 *
 * @module
 */

/** Whether programs run in a sandbox: if there is one, or not at all, or never. */
export type SandboxMode = "auto" | "required" | "off";

/** The options of the provider with their defaults. */
export interface ProcessConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly sandbox: SandboxMode;
  readonly bubblewrap: string;
  readonly supervisor?: string;
  readonly systemPaths: readonly string[];
  /** Whether programs may have the network if the policy gives it. */
  readonly network: boolean;
  readonly stdoutShare: number;
  readonly maxEntries: number;
  readonly deadlineMs: number;
}
