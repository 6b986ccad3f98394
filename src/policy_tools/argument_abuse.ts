/**
 * Warnings of rules for programs whose constraint lets arguments pass that do more than they look like:
 * what the recipes of 0.1.0 allowed, and what is known of common tools.
 *
 * @module
 */
import { basename } from "@std/path";
import { namedPaths } from "../argument_paths/named_paths.ts";
import type { PolicyWithPaths } from "../argument_paths/argument_paths.ts";
import { evaluate } from "../core/policy/constraint.ts";
import type { Rule } from "../core/policy/policy.ts";

/** Arguments that a rule may let pass, and what they do. */
interface Abuse {
  /** Names of the program. */
  readonly program: RegExp;
  /** Lines of arguments of one kind; the first that passes is shown. */
  readonly lines: readonly (readonly string[])[];
  /** A clause about the program. */
  readonly does: string;
  /** What is likely meant. */
  readonly expected: string;
}

const ABUSES: readonly Abuse[] = [
  {
    program: /^git$/,
    lines: [["log", "--format=%G?"], ["log", "--show-signature"], ["log", "-1", "--format=%G?"]],
    does: "runs gpg.program of the repository's configuration",
    expected: 'paths: {refuse: ["%G", "%+G", "%-G", "% G"]} is',
  },
  {
    program: /^git$/,
    lines: [["diff"], ["log", "-p"], ["show"], ["diff", "--stat"]],
    does: "runs diff.external and textconv of the repository's configuration",
    expected: "a condition that demands --no-ext-diff and --no-textconv is",
  },
  {
    program: /^(bsd)?tar$/,
    lines: [["-xf", "a.tar"], ["-xzf", "a.tar"], ["-x", "-f", "a.tar"], ["xf", "a.tar"]],
    does: "unpacks .git/config and hooks, which git runs",
    expected: "a condition that demands --exclude=.git is",
  },
  {
    program: /^find$/,
    lines: [[".", "-exec", "sh", "-c", "x", ";"], [".", "-delete"], [".", "-fprint", "x"]],
    does: "runs programs, or changes files",
    expected: "a list of the options that are allowed is",
  },
  {
    program: /^(node|nodejs|deno|bun|python|perl|ruby|php|lua|sh|bash|dash|zsh|ksh)[\d.]*$/,
    lines: [["-c", "x"], ["-e", "x"], ["eval", "x"]],
    does: "runs any code",
    expected: "the names of the scripts that may run are",
  },
];

/**
 * Looks for known abuse that an allow rule with a constraint on `args` lets pass. A rule without one
 * allows all of it, and is known for that.
 *
 * @returns A sentence for each kind.
 */
export function argumentAbuse(rule: Rule, { policy, world }: {
  readonly policy: PolicyWithPaths;
  readonly world: { readonly base?: string | undefined };
}): string[] {
  const { effect, actions, constraint, id } = rule;
  if (effect === "deny" || !actions.includes("proc.exec")) return [];
  const onArgs = constraint?.conditions.filter(({ path: [name] }) => name === "args") ?? [];
  if (onArgs.length === 0) return [];
  const names = new Set([
    ...rule.resources.map((text) => basename(text)),
    ...(rule.patterns.get("command") ?? []).map(({ reach }) => basename(reach)),
  ]);
  const paths = policy.argumentPaths?.get(id);
  const passes = (args: readonly string[]) =>
    evaluate({ conditions: onArgs }, { params: { args, cwd: world.base ?? "/" } }) === true &&
    (paths === undefined || "found" in namedPaths(args, paths));
  const warnings = ABUSES.flatMap(({ program, lines, does, expected }) => {
    const name = Array.from(names).find((one) => program.test(one));
    const line = name === undefined ? undefined : lines.find(passes);
    return line === undefined ? [] : [
      `lets "${[name, ...line].join(" ")}" pass, which ${does}; ${expected} likely meant`,
    ];
  });
  const texts = onArgs.map(({ source }) => (Object(source) as Record<string, unknown>)["operands"]);
  if (paths === undefined && texts.some(isPathPattern)) {
    warnings.push(
      "compares operands as texts, which lead anywhere by links; paths: {operands: fs.read} decides them as files",
    );
  }
  return warnings;
}

/** Whether a condition, somewhere in it, is a pattern of paths. */
function isPathPattern(condition: unknown): boolean {
  if (typeof condition === "string") return /\/|\*\*/.test(condition);
  return Object.values(Object(condition) as object).some((inner) =>
    inner !== condition && (typeof inner === "string" || typeof inner === "object") &&
    isPathPattern(inner)
  );
}
