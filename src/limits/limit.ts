/**
 * Limits as data, and how a policy writes them.
 *
 * @module
 */
import { matchesAction } from "../core/action.ts";
import type { ProgramLimits } from "./program_limits.ts";
import { type Report, SIZES, TIMES } from "./notation.ts";
import { isCount, parseRate, type Rate } from "./rate.ts";
import { parseSubmitLimit, type SubmitLimit } from "./submit_limit.ts";
import { isTimeZone, type Period, PERIODS } from "./window.ts";
import { type Decimal, decimalOf, parseDecimal, ZERO } from "./decimal.ts";

/** What a limit measures. */
export type Measure = "rate" | "calls" | "bytes" | "sent" | "sum" | "duration" | "concurrent";

/** One limit. */
export interface Limit {
  /** Stable: the id of the rule, or of the limit of the whole policy, and the measure: `pay.sum`. */
  readonly id: string;
  readonly measure: Measure;
  /** The most per window: calls, bytes, milliseconds, or the unit of the param; of `rate`, the burst. */
  readonly max: Decimal;
  /** When it begins again; of `rate` and `concurrent`, `undefined`. */
  readonly period: Period | undefined;
  /** Of `rate`: how long one call takes to come back, in milliseconds. */
  readonly refillMs?: number;
  /** Of `sum`: the way into the params. */
  readonly path?: readonly string[];
  /** Of `sum`: the way to the real amount in the data of a result; without it the param is what counts. */
  readonly result?: readonly string[];
  /** Whether all agents share it. */
  readonly shared: boolean;
  readonly zone?: string;
  /** For people, in the form of the policy: `calls 20/day`. */
  readonly text: string;
}

/** A limit of the whole policy: for all actions of a pattern. */
export interface PolicyLimit {
  /** An action, a pattern like `fs.*`, or `*` for all. */
  readonly action: string;
  readonly limits: readonly Limit[];
}

/** All limits of a policy. */
export interface PolicyLimits {
  /** Those of rules, by the id of the rule. */
  readonly rules: ReadonlyMap<string, readonly Limit[]>;
  /** Those of the whole policy. */
  readonly all: readonly PolicyLimit[];
  /** Those of submits, also of refused ones. */
  readonly submits: readonly SubmitLimit[];
  /** What rules bound of their programs, by the id of the rule. */
  readonly programs: ReadonlyMap<string, ProgramLimits>;
}

/** Whether anything is counted in a ledger. */
export function hasLimits({ rules, all }: PolicyLimits): boolean {
  return rules.size > 0 || all.length > 0;
}

/** Whether a limit of the whole policy is for an action. */
export function covers({ action: pattern }: Pick<PolicyLimit, "action">, action: string): boolean {
  return pattern === "*" || matchesAction(pattern, action);
}

const PERIOD_NAMES: Readonly<Record<string, Period>> = {
  ...Object.fromEntries(PERIODS.map((period) => [period, period])),
  min: "minute",
  h: "hour",
};

/** The measures with an amount per period: the units that it may have. */
const AMOUNTS: Readonly<Record<string, Readonly<Record<string, bigint>>>> = {
  calls: {},
  bytes: SIZES,
  sent: SIZES,
  duration: TIMES,
};
const ACTION_PATTERN = /^(\*|[A-Za-z0-9_-]+)(\.(\*|[A-Za-z0-9_-]+))*$/;
/** What the id of a limit begins with: it stands in records and on command lines. */
export const LIMIT_ID = /^[\w.*-]{1,100}$/;
/** {@linkcode LIMIT_ID} in words. */
export const LIMIT_ID_FORM = "1 to 100 letters, digits, _, -, . and *";
/** What a limit can measure. */
export const LIMIT_KEYS = [
  "rate",
  "burst",
  "calls",
  "bytes",
  "sent",
  "sum",
  "duration",
  "concurrent",
];
/** For whom, and when it begins again. */
export const SCOPE_KEYS = ["across", "zone"];

/**
 * Reads the `limits` of a rule: `{ calls: 20/day, sum: { param: amount, max: 500/day } }`.
 *
 * @param source As the policy has it.
 * @param id What the ids of the limits begin with: the id of the rule.
 */
export function parseLimits(source: unknown, id: string, report: Report): Limit[] {
  if (!isMapping(source)) {
    report([], "Expected a mapping of limits, like {calls: 20/day, rate: 60/min}");
    return [];
  }
  for (const key of Object.keys(source)) {
    if (LIMIT_KEYS.includes(key) || SCOPE_KEYS.includes(key)) continue;
    if (key === "submits") {
      report(
        [key],
        "Counts submits before a rule decides, and so cannot belong to a rule, expected in an item of the " +
          'policy\'s limits, like [{action: "*", submits: 600/min}]',
      );
      continue;
    }
    const expected = [...LIMIT_KEYS, ...SCOPE_KEYS].join(", ");
    report(
      [key],
      `There is no limit "${key}", expected one of ${expected}, or submits in an item of the policy's limits`,
    );
  }
  const shared = parseAcross(source["across"], report);
  const zone = parseZone(source["zone"], report);
  const scope = zone === undefined ? { shared } : { shared, zone };
  const scopeText = `${shared ? " across all" : ""}${zone === undefined ? "" : ` (${zone})`}`;
  const limits = LIMIT_KEYS.flatMap((measure): Limit[] => {
    const value = source[measure];
    if (value === undefined || measure === "burst") return [];
    const at: Report = (path, message) => report([measure, ...path], message);
    const amount = parseMeasure(measure as Measure, value, { burst: source["burst"], report: at });
    if (amount === undefined) return [];
    const text = `${amount.text}${scopeText}`;
    return [{ id: `${id}.${measure}`, ...amount, ...scope, text }];
  });
  if (LIMIT_KEYS.every((key) => source[key] === undefined)) {
    report([], `Limits nothing, expected one of ${LIMIT_KEYS.join(", ")}`);
  }
  if (source["burst"] !== undefined && source["rate"] === undefined) {
    report(["burst"], 'Expected a "rate" beside it');
  }
  return limits;
}

