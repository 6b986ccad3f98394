/**
 * The time that a call may take, counted anew with each sign of progress.
 *
 * @module
 */
import type { Timer } from "../../src/core/timer.ts";

/** A signal that is aborted when nothing has happened for a time. */
export class SilenceTimeout implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: Timer;
  readonly #ms: number;
  #cancel: () => void;

  /** @param ms The time in milliseconds. */
  constructor(ms: number, timer: Timer) {
    this.#ms = ms;
    this.#timer = timer;
    this.#cancel = this.#start();
  }

  /** Aborted when the time has passed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Counts from now on. */
  restart(): void {
    this.#cancel();
    this.#cancel = this.#start();
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #start(): () => void {
    return this.#timer.schedule(() => this.#controller.abort(), this.#ms);
  }
}
