/**
 * Which rules have to be asked about for one request: not only the one that allows its target.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { Policy } from "../core/policy/policy.ts";
import { specOf } from "../core/resource/kind.ts";
import type { RuledPart } from "../stages/parts.ts";
import type { ApprovalRule } from "./approval_rule.ts";

/** An approval, and the rules that need it. */
export interface NeededApproval extends ApprovalRule {
  /** Ids of the rules. */
  readonly rules: readonly string[];
}

/**
 * Finds the approvals that a request needs: of the rule that allows its target, of those that allow its
 * other resources (the goal of a move, the `cwd` of a program), and of those for what is a part of it (a
 * move is also a delete and a write).
 *
 * @param request Canonical, and allowed.
 * @param rule Id of the rule that allows its target.
 * @param context The policy, the rules that allow its parts, and which rules need a yes.
 * @returns One that holds for all of them: the shortest time, and who may answer for each. `undefined` if
 * there is none.
 */
export function neededApproval(
  { action, params }: CanonicalRequest,
  rule: string,
  { policy, parts, approvals }: {
    readonly policy: Policy;
    readonly parts: readonly Pick<RuledPart, "rule">[];
    readonly approvals: ReadonlyMap<string, ApprovalRule>;
  },
): NeededApproval | undefined {
  const { resources = [] } = specOf(policy.actions, action);
  const rules = Array.from(new Set([rule, ...parts.map((part) => part.rule)])).filter((id) =>
    approvals.has(id)
  );
  const needed = rules.flatMap((id) => approvals.get(id) ?? []);
  if (needed.length === 0) return undefined;
  const timeoutMs = Math.min(...needed.map((one) => one.timeoutMs));
  // What a grant is about is the target; a goal or a working folder is not part of it.
  const namesMore = resources.some(({ param }) => params[param] !== undefined);
  const lists = needed.flatMap(({ approvers }) => approvers === undefined ? [] : [approvers]);
  const [first, ...more] = lists;
  // A yes that several rules need is for this action alone.
  const { remember, after } = needed.length === 1 ? needed[0] ?? {} : {};
  const own = {
    ...remember === undefined || namesMore ? {} : { remember },
    ...after === undefined ? {} : { after },
  };
  if (first === undefined) return { rules, timeoutMs, ...own };
  const approvers = first.filter((name) => more.every((list) => list.includes(name)));
  return { rules, timeoutMs, approvers, ...own };
}
