/**
 * A security boundary for LLM agents: policy, isolation, audit for every tool call.
 *
 * @module
 */
export {
  type ActionRequest,
  type ActionResult,
  type CanonicalRequest,
  CODES,
  type RecordStatus,
  type ResultStatus,
  type SubmitFn,
  type SubmitOptions,
} from "./src/core/action.ts";
export type {
  Preparation,
  Stage,
  StageAnswer,
  StageContext,
  StageOutcome,
  StagePass,
  StageRefusal,
} from "./src/core/stage.ts";
export { type ImpliedPermissions, impliedPermissions } from "./src/implied_permissions.ts";
export { KernelClosedError } from "./src/core/kernel.ts";
export { Kernel } from "./src/open.ts";
export type { CheckpointOptions } from "./src/checkpoint/publisher.ts";
export type { KernelOptions } from "./src/options.ts";
export { AuditLogError } from "./src/core/record/audit_log_error.ts";
export type { Durability } from "./src/core/record/writer.ts";
export { AuditLogBusyError } from "./src/core/record/lock.ts";
export { KeyError } from "./src/checkpoint/checkpoint.ts";
export {
  type CheckedVerification,
  type CheckpointFindings,
  type CheckpointProblem,
  verifyWithCheckpoints,
} from "./src/checkpoint/verification.ts";
export type { Rotation } from "./src/core/record/log.ts";
export type { Retention } from "./src/log/retention.ts";
export { readAuditLog, type ReadLine, type RecordFilter } from "./src/log/reader.ts";
export type { AuditRecord, RecordBody } from "./src/core/record/record.ts";
export { type ChainObserver, type Verification, verifyAuditLog } from "./src/log/verifier.ts";
export { MissingPermissionError } from "./src/launch/check.ts";
export type {
  Grants,
  PermissionName,
  PermissionSet,
  ProcessPermissions,
} from "./src/core/isolation/permission_set.ts";
export type { WorkerPermissions } from "./src/launch/flags.ts";
export type { PolicySource } from "./src/policy_tools/read.ts";
export type { PolicySummary, RuleSummary } from "./src/core/policy/policy.ts";
export type { Timer } from "./src/core/timer.ts";
export { PolicyError, type PolicyProblem } from "./src/core/policy/problem.ts";
export {
  DeniedError,
  type Execute,
  Provider,
  type ProviderContext,
  ProviderError,
  type ProviderLimits,
  type ProviderOptions,
  type ProviderRequest,
  type Question,
  type Verdict,
} from "./src/core/isolation/provider.ts";
export type {
  ActionSpec,
  ActionTable,
  FurtherResource,
  KindName,
  PathAccess,
} from "./src/core/resource/kind.ts";
export { WorkerOptionsError } from "./src/launch/worker_options.ts";
export type { DeniedEntry, FileEntry, FileView } from "./src/launch/file_view.ts";
