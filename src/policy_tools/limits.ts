/**
 * The limits of a policy document, each problem at its place.
 *
 * @module
 */
import type { Policy, Rule } from "../core/policy/policy.ts";
import { placeName, type Problems } from "../core/policy/problem.ts";
import { isMapping } from "../core/policy/shape.ts";
import {
  covers,
  type Limit,
  LIMIT_ID,
  LIMIT_ID_FORM,
  parseLimits,
  parsePolicyLimits,
  type PolicyLimits,
} from "../limits/limit.ts";
import type { Report } from "../limits/notation.ts";
import { type ProgramLimits, splitProgramLimits } from "../limits/program_limits.ts";
import { overlap } from "./overlap.ts";

/**
 * Reads `limits` of the document and of its allow rules.
 *
 * @param document Its plain value.
 * @param problems Where problems are noted.
 */
export function readLimits(document: unknown, problems: Problems): PolicyLimits {
  const ids = new Set<string>();
  /** Two limits of one id would share a counter. */
  const unique = (limits: readonly Pick<Limit, "id">[], at: Problems) => {
    for (const { id } of limits) {
      if (ids.has(id)) at.add(`There is another limit "${id}", expected an "id" of its own`);
      ids.add(id);
    }
  };
  const rules = new Map<string, readonly Limit[]>();
  const programs = new Map<string, ProgramLimits>();
  const { capabilities, limits } = isMapping(document) ? document : {};
  for (const [i, rule] of Array.isArray(capabilities) ? capabilities.entries() : []) {
    if (!isMapping(rule) || rule["limits"] === undefined) continue;
    const at = problems.at("capabilities", i, "limits");
    const { id } = rule;
    const { counted, program } = splitProgramLimits(rule["limits"], reportTo(at));
    const known = typeof id === "string" ? id : placeName(problems.at("capabilities", i).path);
    if (program !== undefined) programs.set(known, program);
    if (program !== undefined && counted === undefined) continue;
    if (typeof id !== "string" || !LIMIT_ID.test(id)) {
      // By its place it would count on for another rule when a rule is added before it.
      at.add(`A rule with limits needs an "id" of ${LIMIT_ID_FORM}: what is used is kept under it`);
    }
    const found = parseLimits(counted, String(id), reportTo(at));
    unique(found, at);
    rules.set(String(id), found);
  }
  const at = problems.at("limits");
  const whole = limits === undefined
    ? { all: [], submits: [] }
    : parsePolicyLimits(limits, reportTo(at));
  for (const one of whole.all) unique(one.limits, at);
  unique(whole.submits, at);
  return { rules, ...whole, programs };
}

/** Notes limits of the whole policy that could never count anything. */
export function checkCoverage(
  { all, submits }: PolicyLimits,
  { policy, problems }: { readonly policy: Policy; readonly problems: Problems },
): void {
  const known = new Set([
    ...Object.keys(policy.actions),
    ...policy.rules.flatMap(({ actions }) => actions),
  ]);
  for (const one of [...all, ...submits]) {
    if (Array.from(known).some((action) => covers(one, action))) continue;
    problems.add(
      `"${one.action}" could never match, expected an action or a pattern of ${
        Array.from(known).join(", ")
      }`,
    );
  }
}

/**
 * The limits of a policy together with those of copies of rules.
 *
 * INVARIANT: a copy is charged to the very limits of its rule.
 *
 * @param copies By their ids, the rule that each is a copy of.
 */
export function limitsOfCopies(
  limits: PolicyLimits,
  copies: ReadonlyMap<string, string>,
): PolicyLimits {
  if (copies.size === 0) return limits;
  const rules = new Map(limits.rules);
  const programs = new Map(limits.programs);
  for (const [copy, rule] of copies) {
    const [own, program] = [limits.rules.get(rule), limits.programs.get(rule)];
    if (own !== undefined) rules.set(copy, own);
    if (program !== undefined) programs.set(copy, program);
  }
  return { ...limits, rules, programs };
}

/**
 * Limits that an earlier rule gets around: a request is charged to the rule that decides, and that is
 * the first of those that allow it.
 *
 * @returns A warning for each rule with limits of which that is so.
 */
export function uncounted({ rules }: PolicyLimits, policy: Policy): string[] {
  return gottenAround(rules, policy).map(([rule, first]) =>
    `${rule}: its limits do not count what "${first}" before it allows; put it before that rule`
  );
}

/**
 * Approvals that an earlier rule gets around: the first of the rules that allow a request decides.
 *
 * @returns A warning for each rule with approval of which that is so.
 */
export function unasked(approvals: ReadonlyMap<string, unknown>, policy: Policy): string[] {
  return gottenAround(approvals, policy).map(([rule, first]) =>
    `${rule}: nobody is asked for what "${first}" before it allows; put it before that rule`
  );
}

/** The rules with something more, each with an earlier one without it that allows some of the same. */
function gottenAround(
  more: ReadonlyMap<string, unknown>,
  policy: Policy,
): [rule: string, first: string][] {
  const allowing = policy.rules.filter(({ effect }) => effect === "allow");
  return allowing.filter(({ id }) => more.has(id)).flatMap((rule): [string, string][] => {
    const first = allowing.find((earlier) =>
      earlier.index < rule.index && !more.has(earlier.id) && meet(earlier, rule)
    );
    return first === undefined ? [] : [[rule.id, first.id]];
  });
}

/** Whether both rules allow some action on some target. */
function meet(a: Rule, b: Rule): boolean {
  if (!a.actions.some((action) => b.actions.includes(action))) return false;
  return Array.from(a.patterns).some(([kind, patterns]) =>
    patterns.some(({ steps }) =>
      (b.patterns.get(kind) ?? []).some((other) => overlap(steps, other.steps))
    )
  );
}

function reportTo(problems: Problems): Report {
  return (path, message) => problems.at(...path).add(message);
}
