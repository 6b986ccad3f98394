/**
 * `agent-kernel explain`: how a request would be decided, and why.
 *
 * @module
 */
import type { Policy } from "../core/policy/policy.ts";
import type { Explanation } from "../policy_tools/explain.ts";
import { explainRequest, placeOf } from "../policy_tools/explained_request.ts";
import { readSessionFile } from "../policy_tools/read.ts";
import { type Command, EXIT, type Invocation, noPositionals, optional } from "./command.ts";
import type { Foresight } from "../../providers/http/denial.ts";
import { foreseenJson, foresightOf } from "./foreseen.ts";
import { resolvedOptions } from "./policy_options.ts";
import { POLICY_OPTIONS, relativeHint, REQUEST_OPTIONS, requestOf } from "./request_options.ts";
import { colour, escape, escapedJson, print, statusColour } from "./terminal.ts";

/** Says how a request would be decided, and why. */
export const COMMAND: Command = {
  usage: "--policy FILE --action NAME --target TEXT [--params JSON]",
  details:
    `Decides with the code of the gate, does nothing and records nothing. Exit code 0 for an allow, 2
for a deny, 4 for what a person has to approve, 1 for a request that is malformed.`,
  options: {
    ...POLICY_OPTIONS,
    ...REQUEST_OPTIONS,
    session: {
      type: "string",
      value: "FILE",
      help: "what the session knows (YAML: prompt, actions, rules, results)",
    },
    json: { type: "boolean", help: "as JSON" },
  },
  async run({ values, positionals }: Invocation): Promise<number> {
    noPositionals(positionals);
    const resolved = await resolvedOptions(values);
    const file = optional(values, "session");
    const session = file === undefined ? undefined : readSessionFile(file);
    const explained = explainRequest(requestOf(values), { ...resolved, session });
    const { explanation, policy, limits, approval } = explained;
    const foresight = foresightOf(explained);
    const { tried } = resolved.policy;
    if (values["json"] === true) print(escapedJson(foreseenJson(explained)));
    else {
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
  if (approval !== undefined) lines.push(`  approval needs a yes ${escape(approval)}`);
  if (checked !== undefined) lines.push(`  checked  ${escape(checked)}`);
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
