/**
 * `agent-kernel explain`: how a request would be decided, and why.
 *
 * @module
 */
import { CODES } from "../core/action.ts";
import { explain, type Explanation } from "../policy_tools/explain.ts";
import type { Policy, Rule } from "../core/policy/policy.ts";
import { shownApproval } from "../approval/approval_rule.ts";
import { approvalOf, type PolicyWithApprovals } from "../policy_tools/effect.ts";
import { covers, type PolicyLimits } from "../limits/limit.ts";
import { receive } from "../core/request.ts";
import { foresee, type Foresight } from "../../providers/http/denial.ts";
import { namedHosts } from "../launch/named_hosts.ts";
import { type Command, EXIT, type Invocation, noPositionals } from "./command.ts";
import { resolvedOptions } from "./policy_options.ts";
import { POLICY_OPTIONS, relativeHint, REQUEST_OPTIONS, requestOf } from "./request_options.ts";
import { colour, escape, escapedJson, print, statusColour } from "./terminal.ts";

/** Says how a request would be decided, and why. */
export const COMMAND: Command = {
  usage: "--policy FILE --action NAME --target TEXT [--params JSON]",
  details:
    `Decides with the code of the gate, does nothing and records nothing. Exit code 0 for an allow, 2
for a deny, 4 for what a person has to approve, 1 for a request that is malformed.`,
  options: { ...POLICY_OPTIONS, ...REQUEST_OPTIONS, json: { type: "boolean", help: "as JSON" } },
  async run({ values, positionals }: Invocation): Promise<number> {
    noPositionals(positionals);
    const resolved = await resolvedOptions(values);
    const { request, problem } = receive(requestOf(values));
    const { world } = resolved;
    const { tried } = resolved.policy;
    const { policy, limits: all, approvals } = tried ??
      { policy: resolved.policy, ...resolved.policy };
    const explanation = problem === undefined
      ? explain(request, { policy, world })
      : { invalid: problem, nearMisses: [] };
    const invalidCode = problem === undefined ? CODES.INVALID_TARGET : CODES.INVALID_REQUEST;
    const foresight = foresightOf(explanation, resolved.policy);
    const limits = limitsFor(explanation, all);
    const approval = approvalFor(explanation, { policy, approvals });
    if (values["json"] === true) {
      const more = approval === undefined ? { limits } : { limits, approval };
      const decision = {
        ...approval === undefined ? {} : { decision: "approve" },
        ...foresight.denied === undefined ? {} : { decision: "deny", ...foresight.denied },
        ...foresight.checked === undefined ? {} : { checked: foresight.checked },
        ...tried === undefined ? {} : { mode: "shadow" },
      };
      print(escapedJson({ ...asJson(explanation, policy, invalidCode), ...decision, ...more }));
    } else {
      for (const line of asText(explanation, policy, { limits, approval, foresight })) print(line);
      if (tried !== undefined) {
        print("  mode     shadow: it is let through, and this goes on record");
      }
    }
    if (explanation.authorized === undefined) return EXIT.FAILED;
    if (foresight.denied !== undefined) return EXIT.DENIED;
    if (approval !== undefined) return EXIT.NEEDS_APPROVAL;
    const { effect } = explanation.authorized.decision;
    return effect === "allow" ? EXIT.OK : EXIT.DENIED;
  },
};

function asJson(
  { authorized, invalid, rule, lacking, nearMisses }: Explanation,
  policy: Policy,
  invalidCode: string,
): object {
  return {
    decision: authorized?.decision.effect ?? "invalid",
    code: authorized?.decision.code ?? invalidCode,
    reason: authorized?.decision.reason ?? invalid,
    request: authorized?.request,
    rule: rule === undefined ? null : { id: rule.id, at: placeOf(rule, policy) },
    lacking: lacking === undefined
      ? null
      : { action: lacking.action, target: lacking.target, param: lacking.param ?? null },
    closest: nearMisses.map(({ rule, lacks }) => ({
      id: rule.id,
      at: placeOf(rule, policy),
      lacks,
    })),
  };
}

