/**
 * `agent-kernel validate-policy`: what is wrong with a policy, and its rules.
 *
 * @module
 */
import type { Rule } from "../core/policy/policy.ts";
import { shownApproval } from "../approval/approval_rule.ts";
import { unreached } from "../policy_tools/reach.ts";
import { changedVerdicts } from "../policy_tools/changed_verdicts.ts";
import type { Limit, PolicyLimits } from "../limits/limit.ts";
import { type Command, EXIT, type Invocation } from "./command.ts";
import { resolvedOptions } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { columns } from "./table.ts";
import {
  colour,
  complain,
  escape,
  escapedJson,
  isTerminal,
  print,
  terminalWidth,
} from "./terminal.ts";

/** Loads a policy and says what is wrong with it. */
export const COMMAND: Command = {
  usage: "--policy FILE",
  options: { ...POLICY_OPTIONS, json: { type: "boolean", help: "as JSON" } },
  async run({ values, positionals }: Invocation): Promise<number> {
    const { policy: read } = await resolvedOptions(values, positionals);
    // In shadow mode, what is tried.
    const { tried } = read;
    const policy = tried === undefined ? read : { ...read, ...tried, rules: tried.policy.rules };
    const limitsOf = (id: string) => {
      const { rules, programs } = policy.limits;
      const limits = [
        ...shownLimits(rules.get(id) ?? []),
        ...programs.get(id)?.texts ?? [],
      ];
      return limits.length === 0 ? undefined : limits;
    };
    const approvalOf = (id: string) => {
      const approval = policy.approvals.get(id);
      return approval && `a yes ${shownApproval(approval)}`;
    };
    const changed = changedVerdicts(policy);
    const warnings = [...policy.warnings, ...unreached(tried?.policy ?? policy)];
    const rules = policy.rules.filter(({ guard }) => guard === undefined);
    if (values["json"] === true) {
      print(escapedJson({
        valid: true,
        digest: policy.digest,
        warnings,
        changed,
        limits: wholeLimits(policy).map(([action, limits]) => ({ action, limits })),
        rules: rules.map(({ id, effect, line, actions, resources, reason }) => ({
          id,
          effect,
          line,
          actions,
          resources,
          reason,
          limits: limitsOf(id),
          approval: approvalOf(id),
        })),
      }));
      return EXIT.OK;
    }
    const capabilities = rules.filter(({ effect }) => effect === "allow");
    print(`Policy valid: ${capabilities.length} capability rules loaded`);
    const known = Object.keys(policy.actions);
    const width = isTerminal() ? terminalWidth() - 2 : Infinity;
    const rows = rules.map((rule) =>
      row(rule, known, { limits: limitsOf(rule.id), approval: approvalOf(rule.id) })
    );
    for (const line of columns(rows, { width })) print(`  ${line}`);
    for (const [action, limits] of wholeLimits(policy)) {
      print(`  ${colour("limit", "yellow")}  ${escape(action)}  ${limits.join(", ")}`);
    }
    for (const warning of warnings) complain(`warning: ${escape(warning)}`);
    for (const line of changed) complain(`changed since 0.1.0: ${escape(line)}`);
    return EXIT.OK;
  },
};

function row(
  { id, effect, line, actions, resources, constraint }: Rule,
  known: readonly string[],
  { limits = [], approval }: {
    readonly limits?: readonly string[] | undefined;
    readonly approval: string | undefined;
  },
): string[] {
  return [
    effect === "allow" ? colour("allow", "green") : colour("deny", "red"),
    escape(foldActions(actions, known).join(", ")),
    escape(resources.join(", ")),
    [
      ...constraint === undefined
        ? []
        : [`with ${constraint.conditions.map(({ param }) => escape(param)).join(", ")}`],
      ...limits.length === 0 ? [] : [`at most ${limits.map(escape).join(", ")}`],
      ...approval === undefined ? [] : [`needs ${escape(approval)}`],
    ].join(", "),
    colour(line === undefined ? escape(id) : `${escape(id)} (line ${line})`, "dim"),
  ];
}

/** The limits of the whole policy, with the action that each is for. */
function wholeLimits(
  { limits: { all, submits } }: { readonly limits: PolicyLimits },
): [action: string, limits: string[]][] {
  return [
    ...all.map(({ action, limits }): [string, string[]] => [action, shownLimits(limits)]),
    ...submits.map(({ action, text }): [string, string[]] => [action, [text]]),
  ];
}

function shownLimits(limits: readonly Limit[]): string[] {
  return limits.map(({ text }) => text);
}

/** `fs.*` for all known actions that it stands for, as it was written in the policy. */
function foldActions(actions: readonly string[], known: readonly string[]): string[] {
  const folded = actions.map((action) => {
    const pattern = `${action.slice(0, action.lastIndexOf(".") + 1)}*`;
    const all = known.filter((one) => one.startsWith(pattern.slice(0, -1)));
    const complete = pattern !== "*" && all.length > 1 && all.every((one) => actions.includes(one));
    return complete ? pattern : action;
  });
  return Array.from(new Set(folded));
}
