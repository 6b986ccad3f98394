/**
 * The files by which agents are configured, and with which hooks can be switched off.
 *
 * @module
 */
import { dirname } from "@std/path";

/** Of Claude Code, of the user and in a workspace. */
const CLAUDE_SETTINGS = [
  ".claude/settings.json",
  ".claude/settings.local.json",
  ".claude/hooks",
  ".claude/skills",
  ".claude/commands",
  ".claude/agents",
];

/** Below the home folder of a user. */
const USER_SETTINGS = [
  ...CLAUDE_SETTINGS,
  ".claude.json",
  ".codex/config.toml",
  ".codex/hooks.json",
  ".gemini/settings.json",
  ".gemini/policies",
  ".qwen/settings.json",
  ".copilot/config.json",
  ".copilot/mcp-config.json",
  ".copilot/hooks",
  ".config/opencode",
  ".cline",
  ".cursor/mcp.json",
  ".cursor/hooks.json",
  ".config/Code/User/mcp.json",
  ".config/Code/User/settings.json",
];

/** In a workspace. */
const WORKSPACE_SETTINGS = [
  ...CLAUDE_SETTINGS,
  ".mcp.json",
  ".codex",
  ".gemini/settings.json",
  ".qwen/settings.json",
  ".copilot",
  ".github/copilot",
  ".github/hooks",
  ".opencode",
  "opencode.json",
  ".cursor",
  ".vscode/mcp.json",
];

/** Variables by which agents have settings elsewhere than in the home folder: what each stands for. */
const ELSEWHERE: Readonly<Record<string, readonly (readonly [name: string, inside: string])[]>> = {
  CODEX_HOME: [[".codex/", ""]],
  CLAUDE_CONFIG_DIR: [[".claude/", ""], [".claude.json", ".claude.json"]],
  XDG_CONFIG_HOME: [[".config/", ""]],
};

/** Their names. */
export const PLACE_VARIABLES: readonly string[] = Object.keys(ELSEWHERE);

/** The values of {@linkcode PLACE_VARIABLES} that are set to an absolute path. */
export type Places = Readonly<Record<string, string>>;

/**
 * Where a settings file of the user is.
 *
 * @param name Below the home folder, as if no variable was set.
 */
export function userSettings(name: string, home: string, places: Places = {}): string {
  for (const [variable, folder] of Object.entries(places)) {
    for (const [start, inside] of ELSEWHERE[variable] ?? []) {
      if (name.startsWith(start)) return `${folder}/${inside}${name.slice(start.length)}`;
    }
  }
  return `${home}/${name}`;
}

/**
 * The settings of all agents that are known.
 *
 * @param home Absolute home folder; `undefined` if there is none.
 * @param workspace Absolute folder in which the agents work.
 * @param places Where the user has settings elsewhere; those in the home folder are kept all the same.
 */
export function settingsOf(
  home: string | undefined,
  workspace: string,
  places: Places = {},
): readonly string[] {
  const ofUser = home === undefined ? [] : USER_SETTINGS.flatMap((name) => [
    `${home}/${name}`,
    userSettings(name, home, places),
  ]);
  return [
    ...new Set(ofUser),
    ...WORKSPACE_SETTINGS.map((name) => `${workspace}/${name}`),
    "/etc/claude-code",
  ];
}

/**
 * The folders that settings are in, below the home folder and the workspace: what changes one of them as a
 * whole changes the settings.
 *
 * @param settings Made by {@linkcode settingsOf}.
 */
export function foldersOf(settings: readonly string[]): readonly string[] {
  const folders = settings.flatMap((path) =>
    [...USER_SETTINGS, ...WORKSPACE_SETTINGS].filter((name) => path.endsWith(`/${name}`))
      .flatMap((name) => {
        const root = path.slice(0, -name.length);
        const names = name.split("/").slice(0, -1);
        return names.map((_, i) => root + names.slice(0, i + 1).join("/"));
      })
  );
  return Array.from(new Set(folders));
}

/**
 * A path without the links that it leads through, as far as it is there.
 *
 * @param path Absolute, in normal form.
 * @returns The path as it is given where links must not be read.
 */
export function withoutLinks(path: string): string {
  // No system opens one that is longer, and each of its folders is looked up.
  if (path.length > 8192) return path;
  let rest = "";
  for (let start = path; start !== "/"; start = dirname(start)) {
    try {
      const real = Deno.realPathSync(start);
      return real === "/" ? rest || "/" : real + rest;
    } catch (error) {
      // A name that is too long or is no folder is not there either.
      if (error instanceof Deno.errors.NotCapable) return path;
      rest = path.slice(dirname(start) === "/" ? 0 : dirname(start).length);
    }
  }
  return path;
}

/**
 * A path as file systems that do not tell letter case apart see it, nor forms of Unicode, nor characters without
 * a width (CVE-2014-9390).
 */
export function withoutCase(path: string): string {
  return path.normalize("NFKC").replaceAll(/\p{DI}/gu, "").toUpperCase().toLowerCase();
}
