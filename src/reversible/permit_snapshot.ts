/**
 * The snapshot of an action that an agent does itself: taken with the permit, complete with the report.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { Stage, StageAnswer, StageContext } from "../stages/stage.ts";
import { SnapshotStage, type SnapshotStageOptions } from "./snapshot_stage.ts";

/** The stage of one permit. Between permit and report other actions that touch the same are not held back. */
export class PermitSnapshot implements Stage {
  /** The name of its fields on the record. */
  readonly name = "snapshot";
  /** How long taking a snapshot may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly #options: SnapshotStageOptions;
  readonly #stage: SnapshotStage;
  #recordId: string | undefined;

  /**
   * Made by `ReversibleActionLayer.permitSnapshot`.
   *
   * @param options What the stages of a layer have in common.
   */
  constructor(options: SnapshotStageOptions) {
    this.#options = options;
    this.#stage = new SnapshotStage(options);
    this.timeoutMs = this.#stage.timeoutMs;
  }

  /** Saves what the action will change. */
  async enter(request: CanonicalRequest, context: StageContext): Promise<StageAnswer> {
    const answer = await this.#stage.enter(request, context);
    if (answer === undefined || "refusal" in answer) return answer;
    this.#recordId = context.recordId;
    return {
      settle: (outcome) => {
        if (outcome.executed && outcome.status === "PERMITTED") return;
        this.#recordId = undefined;
        return answer.settle?.(outcome);
      },
    };
  }

  /** To be called when the permit has ended. */
  release(): void {
    this.#stage.release();
  }

  /**
   * The action was reported: what is there now is what it left. Until then, and if this fails, a rollback takes
   * everything that is not as before for a change by somebody else.
   */
  async seal(): Promise<void> {
    const { store, strategyFor } = this.#options;
    const saved = this.#recordId === undefined ? undefined : store.get(this.#recordId);
    if (saved?.state !== "pending") return;
    const sealed = await strategyFor(saved.action)?.seal?.(saved);
    store.change(saved.recordId, { state: "done", snapshot: sealed ?? saved.snapshot });
  }

  /** The action was not done, for certain. */
  discard(): void {
    if (this.#recordId !== undefined) this.#options.store.forget(this.#recordId);
    this.#recordId = undefined;
  }
}
