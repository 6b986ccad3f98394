/**
 * The arithmetic of the ledger: what a charge does to a counter. Pure.
 *
 * @module
 */
import { type Decimal, decimalOf, ZERO } from "./decimal.ts";
import type { Charge, Exceeded } from "./store.ts";

/** A counter: what is used of a window, slots that are taken, or a bucket's debt. */
export interface Counter {
  /** In the unit of the limit; of a bucket, when it will be full again, in ms since the epoch. */
  readonly value: Decimal;
}

/** Names a counter. */
export function counterKey({ limit, who, meter }: Charge): string {
  const window = meter.kind === "window" ? meter.window : meter.kind;
  return JSON.stringify([limit, who, window]);
}

/**
 * Charges a counter.
 *
 * @param value Its value; 0 if it is new.
 * @param at Now, in milliseconds since the epoch.
 * @returns The new value, or why it cannot be charged.
 */
export function charge(
  value: Decimal,
  { limit, meter, amount }: Charge,
  at: number,
): { readonly value: Decimal } | { readonly exceeded: Exceeded } {
  switch (meter.kind) {
    case "window": {
      const left = meter.max > value ? meter.max - value : ZERO;
      if (amount <= left) return { value: value + amount };
      const retryAfterMs = meter.endsAt === undefined ? undefined : Math.max(0, meter.endsAt - at);
      return { exceeded: { limit, left, retryAfterMs } };
    }
    case "slots": {
      const left = decimalOf(meter.max) - value;
      if (left >= amount) return { value: value + amount };
      return { exceeded: { limit, left: ZERO, retryAfterMs: undefined } };
    }
    case "bucket": {
      // GCRA (ITU-T I.371): the counter is the time at which the bucket will be full again. It is
      // exact where a level of tokens would lose fractions.
      const now = milliseconds(at);
      const token = milliseconds(meter.refillMs);
      const fullAt = (value > now ? value : now) + token;
      const late = fullAt - now - token * BigInt(meter.burst);
      if (late <= ZERO) return { value: fullAt };
      const retryAfterMs = Math.ceil(Number(late / milliseconds(1)) + 1e-9);
      return { exceeded: { limit, left: ZERO, retryAfterMs: Math.max(1, retryAfterMs) } };
    }
  }
}

/**
 * Takes a part of a charge back from a counter.
 *
 * @param part How much; never more than was charged.
 */
export function giveBack(value: Decimal, { meter, amount }: Charge, part: Decimal): Decimal {
  if (part <= ZERO) return value;
  const taken = part > amount ? amount : part;
  const scaled = meter.kind === "bucket" ? milliseconds(meter.refillMs) : taken;
  // A counter that was reset meanwhile has nothing to give back.
  return value > scaled ? value - scaled : ZERO;
}

/** Milliseconds, with fractions of a nanosecond, as a decimal. */
function milliseconds(ms: number): Decimal {
  return BigInt(Math.round(ms * 1e6)) * 10n ** 12n;
}
