/**
 * Warnings of code that one rule runs, or somebody outside of the kernel, and that a rule lets be
 * changed: programs, settings and hooks of agents and editors, what Git runs.
 *
 * @module
 */
import { basename } from "@std/path";
import type { Policy, Rule } from "../core/policy/policy.ts";
import { specOf } from "../core/resource/kind.ts";
import type { Pattern } from "../core/resource/pattern.ts";
import { PATH } from "../core/resource/path.ts";
import type { World } from "../core/resource/world.ts";

/** What is looked at. */
export interface CodeInput {
  /** Without problems. */
  readonly policy: Policy;
  /** The machine that it was loaded for. */
  readonly world: World;
}

/** Files of a project that make programs do something. */
interface ProjectFiles {
  /** Below the project's folder. The first name of each tells whether the project has it. */
  readonly paths: readonly string[];
  /** Whether a checkout counts as having them: they take effect as soon as they are made. */
  readonly inCheckouts: boolean;
  /** They are of interest only if a rule runs this program. @default whatever rules run */
  readonly program?: string;
  /** What may happen, a clause. */
  readonly effect: string;
}

const PROJECT_FILES: readonly ProjectFiles[] = [
  {
    paths: [
      ".claude/settings.json",
      ".claude/settings.local.json",
      ".codex/config.toml",
      ".gemini/settings.json",
      ".cursor/hooks.json",
      ".cursor/mcp.json",
      ".vscode/settings.json",
      ".vscode/tasks.json",
      ".mcp.json",
      ".opencode/opencode.json",
      "opencode.json",
    ],
    inCheckouts: true,
    effect: "agents and editors run the commands in them, outside of this kernel",
  },
  {
    paths: [
      ".husky/pre-commit",
      ".github/workflows/ci.yml",
      ".gitlab-ci.yml",
      ".envrc",
      ".devcontainer/devcontainer.json",
      ".windsurf/hooks.json",
      ".kiro/settings/mcp.json",
      ".continue/config.yaml",
      ".roo/mcp.json",
      ".amazonq/mcp.json",
      ".aider.conf.yml",
      ".zed/tasks.json",
      ".idea/workspace.xml",
    ],
    inCheckouts: false,
    effect:
      "agents, editors, shells and build servers run the commands in them, outside of this kernel",
  },
  {
    paths: [
      "AGENTS.md",
      "CLAUDE.md",
      "GEMINI.md",
      ".cursorrules",
      ".windsurfrules",
      ".clinerules",
      ".github/copilot-instructions.md",
    ],
    inCheckouts: false,
    effect: "agents take them for instructions",
  },
  {
    paths: [
      ".git/config",
      ".git/config.worktree",
      ".git/hooks/pre-commit",
      ".git/info/attributes",
      ".gitattributes",
    ],
    inCheckouts: true,
    program: "git",
    effect: "git, which a rule runs, runs the commands, hooks and filters in them",
  },
  {
    paths: [".gitconfig", ".config/git/config", ".config/git/attributes"],
    inCheckouts: false,
    program: "git",
    effect:
      "git, which a rule runs, runs the commands and filters that its user has configured there",
  },
];

/**
 * Looks for code that others run and that the rule lets be changed, and for programs that the rule runs
 * and that others may change.
 *
 * @param rule One of the policy.
 * @param input The policy and the machine.
 * @returns A sentence each.
 */
export function changeableCode(rule: Rule, input: CodeInput): string[] {
  if (rule.effect === "deny") return [];
  return [
    ...changeablePrograms(rule, input),
    ...PROJECT_FILES.flatMap((files) => changeableFiles(rule, files, input)),
  ];
}

function changeablePrograms(rule: Rule, { policy, world }: CodeInput): string[] {
  const found = programsOf(rule, world).flatMap((path) =>
    writersOf(path, policy).map(({ id }) =>
      `runs "${path}", which rule "${id}" lets be written: its content decides what is run`
    )
  );
  return Array.from(new Set(found));
}

