/**
 * Which actions the tools of agents are.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import type { ActionRequest } from "../core/action.ts";
import { HookError, type ToolCall } from "./event.ts";
import { hasOuterSpace, patchedFiles } from "./patch.ts";
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
const PATTERN_KEYS = ["pattern", "include", "glob"];

/** The target of a command line that only prints, whatever the agent's tool is called. */
const PRINT = "shell.print";

/** What shells of agents are given besides the command. A key that is not known could change what it does. */
const SHELLS: Readonly<
  Record<string, { readonly folder?: string; readonly ignored: readonly string[] }>
> = {
  claude: { ignored: ["description", "timeout", "run_in_background"] },
  codex: { folder: "workdir", ignored: ["description", "timeout", "timeout_ms", "justification"] },
  gemini: {
    folder: "dir_path",
    ignored: ["description", "is_background", "delay_ms", "wait_for_previous"],
  },
  qwen: { folder: "directory", ignored: ["description", "is_background", "timeout"] },
  copilot: {
    ignored: [
      ...["description", "timeout", "mode", "async", "detach", "initial_wait"],
      ...["initialWait", "sessionId", "shellId"],
    ],
  },
};

/** Agents that decode `%` in paths, and search folders for the name of a file that is not there. */
const SEEKERS = ["gemini", "qwen"];

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
      if (tool === PRINT) throw new HookError(`"${PRINT}" is the name of no tool`);
      return [as({ action: "agent.tool", target: tool, params: { input } })];
    case "shell": {
      const folder = shellFolder(agent, input, cwd);
      const actions = await shellActions(textOf(input, ["command"]), { agent, cwd: folder, home });
      // A line that only prints does nothing else, and is on record all the same.
      if (actions.length === 0) {
        return [as({ action: "agent.tool", target: PRINT, params: { input } })];
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
      ) => {
        const target = pathOf(agent, path, cwd);
        if (to !== undefined) return as({ action, target, params: { to: pathOf(agent, to, cwd) } });
        return as(action === "fs.write" ? writing(target) : { action, target });
      });
    case "list": {
      for (const key of PATTERN_KEYS) assertInside(input[key]);
      const path = optionalText(input, PATH_KEYS) ?? cwd;
      return [as({ action: "fs.list", target: pathOf(agent, path, cwd) })];
    }
    case "read":
    case "edit":
    case "write": {
      const path = textOf(input, PATH_KEYS);
      if (SEEKERS.includes(agent) && !path.startsWith("/")) {
        throw new HookError(`${JSON.stringify(path)}: write the absolute path`);
      }
      const target = pathOf(agent, path, cwd);
      if (kind === "read") return [as({ action: "fs.read", target })];
      return [as(writing(target, kind === "write" ? contentOf(input) : undefined))];
    }
  }
}

/** With content that is not known no condition on it can be decided: it allows nothing, and denies. */
function writing(target: string, content: string | null = null): ActionRequest {
  return { action: "fs.write", target, params: { content } };
}

function contentOf(input: ToolCall["input"]): string | undefined {
  const given = CONTENT_KEYS.filter((key) => input[key] !== undefined);
  return given.length > 0 && given.every((key) => input[key] === "")
    ? ""
    : optionalText(input, CONTENT_KEYS);
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
function pathOf(agent: string, path: string, cwd: string): string {
  if (path.startsWith("~")) {
    throw new HookError(`${JSON.stringify(path)}: write the home folder out`);
  }
  if (hasOuterSpace(path)) {
    throw new HookError(`${JSON.stringify(path)}: write the path without white space at its ends`);
  }
  if (SEEKERS.includes(agent) && path.includes("%")) {
    throw new HookError(`${JSON.stringify(path)}: "%" in a path can be read in two ways`);
  }
  return resolve(cwd, path);
}

/**
 * Patterns can lead out of the folder that is listed.
 *
 * @throws {HookError} It is not certain that one does not.
 */
function assertInside(pattern: unknown): void {
  if (pattern === undefined) return;
  for (const one of Array.isArray(pattern) ? pattern : [pattern]) {
    if (typeof one !== "string") throw new HookError("the pattern is no text");
    // Brackets, backslashes and the signs before groups can be read as nothing: "[.][.]" is "..".
    const plain = one.replace(/[[\]\\]|[?*!+@](?=\()/g, "").trim();
    const isAbsolute = /^!?[({|,]*[/~]/.test(plain) || /[{,|(][/~]/.test(plain);
    // A group that it begins with can be nothing, and then a "/" follows.
    const isMaybe = /^\s*([?*!+@]\(|\{(?=,|\}|.*(\{,|,,|,\}|\{\})))/s.test(one);
    // In "{.,a}./x" there are pieces that make "../x".
    const climbs = plain.replace(/^(\.\/)+/, "").split(/[{}(),|/]/).some((piece) =>
      /^\s*\.+\s*$/.test(piece)
    );
    if (isAbsolute || isMaybe || climbs) {
      throw new HookError(
        `${JSON.stringify(one)} could lead elsewhere: give the folder as the path, ` +
          "and a pattern inside of it",
      );
    }
  }
}

/** The folder in which a line starts. */
function shellFolder(agent: string, input: ToolCall["input"], cwd: string): string {
  const { folder, ignored = [] } = SHELLS[agent] ?? {};
  const unknown = Object.keys(input).find((key) =>
    key !== "command" && key !== folder && !ignored.includes(key) &&
    // Off is how it is without it.
    !(key === "dangerouslyDisableSandbox" && input[key] === false)
  );
  if (unknown !== undefined) {
    throw new HookError(`${JSON.stringify(unknown)} is not known: give the command without it`);
  }
  const given = folder === undefined ? undefined : optionalText(input, [folder]);
  return given === undefined ? cwd : pathOf(agent, given, cwd);
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
    const target = shellPath(step.path, step.cwd);
    return step.kind === "read" ? { action: "fs.read", target } : writing(target);
  });
}
