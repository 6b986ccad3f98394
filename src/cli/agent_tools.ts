/**
 * The tools that a command line gives to a model.
 *
 * @module
 */
import type { ToolDef } from "../agent/tool_def.ts";
import { fsTools, httpTools, procTools } from "../agent/toolsets.ts";
import type { SubmitFn } from "../stages/submit.ts";
import { toolDefs } from "../../providers/mcp/mod.ts";
import { optional, UsageError, type Values } from "./command.ts";
import { readMcpFile } from "./mcp_file.ts";
import { complain, escape } from "./terminal.ts";

const SETS: Readonly<Record<string, () => ToolDef[]>> = {
  fs: () => fsTools(),
  http: httpTools,
  proc: procTools,
  // Their servers have to be asked for them: below.
  mcp: () => [],
};

/**
 * The tools of the named sets; without names, each tool whose action some rule allows. Tools are
 * only what a model can ask for: the policy decides what it gets.
 *
 * @param actions Those that some rule allows.
 * @param names Like `"fs,http"`.
 * @throws {UsageError} There is no such set.
 */
export function toolsFor(actions: readonly string[], names: string | undefined): ToolDef[] {
  if (names === undefined) {
    const allowed = new Set(actions);
    return Object.values(SETS).flatMap((set) => set()).filter(({ action }) => allowed.has(action));
  }
  return [...new Set(names.split(","))].flatMap((name) => {
    const set = Object.hasOwn(SETS, name) ? SETS[name] : undefined;
    if (set !== undefined) return set();
    throw new UsageError(
      `--tools ${names}: there is no set "${name}", expected ${Object.keys(SETS).join(", ")}`,
    );
  });
}

/**
 * The tools of the MCP servers of `--mcp`, unless `--tools` names other sets. To list them is an action
 * like any other; a server whose listing is denied or fails is left out, with a warning.
 */
export async function mcpTools(submit: SubmitFn, values: Values): Promise<ToolDef[]> {
  const file = optional(values, "mcp");
  const names = optional(values, "tools")?.split(",") ?? ["mcp"];
  if (file === undefined || !names.includes("mcp")) return [];
  const agent = optional(values, "agent");
  return await toolDefs(submit, Object.keys(readMcpFile(file).servers), {
    onWarning: (line) => complain(`agent-kernel agent: ${escape(line)}`),
    ...(agent === undefined ? {} : { agent }),
  });
}
