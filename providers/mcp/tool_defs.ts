/**
 * Tools of MCP servers as tools of a model.
 *
 * @module
 */
import type { ActionResult } from "../../src/core/action.ts";
import type { SubmitFn } from "../../src/stages/submit.ts";
import { ToolDef } from "../../src/agent/tool_def.ts";
import { messageOf } from "../../src/core/errors.ts";
import { DeniedError, ProviderError } from "../../src/worker/provider_error.ts";
import { escape, escapedText } from "../../src/visible_text.ts";
import type { ListedTool } from "./pin.ts";
import type { InvalidTool, ToolDefinition } from "./tool_definition.ts";

/** Most characters of a title. */
const MAX_TITLE = 256;

/** Options of {@linkcode toolDefs}. */
export interface ToolDefsOptions {
  /** Most characters of a description that a model sees. @default 4096 */
  readonly maxDescription?: number;
  /** Who asks; appears in the record. @default nobody */
  readonly agent?: string;
  /**
   * Called for each server and each tool that is left out, with a line that names it and says why.
   * @default console.warn
   */
  readonly onWarning?: (line: string) => void;
}

/** What `mcp.list` gives. */
interface Listing {
  readonly tools: readonly ListedTool[];
  readonly invalid: readonly InvalidTool[];
}

/**
 * Turns what MCP servers list into tools of a model: each becomes `mcp.call` on `server/tool`. The
 * listing is an action, `mcp.list` on the server: the policy has to allow it, and it is recorded.
 *
 * Left out, with a warning, are tools that are not as they were pinned, that have an invalid
 * definition, or whose name a model could not take or tell apart. Descriptions are bounded, and
 * characters that do not show are escaped. With `pins: "required"`, tools that nobody pinned are left
 * out without a warning.
 *
 * @param gate A kernel, or what wraps its `submit`.
 * @param servers The name of a server; or a list of names, of which those that fail are left out with
 * a warning.
 * @param options Bounds, and where warnings go.
 * @returns Tools called `server__tool`.
 * @throws {DeniedError} The policy does not allow to list the one server.
 * @throws {ProviderError} The one server fails.
 *
 * @example
 * ```ts ignore
 * const tools = await toolDefs(kernel, ["files", "tickets"]);
 * ```
 */
export async function toolDefs(
  gate: { readonly submit: SubmitFn } | SubmitFn,
  servers: string | readonly string[],
  options: ToolDefsOptions = {},
): Promise<ToolDef[]> {
  const { onWarning = (line) => console.warn(line), agent } = options;
  const submit: SubmitFn = typeof gate === "function" ? gate : (request) => gate.submit(request);
  const toolsOf = async (server: string): Promise<ToolDef[]> => {
    const result = await submit({
      action: "mcp.list",
      target: server,
      ...(agent === undefined ? {} : { agent }),
    });
    return defsOf(server, result, { ...options, onWarning });
  };
  if (typeof servers === "string") return distinct(await toolsOf(servers), onWarning);
  const listed = await Promise.all(servers.map(async (server) => {
    try {
      return await toolsOf(server);
    } catch (error) {
      onWarning(`No tools of MCP server "${escape(server)}": ${escape(messageOf(error))}`);
      return [];
    }
  }));
  return distinct(listed.flat(), onWarning);
}

/** A tool that a server offers, fit to be shown. */
export interface OfferedTool {
  /** Its definition, with what does not show escaped. */
  readonly definition: ToolDefinition;
  /** The target of its calls. */
  readonly target: string;
}

/**
 * The tools of a listing that may be shown: as they were pinned. Those left out are named by a warning.
 *
 * @param server Its name.
 * @param result Of `mcp.list`.
 * @throws {DeniedError | ProviderError} The listing was denied or failed.
 */
export function offeredTools(
  server: string,
  result: ActionResult,
  { maxDescription = 4096, onWarning }:
    & ToolDefsOptions
    & Required<Pick<ToolDefsOptions, "onWarning">>,
): OfferedTool[] {
  const { tools, invalid } = listingOf(result, server);
  const leaveOut = (tool: string, why: string) =>
    onWarning(`MCP tool "${server}/${escape(tool)}" is left out: ${why}`);
  for (const { name, problem } of invalid) leaveOut(name, problem);
  return tools.flatMap(({ definition, state, problem }) => {
    const { name, title, description = title ?? "" } = definition;
    if (state === "new") return [];
    if (state !== "pinned") {
      const why = state === "changed" ? `it is not as it was pinned (${problem})` : problem;
      leaveOut(
        name,
        `${why}; if that is right, pin it again with "agent-kernel mcp pin ${server}"`,
      );
      return [];
    }
    const shown = {
      ...definition,
      ...title === undefined ? {} : { title: escapedText(title, MAX_TITLE) },
      description: escapedText(description, maxDescription),
    };
    return [{ definition: shown, target: `${server}/${name}` }];
  });
}

/**
 * An offered tool as a tool of a model, called `server__tool`.
 *
 * @throws {TypeError | RangeError} A model could not take its name or its schema.
 */
export function modelTool(server: string, { definition, target }: OfferedTool): ToolDef {
  return new ToolDef({
    name: modelName(server, definition.name),
    description: definition.description ?? "",
    parameters: definition.inputSchema,
    action: "mcp.call",
    target,
    paramsFrom: { arguments: "*" },
  });
}

function defsOf(
  server: string,
  result: ActionResult,
  options: ToolDefsOptions & Required<Pick<ToolDefsOptions, "onWarning">>,
): ToolDef[] {
  return offeredTools(server, result, options).flatMap((offered) => {
    try {
      return [modelTool(server, offered)];
    } catch (error) {
      const tool = `"${server}/${escape(offered.definition.name)}"`;
      options.onWarning(`MCP tool ${tool} is left out: ${escape(messageOf(error))}`);
      return [];
    }
  });
}

/** Leaves out tools that have the same name for the model: it could not say which one it means. */
function distinct(tools: readonly ToolDef[], onWarning: (line: string) => void): ToolDef[] {
  const byName = Map.groupBy(tools, ({ name }) => name);
  return Array.from(byName.values()).flatMap((same) => {
    if (same.length === 1) return same;
    const targets = same.map(({ target }) => `"${escape(String(target))}"`).join(" and ");
    onWarning(`MCP tools ${targets} are left out: all would be called "${same[0]?.name}"`);
    return [];
  });
}

function listingOf({ status, data, error = "", code }: ActionResult, server: string): Listing {
  const failed = `Cannot list the tools of MCP server "${server}": ${error}`;
  if (status === "DENIED") {
    const needed = `; needed is a rule {action: mcp.list, resource: ${server}}`;
    throw new DeniedError(code ?? "NO_RULE", `${failed}${needed}`);
  }
  if (status === "ERROR") throw new ProviderError(code ?? "PROVIDER_ERROR", failed);
  return data as Listing;
}

/** Models take 1 to 64 letters, digits, `_` and `-`. */
export function modelName(server: string, tool: string): string {
  const name = `${server}__${tool}`.replace(/[^A-Za-z0-9_-]/g, "_");
  if (name.length <= 64) return name;
  throw new RangeError(
    'its name is too long, a model takes at most 64 characters of "server__tool"; give the server a ' +
      "shorter name",
  );
}
