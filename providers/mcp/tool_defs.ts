/**
 * Tools of MCP servers as tools of a model.
 *
 * @module
 */
import type { ActionResult, SubmitFn } from "../../src/core/action.ts";
import { ToolDef } from "../../src/agent/tool_def.ts";
import { DeniedError, ProviderError } from "../../src/worker/provider_error.ts";
import { escape, escapedText } from "../../src/visible_text.ts";
import type { JudgedTool } from "./pin.ts";

/** Options of {@linkcode toolDefs}. */
export interface ToolDefsOptions {
  /** The most characters of a description that a model is told. @default 4096 */
  readonly maxDescription?: number;
  /** Who asks; appears in the record. @default nobody */
  readonly agent?: string;
}

/**
 * Turns what an MCP server lists into tools of a model: each becomes `mcp.call` on `server/tool`. The
 * listing is an action, `mcp.list` on the server: the policy has to allow it, and it is recorded.
 *
 * Descriptions are bounded, and characters that do not show are escaped. With `pins: "required"`,
 * tools that nobody pinned are left out.
 *
 * @param gate A kernel, or what wraps its `submit`.
 * @returns Tools called `server__tool`.
 * @throws {DeniedError} The policy does not allow the listing; or a tool is not as it was pinned.
 * @throws {ProviderError} The server fails; or two tools would have the same name.
 *
 * @example
 * ```ts ignore
 * const tools = await toolDefs(kernel, "files");
 * ```
 */
export async function toolDefs(
  gate: { readonly submit: SubmitFn } | SubmitFn,
  server: string,
  { maxDescription = 4096, agent }: ToolDefsOptions = {},
): Promise<ToolDef[]> {
  const submit: SubmitFn = typeof gate === "function" ? gate : (request) => gate.submit(request);
  const result = await submit({
    action: "mcp.list",
    target: server,
    ...(agent === undefined ? {} : { agent }),
  });
  const tools = toolsOf(result, server);
  const bad = tools.filter(({ state }) => state === "changed" || state === "shadowed");
  if (bad.length > 0) {
    const list = bad.map(({ definition, problem }) => `"${escape(definition.name)}" (${problem})`);
    throw new DeniedError(
      "TOOL_CHANGED",
      `Cannot make tools of MCP server "${server}": not as they were pinned: ${list.join(", ")}; ` +
        `if that is right, pin them again with "agent-kernel mcp pin ${server}"`,
    );
  }
  const defs = tools.filter(({ state }) => state === "pinned").map(({ definition }) => {
    const { name, title, description = title ?? "", inputSchema } = definition;
    return new ToolDef({
      name: modelName(server, name),
      description: escapedText(description, maxDescription),
      parameters: inputSchema,
      action: "mcp.call",
      target: `${server}/${name}`,
      paramsFrom: { arguments: "*" },
    });
  });
  const names = defs.map(({ name }) => name);
  const double = names.find((name, i) => names.indexOf(name) < i);
  if (double === undefined) return defs;
  throw new ProviderError(
    "TOOL_NAMES_COLLIDE",
    `Cannot make tools of MCP server "${server}": two of them would be called "${double}"`,
  );
}

function toolsOf(
  { status, data, error = "", code }: ActionResult,
  server: string,
): readonly JudgedTool[] {
  const failed = `Cannot list the tools of MCP server "${server}": ${error}`;
  if (status === "DENIED") {
    const needed = `; needed is a rule {action: mcp.list, resource: ${server}}`;
    throw new DeniedError(code ?? "NO_RULE", `${failed}${needed}`);
  }
  if (status === "ERROR") throw new ProviderError(code ?? "PROVIDER_ERROR", failed);
  return (data as { readonly tools: readonly JudgedTool[] }).tools;
}

/** Models take 1 to 64 letters, digits, `_` and `-`. */
function modelName(server: string, tool: string): string {
  const name = `${server}__${tool}`.replace(/[^A-Za-z0-9_-]/g, "_");
  if (name.length <= 64) return name;
  throw new ProviderError(
    "TOOL_NAMES_COLLIDE",
    `Cannot make a tool of MCP tool "${server}/${
      escape(tool)
    }": its name is too long, a model takes ` +
      `at most 64 characters of "server__tool"; give the server a shorter name`,
  );
}
