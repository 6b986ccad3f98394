/**
 * Which rules need a person's yes, as data, and how a policy writes that.
 *
 * @module
 */
import { isMapping } from "../core/policy/shape.ts";
import { type Report, TIMES } from "../limits/notation.ts";

/** What a rule asks for before its actions are done. */
export interface ApprovalRule {
  /** How long to wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Who may answer; anybody who can if it is missing. */
  readonly approvers?: readonly string[];
  /** What a yes may be remembered for; it is for one action if this is missing. */
  readonly remember?: Remember;
  /** How many actions of an agent are done without a question; none if it is missing. */
  readonly after?: { readonly count: number; readonly perMs: number };
}

/** For how long, and for what else than the one action, a yes may be remembered. */
export interface Remember {
  readonly forMs: number;
  /** `target`: the same target. `folder`: all that lies in its folder. `rule`: all that the rule allows. */
  readonly as: "target" | "folder" | "rule";
}

const DEFAULT: ApprovalRule = { timeoutMs: 600_000 };
/** A timer cannot wait for longer. */
const MAX_TIMEOUT_MS = 7 * 24 * 3_600_000;
/** The keys of `approval`. */
export const APPROVAL_KEYS: readonly string[] = ["timeout", "approvers", "remember", "after"];
const SCOPES: readonly string[] = ["target", "folder", "rule"];
const PERIODS: Readonly<Record<string, number>> = {
  s: 1000,
  min: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/**
 * Reads `approval` of a rule: `required`, or `{ timeout: 10m, approvers: [alice], remember: { for: 8h, as:
 * target }, after: 3/min }`.
 *
 * @param source As the policy has it.
 * @returns `undefined` if it is refused; then a problem was reported.
 */
export function parseApproval(source: unknown, report: Report): ApprovalRule | undefined {
  if (source === "required") return DEFAULT;
  if (!isMapping(source)) {
    report([], 'Expected "required", or a mapping like {timeout: 10m, approvers: [alice]}');
    return undefined;
  }
  const unknown = Object.keys(source).filter((key) => !APPROVAL_KEYS.includes(key));
  for (const key of unknown) {
    report([key], `There is no "${key}" here, expected ${APPROVAL_KEYS.join(" or ")}`);
  }
  const { timeout, approvers, remember, after } = source;
  const timeoutMs = timeout === undefined ? DEFAULT.timeoutMs : parseTime(timeout);
  if (timeoutMs === undefined) report(["timeout"], "Expected a time up to 168h, like 10m");
  const isList = Array.isArray(approvers) && approvers.length > 0 &&
    approvers.every((name) => typeof name === "string" && name !== "");
  if (approvers !== undefined && !isList) report(["approvers"], "Expected a list of names");
  const remembered = remember === undefined ? undefined : parseRemember(remember);
  if (remember !== undefined && remembered === undefined) {
    report(
      ["remember"],
      "Expected a mapping like {for: 8h, as: target}, folder or rule, up to 168h",
    );
  }
  const free = after === undefined ? undefined : parseAfter(after);
  if (after !== undefined && free === undefined) {
    report(["after"], "Expected a number of actions and a time, like 3/min (s, min, hour, day)");
  }
  if (
    unknown.length > 0 || timeoutMs === undefined || approvers !== undefined && !isList ||
    remember !== undefined && remembered === undefined || after !== undefined && free === undefined
  ) return undefined;
  return {
    timeoutMs,
    ...approvers === undefined ? {} : { approvers },
    ...remembered === undefined ? {} : { remember: remembered },
    ...free === undefined ? {} : { after: free },
  };
}

function parseRemember(source: unknown): Remember | undefined {
  if (!isMapping(source)) return undefined;
  const { for: time, as = "target", ...more } = source;
  const forMs = parseTime(time);
  if (forMs === undefined || !SCOPES.includes(as as string) || Object.keys(more).length > 0) {
    return undefined;
  }
  return { forMs, as: as as Remember["as"] };
}

function parseAfter(source: unknown): ApprovalRule["after"] | undefined {
  const [, digits = "", unit = ""] = typeof source === "string"
    ? /^(\d{1,6})\/([a-z]+)$/.exec(source) ?? []
    : [];
  const perMs = Object.hasOwn(PERIODS, unit) ? PERIODS[unit] : undefined;
  return perMs === undefined || Number(digits) === 0 ? undefined : { count: Number(digits), perMs };
}

function parseTime(source: unknown): number | undefined {
  const [, digits = "", unit = ""] = typeof source === "string"
    ? /^(\d{1,9}) ?([a-z]+)$/.exec(source) ?? []
    : [];
  const factor = Object.hasOwn(TIMES, unit) ? TIMES[unit] : undefined;
  if (factor === undefined) return undefined;
  const ms = Number(digits) * Number(factor);
  return ms > 0 && ms <= MAX_TIMEOUT_MS ? ms : undefined;
}

/** For people: `by alice or bob, within 10 min`. */
export function shownApproval({ timeoutMs, approvers, remember, after }: ApprovalRule): string {
  const who = approvers === undefined ? "" : `by ${approvers.join(" or ")}, `;
  const kept = remember === undefined ? "" : `, remembered for ${shownTime(remember.forMs)}`;
  const free = after === undefined
    ? ""
    : `, beyond ${after.count} in ${shownTime(after.perMs)} of an agent`;
  return `${who}within ${shownTime(timeoutMs)}${kept}${free}`;
}

/** A time for people: `90 s`, `10 min`, `8 h`. */
export function shownTime(ms: number): string {
  if (ms < 120_000) return `${ms / 1000} s`;
  return ms < 7_200_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`;
}
