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
  RECORD_STATUSES,
  type RecordStatus,
  type ResultStatus,
} from "./src/core/action.ts";
export type {
  LabelledResult,
  ResultProvenance,
  SubmitFn,
  SubmitOptions,
} from "./src/stages/submit.ts";
export { Session } from "./src/session.ts";
export type { SessionInfo, SessionKeeping, SessionOptions } from "./src/provenance/desk.ts";
export { type ProposeScope, type Scope, scopeByWords } from "./src/provenance/scope.ts";
export { SESSION_CODES, SessionError } from "./src/provenance/session_error.ts";
export type { SessionHeader } from "./src/provenance/session_store.ts";
export type { Decimal } from "./src/limits/decimal.ts";
export {
  type Answered,
  ApprovalInbox,
  type ApprovalInboxOptions,
  type QuestionState,
} from "./src/approval/inbox.ts";
export { ApprovalInboxError } from "./src/approval/inbox_folder.ts";
export type { ApprovalOptions } from "./src/approval/options.ts";
export { type ApprovalGrant, type GrantStore, MemoryGrants } from "./src/approval/grant.ts";
export {
  allOf,
  type ApprovalAnswer,
  type Approver,
  approverOf,
  atLeast,
  escalating,
  firstOf,
  type QuestionKeeper,
} from "./src/approval/approver.ts";
export { type ApprovalQuestion, renderQuestion } from "./src/approval/question.ts";
export { APPROVAL_CODES } from "./src/approval/refusal.ts";
export type { PlanAnswer } from "./src/approval/plan.ts";
export type { Terminal } from "./src/approval/pages.ts";
export { terminalApprover, type TerminalOptions } from "./src/approval/terminal.ts";
export { webhookApprover, WebhookError, type WebhookOptions } from "./src/approval/webhook.ts";
export type { WebhookFormat } from "./src/approval/webhook_message.ts";
export type { LimitOptions } from "./src/limits/enforcement.ts";
export { MemoryLimitStore } from "./src/limits/memory_store.ts";
export { LIMIT_CODES } from "./src/limits/stage.ts";
export {
  type BucketMeter,
  type Charge,
  type Corrections,
  type Exceeded,
  type LimitStore,
  LimitStoreError,
  type SlotMeter,
  type Usage,
  type WindowMeter,
} from "./src/limits/store.ts";
export type { Preparation, StageOutcome, StageRefusal } from "./src/core/admission.ts";
export type { Stage, StageAnswer, StageContext, StagePass } from "./src/stages/stage.ts";
export { type ImpliedPermissions, impliedPermissions } from "./src/implied_permissions.ts";
export { Kernel, KernelClosedError } from "./src/open.ts";
export type { PermitReport } from "./src/permits.ts";
export type { CheckpointOptions } from "./src/checkpoint/witness.ts";
export type { KernelOptions } from "./src/options.ts";
export { AuditLogBusyError, AuditLogError } from "./src/core/record/audit_log_error.ts";
export type { Durability } from "./src/core/record/writer.ts";
export { KeyError } from "./src/checkpoint/checkpoint.ts";
export {
  type CheckedVerification,
  type CheckpointFindings,
  type CheckpointProblem,
  verifyWithCheckpoints,
} from "./src/checkpoint/verification.ts";
export type { Rotation } from "./src/log/rotation.ts";
export { pruneAuditLog, type PruneOptions, type Retention } from "./src/log/prune.ts";
export { readAuditLog, type ReadLine, type RecordFilter } from "./src/log/reader.ts";
export type { AuditRecord, RecordBody } from "./src/core/record/record.ts";
export {
  type ChainObserver,
  type ChainProblem,
  type ChainState,
  type Verification,
  verifyAuditLog,
} from "./src/log/verifier.ts";
export { MissingPermissionError } from "./src/launch/check.ts";
export type {
  Grants,
  PermissionName,
  PermissionSet,
  WorkerPermissions,
} from "./src/core/isolation/permission_set.ts";
export type { PolicySource } from "./src/policy_tools/read.ts";
export type { ProcessPermissions } from "./src/launch/process_permissions.ts";
export type { PolicySummary, RuleSummary } from "./src/core/policy/policy.ts";
export type { Timer } from "./src/core/timer.ts";
export { PolicyError, type PolicyProblem } from "./src/core/policy/problem.ts";
export {
  Provider,
  type ProviderLimits,
  type ProviderOptions,
  type StandardAction,
} from "./src/worker/provider.ts";
export { DeniedError, ProviderError } from "./src/worker/provider_error.ts";
export type {
  Execute,
  ProviderContext,
  ProviderEnvironment,
  Question,
} from "./src/worker/provider_context.ts";
export type { ProviderRequest, ResourceDecision } from "./src/core/isolation/provider_host.ts";
export type {
  ActionSpec,
  ActionTable,
  ImpliedAction,
  KindName,
  PathAccess,
  ResolveOptions,
  SecondaryResource,
} from "./src/core/resource/kind.ts";
export { WorkerOptionsError } from "./src/launch/worker_options.ts";
export type { DeniedEntry, FileEntry, FileView } from "./src/launch/file_view.ts";
