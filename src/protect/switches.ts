/**
 * What switches the hooks of an agent off, wherever its settings can say so. Errs on the side of reporting.
 *
 * @module
 */
import { getNodeValue, type Node, type ParseError, parseTree } from "npm:jsonc-parser@^3.3.1";

/** A member of a settings file, and the value with which hooks run. */
interface Switch {
  readonly path: readonly string[];
  isHarmless(value: unknown): boolean;
}

const NOTHING_OFF = (value: unknown) => Array.isArray(value) && value.length === 0;
const DISABLE_ALL: Switch = { path: ["disableAllHooks"], isHarmless: (value) => value === false };
const CLAUDE: readonly Switch[] = [
  DISABLE_ALL,
  { path: ["allowManagedHooksOnly"], isHarmless: (value) => value === false },
];
const GEMINI: readonly Switch[] = [
  DISABLE_ALL,
  { path: ["hooksConfig", "enabled"], isHarmless: (value) => value === true },
  { path: ["hooksConfig", "disabled"], isHarmless: NOTHING_OFF },
  { path: ["hooks", "enabled"], isHarmless: (value) => value === true },
  { path: ["hooks", "disabled"], isHarmless: NOTHING_OFF },
  { path: ["tools", "enableHooks"], isHarmless: (value) => value === true },
];

/** Below a workspace and the home folder, and those of the whole machine. */
const FILES: readonly (readonly [agent: string, path: string, find: (text: string) => string[]])[] =
  [
    ...[".claude/settings.json", ".claude/settings.local.json", ...managed("claude")].map((path) =>
      ["claude", path, (text: string) => inJson(text, CLAUDE)] as const
    ),
    ...[".qwen/settings.json", ...managed("qwen")].map((path) =>
      ["qwen", path, (text: string) => inJson(text, GEMINI)] as const
    ),
    ...[".gemini/settings.json", ...managed("gemini")].map((path) =>
      ["gemini", path, (text: string) => inJson(text, GEMINI)] as const
    ),
    ...[".codex/config.toml", ...managed("codex")].map((path) => ["codex", path, inToml] as const),
  ];

/** What an administrator sets for all users of a machine. */
function managed(agent: string): readonly string[] {
  const mac = "/Library/Application Support";
  const places: Readonly<Record<string, readonly string[]>> = {
    claude: [
      "/etc/claude-code/managed-settings.json",
      `${mac}/ClaudeCode/managed-settings.json`,
    ],
    qwen: ["/etc/qwen-code/settings.json", `${mac}/QwenCode/settings.json`],
    gemini: [
      ...["/etc/gemini-cli/settings.json", "/etc/gemini-cli/system-defaults.json"],
      `${mac}/GeminiCli/settings.json`,
    ],
    codex: ["/etc/codex/config.toml", "/etc/codex/managed_config.toml"],
  };
  return places[agent] ?? [];
}

/** A setting that switches the hooks of an agent off. */
export interface SwitchedOff {
  readonly agent: string;
  readonly what: string;
}

/**
 * Says which settings switch hooks off.
 *
 * @param workspace Absolute.
 * @param user Where a settings file of the user is, by its path below the home folder; `undefined` if nobody knows.
 * @param read Reads a file; `undefined` if it is not there.
 */
export function switchedOff(
  workspace: string,
  user: (name: string) => string | undefined,
  read: (path: string) => string | undefined,
): SwitchedOff[] {
  return FILES.flatMap(([agent, name, find]) => {
    const paths = name.startsWith("/") ? [name] : [`${workspace}/${name}`, user(name) ?? []].flat();
    return Array.from(new Set(paths)).flatMap((path) => {
      try {
        return find(read(path) ?? "").map((what) => ({ agent, what: `${path} ${what}` }));
      } catch {
        return [{ agent, what: `${path} cannot be read, and may switch hooks off` }];
      }
    });
  });
}

function inJson(text: string, switches: readonly Switch[]): string[] {
  const json = text.replace(/^\ufeff/, "");
  if (json.trim() === "") return [];
  const errors: ParseError[] = [];
  const root = parseTree(json, errors, { allowTrailingComma: true });
  const found = switches.flatMap(({ path, isHarmless }) =>
    valuesAt(root, path).filter((value) => !isHarmless(value))
      .map((value) => `has ${path.join(".")}: ${JSON.stringify(value)}`)
  );
  if (found.length > 0 || errors.length === 0) return found;
  return ["is not JSON, and may switch hooks off"];
}

/** All values of a member: which one counts if there are several is the agent's. */
function valuesAt(node: Node | undefined, [name, ...more]: readonly string[]): unknown[] {
  if (name === undefined) return node === undefined ? [] : [getNodeValue(node)];
  if (node?.type !== "object") return [];
  return (node.children ?? []).filter(({ children }) => children?.[0]?.value === name)
    .flatMap(({ children }) => valuesAt(children?.[1], more));
}

/** Line by line, in whatever table: no other key of Codex has these names. */
function inToml(text: string): string[] {
  let table = "";
  return text.split(/\r?\n|\r/).flatMap((line) => {
    const plain = line.replace(/^\ufeff/, "").replaceAll(
      /\\u([\dA-Fa-f]{4})|\\U([\dA-Fa-f]{8})/g,
      (all, short, long) => {
        const code = Number.parseInt(short ?? long, 16);
        return code <= 0x10ffff ? String.fromCodePoint(code) : all;
      },
    ).replaceAll(/["'\s]/g, "");
    if (plain.startsWith("#")) return [];
    if (/^\[/.test(plain)) table = plain;
    const isOff = /(^|[.{,])(codex_)?hooks=false/.test(plain) ||
      // One hook by itself, under "hooks.state".
      (/^\[+hooks\b/.test(table) && /(^|[.{,])enabled=false/.test(plain)) ||
      /(^|[.{,])hooks[.=].*enabled=false/.test(plain);
    return isOff ? [`has ${line.trim()}`] : [];
  });
}
