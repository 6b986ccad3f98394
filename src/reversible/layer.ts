/**
 * The reversible layer: saves what actions are going to change, and rolls them back.
 *
 * @module
 */
import {
  type ActionRequest,
  type ActionResult,
  type CanonicalRequest,
  matchesAction,
  type ResultStatus,
} from "../core/action.ts";
import type { SubmitFn, SubmitOptions } from "../stages/submit.ts";
import { messageOf } from "../core/errors.ts";
import type { StageAnswer } from "../stages/stage.ts";
import { filesystemStrategies } from "./fs_strategies.ts";
import { KeyedMutex, keysOf } from "./keyed_mutex.ts";
import { visible } from "./preview.ts";
import {
  lackedBy,
  ROLLBACK_CODES,
  type RollbackOptions,
  type RollbackPreview,
  type RollbackReport,
  type RollbackResult,
  type RollbackSelection,
  type RollbackStep,
} from "./rollback.ts";
import { PermitSnapshot } from "./permit_snapshot.ts";
import { isUnsure, SnapshotStage, type SnapshotStageOptions } from "./snapshot_stage.ts";
import type { SnapshotStore } from "./store.ts";
import type { SavedAction, SnapshotReader, SnapshotStrategy, Undo, UndoStep } from "./strategy.ts";

/** Options of {@linkcode ReversibleActionLayer}. */
export interface ReversibleOptions {
  /** The gate: a kernel, or another layer before it. */
  readonly kernel: { readonly submit: SubmitFn };
  /** Where snapshots are kept. */
  readonly store: SnapshotStore;
  /** How actions are undone; the first that fits is taken. @default those of the filesystem provider */
  readonly strategies?: readonly SnapshotStrategy[];
  /**
   * What happens to an action of which no snapshot could be taken. `"deny"`: it is denied with the code
   * `SNAPSHOT_FAILED`. `"proceed"`: it is done and cannot be undone. @default "deny"
   */
  readonly onCaptureFailure?: "deny" | "proceed";
}

/** What {@linkcode ReversibleActionLayer.submit} resolves to. */
export interface ReversibleResult extends ActionResult {
  /** Whether `rollback(recordId)` can undo it. */
  readonly reversible: boolean;
  /** Why it cannot be undone. */
  readonly why?: string;
  /** Record ids of earlier actions that can no longer be undone, because this one needed their room. */
  readonly evicted?: readonly string[];
}

/**
 * Wraps a gate and has the same `submit`. After an action is allowed and before it is carried out, it
 * saves what the action is going to change. `rollback` undoes it by actions that go through the gate like
 * any other; their records name the record that they undo.
 *
 * @example
 * ```ts ignore
 * const layer = new ReversibleActionLayer({ kernel, store });
 * const result = await layer.submit({ action: "fs.write", target, params: { content: "oops" } });
 * await layer.rollback(result.recordId);
 * ```
 */
export class ReversibleActionLayer {
  readonly #gate: { readonly submit: SubmitFn };
  readonly #store: SnapshotStore;
  readonly #strategies: readonly SnapshotStrategy[];
  readonly #stageOptions: SnapshotStageOptions;
  readonly #mutex = new KeyedMutex();
  readonly #reader: SnapshotReader;

