/**
 * Warnings of what is well-formed in a policy, but hardly what was meant.
 *
 * @module
 */
import { basename } from "@std/path";
import type { PolicyWithPaths } from "../argument_paths/argument_paths.ts";
import type { Rule } from "../core/policy/policy.ts";
import { expandVariables } from "./variables.ts";
import { type KindName, specOf } from "../core/resource/kind.ts";
import type { Pattern } from "../core/resource/pattern.ts";
import { KINDS } from "../core/resource/table.ts";
import type { World } from "../core/resource/world.ts";
import { argumentAbuse } from "./argument_abuse.ts";
import { changeableCode } from "./changeable_code.ts";
import { escape } from "../visible_text.ts";
import { overlap } from "./overlap.ts";
import type { PlantedLink } from "./planted_links.ts";

/** What is looked at. */
export interface LintInput {
  /** Without problems. */
  readonly policy: PolicyWithPaths;
  /** The machine that it was loaded for. */
  readonly world: World;
  /** The variables that the policy declares. */
  readonly declared: Readonly<Record<string, unknown>>;
  /** The variables of the caller. */
  readonly given: Readonly<Record<string, string>>;
  /** The links that its allow rules do not follow. */
  readonly planted: readonly PlantedLink[];
}

/** Looks for one mistake in one rule. */
type RuleCheck = (rule: Rule, input: LintInput) => readonly string[];

/** One mistake each. */
const RULE_CHECKS: readonly RuleCheck[] = [
  plantedLink,
  unknownParam,
  deadDeny,
  namedClass,
  otherNormalForm,
  variableWithoutBraces,
  actionOfNobody,
  commandLine,
  matchesNothing,
  anyCode,
  argumentAbuse,
  anyMethod,
  changeableCode,
];

/**
 * Looks for mistakes in a policy.
 *
 * @param input The loaded policy, and what it was loaded with.
 * @returns A sentence each, in the order of the rules.
 */
export function lint(input: LintInput): string[] {
  const rules = input.policy.rules.filter(({ guard }) => guard === undefined);
  return [
    ...rules.flatMap((rule) =>
      RULE_CHECKS.flatMap((check) => check(rule, input)).map((line) => `${rule.id}: ${line}`)
    ),
    ...unusedVariables(rules, input),
    // Names of files and goals of links may come from an agent.
  ].map(escape);
}

function unusedVariables(rules: readonly Rule[], { declared, given }: LintInput): string[] {
  const patterns = rules.flatMap(({ resources }) => resources);
  const isUsed = (name: string) =>
    patterns.some((text) =>
      text.includes(`\${${name}}`) || (name === "HOME" && /^~(\/|$)/.test(text))
    );
  return Object.keys(given).filter((name) => !Object.hasOwn(declared, name) && !isUsed(name))
    .map((name) => `no rule uses the variable ${name}, and the policy declares none of that name`);
}

function plantedLink({ effect, patterns }: Rule, { planted }: LintInput): string[] {
  if (effect === "deny") return [];
  const paths = new Set((patterns.get("path") ?? []).map(({ reach }) => reach));
  return planted.filter(({ path }) => paths.has(path)).map(({ path, link, goal, why }) =>
    `means "${path}" and nothing that the link "${link}" -> "${goal}" leads to, which is not followed: ${why}`
  );
}

function unknownParam({ effect, actions, constraint }: Rule, { policy }: LintInput): string[] {
  const specs = actions.map((action) => specOf(policy.actions, action));
  const known = new Set(specs.flatMap(({ params = [] }) => params));
  // An allow rule that does not hold fails closed.
  if (effect === "allow" || specs.some(({ params }) => params === undefined)) return [];
  const expected = known.size === 0 ? "" : ` (expected one of ${Array.from(known).join(", ")})`;
  return (constraint?.conditions ?? [])
    .filter(({ path: [name = ""], condition }) =>
      !known.has(name) && condition(undefined) === false
    )
    .map(({ path: [name] }) =>
      `denies nothing unless a request has the param "${name}", which ${
        actions.join(", ")
      } does not know${expected}`
    );
}

/** Most pairs of patterns that are compared. */
const MAX_PAIRS = 1_000_000;

