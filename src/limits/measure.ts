/**
 * How much of a limit an action takes: at most before it, and really after it.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { StageOutcome } from "../core/admission.ts";
import { canonicalJson } from "../core/json.ts";
import { type Decimal, decimalOf, parseDecimal, ZERO } from "./decimal.ts";
import type { Limit } from "./limit.ts";

/** The most that one call can return, in bytes, and take, in milliseconds. */
export interface CallBounds {
  readonly maxOutputBytes: number;
  readonly deadlineMs: number;
}

/** What a limit counts of one request at most; `undefined` if the request does not say. */
type Reserve = (limit: Limit, request: CanonicalRequest, bounds: CallBounds) => Decimal | undefined;

const ONE = decimalOf(1);
/** Standard actions whose param bounds the result, or the duration. Other params are not relied on. */
const BOUNDED_BYTES = ["fs.read", "net.http"];
const BOUNDED_TIME = ["proc.exec", "net.http"];
/** A byte of content, or of the headers of an answer, is at most six characters of JSON (`\u0000`). */
const JSON_FACTOR = 6;
const HEADER_BYTES = 65_536 * JSON_FACTOR;

/** How much each measure takes before the action. */
export const RESERVE: Readonly<Record<Limit["measure"], Reserve>> = {
  rate: () => ONE,
  calls: () => ONE,
  concurrent: () => ONE,
  bytes: (_, { action, params }, { maxOutputBytes }) => {
    const named = BOUNDED_BYTES.includes(action) ? params["max_bytes"] : undefined;
    const own = typeof named === "number" ? named * JSON_FACTOR + HEADER_BYTES : Infinity;
    return wholeUp(Math.min(own, maxOutputBytes));
  },
  duration: (_, { action, params }, { deadlineMs }) => {
    const named = BOUNDED_TIME.includes(action) ? params["timeout"] : undefined;
    return wholeUp(Math.min(typeof named === "number" ? named * 1000 : Infinity, deadlineMs));
  },
  sent: (_, request) => decimalOf(bytesSent(request)),
  sum: ({ path = [] }, { params }) => amountOf(valueAt(params, path)),
};

/** What an action has really taken of a limit; `undefined` if nobody has said. */
type Used = (outcome: StageOutcome, limit: Limit) => Decimal | undefined;

/** What it has really taken, where that is known only afterwards; more than reserved counts too. */
export const USED: Readonly<Partial<Record<Limit["measure"], Used>>> = {
  bytes: ({ data }) => decimalOf(resultBytes(data)),
  duration: ({ durationMs }) => wholeUp(durationMs),
  // The word of the provider, and only if the policy names it: as strict as a param.
  sum: ({ data }, { result }) => result && amountOf(valueAt(data, result)),
};

/**
 * What a request without further params takes at most of a limit before the action.
 *
 * @returns `undefined` if that depends on its params.
 */
export function reservedAtLeast(
  limit: Limit,
  { action, params, bounds }: {
    readonly action: string;
    /** Its defaults. */
    readonly params: Readonly<Record<string, unknown>>;
    readonly bounds: CallBounds;
  },
): Decimal | undefined {
  if (limit.measure === "sum" || USED[limit.measure] === undefined) return undefined;
  return RESERVE[limit.measure](limit, { action, target: "", params }, bounds);
}

/** A text that every reader takes for the same number: no sign, no exponent, no zeros before it. */
const PLAIN_NUMBER = /^(?:0|[1-9]\d*)(?:\.\d+)?$/;

function amountOf(value: unknown): Decimal | undefined {
  if (typeof value === "string" && !PLAIN_NUMBER.test(value)) return undefined;
  const amount = parseDecimal(value);
  // INVARIANT: a negative amount would give back what others have used.
  return amount === undefined || amount < ZERO ? undefined : amount;
}

/** A number as a whole one that is not less and not negative. */
function wholeUp(value: number): Decimal {
  return decimalOf(Math.max(0, Math.ceil(value)));
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
