/**
 * Undoing what an agent did: a layer around the gate that saves what actions are going to change.
 *
 * @module
 */
export {
  type Compensation,
  type CompensationOptions,
  CompensationStrategy,
} from "./compensation.ts";
export {
  filesystemStrategies,
  FsDeleteSnapshotStrategy,
  FsMkdirSnapshotStrategy,
  FsMoveSnapshotStrategy,
  FsWriteSnapshotStrategy,
} from "./fs_strategies.ts";
export { PermitSnapshot } from "./permit_snapshot.ts";
export { ReversibleActionLayer, type ReversibleOptions, type ReversibleResult } from "./layer.ts";
export {
  ROLLBACK_CODES,
  type RollbackOptions,
  type RollbackPreview,
  type RollbackReport,
  type RollbackResult,
  type RollbackSelection,
  type RollbackStep,
} from "./rollback.ts";
export { SnapshotError, SnapshotStoreBusyError } from "./snapshot_error.ts";
export { type Collected, SnapshotStore, type SnapshotStoreOptions } from "./store.ts";
export type {
  Capture,
  SavedAction,
  SnapshotReader,
  SnapshotSaver,
  SnapshotStrategy,
  Undo,
  UndoStep,
} from "./strategy.ts";