function deadDeny(deny: Rule, input: LintInput): string[] {
  if (deny.effect === "allow") return [];
  const { policy, world } = input;
  const allowing = policy.rules.filter(({ effect, actions }) =>
    effect === "allow" && actions.some((action) => deny.actions.includes(action))
  );
  const allowed = (kind: KindName) => allowing.flatMap((rule) => rule.patterns.get(kind) ?? []);
  const kinds = Array.from(deny.patterns, ([kind, patterns]) => ({
    kind,
    count: patterns.length * allowed(kind).length,
  })).filter(({ count }) => count > 0);
  // Without a pattern or an allow rule there is nothing to compare.
  if (kinds.length === 0 || kinds.reduce((sum, { count }) => sum + count, 0) > MAX_PAIRS) return [];
  const takes = (text: string) =>
    kinds.some(({ kind }) =>
      compiled(text, kind, input).some(({ denySteps }) =>
        allowed(kind).some(({ steps }) => overlap(denySteps, steps))
      )
    );
  const dead = deny.resources.filter((text) => !takes(text));
  if (dead.length === 0) return [];
  const isPath = deny.patterns.has("path");
  const relative = dead.filter((text) => isPath && !/^([/~]|\$\{)/.test(text));
  const meaning = relative.map((text) =>
    `; "${text}" stands for "${world.base ?? ""}/${text}"${
      text.startsWith("**/") ? `, "/${text}" is likely meant` : ""
    }`
  );
  const names = dead.map((text) => `"${text}"`).join(", ");
  return [
    `takes nothing away${
      dead.length < deny.resources.length ? ` by ${names}` : ""
    }: no allow rule of ${deny.actions.join(", ")} gives anything that ${names} matches${
      meaning.join("")
    }`,
  ];
}

function namedClass({ resources }: Rule): string[] {
  return resources.flatMap((text) =>
    Array.from(text.matchAll(/\\.|\[([^\]/]{2,})\]\]?/g))
      .filter(([, inside]) => inside !== undefined && isName(inside))
      .map(([whole, inside = ""]) =>
        `"[${inside}]" in "${text}" stands for one of the characters ${
          Array.from(new Set(inside)).join(", ")
        }; for a name in brackets write "${whole.replace(/[[\]]/g, "\\$&")}"`
      )
  );
}

/** Whether what is in brackets is likely a name, like `[slug]` or `[.env]`, and not a set. */
function isName(inside: string): boolean {
  if (/^[!^]|[^-]-[^-]/.test(inside)) return false;
  const characters = Array.from(inside);
  const letters = characters.filter((one) => /[\p{L}\p{N}]/u.test(one));
  if (letters.length < 2) return false;
  // Letters in the order of the alphabet, each of them once, are likely meant as a set: [abc].
  const isSet = Array.from(new Set(letters)).toSorted().join("") === letters.join("");
  return !isSet || /[. ]/.test(characters[0] ?? "") || new Set(characters).size < characters.length;
}

function otherNormalForm({ resources, patterns }: Rule, { world }: LintInput): string[] {
  const composed = resources.filter((text) =>
    patterns.has("path") && text.normalize("NFC") !== text
  )
    .map((text) =>
      `"${text}" has accents as characters of their own (Unicode NFD), which most tools write as one (NFC); paths are compared byte for byte`
    );
  const others = (patterns.get("path") ?? []).flatMap(({ reach }) => {
    const other = reach.normalize("NFD") === reach
      ? reach.normalize("NFC")
      : reach.normalize("NFD");
    const isOther = other !== reach && world.typeOf(other) !== undefined &&
      world.typeOf(reach) === undefined;
    return isOther
      ? [
        `"${reach}" does not exist, but the same name in another Unicode form does; paths are compared byte for byte`,
      ]
      : [];
  });
  return [...composed, ...others];
}

function variableWithoutBraces({ resources }: Rule): string[] {
  return resources.flatMap((text) =>
    Array.from(text.matchAll(/\\.|\$([A-Z_][A-Z\d_]+)(?![a-z])/g))
      .flatMap(([, name]) =>
        name === undefined ? [] : [
          `"$${name}" in "${text}" means these characters; for a variable write "\${${name}}" and declare it`,
        ]
      )
  );
}