/** Where the programs of a rule are, or would be found at the next load. */
function programsOf({ resources, patterns }: Rule, world: World): string[] {
  const commands = patterns.get("command") ?? [];
  const found = commands.flatMap(({ reach, lookup = [] }) => [
    reach,
    // A wildcard finds whatever is in its folder.
    ...lookup.map((path) => world.typeOf(path) === "directory" ? `${path}/*` : path),
  ]);
  const earlier = commands.length === 0 ? [] : resources.filter((name) => /^[\w.+-]+$/.test(name))
    .flatMap((name) => {
      const all = world.searchPath.map((folder) => `${folder}/${name}`);
      const at = all.findIndex((path) => found.includes(path));
      return at === -1 ? [] : all.slice(0, at);
    });
  return Array.from(new Set([...found, ...earlier]));
}

function changeableFiles(rule: Rule, files: ProjectFiles, { policy, world }: CodeInput): string[] {
  const { paths, inCheckouts, program, effect } = files;
  const writes = writingActions(policy).some((action) => rule.actions.includes(action));
  if (!writes) return [];
  const has = (path: string) => world.typeOf(path) !== undefined;
  const isLarge = policy.rules.length > MAX_RULES;
  const found = (rule.patterns.get("path") ?? []).flatMap((pattern) => {
    const { steps, reach } = pattern;
    const isProject = !isLarge && has(reach);
    return foldersOf(pattern).flatMap((folder) =>
      paths.filter((path) => {
        const [name = ""] = path.split("/");
        const isNamed = steps.slice(PATH.segments(folder || "/").length).includes(name);
        // What is above the literal folder is matched only by a pattern that names it.
        if (!isNamed && !(isProject && (folder || "/") === reach)) return false;
        if (!writersOf(`${folder}/${path}`, policy).includes(rule)) return false;
        return isNamed || has(`${folder}/${name}`) || inCheckouts && has(`${folder}/.git`);
      }).map((path) => `${folder}/${path}`)
    );
  });
  if (found.length === 0 || program !== undefined && !runs(policy, program)) return [];
  const names = Array.from(new Set(found), (path) => `"${path}"`);
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  return [
    `lets ${
      names.slice(0, MAX_NAMED).join(", ")
    }${more} be written: ${effect}; a deny rule is likely meant`,
  ];
}

/** In a policy with more rules, only names in the patterns count: nothing is looked up. */
const MAX_RULES = 200;
/** Most files that one warning names. */
const MAX_NAMED = 3;

/** The literal folder of a pattern and those above it. */
function foldersOf({ reach }: Pattern): string[] {
  const names = PATH.segments(reach);
  return Array.from({ length: names.length + 1 }, (_, i) => names.slice(0, names.length - i))
    .map((some) => some.map((name) => `/${name}`).join(""));
}

function runs(policy: Policy, program: string): boolean {
  return policy.rules.some(({ effect, resources, patterns }) =>
    effect === "allow" &&
    [...resources, ...(patterns.get("command") ?? []).map(({ reach }) => reach)]
      .some((one) => patterns.has("command") && basename(one) === program)
  );
}

/** Actions that change paths without putting any content there. */
const WITHOUT_CONTENT = ["fs.delete", "fs.mkdir"];

/** The rules that let content be put at the path, if no deny rule takes that away for certain. */
function writersOf(path: string, policy: Policy): Rule[] {
  const segments = PATH.segments(path);
  const found = writingActions(policy).flatMap((action) => {
    if (isDenied(policy, action, segments)) return [];
    return policy.index.get(action)?.allow.match(segments) ?? [];
  });
  return Array.from(new Set(found));
}

function isDenied(policy: Policy, action: string, segments: readonly string[]): boolean {
  const matching = (name: string) => policy.index.get(name)?.deny.match(segments) ?? [];
  // What arrives by a move is written there, with params that nobody knows.
  const { implies = [] } = specOf(policy.actions, action);
  const arriving = implies.filter(({ param }) => param !== undefined);
  return matching(action).some(({ constraint }) => constraint === undefined) ||
    arriving.some((one) =>
      matching(one.action).some(({ constraint }) =>
        constraint?.conditions.every(({ path }) => path.length > 0) ?? true
      )
    );
}

function writingActions({ actions }: Policy): string[] {
  return Object.keys(actions).filter((action) => {
    const { kind, access } = specOf(actions, action);
    return kind === "path" && access?.includes("write") && !WITHOUT_CONTENT.includes(action);
  });
}
