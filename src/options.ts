/**
 * What a kernel is opened with.
 *
 * @module
 */
import type { Durability } from "./core/record/writer.ts";
import type { Rotation } from "./log/rotation.ts";
import type { CheckpointOptions } from "./checkpoint/witness.ts";
import type { Retention } from "./log/prune.ts";
import type { Provider } from "./worker/provider.ts";
import type { ApprovalOptions } from "./approval/options.ts";
import type { LimitOptions } from "./limits/enforcement.ts";
import type { SessionKeeping } from "./provenance/desk.ts";
import type { Stage } from "./stages/stage.ts";
import type { PolicySource } from "./policy_tools/read.ts";
import type { Timer } from "./core/timer.ts";

/** Options of {@linkcode Kernel.open}. */
export interface KernelOptions {
  /**
   * The policy: the path of a YAML file (or its `file:` URL), YAML text as `{ text }`, or the same
   * structure as an object.
   */
  readonly policy: PolicySource;
  /** Who carries out actions: a list, or a map from action to provider. @default [] */
  readonly providers?: readonly Provider[] | Readonly<Record<string, Provider>>;
  /** The audit log; its folder has to exist. @default "kernel.log" */
  readonly logPath?: string;
  /**
   * How far a record has to get before its submit resolves: to the operating system (it survives the
   * death of the process) or to the disk (it survives a loss of power). @default "os"
   */
  readonly durability?: Durability;
  /** When the log goes on in a new file. @default never */
  readonly rotate?: Rotation;
  /** Which rotated files are kept; needs `checkpoints`. @default all */
  readonly retain?: Retention;
  /** Signed checkpoints: they show a cut tail, and a log that was written anew. @default none */
  readonly checkpoints?: CheckpointOptions;
  /**
   * Whether params are logged beside their digest, with secrets replaced: never, those of denied requests, or
   * all. @default "digest"
   */
  readonly logParams?: "digest" | "denied" | "redacted";
  /** Absolute folder that relative targets are relative to. @default none: they are refused */
  readonly base?: string;
  /** Values for `${NAME}` in the policy; they win over its own `variables`. @default {} */
  readonly variables?: Readonly<Record<string, string>>;
  /** Folders for bare command names. @default `PATH` if the process may read it, else the standard ones */
  readonly searchPath?: readonly string[];
  /** Where the limits of the policy are counted. @default in memory, if the policy has limits */
  readonly limits?: LimitOptions;
  /** Who answers what rules with `approval` ask. @default nobody: what they allow is denied */
  readonly approvals?: ApprovalOptions;
  /** Where sessions are kept. @default in memory: they end with the kernel */
  readonly sessions?: SessionKeeping;
  /** Of `permit`: how long a report is waited for, in milliseconds. @default 3600000 */
  readonly reportWithinMs?: number;
  /**
   * What stands between decision and execution after the limits of the policy: whatever may refuse. Entered in
   * this order. @default none
   */
  readonly stages?: readonly Stage[];
  /** Gets one line for each thing a careful operator would want to know. @default standard error */
  readonly onWarning?: (line: string) => void;
  /** Wall clock, for timestamps. @default the system's */
  readonly clock?: () => Date;
  /** For deadlines and durations. @default the platform's */
  readonly timer?: Timer;
}
