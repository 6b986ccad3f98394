/**
 * Limits as a stage: reserved before an action, corrected or given back after it.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import type { StageOutcome, StageRefusal } from "../core/admission.ts";
import type { Stage, StageContext, StagePass } from "../stages/stage.ts";
import { accountFinder } from "./account.ts";
import { type Decimal, formatDecimal, ZERO } from "./decimal.ts";
import { covers, type Limit, type PolicyLimits } from "./limit.ts";
import { type CallBounds, RESERVE, USED } from "./measure.ts";
import type { Charge, Corrections, Exceeded, LimitStore } from "./store.ts";

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
  /** Puts on record that a limit is reset, and resets it. */
  readonly reset: (limit: string) => Promise<void>;
  /** The limits that were reset since this kernel was opened, one after the other. */
  readonly resets: readonly string[];
}

/** Codes of refusals. */
export const LIMIT_CODES = {
  /** A rate is used up for a moment. */
  RATE_LIMITED: "RATE_LIMITED",
  /** An agent submits more often than a limit on submits lets it, refused ones counted. */
  SUBMITS_LIMITED: "SUBMITS_LIMITED",
  /** Any other limit is used up. */
  BUDGET_EXHAUSTED: "BUDGET_EXHAUSTED",
  /** The request does not say what a limit has to count. */
  LIMIT_UNDECIDED: "LIMIT_UNDECIDED",
  /** The ledger cannot be read or written. */
  LIMIT_UNAVAILABLE: "LIMIT_UNAVAILABLE",
} as const;

/** Nothing that depends on them is counted of a question. */
const NO_BOUNDS: CallBounds = { maxOutputBytes: 0, deadlineMs: 0 };

/**
 * What cannot be counted of a question or a permit: whoever asked goes on by itself, and nobody is told for
 * how long and with how much. A limit that the call itself is charged to counts it there.
 */
const UNCOUNTED_OF_QUESTIONS: ReadonlySet<Limit["measure"]> = new Set([
  "bytes",
  "duration",
  "concurrent",
]);
const AS_RESERVED: Corrections = new Map();

/**
 * Makes the stage that enforces limits.
 *
 * What a request takes at most is reserved at once for all of its limits, or not at all. After the action
 * it is corrected to what was used. It is given back only where no provider was called; what is in
 * doubt (a time-out, a crash, a failure) stays charged as reserved.
 */
export function limitStage(options: LimitStageOptions): Stage {
  const { store, clock, session, boundsOf, resets: done } = options;
  const takeUpResets = resetTaker(options);
  const limitsFor = limitFinder(options.limits);
  /** Those of the rule that allows it, and of the rules that allow its parts; each once. */
  const limitsOf = (
    { action }: CanonicalRequest,
    { rule, parts }: Pick<StageContext, "rule" | "parts">,
  ): readonly Limit[] => {
    const others = parts.filter(({ isCounted }) => isCounted);
    if (others.length === 0) return limitsFor(rule, action);
    const all = [{ rule, action }, ...others];
    return Array.from(new Set(all.flatMap((one) => limitsFor(one.rule, one.action))));
  };
  const accountsOf = accountFinder(session);
  // What could not be ended, for example because the disk was full: until it is, it stays charged.
  const unended = new Set<() => void>();
  const end = (work: () => void) => {
    try {
      work();
    } catch (error) {
      unended.add(work);
      throw error;
    }
  };
  return {
    name: "limits",
    enter(request, { recordId, rule, parts, askedBy, isPermit }) {
      const own = limitsOf(request, { rule, parts });
      const limits = askedBy === undefined
        ? own
        : ofQuestion(own, limitsFor(askedBy.rule, askedBy.action));
      if (limits.length === 0) return undefined;
      // INVARIANT: a limit that cannot be counted lets nothing pass.
      const goesOnItself = askedBy !== undefined || isPermit === true;
      const uncounted = goesOnItself
        ? limits.find(({ measure }) => UNCOUNTED_OF_QUESTIONS.has(measure))
        : undefined;
      if (uncounted !== undefined) return uncountable(uncounted);
      const bounds = goesOnItself ? NO_BOUNDS : boundsOf(request.action);
      const amounts: Decimal[] = [];
      for (const limit of limits) {
        const amount = RESERVE[limit.measure](limit, request, bounds);
        if (amount === undefined) return undecided(limit);
        amounts.push(amount);
      }
      const reserve = (now: number): StagePass | StageRefusal => {
        const accounts = accountsOf(limits, request.agent, now);
        const charges = accounts.charges(amounts);
        const exceeded = store.reserve(recordId, charges, now);
        if (exceeded !== undefined) return refusalOf(exceeded, charges, limits);
        const fields = accounts.fields(charges);
        const before = done.length;
        return {
          fields,
          settle(outcome) {
            if (!outcome.executed) {
              end(() => store.release(recordId));
              // Tokens of a bucket come back by themselves.
              return {
                charged: fields.charged.filter((_, i) => charges[i]?.meter.kind === "bucket"),
              };
            }
            // The answer to a question is the kernel's, and no result.
            const corrections = askedBy === undefined
              ? correctionsOf(limits, amounts, outcome)
              : undefined;
            end(() => store.commit(recordId, corrections ?? AS_RESERVED));
            const settled = corrections && accounts.fields(charges, corrections);
            if (done.length === before) return settled;
            // A reset has taken away what it was charged.
            const gone = new Set(done.slice(before));
            const { charged } = settled ?? fields;
            return { charged: charged.filter(({ limit }) => !gone.has(limit)) };
          },
        };
      };
      const now = () => store.now(clock().getTime());
      try {
        for (const work of unended) tryToEnd(work, unended);
        const at = now();
        const resets = takeUpResets();
        if (resets === undefined) return reserve(at);
        return resets.then(() => reserve(now())).catch(unavailable);
      } catch (error) {
        return unavailable(error);
      }
    },
  };
}

