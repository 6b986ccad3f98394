/**
 * Limits as a stage: reserved before an action, corrected or given back after it.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import { canonicalJson } from "../core/json.ts";
import type { StageOutcome, StageRefusal } from "../core/admission.ts";
import type { Stage, StageContext, StagePass } from "../stages/stage.ts";
import { type Decimal, decimalOf, formatDecimal, parseDecimal, ZERO } from "./decimal.ts";
import type { Limit } from "./limit.ts";
import type { Charge, Exceeded, LimitStore } from "./store.ts";
import { windowAt } from "./window.ts";

/** Options of {@linkcode limitStage}. */
export interface LimitStageOptions {
  readonly store: LimitStore;
  /** The limits that hold for a request. */
  readonly limitsFor: (request: CanonicalRequest, context: StageContext) => readonly Limit[];
  /** Wall clock. */
  readonly clock: () => Date;
  /** Names the time in which this kernel is open. */
  readonly session: string;
  /**
   * The most that one result can hold, in bytes; reserved of limits on `bytes` where the request names
   * no `max_bytes`. @default 4194304
   */
  readonly maxResultBytes?: number;
  /**
   * The longest that one action can take, in milliseconds; reserved of limits on `duration` where the
   * request names no `timeout`. @default 30000
   */
  readonly maxDurationMs?: number;
}

/** Codes of refusals. */
export const LIMIT_CODES = {
  /** A rate is used up for a moment. */
  RATE_LIMITED: "RATE_LIMITED",
  /** Any other limit is used up. */
  BUDGET_EXHAUSTED: "BUDGET_EXHAUSTED",
  /** The request does not say what a limit has to count. */
  LIMIT_UNDECIDED: "LIMIT_UNDECIDED",
  /** The ledger cannot be read or written. */
  LIMIT_UNAVAILABLE: "LIMIT_UNAVAILABLE",
} as const;

/** What a limit counts of one request: at most so much; refused if it cannot be told. */
type Reserve = (
  limit: Limit,
  request: CanonicalRequest,
  options: LimitStageOptions,
) => Decimal | undefined;

const ONE = decimalOf(1);

/** How much each measure takes before the action. */
const RESERVE: Readonly<Record<Limit["measure"], Reserve>> = {
  rate: () => ONE,
  calls: () => ONE,
  concurrent: () => ONE,
  bytes: (_, { params }, { maxResultBytes = 4 * 1024 * 1024 }) =>
    atMost(params["max_bytes"], 1, maxResultBytes),
  duration: (_, { params }, { maxDurationMs = 30_000 }) =>
    atMost(params["timeout"], 1000, maxDurationMs),
  sent: (_, request) => decimalOf(bytesSent(request)),
  sum: ({ path = [] }, { params }) => {
    const amount = parseDecimal(valueAt(params, path));
    // A negative amount would give back what others have used.
    return amount === undefined || amount < ZERO ? undefined : amount;
  },
};

/** What it has really taken, where that is known only afterwards. */
const USED: Readonly<Partial<Record<Limit["measure"], (outcome: StageOutcome) => Decimal>>> = {
  bytes: ({ data }) => decimalOf(resultBytes(data)),
  duration: ({ durationMs }) => decimalOf(Math.ceil(durationMs)),
};

/**
 * Makes the stage that enforces limits.
 *
 * What a request takes at most is reserved at once for all of its limits, or not at all. After the action
 * it is corrected to what was used. It is given back only where no provider was called; what is in
 * doubt (a time-out, a crash, a failure) stays charged as reserved.
 */
