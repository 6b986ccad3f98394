/**
 * The reversible layer: it saves what actions are going to change, and has them undone.
 *
 * @module
 */
import {
  type ActionRequest,
  type ActionResult,
  type CanonicalRequest,
  CODES,
  matchesAction,
  type ResultStatus,
  type SubmitFn,
  type SubmitOptions,
} from "../core/action.ts";
import type { Preparation } from "../core/stage.ts";
import { DeniedError } from "../worker/provider_error.ts";
import { filesystemStrategies } from "./fs_strategies.ts";
import { visible } from "./preview.ts";
import {
  lackedBy,
  type ROLLBACK_CODES,
  type RollbackOptions,
  type RollbackPreview,
  type RollbackReport,
  type RollbackResult,
  type RollbackSelection,
  type RollbackStep,
} from "./rollback.ts";
import type { SnapshotStore } from "./store.ts";
import type { SavedAction, SnapshotReader, SnapshotStrategy, Undo, UndoStep } from "./strategy.ts";
import { Turns, turnsOf } from "./turns.ts";

/** Options of {@linkcode ReversibleActionLayer}. */
export interface ReversibleOptions {
  /** The gate: a kernel, or another layer before it. */
  readonly kernel: { readonly submit: SubmitFn };
  /** Where snapshots are kept. */
  readonly store: SnapshotStore;
  /** How actions are undone; the first that fits is taken. @default those of the filesystem provider */
  readonly strategies?: readonly SnapshotStrategy[];
  /**
   * What becomes of an action of which no snapshot could be taken: it is denied with the code
   * `SNAPSHOT_FAILED`, or it is done and cannot be undone. @default "deny"
   */
  readonly onCaptureFailure?: "deny" | "proceed";
}

/** What {@linkcode ReversibleActionLayer.submit} resolves to. */
export interface ReversibleResult extends ActionResult {
  /** Whether `rollback(recordId)` can undo it. */
  readonly reversible: boolean;
  /** Why not. */
  readonly why?: string;
  /** Earlier actions that can no longer be undone, because this one needed their room. */
  readonly evicted?: readonly string[];
}

/** A capture under way. */
interface Capture {
  readonly strategy: SnapshotStrategy;
  readonly recordId: string;
}

/** What a submit through the layer has come to. */
interface Course {
  /** Set as soon as the action can be undone. */
  capture?: Capture;
  why: string;
  readonly evicted: Set<string>;
  end?: () => void;
}