/** Names by which an action of this package is often called. */
const LIKELY_ACTIONS: readonly (readonly [RegExp, string])[] = [
  [/^(shell|bash|sh|exec|execute|run|command|process|terminal)([._-]\w+)*$/, "proc.exec"],
  [/^(read|cat|open|file|files)([._-]?read)?([._-]files?)?$|^filesystem\.read$/, "fs.read"],
  [/^(write|edit|save)([._-]files?)?$|^files?[._-]write$/, "fs.write"],
  [/^(http|https|fetch|web|url|curl|request)([._-]\w+)*$/, "net.http"],
  [/^(mcp|tool|tools)$/, "mcp.call"],
];

function actionOfNobody({ actions }: Rule, { policy }: LintInput): string[] {
  return actions.filter((action) => !Object.hasOwn(policy.actions, action)).flatMap((action) => {
    const likely = LIKELY_ACTIONS.find(([name]) => name.test(action))?.[1];
    return likely === undefined
      ? []
      : [`no provider carries out "${action}", "${likely}" is likely meant`];
  });
}

function commandLine({ resources, patterns }: Rule, input: LintInput): string[] {
  if (!patterns.has("command")) return [];
  return resources.filter((text) => text.includes(" ") && !matchesCommand(text, input)).map(
    (text) => {
      const [program = "", ...words] = text.trim().split(/\s+/);
      return `"${text}" names a program of that name; "${program}" with the constraint {args: {prefix: [${
        words.join(", ")
      }]}} is likely meant`;
    },
  );
}

function matchesNothing({ resources, patterns }: Rule, input: LintInput): string[] {
  if (!patterns.has("command")) return [];
  return resources.filter((text) => !text.includes(" ") && !matchesCommand(text, input))
    .map((text) => `"${text}" matches nothing on this machine`);
}

function matchesCommand(text: string, input: LintInput): boolean {
  return compiled(text, "command", input).length > 0;
}

/** The patterns of one text of a rule. */
function compiled(
  text: string,
  kind: KindName,
  { world, declared, given }: LintInput,
): readonly Pattern[] {
  const variables = { ...declared, ...given } as Readonly<Record<string, string>>;
  return KINDS[kind].compile(expandVariables(text, { kind, variables }), world);
}

/** Programs that carry out what their arguments or their input say. */
const INTERPRETERS: readonly RegExp[] = [
  /^(node|nodejs|deno|bun|python|perl|ruby|php|lua|tclsh|osascript|pypy|guile|erl|R|Rscript)[\d.]*$/,
  /^(sh|bash|dash|zsh|fish|ksh|busybox|awk|gawk|mawk|sed|expect|script|ed|vi|vim|nvim|emacs)[\d.]*$/,
  // They start the program that follows.
  /^(env|xargs|sudo|doas|su|nohup|nice|ionice|chrt|taskset|timeout|time|setsid|setarch|flock|stdbuf)$/,
  /^(parallel|watch|strace|ltrace|perf|gdb|lldb|bwrap|unshare|nsenter|chroot|setpriv|systemd-run)$/,
  // They take a program or a command as an option, or run those of a project.
  /^(git|find|fd|(bsd)?tar|zip|rsync|ssh|scp|sftp|socat|nmap|tcpdump|man|less|docker|podman|kubectl)$/,
  /^(npm|npx|pnpm|yarn|pip|pipx|uv|uvx|poetry|cargo|go|make|gmake|cmake|ninja|just|gradle|mvn|tsx)[\d.]*$/,
];

function anyCode({ effect, actions, constraint, resources, patterns }: Rule): string[] {
  if (effect === "deny" || !actions.includes("proc.exec")) return [];
  if (constraint?.conditions.some(({ path: [name] }) => name === "args")) return [];
  const names = [
    ...resources.map((text) => basename(text)),
    ...(patterns.get("command") ?? []).map(({ reach }) => basename(reach)),
  ];
  const name = names.find((one) => INTERPRETERS.some((known) => known.test(one)));
  return name === undefined ? [] : [
    `allows "${name}" with any arguments, and so any code; a constraint on args is likely meant`,
  ];
}

function anyMethod({ effect, actions, constraint }: Rule): string[] {
  if (effect === "deny" || !actions.includes("net.http")) return [];
  if (constraint?.conditions.some(({ path: [name] }) => name === "method")) return [];
  return ["allows every method, POST and DELETE too; the constraint {method: GET} is likely meant"];
}