/** Reads the `limits` of a policy: a list of limits, each with the `action` that it is for. */
export function parsePolicyLimits(
  source: unknown,
  report: Report,
): Pick<PolicyLimits, "all" | "submits"> {
  const all: PolicyLimit[] = [];
  const submits: SubmitLimit[] = [];
  if (!Array.isArray(source)) {
    report([], 'Expected a list of limits, like [{action: "net.*", rate: 60/min}]');
    return { all, submits };
  }
  for (const [i, item] of source.entries()) {
    const at: Report = (path, message) => report([i, ...path], message);
    if (!isMapping(item)) {
      at([], 'Expected a limit, like {action: "net.*", rate: 60/min}');
      continue;
    }
    const { action, id = action, ...limits } = item;
    if (typeof action !== "string" || !ACTION_PATTERN.test(action)) {
      at(["action"], 'Expected an action or a pattern, like net.http, fs.* or "*"');
      continue;
    }
    if (typeof id !== "string" || !LIMIT_ID.test(id)) {
      at(["id"], `Expected an id of ${LIMIT_ID_FORM}`);
      continue;
    }
    if (limits["submits"] === undefined) all.push({ action, limits: parseLimits(limits, id, at) });
    else submits.push(...parseSubmitLimit(limits, { action, id, report: at }));
  }
  return { all, submits };
}

type Amount = Omit<Limit, "id" | "shared" | "zone">;

function parseMeasure(
  measure: Measure,
  value: unknown,
  { burst, report }: { readonly burst: unknown; readonly report: Report },
): Amount | undefined {
  switch (measure) {
    case "rate":
      return rateOf(parseRate(value, { burst, report }));
    case "concurrent": {
      if (isCount(value)) {
        const text = `concurrent ${value}`;
        return { measure, max: decimalOf(value), period: undefined, text };
      }
      report([], "Expected a whole number of 1 or more");
      return undefined;
    }
    case "sum": {
      const { param, result, max, ...more } = isMapping(value) ? value : {};
      const amount = typeof max === "string" ? parsePer(max, {}) : undefined;
      const path = parsePath(param);
      const told = result === undefined ? undefined : parsePath(result);
      const isKnown = Object.keys(more).length === 0 &&
        (result === undefined) === (told === undefined);
      if (path !== undefined && amount !== undefined && isKnown) {
        if (told === undefined) return { measure, ...amount, path, text: `sum of ${param} ${max}` };
        const text = `sum of ${param}, corrected by ${result}, ${max}`;
        return { measure, ...amount, path, result: told, text };
      }
      report(
        [],
        'Expected {param: name, max: "500/day"}, with "result: name" if the result corrects it',
      );
      return undefined;
    }
    default: {
      const amount = typeof value === "string"
        ? parsePer(value, AMOUNTS[measure] ?? {})
        : undefined;
      // All of these are counted in whole numbers.
      if (amount !== undefined && amount.max % decimalOf(1) === ZERO) {
        return { measure, ...amount, text: `${measure} ${value}` };
      }
      const example = { calls: "20/day", duration: "10min/day" }[measure as string] ??
        "100MiB/hour";
      report([], `Expected an amount per ${PERIODS.join(", ")}, like ${example}`);
      return undefined;
    }
  }
}

function rateOf(rate: Rate | undefined): Amount | undefined {
  if (rate === undefined) return undefined;
  const { burst, refillMs, text } = rate;
  return {
    measure: "rate",
    max: decimalOf(burst),
    period: undefined,
    refillMs,
    text: `rate ${text}`,
  };
}

/** `amount`, `receipt.total`. */
function parsePath(source: unknown): readonly string[] | undefined {
  const path = typeof source === "string" ? source.split(".") : [""];
  return path.includes("") ? undefined : path;
}

/** `500.00/day`, `100MiB/hour`, `5/forever`. */
function parsePer(
  text: string,
  units: Readonly<Record<string, bigint>>,
): { readonly max: Decimal; readonly period: Period } | undefined {
  const [, digits = "", unit = "", per = ""] =
    /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*\/\s*([a-z]+)$/.exec(text) ?? [];
  const amount = parseDecimal(digits);
  const factor = unit === "" ? 1n : Object.hasOwn(units, unit) ? units[unit] : undefined;
  const period = Object.hasOwn(PERIOD_NAMES, per) ? PERIOD_NAMES[per] : undefined;
  if (amount === undefined || factor === undefined || period === undefined) return undefined;
  return { max: amount * factor, period };
}

function parseAcross(source: unknown, report: Report): boolean {
  if (source === undefined || source === "agent") return false;
  if (source === "all") return true;
  report(["across"], 'Expected "agent" (each agent has its own, the default) or "all"');
  return true;
}

function parseZone(source: unknown, report: Report): string | undefined {
  if (source === undefined || typeof source === "string" && isTimeZone(source)) return source;
  report(["zone"], "Expected the name of a time zone, like Europe/Berlin");
  return undefined;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
