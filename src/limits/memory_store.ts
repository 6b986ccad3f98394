/**
 * A ledger in memory: it ends with the process.
 *
 * @module
 */
import { type Decimal, ZERO } from "./decimal.ts";
import { charge, forgottenAt, settle, usageOf } from "./ledger.ts";
import type { Charge, Corrections, Exceeded, LimitStore, Usage } from "./store.ts";

/** Counters of windows that have passed are forgotten after so many reservations. */
const SWEEP_EVERY = 1000;

interface Counter {
  readonly key: string;
  readonly limit: string;
  readonly who: string;
  meter: Charge["meter"];
  value: Decimal;
}

/** A charge and the counter that it is in. */
interface Held {
  readonly counter: Counter;
  readonly charge: Charge;
  /** What the counter is with it. */
  readonly value: Decimal;
}

/** A {@linkcode LimitStore} in memory. Several kernels of one process can share it. */
export class MemoryLimitStore implements LimitStore {
  /** Nothing survives its process. */
  readonly abandoned = 0;
  readonly #counters = new Map<string, Counter>();
  readonly #reserved = new Map<string, readonly Held[]>();
  #latest = 0;
  #reservations = 0;

  /** The latest time that was told. */
  now(at: number): number {
    return this.#latest = Math.max(this.#latest, at);
  }

  /** Reserves all charges of one request, or none. */
  reserve(id: string, charges: readonly Charge[], at: number): Exceeded | undefined {
    const now = this.now(at);
    if (++this.#reservations % SWEEP_EVERY === 0) this.#sweep(now);
    const held: Held[] = [];
    for (const one of charges) {
      const key = keyOf(one);
      // One request can charge one counter twice.
      const same = held.findLast(({ counter }) => counter.key === key);
      const counter = same?.counter ?? this.#counters.get(key) ?? newCounter(key, one);
      const after = charge(same?.value ?? counter.value, one, now);
      // INVARIANT: nothing is charged unless all is.
      if ("exceeded" in after) return after.exceeded;
      held.push({ counter, charge: one, value: after.value });
    }
    for (const { counter, charge, value } of held) {
      counter.value = value;
      counter.meter = charge.meter;
      this.#counters.set(counter.key, counter);
    }
    this.#reserved.set(id, held);
    return undefined;
  }

  /** Ends a reservation: what was used stays charged. */
  commit(id: string, corrections: Corrections): void {
    for (const held of this.#end(id)) {
      this.#settle(held, corrections.get(held.charge.limit) ?? held.charge.amount);
    }
  }

  /** Ends a reservation of what provably did not happen. */
  release(id: string): void {
    for (const held of this.#end(id)) this.#settle(held, ZERO);
  }

  /** What is used. */
  usage(at: number): Usage[] {
    const now = this.now(at);
    return Array.from(this.#counters.values())
      .filter(({ value, meter }) => (forgottenAt(value, meter) ?? Infinity) > now)
      .map((counter) => usageOf(counter.value, { ...counter, at: now }));
  }

  /**
   * Sets all counters of a limit to nothing.
   *
   * INVARIANT: what was charged before the reset is not given back after it: it is in counters that nobody
   * finds any more.
   */
  reset(limit: string): void {
    for (const [key, counter] of this.#counters) {
      if (counter.limit === limit) this.#counters.delete(key);
    }
  }

  /** Forgets what is reserved. */
  close(): void {
    this.#reserved.clear();
  }

  #end(id: string): readonly Held[] {
    const held = this.#reserved.get(id) ?? [];
    this.#reserved.delete(id);
    return held;
  }

  #settle({ counter, charge }: Held, used: Decimal): void {
    counter.value = settle(counter.value, charge, used);
    const isEmpty = counter.value === ZERO && charge.meter.kind === "slots";
    if (isEmpty && this.#counters.get(counter.key) === counter) this.#counters.delete(counter.key);
  }

  #sweep(now: number): void {
    for (const [key, { value, meter }] of this.#counters) {
      if ((forgottenAt(value, meter) ?? Infinity) <= now) this.#counters.delete(key);
    }
  }
}

function newCounter(key: string, { limit, who, meter }: Charge): Counter {
  return { key, limit, who, meter, value: ZERO };
}

/** Only the name of an agent, which comes last, can have a line feed in it. */
function keyOf({ limit, who, meter }: Charge): string {
  return `${limit}\n${meter.kind === "window" ? meter.window : meter.kind}\n${who}`;
}
