/**
 * How much of the kernel's time the questions of one Worker may take.
 *
 * @module
 */

/** The longest time for decisions without a pause, in milliseconds. */
const BURST_MS = 2000;
/** The part of the time that decisions may take in the long run. */
const SHARE = 0.5;

/** A token bucket of milliseconds, so that a Worker in the hands of an attacker cannot keep the kernel busy. */
export class DecisionBudget {
  #spentMs = 0;
  #until = 0;

  /**
   * Charges one decision.
   *
   * @param start When it began, in milliseconds.
   * @param end When it ended.
   * @returns Whether the budget lasts.
   */
  charge(start: number, end: number): boolean {
    const idleMs = Math.max(0, start - this.#until);
    this.#spentMs = Math.max(0, this.#spentMs - idleMs * SHARE) + (end - start);
    this.#until = end;
    return this.#spentMs <= BURST_MS;
  }
}
