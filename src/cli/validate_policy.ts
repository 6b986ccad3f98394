import type { Rule } from "../core/policy/policy.ts";
import { type Command, EXIT, type Invocation } from "./command.ts";
import { planOf, POLICY_OPTIONS } from "./policy_options.ts";
import { colour, columns, complain, escape, escapedJson, print } from "./terminal.ts";

/** Loads a policy and says what is wrong with it. */
export const VALIDATE_POLICY: Command = {
  name: "validate-policy",
  summary: "check a policy, and list its rules",
  usage: "--policy FILE",
  options: { ...POLICY_OPTIONS, json: { type: "boolean", help: "as JSON" } },
  run({ values, positionals }: Invocation): Promise<number> {
    const { policy } = planOf(values, positionals);
    const rules = policy.rules.filter(({ guard }) => guard === undefined);
    if (values["json"] === true) {
      print(escapedJson({
        valid: true,
        digest: policy.digest,
        warnings: policy.warnings,
        rules: rules.map(({ id, effect, line, actions, resources, reason }) => ({
          id,
          effect,
          line,
          actions,
          resources,
          reason,
        })),
      }));
      return Promise.resolve(EXIT.OK);
    }
    const capabilities = rules.filter(({ effect }) => effect === "allow");
    print(`Policy valid: ${capabilities.length} capability rules loaded`);
    for (const line of columns(rules.map(row))) print(`  ${line}`);
    for (const warning of policy.warnings) complain(`warning: ${escape(warning)}`);
    return Promise.resolve(EXIT.OK);
  },
};

function row({ id, effect, line, actions, resources, constraint }: Rule): string[] {
  return [
    effect === "allow" ? colour("allow", "green") : colour("deny", "red"),
    escape(actions.join(", ")),
    escape(resources.join(", ")),
    constraint === undefined
      ? ""
      : `with ${constraint.conditions.map(({ param }) => escape(param)).join(", ")}`,
    colour(line === undefined ? escape(id) : `${escape(id)} (line ${line})`, "dim"),
  ];
}
