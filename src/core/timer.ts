/**
 * Injected time.
 *
 * @module
 */

/** A clock that never goes back, and something to be woken by. */
export interface Timer {
  /** Milliseconds on that clock. */
  now(): number;
  /** Calls back after so many milliseconds; the function returned takes that back. */
  schedule(callback: () => void, ms: number): () => void;
}
