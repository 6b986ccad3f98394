/**
 * Limits as a stage: reserved before an action, corrected or given back after it.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import type { StageRefusal } from "../core/admission.ts";
import type { Stage, StagePass } from "../stages/stage.ts";
import { type Decimal, decimalOf, formatDecimal, ZERO } from "./decimal.ts";
import type { ChargedField } from "./charged.ts";
import { covers, type Limit, type PolicyLimits } from "./limit.ts";
import { type CallBounds, RESERVE, USED } from "./measure.ts";
import type { Charge, Exceeded, LimitStore } from "./store.ts";
import { type TimeWindow, windowAt } from "./window.ts";

/** Options of {@linkcode limitStage}. */
export interface LimitStageOptions {
  readonly store: LimitStore;
  readonly limits: PolicyLimits;
  /** Wall clock. */
  readonly clock: () => Date;
  /** Names the time in which this kernel is open. */
  readonly session: string;
  /** The most that one call of an action can return and take. */
  readonly boundsOf: (action: string) => CallBounds;
  /** The rules that allow what a request changes beside its target, like the goal of a move. */
  readonly changedBy: (
    request: CanonicalRequest,
  ) => readonly { readonly action: string; readonly rule: string }[];
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

const ONE = decimalOf(1);
/** Nothing that depends on them is counted of a question. */
const NO_BOUNDS: CallBounds = { maxOutputBytes: 0, deadlineMs: 0 };

/**
 * What cannot be counted of a question or a permit: whoever asked goes on by itself, and nobody is told for
 * how long and with how much. A limit that the call itself is charged to counts it there.
 */
const UNCOUNTED_OF_QUESTIONS: readonly Limit["measure"][] = ["bytes", "duration", "concurrent"];

/**
 * Makes the stage that enforces limits.
 *
 * What a request takes at most is reserved at once for all of its limits, or not at all. After the action
 * it is corrected to what was used. It is given back only where no provider was called; what is in
 * doubt (a time-out, a crash, a failure) stays charged as reserved.
 */
export function limitStage(options: LimitStageOptions): Stage {
  const { store, clock, session, boundsOf, changedBy } = options;
  const limitsFor = limitFinder(options.limits);
  /** Those of the rule that allows it, and of the rules that allow what else it changes; each once. */
  const limitsOf = (request: CanonicalRequest, rule: string): readonly Limit[] => {
    const others = changedBy(request);
    if (others.length === 0) return limitsFor(rule, request.action);
    const all = [{ rule, action: request.action }, ...others];
    return Array.from(new Set(all.flatMap((one) => limitsFor(one.rule, one.action))));
  };
  const windowOf = windowFinder(session);
  // What could not be ended, for example because the disk was full: until it is, it stays charged.
  const unended = new Set<() => void>();
  const end = (work: () => void) => {
    unended.add(work);
    work();
    unended.delete(work);
  };
  return {
    name: "limits",
    enter(request, { recordId, rule, askedBy, isPermit }): StagePass | StageRefusal | undefined {
      const all = limitsOf(request, rule);
      const ofCall = askedBy === undefined ? [] : limitsFor(askedBy.rule, askedBy.action);
      const limits = all.filter((limit) =>
        !(UNCOUNTED_OF_QUESTIONS.includes(limit.measure) && ofCall.includes(limit))
      );
      if (limits.length === 0) return undefined;
      // INVARIANT: a limit that cannot be counted lets nothing pass.
      const goesOnItself = askedBy !== undefined || isPermit === true;
      const uncounted = !goesOnItself
        ? undefined
        : limits.find(({ measure }) => UNCOUNTED_OF_QUESTIONS.includes(measure));
      if (uncounted !== undefined) return uncountable(uncounted);
      const bounds = goesOnItself ? NO_BOUNDS : boundsOf(request.action);
      const amounts = limits.map((limit) => RESERVE[limit.measure](limit, request, bounds));
      const unclear = amounts.indexOf(undefined);
      if (unclear !== -1) return undecided(limits[unclear] as Limit);
      let charges: readonly Charge[];
      try {
        for (const work of unended) tryToEnd(work, unended);
        const now = store.now(clock().getTime());
        charges = limits.map((limit, i) =>
          chargeOf(limit, { amount: amounts[i] ?? ZERO, request, window: windowOf(limit, now) })
        );
        const exceeded = store.reserve(recordId, charges, now);
        if (exceeded !== undefined) return refusalOf(exceeded, charges, limits);
      } catch (error) {
        // INVARIANT: what cannot be counted does not pass.
        return {
          refusal: `not permitted: ${messageOf(error)}`,
          code: LIMIT_CODES.LIMIT_UNAVAILABLE,
        };
      }
      return {
        fields: { charged: charges.map((one, i) => shown(one, limits[i])) },
        settle(outcome) {
          if (!outcome.executed) {
            end(() => store.release(recordId));
            // Tokens of a bucket come back by themselves.
            const kept = charges.filter(({ meter }) => meter.kind === "bucket");
            return { charged: kept.map((one) => shown(one)) };
          }
          const corrections = new Map<string, Decimal>();
          for (const [i, limit] of limits.entries()) {
            const { id, measure } = limit;
            // The answer to a question is the kernel's, and no result.
            const used = askedBy === undefined ? USED[measure]?.(outcome, limit) : undefined;
            if (used === undefined) continue;
            // INVARIANT: what has failed is charged as reserved, or as what is known to be more.
            if (outcome.status === "OK" || used > (amounts[i] ?? ZERO)) corrections.set(id, used);
          }
          end(() => store.commit(recordId, corrections));
          if (corrections.size === 0) return undefined; // As was said before.
          return {
            charged: charges.map((one, i) => shown(one, limits[i], corrections.get(one.limit))),
          };
        },
      };
    },
  };
}

function tryToEnd(work: () => void, unended: Set<() => void>): void {
  try {
    work();
    unended.delete(work);
  } catch {
    // It stays charged, and the operator was warned when it failed first.
  }
}

/** The limits of a rule and an action. */
function limitFinder(
  { rules, all }: PolicyLimits,
): (rule: string, action: string) => readonly Limit[] {
  const byAction = new Map<string, readonly Limit[]>();
  return (rule, action) => {
    let shared = byAction.get(action);
    if (shared === undefined) {
      shared = all.filter((one) => covers(one, action)).flatMap(({ limits }) => limits);
      byAction.set(action, shared);
    }
    const own = rules.get(rule);
    return own === undefined ? shared : [...own, ...shared];
  };
}

/** Finds windows; that of a limit is kept until it ends, because time zones take time. */
function windowFinder(session: string): (limit: Limit, now: number) => TimeWindow {
  const current = new Map<Limit, { readonly window: TimeWindow; readonly since: number }>();
  return (limit, now) => {
    const found = current.get(limit);
    if (found !== undefined && now >= found.since && now < (found.window.endsAt ?? Infinity)) {
      return found.window;
    }
    const { period = "forever", zone } = limit;
    const window = windowAt(period, now, { zone, session });
    current.set(limit, { window, since: now });
    return window;
  };
}

function chargeOf(
  { id: limit, measure, max, refillMs = 0, shared }: Limit,
  { amount, request, window: { key: window, endsAt } }: {
    readonly amount: Decimal;
    readonly request: CanonicalRequest;
    readonly window: TimeWindow;
  },
): Charge {
  const who = shared ? "" : request.agent ?? "";
  const count = Number(max / ONE);
  switch (measure) {
    case "rate":
      return { limit, who, amount, meter: { kind: "bucket", burst: count, refillMs } };
    case "concurrent":
      return { limit, who, amount, meter: { kind: "slots", max: count } };
    default:
      return { limit, who, amount, meter: { kind: "window", max, window, endsAt } };
  }
}

/**
 * What the record says of a charge: enough to recompute the ledger. A list and no mapping: in a mapping,
 * an id that sounds like a secret would have its amount redacted.
 */
function shown(
  { limit, who, amount, meter }: Charge,
  { result }: Partial<Limit> = {},
  used?: Decimal,
): ChargedField {
  const window = meter.kind === "window" ? { window: meter.window } : {};
  const until = meter.kind === "window" && meter.endsAt !== undefined
    ? { until: new Date(meter.endsAt).toISOString() }
    : {};
  return {
    limit,
    amount: formatDecimal(used ?? amount),
    ...(result === undefined ? {} : { result: result.join(".") }),
    ...(result === undefined || used === undefined ? {} : { reserved: formatDecimal(amount) }),
    ...window,
    ...until,
    ...(who === "" ? { shared: true } : {}),
  };
}

/** Of the measures that are reserved as the most that there can be: how to need less. */
const UNITS: Readonly<Partial<Record<Limit["measure"], string>>> = {
  bytes: " bytes (a smaller max_bytes of fs.read and net.http needs less)",
  duration: " ms (a smaller timeout of proc.exec and net.http needs less)",
};

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
    : `${formatDecimal(left)} is left, and this needs up to ${formatDecimal(needed)}${
      UNITS[measure ?? "calls"] ?? ""
    }`;
  return {
    refusal: `not permitted now: limit "${limit}": ${what}${when}`,
    code: measure === "rate" ? LIMIT_CODES.RATE_LIMITED : LIMIT_CODES.BUDGET_EXHAUSTED,
    details: {
      limit,
      left: formatDecimal(left),
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    },
    fields: { exceeded: limit },
  };
}

function uncountable({ id, measure }: Limit): StageRefusal {
  return {
    refusal: `not permitted: limit "${id}" counts ${measure}, which cannot be counted of a ` +
      "connection of a program, of a redirect, or of what an agent does itself; a rate, or calls, can be limited for them",
    code: LIMIT_CODES.LIMIT_UNDECIDED,
    details: { limit: id },
  };
}

function undecided({ id, path = [] }: Limit): StageRefusal {
  return {
    refusal: `not permitted: limit "${id}" sums the param "${
      path.join(".")
    }", expected a number of 0 or more, or the text of one like "12.50"`,
    code: LIMIT_CODES.LIMIT_UNDECIDED,
    details: { limit: id },
  };
}

function readable(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)} ms`;
  if (ms < 120_000) return `${Math.ceil(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.ceil(ms / 60_000)} min`;
  return `${Math.ceil(ms / 3_600_000)} h`;
}
