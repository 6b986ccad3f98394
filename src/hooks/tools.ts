/**
 * Which actions the tools of agents are.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import type { ActionRequest } from "../core/action.ts";
import { HookError, type ToolCall } from "./event.ts";
import { patchedFiles } from "./patch.ts";
import { readShell } from "./shell/mod.ts";

/** What an agent's tool does, as far as the policy is concerned. */
type ToolKind = "shell" | "read" | "write" | "edit" | "list" | "fetch" | "patch";

const CLAUDE_TOOLS: Readonly<Record<string, ToolKind>> = {
  Bash: "shell",
  Read: "read",
  NotebookRead: "read",
  LS: "list",
  Glob: "list",
  Write: "write",
  Edit: "edit",
  MultiEdit: "edit",
  NotebookEdit: "edit",
  WebFetch: "fetch",
};
const GEMINI_TOOLS: Readonly<Record<string, ToolKind>> = {
  run_shell_command: "shell",
  read_file: "read",
  write_file: "write",
  replace: "edit",
  edit: "edit",
  list_directory: "list",
  glob: "list",
};

/** By agent and name of the tool. All other tools are the action `agent.tool`, which no shipped policy allows as a whole. */
const TOOLS: Readonly<Record<string, Readonly<Record<string, ToolKind>>>> = {
  claude: CLAUDE_TOOLS,
  codex: { Bash: "shell", apply_patch: "patch", view_image: "read" },
  gemini: GEMINI_TOOLS,
  qwen: GEMINI_TOOLS,
  copilot: { bash: "shell", view: "read", create: "write", edit: "edit", web_fetch: "fetch" },
};

const PATH_KEYS = ["file_path", "absolute_path", "notebook_path", "path", "dir_path"];
const CONTENT_KEYS = ["content", "file_text"];

/**
 * What a call would do.
 *
 * @param agent One of `HOOK_AGENTS`.
 * @param home The agent's home folder, absolute; `undefined` refuses `~`.
 * @returns In the order in which it would be done.
 * @throws {HookError} It cannot be told what it would do.
 */
export async function actionsOf(
  agent: string,
  call: ToolCall,
  home: string | undefined,
): Promise<readonly ActionRequest[]> {
  const { tool, input, mcp, cwd } = call;
  const tools = TOOLS[agent] ?? {};
  const kind = Object.hasOwn(tools, tool) ? tools[tool] : undefined;
  const as = (request: ActionRequest): ActionRequest => ({ ...request, agent });
  if (mcp !== undefined) {
    const target = `${mcp.server}/${mcp.tool}`;
    return [as({ action: "mcp.call", target, params: { arguments: input } })];
  }
  switch (kind) {
    case undefined:
      return [as({ action: "agent.tool", target: tool, params: { input } })];
    case "shell": {
      const actions = await shellActions(textOf(input, ["command"]), { agent, cwd, home });
      // A line that only prints does nothing else, and is on record all the same.
      if (actions.length === 0) {
        return [as({ action: "agent.tool", target: tool, params: { input } })];
      }
      return actions.map(as);
    }
    case "fetch": {
      const target = textOf(input, ["url"]);
      return [as({ action: "net.http", target, params: { method: "GET" } })];
    }
    case "patch":
      return patchedFiles(textOf(input, ["command", "input", "patch"])).map((
        { action, path, to },
      ) =>
        as({
          ...{ action, target: pathOf(path, cwd) },
          ...to === undefined ? {} : { params: { to: pathOf(to, cwd) } },
        })
      );
    case "list":
      return [
        as({ action: "fs.list", target: pathOf(optionalText(input, PATH_KEYS) ?? cwd, cwd) }),
      ];
    case "read":
    case "edit":
    case "write": {
      const target = pathOf(textOf(input, PATH_KEYS), cwd);
      if (kind === "read") return [as({ action: "fs.read", target })];
      const content = kind === "write" ? optionalText(input, CONTENT_KEYS) : undefined;
      const params = content === undefined ? {} : { params: { content } };
      return [as({ action: "fs.write", target, ...params })];
    }
  }
}

/** One of several keys, by the agent's version. With two different values nobody can tell which one counts. */
function optionalText(input: ToolCall["input"], keys: readonly string[]): string | undefined {
  const given = keys.filter((key) => input[key] !== undefined);
  const values = Array.from(new Set(given.map((key) => input[key])));
  if (values.length > 1) {
    throw new HookError(`${given.join(" and ")} differ: give one of them`);
  }
  const [value] = values;
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "" && value.isWellFormed()) return value;
  throw new HookError(`${given.join()} is no text`);
}

function textOf(input: ToolCall["input"], keys: readonly string[]): string {
  const value = optionalText(input, keys);
  if (value !== undefined) return value;
  throw new HookError(`${keys[0]} is missing`);
}

/** Tools for files bring paths into this form themselves, by their text, before they look at the disk. */
function pathOf(path: string, cwd: string): string {
  if (path.startsWith("~")) {
    throw new HookError(`${JSON.stringify(path)}: write the home folder out`);
  }
  return resolve(cwd, path);
}

/** A shell leaves a path to the operating system, for which `link/..` is not the folder of the link. */
function shellPath(path: string, cwd: string): string {
  if (path.split("/").includes("..")) {
    throw new HookError(`${JSON.stringify(path)}: write the path without ".."`);
  }
  return path.startsWith("/") ? path : join(cwd, path);
}

async function shellActions(
  line: string,
  { agent, cwd, home }: {
    readonly agent: string;
    readonly cwd: string;
    readonly home: string | undefined;
  },
): Promise<ActionRequest[]> {
  const reading = await readShell(line, { cwd, ...home === undefined ? {} : { home } });
  if ("refusal" in reading) throw new HookError(reading.refusal);
  return reading.steps.map((step): ActionRequest => {
    if (step.kind === "exec") {
      const [name, ...args] = step.words;
      const target = name.includes("/") ? shellPath(name, step.cwd) : name;
      return { action: "proc.exec", target, params: { args, cwd: step.cwd } };
    }
    if (agent === "codex" && !step.path.startsWith("/")) {
      // It does not tell its hooks in which folder a command runs.
      throw new HookError(`${JSON.stringify(step.path)}: write the absolute path`);
    }
    return {
      action: step.kind === "read" ? "fs.read" : "fs.write",
      target: shellPath(step.path, step.cwd),
    };
  });
}
