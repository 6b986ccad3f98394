/**
 * What is in a folder, as far as a first policy depends on it.
 *
 * @module
 */
import { join } from "@std/path";

/** A folder with a project. */
export interface Project {
  /** Whether it is a checkout. */
  readonly git: boolean;
  /** Words by which scripts of the project are started, by program: `npm` → `run build`. */
  readonly scripts: readonly Script[];
  /** Where its package managers read. */
  readonly registries: readonly string[];
  /** Agents whose settings are there, by the names that `protect` knows. */
  readonly agents: readonly string[];
  /** Files with MCP servers, and the names of the servers. */
  readonly mcp: readonly { readonly file: string; readonly servers: readonly string[] }[];
  /** The text of `deno.json`; missing if there is none. */
  readonly denoJson: string | undefined;
}

/** A script of a project. */
export interface Script {
  readonly program: string;
  readonly args: readonly string[];
}

/** What is likely wanted: these run checks. Others are listed where they are asked for. */
const USUAL = /^(test|tests|lint|build|check|typecheck|type-check|fmt|format)(:[\w-]+)?$/;
/** Names that are taken into a policy: they come from files that agents may have written. */
const NAME = /^[\w.:-]{1,64}$/;
/** Largest file that is read, in bytes. */
const MAX_BYTES = 1024 * 1024;

const LOCKS: readonly (readonly [file: string, program: string])[] = [
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["package.json", "npm"],
];
/** Files by which the tools of a language are known. */
const TOOLS:
  readonly (readonly [files: readonly string[], registry: string, scripts: readonly Script[]])[] = [
    [["pyproject.toml", "requirements.txt", "setup.py"], "https://pypi.org/**", [
      { program: "pytest", args: [] },
      { program: "pytest", args: ["-q"] },
    ]],
    [["Cargo.toml"], "https://crates.io/**", [
      { program: "cargo", args: ["test"] },
      { program: "cargo", args: ["build"] },
      { program: "cargo", args: ["check"] },
    ]],
    [["go.mod"], "https://proxy.golang.org/**", [
      { program: "go", args: ["test", "./..."] },
      { program: "go", args: ["build", "./..."] },
    ]],
  ];
const AGENTS: readonly (readonly [name: string, files: readonly string[]])[] = [
  ["claude", [".claude", "CLAUDE.md"]],
  ["codex", [".codex", "AGENTS.md"]],
  ["gemini", [".gemini", "GEMINI.md"]],
  ["qwen", [".qwen", "QWEN.md"]],
  ["copilot", [".github/copilot-instructions.md"]],
  ["cursor", [".cursor", ".cursorrules"]],
];
const MCP_FILES = [".mcp.json", "mcp.json", ".cursor/mcp.json", ".vscode/mcp.json"];

/** Looks into a folder. Nothing in it is run, and what cannot be read counts as not there. */
export function projectIn(folder: string): Project {
  const has = (name: string) => exists(join(folder, name));
  const json = (name: string) => parsed(read(join(folder, name)));
  const manager = LOCKS.find(([file]) => has(file))?.[1];
  const denoJson = read(join(folder, "deno.json"));
  const tools = TOOLS.filter(([files]) => files.some(has));
  const packageScripts = manager === undefined ? [] : namesIn(json("package.json"), "scripts")
    .map((name): Script => ({ program: manager, args: name === "test" ? [name] : ["run", name] }));
  const tasks = namesIn(parsed(denoJson), "tasks").map((name): Script => ({
    program: "deno",
    args: ["task", name],
  }));
  const isDeno = denoJson !== undefined || has("deno.jsonc");
  const deno: Script[] = isDeno
    ? [["check"], ["lint"], ["fmt", "--check"]].map((args) => ({ program: "deno", args }))
    : [];
  return {
    git: has(".git"),
    scripts: [...packageScripts, ...tasks, ...deno, ...tools.flatMap(([, , scripts]) => scripts)],
    registries: [
      ...manager === undefined ? [] : ["https://registry.npmjs.org/**"],
      ...isDeno ? ["https://jsr.io/**"] : [],
      ...tools.map(([, registry]) => registry),
    ],
    agents: AGENTS.filter(([, files]) => files.some(has)).map(([name]) => name),
    mcp: MCP_FILES.filter(has).map((file) => ({
      file,
      servers: namesIn(json(file), "mcpServers"),
    })),
    denoJson,
  };
}

/** Whether it is among the scripts that are likely wanted. */
export function isUsual({ args }: Script): boolean {
  const [first = "", second = ""] = args;
  return !["run", "task"].includes(first) || USUAL.test(second);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false; // What cannot be looked at is as good as not there.
  }
}

function read(path: string): string | undefined {
  try {
    const { size, isFile } = Deno.statSync(path);
    return isFile && size <= MAX_BYTES ? Deno.readTextFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined; // With comments, for example: nothing is known of it then.
  }
}

function namesIn(value: unknown, key: string): string[] {
  const inner: unknown = Object(value)[key];
  if (inner === null || typeof inner !== "object") return [];
  return Object.keys(inner).filter((name) => NAME.test(name) && !/^[.-]/.test(name)).slice(0, 50);
}
