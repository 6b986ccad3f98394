/**
 * `agent-kernel diff-policy`: what a policy allows that another one does not.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import { actionTable } from "../actions/standard.ts";
import { denoWorld } from "../core/resource/deno_world.ts";
import {
  comparePolicies,
  type PolicyComparison,
  withAllPrograms,
} from "../policy_tools/comparison.ts";
import type {
  ExampleRequest,
  PolicyDifference,
  UntoldDifference,
} from "../policy_tools/policy_diff.ts";
import { readPolicy } from "../policy_tools/read.ts";
import { type Command, EXIT, type Invocation, optional, UsageError } from "./command.ts";
import { searchPathOf } from "./policy_options.ts";
import { POLICY_OPTIONS, policyVariables } from "./request_options.ts";
import { colour, escape, escapedJson, print } from "./terminal.ts";

const { var: VARIABLE, "search-path": SEARCH_PATH } = POLICY_OPTIONS;

/** Compares two policies over all requests. */
export const COMMAND: Command = {
  usage: "OLD NEW [--only-tighter]",
  details:
    `Over all requests, not over samples: patterns are compared as automata, each difference is shown with
a short request and was decided under both policies. Conditions on params are compared where they are
finite or ordered; where not, it says that it cannot be told. Relative patterns of both are relative to
the folder of NEW; files of lists are read where each policy looks for them. Of what only a session knows it
says that it cannot be told. Exit code 0 if nothing differs, 1 otherwise; with --only-tighter, 1 if anything is
newly allowed, or could be.`,
  options: {
    "only-tighter": {
      type: "boolean",
      help: "fail only if something is newly allowed, or could be",
    },
    "base": {
      type: "string",
      value: "DIR",
      help: "folder that relative patterns are relative to (default: that of NEW)",
    },
    ...VARIABLE === undefined ? {} : { var: VARIABLE },
    ...SEARCH_PATH === undefined ? {} : { "search-path": SEARCH_PATH },
    json: { type: "boolean", help: "as JSON" },
  },
  // deno-lint-ignore require-await -- all commands give a promise
  async run({ values, positionals }: Invocation): Promise<number> {
    const [from, to, ...more] = positionals;
    if (from === undefined || to === undefined || more.length > 0) {
      throw new UsageError("expected two policies, OLD and NEW");
    }
    const base = resolve(optional(values, "base") ?? dirname(to));
    const world = withAllPrograms(denoWorld({ base, searchPath: searchPathOf(values) }));
    const actions = actionTable(new Map());
    const load = (path: string) =>
      readPolicy({ text: Deno.readTextFileSync(path) }, {
        world,
        actions,
        variables: policyVariables(values),
        source: path,
        // Of the files of its lists each has its own.
        listBase: resolve(optional(values, "base") ?? dirname(path)),
        enforceExamples: false,
      });
    const comparison = comparePolicies(load(from), load(to), world);
    if (values["json"] === true) print(escapedJson(asJson(comparison)));
    else for (const line of asText(comparison)) print(line);
    if (values["only-tighter"] === true) return comparison.onlyTighter ? EXIT.OK : EXIT.FAILED;
    return isSame(comparison) ? EXIT.OK : EXIT.FAILED;
  },
};

function isSame({ allowed, denied, demands, untold, mode }: PolicyComparison): boolean {
  return mode === undefined &&
    [allowed, denied, demands, untold.allowed, untold.denied].every(({ length }) => length === 0);
}

function asJson(
  { allowed, denied, demands, untold, mode, onlyTighter }: PolicyComparison,
): unknown {
  const one = ({ asked, actions, rule, other, example }: PolicyDifference) => ({
    actions,
    rule: rule.id,
    line: rule.line ?? null,
    without_asking: asked,
    example: JSON.parse(JSON.stringify(example, shortened)),
    other: { code: other.code, rule: other.ruleId ?? null, reason: other.reason },
  });
  const unknown = ({ actions, rule, why }: UntoldDifference) => ({ actions, rule: rule.id, why });
  return {
    only_tighter: onlyTighter,
    mode: mode ?? null,
    newly_allowed: allowed.map(one),
    newly_denied: denied.map(one),
    demands,
    cannot_be_told: {
      newly_allowed: untold.allowed.map(unknown),
      newly_denied: untold.denied.map(unknown),
    },
  };
}

function asText(comparison: PolicyComparison): string[] {
  const { allowed, denied, demands, untold, mode } = comparison;
  if (isSame(comparison)) return ["The policies allow the same"];
  const of = (all: readonly PolicyDifference[], asked: boolean) =>
    all.filter((one) => one.asked === asked);
  return [
    ...mode === undefined ? [] : [
      `${colour("mode", "yellow")}  NEW is ${
        mode === "now shadow"
          ? "only tried (shadow): it refuses nothing"
          : "enforced, OLD was only tried"
      }`,
    ],
    ...section(colour("newly allowed", "red"), of(allowed, false), "before"),
    ...section(colour("newly allowed without a yes", "red"), of(allowed, true), "before"),
    ...section(colour("newly denied", "green"), of(denied, false), "now"),
    ...section(colour("newly allowed only with a yes", "green"), of(denied, true), "now"),
    ...demands.map(({ change, id, what }) =>
      `${
        change === "untold"
          ? colour("cannot be told", "yellow")
          : colour(change, change === "looser" ? "red" : "green")
      }  ${escape(id)}: ${escape(what)}`
    ),
    ...untoldLines(untold.allowed, "whether more is allowed by"),
    ...untoldLines(untold.denied, "whether less is allowed than by"),
  ];
}

function section(head: string, all: readonly PolicyDifference[], when: string): string[] {
  return all.length === 0 ? [] : [
    `${head}: ${all.length}`,
    ...all.flatMap(({ actions, rule, other, example }) => [
      `  ${actions.map(escape).join(", ")}  ${escape(shown(example))}`,
      `    by rule ${escape(rule.id)}${
        rule.line === undefined ? "" : ` (line ${rule.line})`
      }; ${when}: ${
        escape(other.effect === "allow" ? "allowed if somebody says yes" : other.reason)
      }`,
    ]),
  ];
}

/** Texts that show a bound on their length are as long as that. */
const MAX_SHOWN = 200;

function shortened(_: string, value: unknown): unknown {
  return typeof value === "string" && value.length > MAX_SHOWN
    ? `${value.slice(0, 20)}… (${value.length} characters)`
    : value;
}

/** The example, with long texts cut. */
function shown({ target, params, agent, as }: ExampleRequest): string {
  const given = Object.keys(params).length === 0
    ? ""
    : `  with ${JSON.stringify(params, shortened)}`;
  const role = as === undefined ? "" : `  as "${as.param}" of ${as.action}`;
  return `${target}${given}${agent === undefined ? "" : `  for ${agent}`}${role}`;
}

function untoldLines(untold: readonly UntoldDifference[], what: string): string[] {
  return untold.map(({ actions, rule, why }) =>
    `${colour("cannot be told", "yellow")}  ${what} rule ${escape(rule.id)} (${
      actions.map(escape).join(", ")
    }): ${escape(why)}`
  );
}
