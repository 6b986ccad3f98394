/**
 * The stage that saves what an action will change: after the decision, before the execution.
 *
 * @module
 */
import { type ActionResult, type CanonicalRequest, CODES } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import { DeniedError } from "../worker/provider_error.ts";
import type { Preparation, StageOutcome, StageRefusal } from "../core/admission.ts";
import type { Stage, StageAnswer, StageContext } from "../stages/stage.ts";
import type { Kept } from "./blobs.ts";
import { type KeyedMutex, keysOf } from "./keyed_mutex.ts";
import type { SnapshotStore } from "./store.ts";
import type { SnapshotStrategy } from "./strategy.ts";

/** What the stages of a layer have in common. */
export interface SnapshotStageOptions {
  readonly store: SnapshotStore;
  readonly mutex: KeyedMutex;
  /** The strategy for an action. */
  readonly strategyFor: (action: string) => SnapshotStrategy | undefined;
  /** Whether an action of which no snapshot could be taken is done nevertheless. */
  readonly proceeds: boolean;
}

/** Whether an action can be undone. */
export type Reversibility =
  | { readonly reversible: true; readonly recordId: string }
  | { readonly reversible: false; readonly why: string; readonly recordId?: string };

/** Code of the refusal of an action of which no snapshot could be taken. */
export const SNAPSHOT_FAILED = "SNAPSHOT_FAILED";

/** How long taking a snapshot may take, in milliseconds: files can be large, and others are waited for. */
const TIMEOUT_MS = 600_000;

/** A snapshot that was taken. */
interface Taken {
  readonly recordId: string;
  readonly strategy: SnapshotStrategy;
}

/** The stage of one submit through a layer. */
export class SnapshotStage implements Stage {
  readonly name = "snapshot";
  readonly timeoutMs = TIMEOUT_MS;
  /** The ids of earlier actions that can no longer be undone because this one needed their room. */
  readonly evicted = new Set<string>();
  readonly #options: SnapshotStageOptions;
  #reversibility: Reversibility = { reversible: false, why: "nothing was done" };
  #held: string | undefined;
  #unlock: (() => void) | undefined;

  constructor(options: SnapshotStageOptions) {
    this.#options = options;
  }

  /** Whether the action can be undone, as far as it is known now. */
  get reversibility(): Reversibility {
    return this.#reversibility;
  }

  /** Saves what the action will change. */
  async enter(request: CanonicalRequest, context: StageContext): Promise<StageAnswer> {
    const { recordId, signal } = context;
    const { strategyFor, mutex, store, proceeds } = this.#options;
    const strategy = strategyFor(request.action);
    if (strategy === undefined) {
      this.#fail(`no strategy for action type "${request.action}"`);
      return undefined;
    }
    try {
      const touches = strategy.touches?.(request) ?? [request.target];
      this.#unlock = await mutex.acquire(keysOf(recordId, touches));
      signal.throwIfAborted();
      const preparation = await this.#capture(request, { recordId, strategy }, touches, signal);
      this.#held = recordId;
      if (signal.aborted) {
        // Too late: the action was refused meanwhile.
        store.forget(recordId);
        throw signal.reason;
      }
      this.#reversibility = { reversible: true, recordId };
      const settle = (outcome: StageOutcome) => this.#settle(outcome, { recordId, strategy });
      return preparation === undefined ? { settle } : { preparation, settle };
    } catch (error) {
      if (signal.aborted) this.release();
      // INVARIANT: what could not be saved is not done, unless the owner wants it so.
      return this.#refusalFor(error, proceeds && !signal.aborted);
    }
  }

  /** Lets other actions that touch the same go on. To be called when the submit has ended. */
  release(): void {
    if (this.#held !== undefined) this.#options.store.hold(this.#held, false);
    this.#held = undefined;
    this.#unlock?.();
    this.#unlock = undefined;
  }

  #refusalFor(error: unknown, proceeds: boolean): StageRefusal | undefined {
    const why = `no snapshot could be taken: ${messageOf(error)}`;
    this.#fail(why);
    // INVARIANT: what a strategy denies is denied, whatever becomes of failures.
    if (error instanceof DeniedError) return { refusal: error.message, code: error.code };
    return proceeds ? undefined : { refusal: why, code: SNAPSHOT_FAILED };
  }

  #fail(why: string, recordId?: string): void {
    this.#reversibility = recordId === undefined
      ? { reversible: false, why }
      : { reversible: false, why, recordId };
  }

  async #capture(
    { action, target, params, agent }: CanonicalRequest,
    { recordId, strategy }: Taken,
    touches: readonly string[],
    signal: AbortSignal,
  ): Promise<Preparation | undefined> {
    const { store } = this.#options;
    const blobs: string[] = [];
    const onDisk: Promise<unknown>[] = [];
    const keep = async (saving: Kept | Promise<Kept>) => {
      const { name, onDisk: saved } = await saving;
      blobs.push(name);
      onDisk.push(saved);
      signal.throwIfAborted();
      return name;
    };
    const saver = {
      folder: store.folder,
      save: (content: Uint8Array | Deno.FsFile) => keep(store.save(content, this.evicted)),
      saveLink: async (path: string) => await keep(store.saveLink(path)),
    };
    const principal = agent === undefined ? {} : { agent };
    let capture;
    try {
      capture = await strategy.capture({ action, target, params, ...principal }, saver);
    } catch (error) {
      await Promise.allSettled(onDisk);
      store.release(blobs);
      throw error;
    }
    const { snapshot, preparation } = capture;
    await store.add(
      { recordId, action, target, ...principal, touches, snapshot, blobs },
      this.evicted,
      onDisk,
    );
    return preparation;
  }

  async #settle(outcome: StageOutcome, { recordId, strategy }: Taken): Promise<void> {
    const { store } = this.#options;
    try {
      if (isUndone(outcome)) {
        store.forget(recordId);
        this.#fail("nothing was done");
        return;
      }
      const saved = store.get(recordId);
      if (saved === undefined) throw new Error("its time was over before it ended");
      const snapshot = await strategy.settle?.(saved, resultOf(outcome, recordId)) ??
        saved.snapshot;
      store.change(recordId, { state: isUnsure(outcome.code) ? "pending" : "done", snapshot });
    } catch (error) {
      this.#fail(`what it left could not be noted: ${messageOf(error)}`, recordId);
    }
  }
}

function resultOf({ status, code, data }: StageOutcome, recordId: string): ActionResult {
  const ended = status === "OK" || status === "DENIED" ? status : "ERROR";
  return {
    status: ended,
    recordId,
    ...(code === undefined ? {} : { code }),
    ...(data === undefined ? {} : { data }),
  };
}

/** Whether it is certain that the action changed nothing: the two codes are of refusals by the provider. */
function isUndone({ executed, code }: StageOutcome): boolean {
  return !executed || code === "TARGET_CHANGED" || code === SNAPSHOT_FAILED;
}

/** Whether the provider may have been stopped in the middle. */
export function isUnsure(code: string | undefined): boolean {
  return code === CODES.PROVIDER_CRASHED || code === CODES.DEADLINE_EXCEEDED;
}
