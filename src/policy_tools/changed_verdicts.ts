/**
 * What of a policy means something else than it did under version 0.1.0.
 *
 * @module
 */
import { isInside } from "../core/isolation/permission_set.ts";
import type { Policy, Rule } from "../core/policy/policy.ts";
import { specOf } from "../core/resource/kind.ts";
import type { Pattern } from "../core/resource/pattern.ts";
import { overlap } from "./overlap.ts";

/**
 * Compares what a policy means now with what version 0.1.0 took it for.
 *
 * @param policy With the kernel's own guards.
 * @returns A sentence for each difference, in no rule or in the order of the rules.
 */
export function changedVerdicts(policy: Policy): string[] {
  const allowing = policy.rules.filter(({ effect }) => effect === "allow");
  return [
    ...withoutNetwork(allowing),
    ...allowing.flatMap((rule) => [
      ...deniedMoves(rule, policy),
      ...incompleteMoves(rule, policy),
      ...guardedPatterns(rule, policy),
    ]),
  ];
}

function withoutNetwork(allowing: readonly Rule[]): string[] {
  const names = (action: string) => allowing.some(({ actions }) => actions.includes(action));
  return names("proc.exec") && names("net.http") && !names("net.connect")
    ? [
      "programs no longer have the network by rules for net.http: by HTTPS they reach only hosts of rules for net.connect, and there is none",
    ]
    : [];
}

/** A move is also what it does to both of its ends. */
function deniedMoves({ id, actions, patterns }: Rule, policy: Policy): string[] {
  return actions.flatMap((action) => {
    const implied = (specOf(policy.actions, action).implies ?? []).map((one) => one.action);
    const denying = policy.rules.filter((rule) =>
      rule.effect === "deny" && rule.guard === undefined && !rule.actions.includes(action) &&
      implied.some((one) => rule.actions.includes(one)) &&
      meet(rule.patterns.get("path"), patterns.get("path"))
    );
    return denying.map((rule) =>
      `${id}: ${action} is denied where rule "${rule.id}" denies ${
        rule.actions.filter((one) => implied.includes(one)).join(", ")
      }: a move reads and deletes its source and writes its goal`
    );
  });
}

/** What a move amounts to, where no rule allows it without a constraint. */
function incompleteMoves({ id, actions, patterns }: Rule, policy: Policy): string[] {
  return actions.flatMap((action) => {
    const implied = (specOf(policy.actions, action).implies ?? []).map((one) => one.action);
    const lacking = implied.filter((one) =>
      !policy.rules.some((rule) =>
        rule.effect === "allow" && rule.constraint === undefined && rule.actions.includes(one) &&
        meet(rule.patterns.get("path"), patterns.get("path"))
      )
    );
    return lacking.length === 0 ? [] : [
      `${id}: ${action} is denied, since nothing there allows ${
        lacking.join(", ")
      } for any params: a move reads and deletes its source and writes its goal`,
    ];
  });
}

function meet(denied: readonly Pattern[] = [], allowed: readonly Pattern[] = []): boolean {
  return denied.some(({ denySteps }) => allowed.some(({ steps }) => overlap(denySteps, steps)));
}

/** Patterns of which nothing is left. */
function guardedPatterns({ id, actions, patterns }: Rule, { rules }: Policy): string[] {
  return (patterns.get("path") ?? []).flatMap(({ reach }) => {
    const guard = rules.find((rule) =>
      rule.guard && !rule.id.endsWith("-folder") &&
      actions.some((action) => rule.actions.includes(action)) &&
      (rule.patterns.get("path") ?? []).some((own) => own.exact && isInside(reach, own.reach))
    );
    if (guard === undefined) return [];
    const lost = actions.filter((action) => guard.actions.includes(action));
    return [
      `${id}: ${
        lost.join(", ")
      } in "${reach}" is denied: it belongs to the kernel (${guard.reason})`,
    ];
  });
}
