/**
 * A ledger in memory: it ends with the process.
 *
 * @module
 */
import { type Decimal, ZERO } from "./decimal.ts";
import { charge, counterKey, forgottenAt, ownerOf, settle, usageOf } from "./ledger.ts";
import type { Charge, Corrections, Exceeded, LimitStore, Usage } from "./store.ts";

/** Counters of windows that have passed are forgotten after so many reservations. */
const SWEEP_EVERY = 1000;

interface Counter {
  value: Decimal;
  readonly meter: Charge["meter"];
}

/** A {@linkcode LimitStore} in memory. Several kernels of one process can share it. */
export class MemoryLimitStore implements LimitStore {
  /** Nothing survives its process. */
  readonly abandoned = 0;
  readonly #counters = new Map<string, Counter>();
  readonly #reserved = new Map<string, readonly Charge[]>();
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
    const charged = new Map<string, Counter>();
    for (const one of charges) {
      const key = counterKey(one);
      const before = (charged.get(key) ?? this.#counters.get(key))?.value ?? ZERO;
      const after = charge(before, one, now);
      // INVARIANT: nothing is charged unless all is.
      if ("exceeded" in after) return after.exceeded;
      charged.set(key, { value: after.value, meter: one.meter });
    }
    for (const [key, counter] of charged) this.#counters.set(key, counter);
    this.#reserved.set(id, charges);
    return undefined;
  }

  /** Ends a reservation: what was used stays charged. */
  commit(id: string, corrections: Corrections): void {
    for (const one of this.#end(id)) this.#settle(one, corrections.get(one.limit) ?? one.amount);
  }

  /** Ends a reservation of what provably did not happen. */
  release(id: string): void {
    for (const one of this.#end(id)) this.#settle(one, ZERO);
  }

  /** What is used. */
  usage(at: number): Usage[] {
    const now = this.now(at);
    return Array.from(this.#counters)
      .filter(([, { value, meter }]) => (forgottenAt(value, meter) ?? Infinity) > now)
      .map(([key, { value, meter }]) => usageOf(key, value, { meter, at: now }));
  }

  /** Sets all counters of a limit to nothing. */
  reset(limit: string): void {
    for (const key of this.#counters.keys()) {
      if (ownerOf(key).limit === limit) this.#counters.delete(key);
    }
    // INVARIANT: what was charged before the reset is not given back after it.
    for (const [id, charges] of this.#reserved) {
      this.#reserved.set(id, charges.filter((one) => one.limit !== limit));
    }
  }

  /** Forgets what is reserved. */
  close(): void {
    this.#reserved.clear();
  }

  #end(id: string): readonly Charge[] {
    const charges = this.#reserved.get(id) ?? [];
    this.#reserved.delete(id);
    return charges;
  }

  #settle(one: Charge, used: Decimal): void {
    const key = counterKey(one);
    const counter = this.#counters.get(key);
    if (counter === undefined) return;
    counter.value = settle(counter.value, one, used);
    if (counter.value === ZERO && one.meter.kind === "slots") this.#counters.delete(key);
  }

  #sweep(now: number): void {
    for (const [key, { value, meter }] of this.#counters) {
      if ((forgottenAt(value, meter) ?? Infinity) <= now) this.#counters.delete(key);
    }
  }
}
