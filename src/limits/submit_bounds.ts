/**
 * Limits on submits: counted before anything is decided, so that refused ones count too.
 *
 * @module
 */
import { type Decimal, decimalOf, ZERO } from "./decimal.ts";
import { charge, forgottenAt } from "./ledger.ts";
import { covers } from "./limit.ts";
import type { Charge, Exceeded } from "./store.ts";
import type { SubmitLimit } from "./submit_limit.ts";

const ONE = decimalOf(1);
/** Agents choose their names: of no more than so many does a limit keep a bucket of their own. */
const MAX_AGENTS = 1000;
/** Whose bucket all further names share. No agent has this name: theirs are well-formed Unicode. */
const FURTHER_AGENTS = "\ud800";
/** So long full buckets are not looked for again, in milliseconds. */
const SWEEP_EVERY_MS = 1000;

/** Who submits what. */
export interface Submitter {
  readonly action: string;
  readonly agent?: string | undefined;
}

/** A submit that a limit does not let through. */
export interface SubmitRefusal extends Pick<Exceeded, "retryAfterMs"> {
  readonly limit: SubmitLimit;
  /** Whose bucket is empty: the agent, or a name that stands for several. */
  readonly who: string;
}

/**
 * The buckets of one open kernel, in its memory. They belong to the ids of the limits, so that a policy that
 * is loaded again counts on.
 */
export class SubmitBounds {
  readonly #now: () => number;
  /** By the id of the limit, then by whose bucket it is: when it is full again. */
  readonly #fullAt = new Map<string, Map<string, Decimal>>();
  readonly #sweptAt = new Map<string, number>();

  /** @param now A clock in milliseconds that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Counts a submit, by all limits that are for it or by none.
   *
   * @returns The limit that does not let it through; `undefined` if all do.
   */
  enter(
    limits: readonly SubmitLimit[],
    { action, agent = "" }: Submitter,
  ): SubmitRefusal | undefined {
    // The arithmetic is that of wall clocks, which are never negative.
    const now = Math.max(0, this.#now());
    const taken: (() => void)[] = [];
    for (const limit of limits) {
      if (!covers(limit, action)) continue;
      const buckets = this.#bucketsOf(limit);
      const who = limit.shared ? "" : this.#whoseOf(limit, { agent, buckets, now });
      const after = charge(buckets.get(who) ?? ZERO, chargeOf(limit, who), now);
      // INVARIANT: a submit that is refused takes no token of any limit.
      if ("exceeded" in after) {
        return { limit, who, retryAfterMs: after.exceeded.retryAfterMs };
      }
      taken.push(() => buckets.set(who, after.value));
    }
    for (const take of taken) take();
    return undefined;
  }

  #bucketsOf({ id }: SubmitLimit): Map<string, Decimal> {
    let buckets = this.#fullAt.get(id);
    if (buckets === undefined) this.#fullAt.set(id, buckets = new Map());
    return buckets;
  }

  /** INVARIANT: whoever invents names gets the buckets of so many, and one more for all others. */
  #whoseOf(
    limit: SubmitLimit,
    { agent, buckets, now }: {
      readonly agent: string;
      readonly buckets: Map<string, Decimal>;
      readonly now: number;
    },
  ): string {
    if (buckets.has(agent) || buckets.size < MAX_AGENTS) return agent;
    if (now - (this.#sweptAt.get(limit.id) ?? -Infinity) >= SWEEP_EVERY_MS) {
      this.#sweptAt.set(limit.id, now);
      const { meter } = chargeOf(limit, agent);
      for (const [who, fullAt] of buckets) {
        // A bucket that is full is as if it had never been.
        if ((forgottenAt(fullAt, meter) ?? Infinity) <= now) buckets.delete(who);
      }
    }
    return buckets.size < MAX_AGENTS ? agent : FURTHER_AGENTS;
  }
}

function chargeOf({ id, burst, refillMs }: SubmitLimit, who: string): Charge {
  return { limit: id, who, amount: ONE, meter: { kind: "bucket", burst, refillMs } };
}
