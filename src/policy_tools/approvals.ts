/**
 * The key `approval` of the rules of a policy document.
 *
 * @module
 */
import { type ApprovalRule, parseApproval } from "../approval/approval_rule.ts";
import { placeName, type Problems } from "../core/policy/problem.ts";
import { isMapping } from "../core/policy/shape.ts";

/**
 * Reads `approval` of all allow rules.
 *
 * @param document The plain value of a policy.
 * @param problems Where problems are noted.
 * @returns By the id of the rule.
 */
export function readApprovals(document: unknown, problems: Problems): Map<string, ApprovalRule> {
  const found = new Map<string, ApprovalRule>();
  const rules = isMapping(document) ? document["capabilities"] : undefined;
  for (const [i, rule] of Array.isArray(rules) ? rules.entries() : []) {
    if (!isMapping(rule) || rule["approval"] === undefined) continue;
    const at = problems.at("capabilities", i);
    const { id = placeName(at.path) } = rule;
    const report = (path: readonly (string | number)[], message: string) =>
      at.at("approval", ...path).add(message);
    const approval = parseApproval(rule["approval"], report);
    if (approval !== undefined) found.set(String(id), approval);
  }
  return found;
}
