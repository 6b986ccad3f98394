/**
 * The arithmetic of the ledger: what a charge does to a counter. Pure.
 *
 * A counter is a number: what is used of a window, slots that are taken, or, of a bucket, the time at
 * which it will be full again in milliseconds since the epoch.
 *
 * @module
 */
import { type Decimal, decimalOf, ZERO } from "./decimal.ts";
import type { Charge, Exceeded, Usage } from "./store.ts";

type Meter = Charge["meter"];

const ONE = decimalOf(1);

/** Names a counter. */
export function counterKey({ limit, who, meter }: Charge): string {
  const window = meter.kind === "window" ? meter.window : meter.kind;
  return JSON.stringify([limit, who, window]);
}

/** Whose counter a key names. */
export function ownerOf(key: string): { readonly limit: string; readonly who: string } {
  const [limit = "", who = ""] = JSON.parse(key) as string[];
  return { limit, who };
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
      // INVARIANT: a window that has ended is not charged: its counter may be forgotten already.
      const isOver = meter.endsAt !== undefined && meter.endsAt <= at;
      const left = isOver ? ZERO : leftOf(meter.max, value);
      if (amount <= left && !isOver) return { value: value + amount };
      const retryAfterMs = meter.endsAt === undefined ? undefined : Math.max(1, meter.endsAt - at);
      return { exceeded: { limit, left, retryAfterMs } };
    }
    case "slots": {
      const left = leftOf(decimalOf(meter.max), value);
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
      return { exceeded: { limit, left: ZERO, retryAfterMs: wholeUp(late) } };
    }
  }
}

/**
 * Ends a charge.
 *
 * @param value The value of the counter.
 * @param used What was really used; nothing if the action did not happen.
 * @returns The new value. Tokens of a bucket are not given back: they come back by themselves, and one
 * that came back before would be there twice.
 */
export function settle(value: Decimal, { meter, amount }: Charge, used: Decimal): Decimal {
  if (meter.kind === "bucket") return value;
  const kept = meter.kind === "slots" || used < ZERO ? ZERO : used;
  const settled = value - amount + kept;
  return settled > ZERO ? settled : ZERO;
}

/**
 * When a counter says nothing any more and can be forgotten.
 *
 * @returns Milliseconds since the epoch; `undefined` if never.
 */
export function forgottenAt(value: Decimal, meter: Meter): number | undefined {
  return meter.kind === "bucket"
    ? wholeUp(value)
    : meter.kind === "window"
    ? meter.endsAt
    : undefined;
}

/** What a counter says to people. @param at Now, in milliseconds since the epoch. */
export function usageOf(value: Decimal, { limit, who, meter, at }: {
  readonly limit: string;
  readonly who: string;
  readonly meter: Meter;
  readonly at: number;
}): Usage {
  const common = { limit, who, meter };
  if (meter.kind === "bucket") {
    const now = milliseconds(at);
    const debt = value > now ? value - now : ZERO;
    const token = milliseconds(meter.refillMs);
    const used = decimalOf(Number((debt + token - 1n) / token));
    const left = leftOf(decimalOf(meter.burst), used);
    return { ...common, used, left, renewsAt: debt === ZERO ? undefined : wholeUp(value) };
  }
  const max = meter.kind === "slots" ? decimalOf(meter.max) : meter.max;
  const renewsAt = meter.kind === "window" ? meter.endsAt : undefined;
  return { ...common, used: value, left: leftOf(max, value), renewsAt };
}

function leftOf(max: Decimal, used: Decimal): Decimal {
  return max > used ? max - used : ZERO;
}

/** Milliseconds as a decimal, rounded up beyond the 15th digit after the point. */
function milliseconds(ms: number): Decimal {
  if (Number.isSafeInteger(ms)) return decimalOf(ms);
  const whole = Math.floor(ms);
  // One multiplication for both would lose digits of times since the epoch.
  return decimalOf(whole) + BigInt(Math.ceil((ms - whole) * 1e15)) * 1000n;
}

/** A decimal as a whole number that is not less. */
function wholeUp(value: Decimal): number {
  return Number((value + ONE - 1n) / ONE);
}
