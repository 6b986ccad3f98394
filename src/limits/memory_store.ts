/**
 * A ledger in memory: it ends with the process.
 *
 * @module
 */
import { type Decimal, ZERO } from "./decimal.ts";
import { charge, counterKey, giveBack } from "./ledger.ts";
import type { Charge, Corrections, Exceeded, LimitStore, Usage } from "./store.ts";

/** Counters of windows that have passed are forgotten after so many reservations. */
const SWEEP_EVERY = 1000;

interface Counted {
  value: Decimal;
  readonly endsAt: number | undefined;
}

/** A {@linkcode LimitStore} in memory. */
export class MemoryLimitStore implements LimitStore {
  readonly abandoned = 0;
  readonly #counters = new Map<string, Counted>();
  readonly #reserved = new Map<string, readonly Charge[]>();
  #latest = 0;
  #reservations = 0;

  now(at: number): number {
    return this.#latest = Math.max(this.#latest, at);
  }

  reserve(id: string, charges: readonly Charge[], at: number): Exceeded | undefined {
    const now = this.now(at);
    if (++this.#reservations % SWEEP_EVERY === 0) this.#sweep(now);
    const values = new Map<string, Decimal>();
    for (const one of charges) {
      const key = counterKey(one);
      const before = values.get(key) ?? this.#counters.get(key)?.value ?? ZERO;
      const after = charge(before, one, now);
      // INVARIANT: nothing is charged unless all is.
      if ("exceeded" in after) return after.exceeded;
      values.set(key, after.value);
    }
    for (const one of charges) {
      const key = counterKey(one);
      const endsAt = one.meter.kind === "window" ? one.meter.endsAt : undefined;
      this.#counters.set(key, { value: values.get(key) ?? ZERO, endsAt });
    }
    this.#reserved.set(id, charges);
    return undefined;
  }

  commit(id: string, corrections: Corrections): void {
    for (const one of this.#end(id)) {
      const used = one.meter.kind === "slots" ? ZERO : corrections.get(one.limit) ?? one.amount;
      this.#giveBack(one, one.amount - used);
    }
  }

  release(id: string): void {
    for (const one of this.#end(id)) this.#giveBack(one, one.amount);
  }

  usage(): Usage[] {
    return Array.from(this.#counters, ([key, { value }]) => {
      const [limit, who, window] = JSON.parse(key) as [string, string, string];
      return { limit, who, window, used: value };
    });
  }

  reset(limit: string): void {
    for (const key of this.#counters.keys()) {
      if ((JSON.parse(key) as string[])[0] === limit) this.#counters.delete(key);
    }
  }

  close(): void {
    this.#reserved.clear();
  }

  #end(id: string): readonly Charge[] {
    const charges = this.#reserved.get(id) ?? [];
    this.#reserved.delete(id);
    return charges;
  }

  #giveBack(one: Charge, part: Decimal): void {
    const counter = this.#counters.get(counterKey(one));
    if (counter !== undefined) counter.value = giveBack(counter.value, one, part);
  }

  #sweep(now: number): void {
    for (const [key, { endsAt }] of this.#counters) {
      if (endsAt !== undefined && endsAt < now) this.#counters.delete(key);
    }
  }
}
