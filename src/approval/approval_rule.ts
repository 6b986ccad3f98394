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
}

const DEFAULT: ApprovalRule = { timeoutMs: 600_000 };
/** A timer cannot wait for longer. */
const MAX_TIMEOUT_MS = 7 * 24 * 3_600_000;
const KEYS: readonly string[] = ["timeout", "approvers"];

/**
 * Reads `approval` of a rule: `required`, or `{ timeout: 10m, approvers: [alice] }`.
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
  const unknown = Object.keys(source).filter((key) => !KEYS.includes(key));
  for (const key of unknown) {
    report([key], `There is no "${key}" here, expected ${KEYS.join(" or ")}`);
  }
  const { timeout, approvers } = source;
  const timeoutMs = timeout === undefined ? DEFAULT.timeoutMs : parseTime(timeout);
  if (timeoutMs === undefined) report(["timeout"], "Expected a time up to 168h, like 10m");
  const isList = Array.isArray(approvers) && approvers.length > 0 &&
    approvers.every((name) => typeof name === "string" && name !== "");
  if (approvers !== undefined && !isList) report(["approvers"], "Expected a list of names");
  if (unknown.length > 0 || timeoutMs === undefined || approvers !== undefined && !isList) {
    return undefined;
  }
  return approvers === undefined ? { timeoutMs } : { timeoutMs, approvers };
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
export function shownApproval({ timeoutMs, approvers }: ApprovalRule): string {
  const who = approvers === undefined ? "" : `by ${approvers.join(" or ")}, `;
  const seconds = timeoutMs / 1000;
  return `${who}within ${seconds < 120 ? `${seconds} s` : `${seconds / 60} min`}`;
}
