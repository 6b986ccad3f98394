/**
 * Where the ledger of limits is kept.
 *
 * @module
 */
import type { Decimal } from "./decimal.ts";

/** What one request takes of one limit. */
export interface Charge {
  /** Id of the limit. */
  readonly limit: string;
  /** Whose: the agent, or empty for a limit that all share. */
  readonly who: string;
  /** How the limit is counted. */
  readonly meter: WindowMeter | BucketMeter | SlotMeter;
  /** How much is reserved; of a bucket and of slots, 1. */
  readonly amount: Decimal;
}

/** Counts what is used in a window. */
export interface WindowMeter {
  /** Tells the kinds of meters apart. */
  readonly kind: "window";
  /** The most that can be used. */
  readonly max: Decimal;
  /** The window, as `windowAt` names it. */
  readonly window: string;
  /** When the window ends, in milliseconds since the epoch; `undefined` if never. */
  readonly endsAt: number | undefined;
}

/**
 * A token bucket: `burst` tokens at most, one comes back each `refillMs`. In any time t at most
 * burst + t / refillMs calls pass.
 */
export interface BucketMeter {
  /** Tells the kinds of meters apart. */
  readonly kind: "bucket";
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** How long one token takes to come back, in milliseconds. */
  readonly refillMs: number;
}

/** Counts what is under way now. */
export interface SlotMeter {
  /** Tells the kinds of meters apart. */
  readonly kind: "slots";
  /** How many there are. */
  readonly max: number;
}

/** A limit that does not let a request pass. */
export interface Exceeded {
  /** Id of the limit. */
  readonly limit: string;
  /** What is left; not enough. */
  readonly left: Decimal;
  /** When it is worth to try again, in milliseconds from now; `undefined` if that is not known. */
  readonly retryAfterMs: number | undefined;
}

/**
 * How much of each limit a request has really used, by the id of the limit; the rest as reserved. It can
 * be more than was reserved: what has happened is charged.
 */
export type Corrections = ReadonlyMap<string, Decimal>;

/** A counter of the ledger, for people. */
export interface Usage {
  /** Id of the limit. */
  readonly limit: string;
  /** The agent, or empty for a limit that all share. */
  readonly who: string;
  /** How it is counted. */
  readonly meter: Charge["meter"];
  /** In the unit of the limit; tokens, slots. */
  readonly used: Decimal;
  /** 0 if more is used than the limit allows by now. */
  readonly left: Decimal;
  /** When nothing is used any more, in milliseconds since the epoch; `undefined` if that is not known. */
  readonly renewsAt: number | undefined;
}

/** The ledger cannot be opened, read or written. */
export class LimitStoreError extends Error {
  /** The name of this class. */
  override name = "LimitStoreError";
  /** Stable code of this class of errors. */
  readonly code = "LIMIT_UNAVAILABLE";
}

/**
 * The ledger. All of its methods are atomic, also among processes that share a store.
 *
 * INVARIANT: time that goes back gives nothing back: a store counts by the latest time it has seen.
 */
export interface LimitStore {
  /** The latest time that any user of the store has told, and now, in milliseconds since the epoch. */
  now(at: number): number;
  /**
   * Reserves all charges of one request, or none.
   *
   * @param id Id of the reservation.
   * @param charges What the request takes at most.
   * @param at Now, in milliseconds since the epoch.
   * @returns The first limit that is exceeded; `undefined` if all is reserved.
   * @throws {LimitStoreError} The ledger cannot be used: the request does not pass.
   */
  reserve(id: string, charges: readonly Charge[], at: number): Exceeded | undefined;
  /** Ends a reservation: what was used stays charged, slots come free. */
  commit(id: string, corrections: Corrections): void;
  /**
   * Ends a reservation of what provably did not happen: it is given back, but for tokens of a bucket,
   * which come back by themselves.
   */
  release(id: string): void;
  /** What is used, of each limit and agent. @param at Now, in milliseconds since the epoch. */
  usage(at: number): Usage[];
  /** Sets all counters of a limit to nothing; what is under way now is not charged to it any more. */
  reset(limit: string): void;
  /**
   * The limits that another process asks to be reset. Each is put on record before it is reset, and before
   * anything else is decided. @default none
   */
  askedResets?(): readonly string[];
  /**
   * Uses the ledger again after it could not be used.
   *
   * @throws {LimitStoreError} The cause is still there, or what was charged is not known any more.
   * @default there is nothing to do
   */
  recover?(): void;
  /** Reservations of earlier processes that ended without a word: they stay charged. */
  readonly abandoned: number;
  /** Ends the use of the store. */
  close(): void;
}
