/**
 * The time that a call may take, counted anew with each sign of progress.
 *
 * @module
 */
import type { Timer } from "../src/core/timer.ts";

/** A signal that is aborted when nothing has happened for a time, or when another one is. */
export class SilenceTimeout implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: Timer;
  readonly #ms: number;
  readonly #within: AbortSignal | undefined;
  readonly #abort = () => this.#controller.abort(this.#within?.reason);
  #cancel: () => void;
  #passed = false;

  /**
   * @param ms The time in milliseconds.
   * @param within Aborts it too. `AbortSignal.any` does the same, in three times the time.
   */
  constructor(ms: number, timer: Timer, within?: AbortSignal) {
    this.#ms = ms;
    this.#timer = timer;
    this.#within = within;
    if (within?.aborted) this.#abort();
    else within?.addEventListener("abort", this.#abort, { once: true });
    this.#cancel = this.#start();
  }

  /** Aborted when the time has passed, or by the other signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the time has passed. */
  get passed(): boolean {
    return this.#passed;
  }

  /** Counts from now on. */
  restart(): void {
    this.#cancel();
    this.#cancel = this.#start();
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#within?.removeEventListener("abort", this.#abort);
  }

  #start(): () => void {
    return this.#timer.schedule(() => {
      this.#passed = true;
      this.#controller.abort();
    }, this.#ms);
  }
}
