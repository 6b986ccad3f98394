import { assertEquals, assertStringIncludes } from "@std/assert";
import type { World } from "../../src/core/resource/world.ts";
import { FLAT, load } from "../core/policy/deciding.ts";

const GIT = { action: "proc.exec", resource: "git", constraint: { args: ["status"] } };
const TOOL = { action: "proc.exec", resource: "/w/bin/tool" };
const write = (resource: string | string[], action = "fs.write") => ({ id: "w", action, resource });

interface Row {
  readonly cell: string;
  readonly allow: readonly object[];
  readonly deny?: readonly object[];
  /** Files and folders that exist besides the programs in /bin and /w/bin. */
  readonly there?: readonly string[];
  /** Parts of the one warning; none if there is no warning. */
  readonly warning?: readonly string[];
}

// deno-fmt-ignore -- a row is a line
const ROWS: readonly Row[] = [
  // Programs
  { cell: "a program that may be written", allow: [TOOL, write("/w/bin/**")], warning: ['capabilities[0]: runs "/w/bin/tool", which rule "w" lets be written'] },
  { cell: "a program beside what may be written", allow: [TOOL, write("/w/out/**")] },
  { cell: "a program that may be moved over", allow: [TOOL, write("/w/**", "fs.move")], warning: ['"/w/bin/tool"'] },
  { cell: "a program that may be deleted", allow: [TOOL, write("/w/**", "fs.delete")] },
  { cell: "a program that may be read", allow: [TOOL, write("/w/**", "fs.read")] },
  { cell: "a program that may be written by its exact path", allow: [TOOL, write("/w/bin/tool")], warning: ['"/w/bin/tool"'] },
  { cell: "a program that a deny rule protects", allow: [TOOL, write("/w/**")], deny: [{ action: "fs.write", resource: "/w/bin/**" }] },
  { cell: "a program that a deny rule protects from short texts", allow: [TOOL, write("/w/**")], deny: [{ action: "fs.write", resource: "/w/bin/**", constraint: { content: { max_length: 3 } } }], warning: ['"/w/bin/tool"'] },
  { cell: "a program that is not allowed", allow: [write("/w/bin/**")], deny: [] },
  { cell: "a bare name that would be found in a folder that may be written", allow: [{ action: "proc.exec", resource: "ls" }, write("/w/first/**")], warning: ['runs "/w/first/ls"'] },
  { cell: "a bare name that is found before the folder that may be written", allow: [{ action: "proc.exec", resource: "ls" }, write("/w/last/**")] },
  { cell: "all programs of a folder that may be written", allow: [{ action: "proc.exec", resource: "/w/bin/*" }, write("/w/bin/new")], there: ["/w/bin"], warning: ['runs "/w/bin/new"'] },
  // Settings and hooks of agents and editors
  { cell: "settings of an agent that are there", allow: [write("/p/**")], there: ["/p/.claude"], warning: ['w: lets "/p/.claude/settings.json", "/p/.claude/settings.local.json" be written', "outside of this kernel"] },
  { cell: "a folder without settings of agents", allow: [write("/p/**")], there: ["/q/.claude"] },
  { cell: "a checkout", allow: [write("/p/**")], there: ["/p/.git"], warning: ["/p/.claude/settings.json", "and 8 more"] },
  { cell: "a folder of a checkout", allow: [write("/p/src/**")], there: ["/p/.git"] },
  { cell: "settings that are denied", allow: [write("/p/**")], there: ["/p/.claude"], deny: [{ action: "fs.*", resource: "/p/.claude/**" }] },
  { cell: "settings that may be read", allow: [write("/p/**", "fs.read")], there: ["/p/.claude"] },
  { cell: "settings that a pattern names", allow: [write("/p/.codex/**")], warning: ['"/p/.codex/config.toml"'] },
  { cell: "settings that a pattern names anywhere", allow: [write("/p/**/.gemini/*")], warning: ['"/p/.gemini/settings.json"'] },
  { cell: "settings by their exact path", allow: [write("/p/.mcp.json")], warning: ['"/p/.mcp.json"'] },
  { cell: "another file by its exact path", allow: [write("/p/mcp.json")] },
  { cell: "settings of an editor", allow: [write("/p/**")], there: ["/p/.vscode"], warning: ['"/p/.vscode/settings.json", "/p/.vscode/tasks.json"'] },
  { cell: "settings of Cursor", allow: [write("/p/**")], there: ["/p/.cursor"], warning: ['"/p/.cursor/hooks.json"'] },
  { cell: "settings of opencode", allow: [write("/p/*")], there: ["/p/opencode.json"], warning: ['"/p/opencode.json"'] },
  { cell: "files of one extension only", allow: [write("/p/**/*.md")], there: ["/p/.git"] },
  { cell: "settings in the root of everything", allow: [write("/**")], there: ["/.claude"], warning: ['"/.claude/settings.json"'] },
  { cell: "settings that nothing may write, but anything be moved to", allow: [write("/p/**", "fs.move")], there: ["/p/.claude"], warning: ['"/p/.claude/settings.json"'] },
  { cell: "settings that a deny rule for writing keeps from moves too", allow: [{ id: "w", action: ["fs.write", "fs.move"], resource: "/p/**" }], there: ["/p/.claude"], deny: [{ action: "fs.write", resource: "/p/.claude/**" }] },
  { cell: "settings that a deny rule for writing some content keeps from moves only", allow: [{ id: "w", action: ["fs.write", "fs.move"], resource: "/p/**" }], there: ["/p/.claude"], deny: [{ action: "fs.write", resource: "/p/.claude/**", constraint: { content: { glob: "x" } } }], warning: ['"/p/.claude/settings.json"'] },
  { cell: "settings that may be moved away, but not be replaced", allow: [write("/p/**", "fs.move")], there: ["/p/.claude"], deny: [{ action: "fs.read", resource: "/p/.claude/**" }], warning: ['"/p/.claude/settings.json"'] },
  ...[".husky", ".gitlab-ci.yml", ".envrc", ".devcontainer", ".windsurf", ".kiro", ".continue", ".roo", ".zed", ".idea"].map((name) => ({
    cell: `${name} that is there`, allow: [write("/p/**")], there: [`/p/${name}`], warning: [`"/p/${name}`, "build servers run the commands in them"],
  })),
  { cell: "workflows that a pattern names", allow: [write("/p/.github/workflows/**")], warning: ['"/p/.github/workflows/ci.yml"'] },
  { cell: "workflows that are not there", allow: [write("/p/**")], there: ["/p/src"] },
  // Instructions
  { cell: "instructions that are there", allow: [write("/p/**")], there: ["/p/AGENTS.md"], warning: ['"/p/AGENTS.md" be written: agents take them for instructions'] },
  { cell: "instructions that are denied", allow: [write("/p/**")], there: ["/p/AGENTS.md"], deny: [{ action: "fs.*", resource: "/p/*.md" }] },
  { cell: "instructions that a pattern names", allow: [write("/p/CLAUDE.md")], warning: ['"/p/CLAUDE.md"'] },
  { cell: "another text", allow: [write("/p/README.md")], there: ["/p/AGENTS.md"] },
  // Git
  { cell: "what git runs, named", allow: [GIT, write("/p/.git/**")], warning: ['"/p/.git/config"', "git, which a rule runs"] },
  { cell: "what git runs, without a rule for git", allow: [write("/p/.git/**")] },
  { cell: "hooks only", allow: [GIT, write("/p/.git/hooks/*")], warning: ['"/p/.git/hooks/pre-commit" be written'] },
  { cell: "the user's configuration of git", allow: [GIT, write("/h/**")], there: ["/h/.gitconfig"], warning: ['"/h/.gitconfig" be written: git'] },
  { cell: "the user's configuration of git, named", allow: [GIT, write("/h/.config/git/*")], warning: ['"/h/.config/git/config"'] },
  { cell: "the user's configuration of git, without a rule for git", allow: [write("/h/.gitconfig")] },
  { cell: "objects only", allow: [GIT, write("/p/.git/objects/**")] },
  { cell: "attributes", allow: [GIT, write("/p/.gitattributes")], warning: ['"/p/.gitattributes"'] },
  { cell: "ignored files", allow: [GIT, write("/p/.gitignore")] },
  { cell: "a checkout with git, all but its hooks and settings denied", allow: [GIT, write("/p/**")], there: ["/p/.git"], deny: [{ action: "fs.*", resource: ["/p/.git/**", "/p/.{claude,codex,gemini,cursor,vscode,opencode}/**", "/p/{.mcp,opencode}.json"] }], warning: ['"/p/.gitattributes" be written: git'] },
  { cell: "a checkout with git, all of it denied", allow: [GIT, write("/p/**")], there: ["/p/.git"], deny: [{ action: "fs.*", resource: ["/p/.git/**", "/p/.gitattributes", "/p/.{claude,codex,gemini,cursor,vscode,opencode}/**", "/p/{.mcp,opencode}.json"] }] },
];

function worldWith(there: readonly string[]): World {
  const isProgram = (path: string) => /^\/(bin|w\/bin)\/\w+$/.test(path);
  return {
    ...FLAT,
    searchPath: ["/w/first", "/bin", "/w/last"],
    realPath: (path) => path === "/" || isProgram(path) || there.includes(path) ? path : undefined,
    list: (folder) => folder === "/w/bin" ? ["new"] : [],
    typeOf: (path) =>
      isProgram(path)
        ? "executable"
        : there.some((one) => `${one}/`.startsWith(path === "/" ? path : `${path}/`))
        ? "directory"
        : undefined,
  };
}

for (const { cell, allow, deny = [], there = [], warning } of ROWS) {
  Deno.test(`readPolicy() ${warning === undefined ? "does not warn" : "warns"} of ${cell}`, () => {
    const policy = { capabilities: allow, deny };
    const { warnings } = load(policy, { world: worldWith(there) });
    assertEquals(warnings.length, warning === undefined ? 0 : 1, warnings.join("\n"));
    for (const part of warning ?? []) assertStringIncludes(warnings[0] ?? "", part);
  });
}
