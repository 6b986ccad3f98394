/**
 * What is used of limits, as rows.
 *
 * @module
 */
import { type Decimal, formatDecimal, ZERO } from "./decimal.ts";
import type { PolicyLimits } from "./limit.ts";
import type { Usage } from "./store.ts";

/** One counter, or a limit of which nothing is used. */
export interface LimitRow {
  readonly limit: string;
  /** `undefined` for all. */
  readonly agent: string | undefined;
  readonly used: Decimal;
  readonly left: Decimal;
  /** The window, if it counts in one. */
  readonly window?: string;
  /** RFC 3339. */
  readonly renews?: string;
}

/**
 * The counters, and the limits of the policy that have none.
 *
 * @param usage What the ledger says.
 */
export function limitRows(
  usage: readonly Usage[],
  { limits, agent }: {
    readonly limits?: PolicyLimits | undefined;
    readonly agent?: string | undefined;
  },
): LimitRow[] {
  const counted = usage
    .filter(({ who }) => agent === undefined || who === agent || who === "")
    .map(({ limit, who, used, left, meter, renewsAt }): LimitRow => ({
      limit,
      agent: who === "" ? undefined : who,
      used,
      left,
      ...(meter.kind === "window" ? { window: meter.window } : {}),
      ...(renewsAt === undefined ? {} : { renews: new Date(renewsAt).toISOString() }),
    }));
  const known = new Set(counted.map(({ limit }) => limit));
  const all = limits === undefined
    ? []
    : [...limits.rules.values(), ...limits.all.map(({ limits }) => limits)].flat();
  const unused = all.filter(({ id }) => !known.has(id))
    .map(({ id, max }): LimitRow => ({ limit: id, agent: undefined, used: ZERO, left: max }));
  return [...counted, ...unused];
}

/** A row as JSON: amounts as texts, because they are exact. */
export function shownRow({ limit, agent, used, left, window, renews }: LimitRow): object {
  return {
    limit,
    agent: agent ?? null,
    used: formatDecimal(used),
    left: formatDecimal(left),
    window: window ?? null,
    renews: renews ?? null,
  };
}
