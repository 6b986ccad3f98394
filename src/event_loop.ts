/**
 * Turns of the event loop: for timers, signals and I/O beside a flood of submits.
 *
 * @module
 */
import type { Timer } from "./core/timer.ts";

/** How long submits may keep the event loop from its turn, in milliseconds. */
const MAX_BUSY_MS = 1;

/**
 * How many callers go on after one turn. They go on at once, without a look at the clock between them: all
 * of a crowd together would keep the event loop from its next turn for as long as all of their submits take.
 */
const CALLERS_PER_TURN = 32;

/**
 * Lets the event loop have its turn when it is due. A chain of promises that are settled already
 * never leaves the microtasks, and starves everything else.
 */
export class EventLoopTurns {
  readonly #timer: Timer;
  /** Those that wait for a turn, in their order. */
  readonly #waiting: (() => void)[] = [];
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

  /** Resolves after a turn, which a few callers share; who comes first goes on first. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(() => this.#turn());
    });
  }

  #turn(): void {
    this.#turnedAt = this.#timer.now();
    for (const goOn of this.#waiting.splice(0, CALLERS_PER_TURN)) goOn();
    if (this.#waiting.length > 0) setImmediate(() => this.#turn());
  }
}
