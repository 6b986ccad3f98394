/**
 * `agent-kernel test-policy`: the examples of a policy, and the rules that none reaches.
 *
 * @module
 */
import { decisionOn, type Example, mismatch } from "../policy_tools/examples.ts";
import { readExamplesFile } from "../policy_tools/read.ts";
import { resolveOptions } from "../resolve.ts";
import { type Command, EXIT, type Invocation, optional } from "./command.ts";
import { kernelOptions } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { colour, escape, escapedJson, print } from "./terminal.ts";

/** Runs the examples of a policy, and others. */
export const COMMAND: Command = {
  usage: "--policy FILE [--examples FILE]",
  options: {
    ...POLICY_OPTIONS,
    examples: {
      type: "string",
      value: "FILE",
      help: "more examples (YAML: a list, or under the key examples)",
    },
    json: { type: "boolean", help: "as JSON" },
  },
  async run({ values, positionals }: Invocation): Promise<number> {
    const { policy: read, policyWorld: world } = resolveOptions(
      await kernelOptions(values, positionals),
      {
        enforceExamples: false,
      },
    );
    const file = optional(values, "examples");
    const { policy, approvals, provenance } = read.tried ?? { policy: read, ...read };
    const context = { policy, approvals, provenance, world };
    const examples = [...read.examples, ...(file === undefined ? [] : readExamplesFile(file))];
    const outcomes = examples.map((example) => ({
      example,
      wrong: mismatch(example, context),
    }));
    const failed = outcomes.filter(({ wrong }) => wrong !== undefined).length;
    const reached = new Set(
      examples.map((example) => decisionOn(example, context)?.ruleId),
    );
    const unreached = policy.rules.filter(({ id, guard }) =>
      guard === undefined && !reached.has(id)
    );
    if (values["json"] === true) {
      print(escapedJson({
        passed: outcomes.length - failed,
        failed,
        examples: outcomes.map(({ example, wrong }) => ({ ...example, wrong: wrong ?? null })),
        unreached: unreached.map(({ id }) => id),
      }));
    } else {
      for (const { example, wrong } of outcomes) {
        print(`${mark(wrong)}  ${escape(title(example, wrong))}`);
      }
      for (const { id, line } of unreached) {
        print(
          `${colour("note", "yellow")}  no example reaches ${escape(id)}${
            line === undefined ? "" : ` (line ${line})`
          }`,
        );
      }
      print(`${outcomes.length - failed} passed, ${failed} failed`);
    }
    return failed === 0 ? EXIT.OK : EXIT.FAILED;
  },
};

function mark(wrong: string | undefined): string {
  return wrong === undefined ? colour("ok  ", "green") : colour("FAIL", "red");
}

function title({ expect, action, target }: Example, wrong: string | undefined): string {
  return wrong ?? `${expect} ${action} on "${target}"`;
}
