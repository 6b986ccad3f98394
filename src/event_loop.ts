/**
 * Turns of the event loop: for timers, signals and I/O beside a flood of submits.
 *
 * @module
 */
import type { Timer } from "./core/timer.ts";

/** How long submits may keep the event loop from its turn, in milliseconds. */
const MAX_BUSY_MS = 1;

/**
 * Lets the event loop have its turn when it is due. A chain of promises that are settled already
 * never leaves the microtasks, and starves everything else.
 */
export class EventLoopTurns {
  readonly #timer: Timer;
  #turning: Promise<void> | undefined;
  #turnedAt = -Infinity;
  #own: Promise<void> = Promise.resolve();

  /** @param timer Tells how long ago the last turn was. */
  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /** Whether the last turn that is known of is too long ago. */
  get isDue(): boolean {
    return this.#timer.now() - this.#turnedAt > MAX_BUSY_MS;
  }

  /** Resolves after a turn that no other caller of `own` gets: one after the other. */
  own(): Promise<void> {
    return this.#own = this.#own.then(() => this.next());
  }

  /** Resolves after a turn; all that wait share one. */
  next(): Promise<void> {
    return this.#turning ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#turning = undefined;
      this.#turnedAt = this.#timer.now();
    });
  }
}