/** The actions whose target is connected to, and whose policy names the hosts. */
const CONNECTING = ["net.http", "net.connect"];

/** What beside the policy will refuse an allowed request. */
function foresightOf({ authorized }: Explanation, policy: Policy): Foresight {
  if (authorized?.decision.effect !== "allow") return {};
  const { action, target } = authorized.request;
  if (!CONNECTING.includes(action)) return {};
  const isHttp = action === "net.http";
  const named = namedHosts(policy, isHttp ? [action] : ["proc.exec", ...CONNECTING]);
  return foresee(new URL(target), { named, isHttp });
}

/** The limits that an allowed request is charged to, as the policy writes them. */
function limitsFor(
  { authorized }: Explanation,
  { rules, all, submits, programs }: PolicyLimits,
): string[] {
  if (authorized?.decision.effect !== "allow") return [];
  const { decision: { ruleId = "" }, request: { action } } = authorized;
  const whole = all.filter((one) => covers(one, action)).flatMap(({ limits }) => limits);
  return [
    ...[
      ...rules.get(ruleId) ?? [],
      ...whole,
      ...submits.filter((one) => covers(one, action)),
    ].map(({ id, text }) => `${text} (${id})`),
    ...programs.get(ruleId)?.texts ?? [],
  ];
}

/** Whose yes an allowed request needs, for people. */
function approvalFor(
  { authorized }: Explanation,
  policy: PolicyWithApprovals,
): string | undefined {
  const needed = authorized && approvalOf(authorized, policy);
  return needed && shownApproval(needed);
}

function asText(
  { authorized, invalid, rule, lacking, nearMisses }: Explanation,
  policy: Policy,
  { limits, approval, foresight: { denied, checked } }: {
    readonly limits: readonly string[];
    readonly approval: string | undefined;
    readonly foresight: Foresight;
  },
): string[] {
  if (authorized === undefined) {
    const hint = relativeHint(invalid);
    return [
      `${statusColour("INVALID")}: ${escape(invalid ?? "")}`,
      ...(hint === undefined ? [] : [`  hint     ${hint}`]),
    ];
  }
  const { decision, request } = authorized;
  const shown = denied !== undefined
    ? statusColour("DENIED")
    : approval !== undefined
    ? colour("NEEDS APPROVAL", "yellow")
    : decision.effect === "allow"
    ? colour("ALLOWED", "green")
    : statusColour("DENIED");
  const lines = [
    `${shown}  ${escape(request.action)}  ${escape(request.target)}`,
    `  because  ${escape(denied?.reason ?? decision.reason)}`,
    `  code     ${denied?.code ?? decision.code}`,
    `  rule     ${
      rule === undefined
        ? "none: what no rule allows is denied"
        : `${escape(rule.id)}  ${placeOf(rule, policy)}`
    }`,
  ];
  if (checked !== undefined) lines.push(`  checked  ${escape(checked)}`);
  if (approval !== undefined) lines.push(`  approval needs a yes ${escape(approval)}`);
  if (limits.length > 0) lines.push(`  limits   ${limits.map(escape).join(", ")}`);
  if (lacking?.param !== undefined) {
    lines.push(
      `  lacking  ${escape(lacking.action)} on ${
        escape(lacking.target)
      }, which the param "${lacking.param}" names`,
    );
  }
  if (nearMisses.length > 0) lines.push("  closest rules, and what they lacked:");
  for (const { rule, lacks } of nearMisses) {
    lines.push(`    ${colour(escape(rule.id), "bold")}  ${placeOf(rule, policy)}`);
    for (const lack of lacks) lines.push(`      - ${escape(lack)}`);
  }
  if (decision.effect === "deny" && rule === undefined && nearMisses.length === 0) {
    lines.push(
      `  needed: a rule under "capabilities" with the action ${
        escape(lacking?.action ?? request.action)
      } and a resource that matches`,
    );
  }
  return lines;
}

function placeOf({ line, guard }: Rule, policy: Policy): string {
  if (guard) return "(built in: the kernel protects its own files)";
  return `${escape(policy.source)}${line === undefined ? "" : `:${line}`}`;
}
