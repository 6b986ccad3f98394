/**
 * What the charges of an agent to limits have in common while windows last.
 *
 * @module
 */
import { redactOnce } from "../redaction.ts";
import type { ChargedField } from "./charged.ts";
import { type Decimal, decimalOf, formatDecimal } from "./decimal.ts";
import type { Limit } from "./limit.ts";
import type { Charge, Corrections } from "./store.ts";
import { type TimeWindow, windowAt } from "./window.ts";

const ONE = decimalOf(1);
/** Agents choose their names: the accounts of no more than so many are kept. */
const MAX_AGENTS = 1000;

/** Makes the charges of one agent to one limit, and what the record says of them. */
class Account {
  readonly #limit: Limit;
  /** Most charges are of 1: they are made once. */
  readonly #one: Charge;
  readonly #oneField: ChargedField;

  constructor(limit: Limit, who: string, { key: window, endsAt }: TimeWindow) {
    const { id, measure, max, refillMs = 0 } = limit;
    const count = Number(max / ONE);
    const meter: Charge["meter"] = measure === "rate"
      ? { kind: "bucket", burst: count, refillMs }
      : measure === "concurrent"
      ? { kind: "slots", max: count }
      : { kind: "window", max, window, endsAt };
    this.#limit = limit;
    this.#one = { limit: id, who, amount: ONE, meter };
    this.#oneField = redactOnce(this.#fieldOf("1"));
  }

  /** What a request takes of the limit. */
  charge(amount: Decimal): Charge {
    return amount === ONE ? this.#one : { ...this.#one, amount };
  }

  /**
   * What the record says of a charge: enough to recompute the ledger.
   *
   * @param used What was really used, if that is known. @default as reserved
   */
  field({ amount }: Charge, used?: Decimal): ChargedField {
    if (used !== undefined && this.#limit.result !== undefined) {
      return this.#fieldOf(formatDecimal(used), { reserved: formatDecimal(amount) });
    }
    const shown = used ?? amount;
    return shown === ONE ? this.#oneField : this.#fieldOf(formatDecimal(shown));
  }

  #fieldOf(amount: string, corrected: Pick<ChargedField, "reserved"> = {}): ChargedField {
    const { limit, who, meter } = this.#one;
    const { result } = this.#limit;
    return Object.freeze({
      limit,
      amount,
      ...result === undefined ? {} : { result: result.join(".") },
      ...corrected,
      ...meter.kind === "window" ? { window: meter.window } : {},
      ...meter.kind === "window" && meter.endsAt !== undefined
        ? { until: new Date(meter.endsAt).toISOString() }
        : {},
      ...who === "" ? { shared: true } : {},
    });
  }
}

/** What the record says of all charges of a request, as the fields of the stage. */
export type Charged = {
  /** A list and no mapping: in a mapping, an id that sounds like a secret would be redacted. */
  readonly charged: readonly ChargedField[];
};

/** The accounts that an agent has of some limits, as long as none of their windows ends. */
export class Accounts {
  /** For as long as they are valid, in milliseconds since the epoch. */
  readonly #since: number;
  readonly #endsAt: number;
  readonly #all: readonly Account[];
  /** Of a request that takes 1 of each limit, as most requests do. */
  readonly #ones: readonly Charge[];
  readonly #onesFields: Charged;

  constructor(
    limits: readonly Limit[],
    { agent, now, session }: {
      readonly agent: string;
      readonly now: number;
      readonly session: string;
    },
  ) {
    const windows = limits.map(({ period = "forever", zone }) =>
      windowAt(period, now, { zone, session })
    );
    this.#since = now;
    this.#endsAt = Math.min(...windows.map(({ endsAt = Infinity }) => endsAt));
    this.#all = limits.map((limit, i) =>
      new Account(limit, limit.shared ? "" : agent, windows[i] as TimeWindow)
    );
    this.#ones = this.#all.map((account) => account.charge(ONE));
    this.#onesFields = redactOnce({ charged: redactOnce(this.#fieldsOf(this.#ones)) });
  }

  /** Whether none of the windows has ended; time that went back finds the windows of then. */
  isValid(now: number): boolean {
    return now >= this.#since && now < this.#endsAt;
  }

  /** What a request takes of each limit. */
  charges(amounts: readonly Decimal[]): readonly Charge[] {
    if (amounts.every((amount) => amount === ONE)) return this.#ones;
    return this.#all.map((account, i) => account.charge(amounts[i] ?? ONE));
  }

  /** What the record says of the charges. @param corrections What is known to have been used. */
  fields(charges: readonly Charge[], corrections?: Corrections): Charged {
    if (charges === this.#ones && corrections === undefined) return this.#onesFields;
    return Object.freeze({ charged: this.#fieldsOf(charges, corrections) });
  }

  #fieldsOf(charges: readonly Charge[], corrections?: Corrections): ChargedField[] {
    return charges.map((charge, i) =>
      (this.#all[i] as Account).field(charge, corrections?.get(charge.limit))
    );
  }
}

/**
 * Finds accounts. They are kept until a window ends, because time zones take time.
 *
 * @param session Names the session.
 */
export function accountFinder(
  session: string,
): (limits: readonly Limit[], agent: string | undefined, now: number) => Accounts {
  const found = new WeakMap<readonly Limit[], Map<string, Accounts>>();
  return (limits, agent = "", now) => {
    let byAgent = found.get(limits);
    if (byAgent === undefined) found.set(limits, byAgent = new Map());
    let accounts = byAgent.get(agent);
    if (!accounts?.isValid(now)) {
      if (byAgent.size >= MAX_AGENTS) byAgent.clear();
      accounts = new Accounts(limits, { agent, now, session });
      byAgent.set(agent, accounts);
    }
    return accounts;
  };
}