  /**
   * A layer before a gate.
   *
   * @param options The gate and the store, which stay the caller's to close.
   */
  constructor({ kernel, store, strategies, onCaptureFailure = "deny" }: ReversibleOptions) {
    this.#gate = kernel;
    this.#store = store;
    this.#strategies = strategies ?? filesystemStrategies();
    this.#stageOptions = {
      store,
      mutex: this.#mutex,
      strategyFor: (action) => this.#strategyFor(action),
      proceeds: onCaptureFailure === "proceed",
    };
    this.#reader = { folder: store.folder, read: (sha256) => store.read(sha256) };
  }

  /**
   * Submits a request to the gate and saves, if it is allowed, what it is going to change.
   *
   * @param request As for the gate.
   * @param options As for the gate.
   * @returns The gate's result, and whether the action can be undone.
   * @throws {KernelClosedError} (as a rejection) The kernel is closed.
   */
  async submit(request: ActionRequest, options: SubmitOptions = {}): Promise<ReversibleResult> {
    const stage = new SnapshotStage(this.#stageOptions);
    try {
      const stages = [...options.stages ?? [], stage];
      const result = await this.#gate.submit(request, { ...options, stages });
      const { evicted, reversibility } = stage;
      return {
        ...result,
        ...reversibility,
        ...(evicted.size === 0 ? {} : { evicted: Array.from(evicted) }),
      };
    } finally {
      stage.release();
    }
  }

  /**
   * Saves what an action is going to change that an agent does itself (`Kernel.permit`): the stage of one permit,
   * which is told when the action has been reported.
   */
  permitSnapshot(): PermitSnapshot {
    return new PermitSnapshot(this.#stageOptions);
  }

  /**
   * What a rollback would change now. Changes nothing, and decides nothing.
   *
   * @param recordId Of the action.
   */
  async preview(recordId: string): Promise<RollbackPreview> {
    const found = this.#find(recordId);
    if (!("saved" in found)) return { ...found, text: "" };
    const { undo, ...failure } = await this.#undo(found);
    if (undo === undefined) return { ...failure as RollbackResult, text: "" };
    const obstacle = undo.conflict ?? undo.impossible;
    const code = undo.conflict === undefined ? "ROLLBACK_IMPOSSIBLE" : "ROLLBACK_CONFLICT";
    let descriptions: string[];
    try {
      descriptions = await Promise.all(
        undo.steps.map((step) => step.describe?.() ?? described(step)),
      );
    } catch (error) {
      const failure = failed("ERROR", recordId, "ROLLBACK_FAILED", messageOf(error));
      return { ...failure, steps: [], text: "" };
    }
    return {
      recordId,
      status: obstacle === undefined ? "OK" : "ERROR",
      ...(obstacle === undefined ? {} : { code, error: obstacle }),
      steps: undo.steps.map(({ action, target }) => ({ action, target })),
      text: descriptions.join(""),
    };
  }

  /**
   * Undoes an action. If something was changed after the action, the rollback ends with
   * `ROLLBACK_CONFLICT` unless it is forced. A rollback is not itself saved, and cannot be rolled back.
   *
   * @param recordId Of the action.
   * @returns How it ended; never rejects for what the policy or the files say.
   */
  async rollback(
    recordId: string | undefined,
    { force = false, agent }: RollbackOptions = {},
  ): Promise<RollbackResult> {
    const found = this.#find(recordId ?? "");
    if (!("saved" in found)) return found;
    const unlock = await this.#mutex.acquire(keysOf(found.saved.recordId, found.saved.touches));
    this.#store.hold(found.saved.recordId, true);
    try {
      // While it waited, another rollback may have done it.
      const again = this.#find(found.saved.recordId);
      return "saved" in again ? await this.#rollBack(again, { force, agent }) : again;
    } finally {
      this.#store.hold(found.saved.recordId, false);
      unlock();
    }
  }

  /**
   * Undoes many actions, the latest first. Stops at the first that cannot be undone.
   *
   * @param selection Which actions, and how.
   */
  async rollbackAll(selection: RollbackSelection = {}): Promise<RollbackReport> {
    const { since, of, ...options } = selection;
    const from = since?.toISOString() ?? "";
    const wanted = this.#store.list()
      .filter(({ at, agent }) => at >= from && (of === undefined || agent === of))
      .filter(({ state }) => state !== "rolled back")
      .map(({ recordId }) => recordId)
      .reverse();
    const rolledBack: string[] = [];
    for (const recordId of wanted) {
      const result = await this.rollback(recordId, options);
      if (result.status !== "OK") {
        const remaining = wanted.slice(rolledBack.length);
        return { status: result.status, rolledBack, stopped: result, remaining };
      }
      rolledBack.push(recordId);
    }
    return { status: "OK", rolledBack, remaining: [] };
  }

  #strategyFor(action: string): SnapshotStrategy | undefined {
    return this.#strategies.find((strategy) => matchesAction(strategy.action, action));
  }

  #find(recordId: string): { saved: SavedAction; strategy: SnapshotStrategy } | RollbackResult {
    const saved = this.#store.get(recordId);
    const no = (code: keyof typeof ROLLBACK_CODES, error: string): RollbackResult => ({
      ...{ status: "ERROR", recordId, code, error, steps: [] },
    });
    if (saved === undefined) {
      return no("NO_SNAPSHOT", `no snapshot found for "${visible(recordId)}"`);
    }
    if (saved.state === "rolled back") {
      return no(
        "ALREADY_ROLLED_BACK",
        `${saved.action} of "${saved.target}" was rolled back already`,
      );
    }
    if (saved.state === "lost") {
      const error = `no snapshot found for "${recordId}": it was removed to make room for others`;
      return no("NO_SNAPSHOT", error);
    }
    const strategy = this.#strategyFor(saved.action);
    if (strategy !== undefined) return { saved, strategy };
    return no("NO_STRATEGY", `no strategy for action type "${saved.action}"`);
  }

  async #undo(
    { saved, strategy }: { saved: SavedAction; strategy: SnapshotStrategy },
  ): Promise<{ undo: Undo } | RollbackResult & { undo?: undefined }> {
    try {
      return { undo: await strategy.undo(saved, this.#reader) };
    } catch (error) {
      const { recordId } = saved;
      return { ...failed("ERROR", recordId, "ROLLBACK_FAILED", messageOf(error)), steps: [] };
    }
  }

  async #rollBack(
    found: { saved: SavedAction; strategy: SnapshotStrategy },
    { force, agent }: { force: boolean; agent: string | undefined },
  ): Promise<RollbackResult> {
    const { saved: { recordId, state } } = found;
    const { undo, ...failure } = await this.#undo(found);
    if (undo === undefined) return failure as RollbackResult;
    const { conflict, impossible } = undo;
    if (impossible !== undefined) {
      return { ...failed("ERROR", recordId, "ROLLBACK_IMPOSSIBLE", impossible), steps: [] };
    }
    if (conflict !== undefined && !force) {
      return { ...failed("ERROR", recordId, "ROLLBACK_CONFLICT", conflict), steps: [] };
    }
    try {
      // If the process is killed during the rollback, this shows that something was being changed.
      if (undo.steps.length > 0) this.#store.change(recordId, { state: "pending" });
      const result = await this.#carryOut(undo.steps, recordId, agent);
      if (result.status === "OK") this.#store.change(recordId, { state: "rolled back" });
      // Not always "done": an action that was interrupted is undone in other ways, the next time too.
      else if (!isUnsure(result.code)) this.#store.change(recordId, { state });
      return result;
    } catch (error) {
      const why = `the snapshot store cannot be written: ${messageOf(error)}`;
      return { ...failed("ERROR", recordId, "ROLLBACK_FAILED", why), steps: [] };
    }
  }

  async #carryOut(
    planned: readonly UndoStep[],
    recordId: string,
    agent: string | undefined,
  ): Promise<RollbackResult> {
    const steps: RollbackStep[] = [];
    for (const [i, step] of planned.entries()) {
      const { action, target, params = {}, optional } = step;
      const who = agent === undefined ? {} : { agent };
      const result = await this.#gate.submit(
        { action, target, params, undoes: recordId, ...who },
        { stages: [{ name: "rollback", enter: (canonical) => preparedFor(step, canonical) }] },
      );
      steps.push({ action, target, ...result });
      if (result.status === "OK" || optional === true) continue;
      const { status, error = "", code = "ROLLBACK_FAILED" } = result;
      const name = `step ${i + 1} of ${planned.length}, ${action} of "${target}"`;
      const which = `${name}: ${error}${lackedBy(step, result)}`;
      const reported = code === "TARGET_CHANGED" ? "ROLLBACK_CONFLICT" : code;
      return { ...failed(status, recordId, reported, which), steps };
    }
    return { status: "OK", recordId, steps };
  }
}

/**
 * INVARIANT: what is restored goes to where it came from. Somebody may have put a link on the way since
 * then, which the gate would follow.
 */
function preparedFor(step: UndoStep, canonical: CanonicalRequest): StageAnswer {
  const { target, params = {}, preparation } = step;
  if (preparation === undefined) return undefined;
  if (canonical.target === target && canonical.params["to"] === params["to"]) {
    return { preparation };
  }
  return {
    refusal: `"${target}" leads elsewhere now, to "${canonical.target}"`,
    code: ROLLBACK_CODES.ROLLBACK_CONFLICT,
  };
}

function failed(
  status: ResultStatus,
  recordId: string,
  code: string,
  error: string,
): Omit<RollbackResult, "steps"> {
  return { status, recordId, code, error };
}

function described({ action, target, params = {} }: UndoStep): string {
  return `${action} ${visible(target)} ${visible(JSON.stringify(params))}\n`;
}
