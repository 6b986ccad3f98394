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
  type Preparation,
  type RecordStatus,
  type ResultStatus,
  type SubmitFn,
  type SubmitOptions,
} from "./src/action.ts";
export { type ImpliedPermissions, impliedPermissions } from "./src/implied_permissions.ts";
export { Kernel, KernelClosedError } from "./src/kernel.ts";
export type { CheckpointOptions } from "./src/audit/checkpoint_publisher.ts";
export type { KernelOptions } from "./src/kernel_options.ts";
export { AuditLogError } from "./src/audit/audit_log_error.ts";
export type { Durability } from "./src/audit/group_writer.ts";
export { AuditLogBusyError } from "./src/audit/lock.ts";
export { KeyError } from "./src/audit/checkpoint.ts";
export {
  type CheckedVerification,
  type CheckpointFindings,
  type CheckpointProblem,
  verifyWithCheckpoints,
} from "./src/audit/checkpoint_verification.ts";
export type { Rotation } from "./src/audit/log.ts";
export type { Retention } from "./src/audit/retention.ts";
export { readAuditLog, type ReadLine, type RecordFilter } from "./src/audit/reader.ts";
export type { AuditRecord, RecordBody } from "./src/audit/record.ts";
export { type ChainObserver, type Verification, verifyAuditLog } from "./src/audit/verifier.ts";
export { MissingPermissionError } from "./src/permission/process.ts";
export type {
  Grants,
  PermissionName,
  PermissionSet,
  ProcessPermissions,
} from "./src/permission/permission_set.ts";
export type { WorkerPermissions } from "./src/permission/render.ts";
export type { PolicySummary, RuleSummary } from "./src/policy/policy.ts";
export type { Timer } from "./src/timer.ts";
export { PolicyError, type PolicyProblem } from "./src/policy/problem.ts";
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
} from "./src/provider/provider.ts";
export type {
  ActionSpec,
  ActionTable,
  FurtherResource,
  KindName,
  PathAccess,
} from "./src/resource/kind.ts";
export { WorkerOptionsError } from "./src/provider/worker_options.ts";
export type { DeniedEntry, FileEntry, FileView } from "./src/permission/file_view.ts";