/**
 * Takes up resets that another process has asked for. Requests that come meanwhile wait for them.
 *
 * @returns `undefined` if there are none.
 */
function resetTaker(
  { store, reset }: Pick<LimitStageOptions, "store" | "reset">,
): () => Promise<void> | undefined {
  let underWay: Promise<void> | undefined;
  const takeUp = async (asked: readonly string[]) => {
    for (const limit of asked) await reset(limit);
  };
  return () => {
    if (underWay !== undefined) return underWay;
    const asked = store.askedResets?.() ?? [];
    if (asked.length === 0) return undefined;
    return underWay = takeUp(asked).finally(() => underWay = undefined);
  };
}

/** INVARIANT: what cannot be counted does not pass. */
function unavailable(error: unknown): StageRefusal {
  const refusal = `not permitted: ${messageOf(error)}`;
  return { refusal, code: LIMIT_CODES.LIMIT_UNAVAILABLE };
}

/** What is counted of a question: what its call is charged for is counted there. */
function ofQuestion(limits: readonly Limit[], ofCall: readonly Limit[]): readonly Limit[] {
  return limits.filter((limit) =>
    !(UNCOUNTED_OF_QUESTIONS.has(limit.measure) && ofCall.includes(limit))
  );
}

/** What has really been used, where that is known; `undefined` if nothing is. */
function correctionsOf(
  limits: readonly Limit[],
  reserved: readonly Decimal[],
  outcome: StageOutcome,
): Corrections | undefined {
  let corrections: Map<string, Decimal> | undefined;
  for (const [i, limit] of limits.entries()) {
    const used = USED[limit.measure]?.(outcome, limit);
    if (used === undefined) continue;
    // INVARIANT: what has failed is charged as reserved, or as what is known to be more.
    if (outcome.status !== "OK" && used <= (reserved[i] ?? ZERO)) continue;
    corrections ??= new Map();
    corrections.set(limit.id, used);
  }
  return corrections;
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
  const found = new Map<string, Map<string, readonly Limit[]>>();
  return (rule, action) => {
    let byRule = found.get(action);
    if (byRule === undefined) found.set(action, byRule = new Map());
    let limits = byRule.get(rule);
    if (limits === undefined) {
      const shared = all.filter((one) => covers(one, action)).flatMap(({ limits }) => limits);
      byRule.set(rule, limits = [...rules.get(rule) ?? [], ...shared]);
    }
    return limits;
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

/** A time for people. */
export function readable(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)} ms`;
  if (ms < 120_000) return `${Math.ceil(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.ceil(ms / 60_000)} min`;
  return `${Math.ceil(ms / 3_600_000)} h`;
}