export function limitStage(options: LimitStageOptions): Stage {
  const { store, limitsFor, clock } = options;
  return {
    name: "limits",
    enter(request, context): StagePass | StageRefusal | undefined {
      const limits = limitsFor(request, context);
      if (limits.length === 0) return undefined;
      const { recordId } = context;
      const charges: Charge[] = [];
      try {
        const now = store.now(clock().getTime());
        for (const limit of limits) {
          const amount = RESERVE[limit.measure](limit, request, options);
          if (amount === undefined) return undecided(limit);
          charges.push(chargeOf(limit, { amount, request, now, session: options.session }));
        }
        const exceeded = store.reserve(recordId, charges, now);
        if (exceeded !== undefined) return refusalOf(exceeded, charges, limits);
      } catch (error) {
        // INVARIANT: what cannot be counted does not pass.
        return {
          refusal: `not permitted: the ledger of limits cannot be used: ${messageOf(error)}`,
          code: LIMIT_CODES.LIMIT_UNAVAILABLE,
        };
      }
      return {
        fields: { charged: Object.fromEntries(charges.map((one) => [one.limit, shown(one)])) },
        settle(outcome) {
          if (!outcome.executed) {
            store.release(recordId);
            return { charged: {} };
          }
          const corrections = new Map<string, Decimal>();
          for (const { id, measure } of outcome.status === "OK" ? limits : []) {
            const used = USED[measure]?.(outcome);
            if (used !== undefined) corrections.set(id, used);
          }
          store.commit(recordId, corrections);
          return {
            charged: Object.fromEntries(
              charges.map((one) => [one.limit, shown(one, corrections.get(one.limit))]),
            ),
          };
        },
      };
    },
  };
}

function chargeOf(
  { id: limit, measure, max, period, refillMs = 0, shared, zone }: Limit,
  { amount, request, now, session }: {
    readonly amount: Decimal;
    readonly request: CanonicalRequest;
    readonly now: number;
    readonly session: string;
  },
): Charge {
  const who = shared ? "" : request.agent ?? "";
  const count = Number(max / ONE);
  switch (measure) {
    case "rate":
      return { limit, who, amount, meter: { kind: "bucket", burst: count, refillMs } };
    case "concurrent":
      return { limit, who, amount, meter: { kind: "slots", max: count } };
    default: {
      const { key: window, endsAt } = windowAt(period ?? "forever", now, { zone, session });
      return { limit, who, amount, meter: { kind: "window", max, window, endsAt } };
    }
  }
}

/** What the record says of a charge: the amount, and of a window which one. */
function shown({ amount, meter }: Charge, used = amount): readonly string[] {
  return meter.kind === "window" ? [formatDecimal(used), meter.window] : [formatDecimal(used)];
}

function refusalOf(
  { limit, left, retryAfterMs }: Exceeded,
  charges: readonly Charge[],
  limits: readonly Limit[],
): StageRefusal {
  const measure = limits.find(({ id }) => id === limit)?.measure;
  const needed = charges.find((one) => one.limit === limit)?.amount ?? ZERO;
  const when = retryAfterMs === undefined ? "" : `, try again in ${readable(retryAfterMs)}`;
  const what = measure === "rate"
    ? "too many calls in this time"
    : measure === "concurrent"
    ? "as many as are allowed are under way"
    : `${formatDecimal(left)} is left, and this needs up to ${formatDecimal(needed)}`;
  return {
    refusal: `not permitted now: limit "${limit}": ${what}${when}`,
    code: measure === "rate" ? LIMIT_CODES.RATE_LIMITED : LIMIT_CODES.BUDGET_EXHAUSTED,
    details: {
      limit,
      left: formatDecimal(left),
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(retryAfterMs) }),
    },
    fields: { exceeded: limit },
  };
}

function undecided({ id, path = [] }: Limit): StageRefusal {
  return {
    refusal: `not permitted: limit "${id}" sums the param "${
      path.join(".")
    }", expected a number of 0 or more in it, or the text of one with at most 18 digits after the point`,
    code: LIMIT_CODES.LIMIT_UNDECIDED,
  };
}

/** A bound that the request names itself, if it is a smaller one. */
function atMost(named: unknown, factor: number, bound: number): Decimal {
  const own = typeof named === "number" && named >= 0 ? Math.ceil(named * factor) : bound;
  return decimalOf(Math.min(own, bound));
}

const encoder = new TextEncoder();

/** The target and the params as canonical JSON, in bytes of UTF-8. */
function bytesSent({ target, params }: CanonicalRequest): number {
  return encoder.encode(target).length + encoder.encode(canonicalJson(params)).length;
}

function resultBytes(data: unknown): number {
  return encoder.encode(typeof data === "string" ? data : canonicalJson(data ?? null)).length;
}

function valueAt(params: unknown, path: readonly string[]): unknown {
  let value = params;
  for (const key of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function readable(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)} ms`;
  if (ms < 120_000) return `${Math.ceil(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.ceil(ms / 60_000)} min`;
  return `${Math.ceil(ms / 3_600_000)} h`;
}
