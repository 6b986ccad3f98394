/**
 * Many deadlines on one timer.
 *
 * @module
 */
import { InFlight } from "../in_flight.ts";
import type { Timer } from "../timer.ts";

/** Tells when keys have been held for too long. All are held equally long, so the first is the next. */
export class Deadlines {
  readonly #due = new InFlight<number, number>();
  readonly #timer: Timer;
  readonly #afterMs: number;
  readonly #expired: (key: number) => void;
  #cancel: (() => void) | undefined;

  constructor(timer: Timer, afterMs: number, expired: (key: number) => void) {
    this.#timer = timer;
    this.#afterMs = afterMs;
    this.#expired = expired;
  }

  start(key: number): void {
    this.#due.set(key, this.#timer.now() + this.#afterMs);
    if (this.#cancel === undefined) this.#schedule(this.#afterMs);
  }

  stop(key: number): void {
    // The timer itself runs on, also while nothing is due: most calls end long before it fires, and
    // the next one would need another.
    this.#due.delete(key);
  }

  clear(): void {
    this.#due.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(ms: number): void {
    this.#cancel = this.#timer.schedule(() => this.#fire(), ms);
  }

  #fire(): void {
    this.#cancel = undefined;
    const now = this.#timer.now();
    const expired: number[] = [];
    for (const [key, due] of this.#due.entries()) {
      if (due > now) {
        this.#schedule(due - now);
        break;
      }
      expired.push(key);
    }
    for (const key of expired) this.#due.delete(key);
    // At last, because what is told may start others.
    for (const key of expired) this.#expired(key);
  }
}