/**
 * Stands before a gate and has its `submit`. Before an allowed action is carried out it saves what the
 * action is going to change; `rollback` undoes it by actions that go through the gate like any
 * other, and are recorded with the id of the record that they undo.
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
  readonly #proceeds: boolean;
  readonly #turns = new Turns();
  readonly #reader: SnapshotReader;

  /** A layer before a gate. The gate and the store stay the caller's to close. */
  constructor({ kernel, store, strategies, onCaptureFailure = "deny" }: ReversibleOptions) {
    this.#gate = kernel;
    this.#store = store;
    this.#strategies = strategies ?? filesystemStrategies();
    this.#proceeds = onCaptureFailure === "proceed";
    this.#reader = { folder: store.folder, read: (sha256) => store.read(sha256) };
  }

  /** As the gate's; the result also tells whether the action can be undone. */
  async submit(request: ActionRequest, options: SubmitOptions = {}): Promise<ReversibleResult> {
    const course: Course = { why: "nothing was done", evicted: new Set() };
    const prepare: SubmitOptions["prepare"] = async (canonical, recordId) => {
      const outer = await options.prepare?.(canonical, recordId);
      const own = await this.#prepare(canonical, recordId, course);
      return outer === undefined && own === undefined ? undefined : { ...outer, ...own };
    };
    try {
      const result = await this.#gate.submit(request, { ...options, prepare });
      return await this.#settled(result, course);
    } finally {
      if (course.capture !== undefined) this.#store.hold(course.capture.recordId, false);
      course.end?.();
    }
  }

  /** What a rollback would change, as things are now. Changes nothing, and decides nothing. */
  async preview(recordId: string): Promise<RollbackPreview> {
    const found = this.#find(recordId);
    if (!("saved" in found)) return { ...found, text: "" };
    const { undo, ...failure } = await this.#undo(found);
    if (undo === undefined) return { ...failure as RollbackResult, text: "" };
    const told = undo.conflict ?? undo.impossible;
    const code = undo.conflict === undefined ? "ROLLBACK_IMPOSSIBLE" : "ROLLBACK_CONFLICT";
    let texts: string[];
    try {
      texts = await Promise.all(undo.steps.map((step) => step.describe?.() ?? described(step)));
    } catch (error) {
      return {
        ...failed("ERROR", recordId, "ROLLBACK_FAILED", messageOf(error)),
        ...{ steps: [], text: "" },
      };
    }
    return {
      recordId,
      status: told === undefined ? "OK" : "ERROR",
      ...(told === undefined ? {} : { code, error: told }),
      steps: undo.steps.map(({ action, target }) => ({ action, target })),
      text: texts.join(""),
    };
  }

  /**
   * Undoes an action. What was changed after it is not lost, unless forced: then the rollback ends
   * with `ROLLBACK_CONFLICT`. A rollback is not itself saved, and cannot be rolled back.
   */
  async rollback(
    recordId: string | undefined,
    { force = false, agent }: RollbackOptions = {},
  ): Promise<RollbackResult> {
    const found = this.#find(recordId ?? "");
    if (!("saved" in found)) return found;
    const end = await this.#turns.take(turnsOf(found.saved.recordId, found.saved.touches));
    this.#store.hold(found.saved.recordId, true);
    try {
      // While it waited for its turn, another rollback may have done it.
      const again = this.#find(found.saved.recordId);
      return "saved" in again ? await this.#rollBack(again, { force, agent }) : again;
    } finally {
      this.#store.hold(found.saved.recordId, false);
      end();
    }
  }

  /** Undoes many actions, the latest first. Stops at the first that cannot be undone. */
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

  async #prepare(
    request: CanonicalRequest,
    recordId: string,
    course: Course,
  ): Promise<Preparation | undefined> {
    const strategy = this.#strategyFor(request.action);
    if (strategy === undefined) {
      course.why = `no strategy for action type "${request.action}"`;
      return undefined;
    }
    try {
      const touches = strategy.touches?.(request) ?? [request.target];
      course.end = await this.#turns.take(turnsOf(recordId, touches));
      const preparation = await this.#capture(request, { strategy, recordId }, touches, course);
      course.capture = { strategy, recordId };
      return preparation;
    } catch (error) {
      course.why = `no snapshot could be taken: ${messageOf(error)}`;
      // INVARIANT: what could not be saved is not done, unless the owner wants it so.
      if (!this.#proceeds) throw new DeniedError("SNAPSHOT_FAILED", course.why, { cause: error });
      return undefined;
    }
  }

  async #capture(
    { action, target, params, agent }: CanonicalRequest,
    { strategy, recordId }: Capture,
    touches: readonly string[],
    { evicted }: Course,
  ): Promise<Preparation | undefined> {
    const blobs: string[] = [];
    const save = async (content: Uint8Array | Deno.FsFile) => {
      const sha256 = await this.#store.save(content, evicted);
      blobs.push(sha256);
      return sha256;
    };
    const who = agent === undefined ? {} : { agent };
    const saver = { folder: this.#store.folder, save };
    let captured;
    try {
      captured = await strategy.capture({ action, target, params, ...who }, saver);
    } catch (error) {
      this.#store.release(blobs);
      throw error;
    }
    const { snapshot, preparation } = captured;
    await this.#store.add({ recordId, action, target, ...who, touches, snapshot, blobs }, evicted);
    return preparation;
  }

  /** What is known when the action has ended. */
  async #settled(result: ActionResult, course: Course): Promise<ReversibleResult> {
    const { capture } = course;
    const evicted = course.evicted.size === 0 ? {} : { evicted: Array.from(course.evicted) };
    if (capture === undefined) return { ...result, reversible: false, why: course.why, ...evicted };
    const { recordId, strategy } = capture;
    try {
      if (isUndone(result)) {
        this.#store.forget(recordId);
        return { ...result, reversible: false, why: "nothing was done", ...evicted };
      }
      const saved = this.#store.get(recordId);
      if (saved === undefined) throw new Error("its time was over before it ended");
      const snapshot = await strategy.settle?.(saved, result) ?? saved.snapshot;
      this.#store.change(recordId, { state: isUnsure(result.code) ? "pending" : "done", snapshot });
    } catch (error) {
      const why = `what it left behind could not be noted: ${messageOf(error)}`;
      return { ...result, recordId, reversible: false, why, ...evicted };
    }
    return { ...result, recordId, reversible: true, ...evicted };
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
        `${saved.action} of "${saved.target}" was rolled back before`,
      );
    }
    if (saved.state === "lost") {
      const error =
        `no snapshot found for "${recordId}": it is gone, because others needed its room`;
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
      // Should the process die in the middle, this tells that something was under way.
      if (undo.steps.length > 0) this.#store.change(recordId, { state: "pending" });
      const result = await this.#carryOut(undo.steps, recordId, agent);
      if (result.status === "OK") this.#store.change(recordId, { state: "rolled back" });
      // Not always "done": what a death cut short is undone in other ways, the next time too.
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
        { prepare: (canonical) => prepared(canonical, step) },
      );
      steps.push({ action, target, ...result });
      if (result.status === "OK" || optional === true) continue;
      const { status, error = "", code = "ROLLBACK_FAILED" } = result;
      const place = `step ${i + 1} of ${planned.length}, ${action} of "${target}"`;
      const which = `${place}: ${error}${lackedBy(step, result)}`;
      const told = code === "TARGET_CHANGED" ? "ROLLBACK_CONFLICT" : code;
      return { ...failed(status, recordId, told, which), steps };
    }
    return { status: "OK", recordId, steps };
  }
}

/**
 * INVARIANT: what is restored goes to where it came from. Somebody may have put a link on the way
 * since then, which the gate would follow.
 */
function prepared(canonical: CanonicalRequest, step: UndoStep): Preparation | undefined {
  const { target, params = {}, preparation } = step;
  if (preparation === undefined) return undefined;
  if (canonical.target === target && canonical.params["to"] === params["to"]) return preparation;
  throw new DeniedError(
    "ROLLBACK_CONFLICT",
    `"${target}" leads elsewhere now, to "${canonical.target}"`,
  );
}

/** Whether it is sure that the action changed nothing. */
function isUndone({ status, code, recordId }: ActionResult): boolean {
  // What was denied without a record id never reached a provider; these two codes are of refusals.
  return status === "DENIED" && recordId === undefined ||
    code === "TARGET_CHANGED" || code === "SNAPSHOT_FAILED";
}

/** Whether the provider may have been stopped in the middle. */
function isUnsure(code: string | undefined): boolean {
  return code === CODES.PROVIDER_CRASHED || code === CODES.DEADLINE_EXCEEDED;
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
