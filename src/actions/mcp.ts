/**
 * The actions of the MCP provider, and the one form of their params.
 *
 * @module
 */
import type { ActionTable } from "../core/resource/kind.ts";
import { CanonicalError } from "../core/resource/world.ts";

type Params = Readonly<Record<string, unknown>>;

/**
 * Of `mcp.call`: always `{arguments}`. Given are either that, or the arguments themselves.
 */
export function mcpParams(params: Params): Params {
  const given = params["arguments"];
  if (given === null || typeof given !== "object" || Array.isArray(given)) {
    return { arguments: params };
  }
  if (Object.keys(params).length > 1) {
    throw new CanonicalError(
      'Beside the param "arguments" there are others; give the arguments of the tool in one place',
    );
  }
  return { arguments: given };
}

/** Calling a tool of a server, and listing its tools. */
export const MCP_ACTIONS: ActionTable = {
  "mcp.call": { kind: "name", canonicalParams: mcpParams, params: ["arguments"] },
  "mcp.list": { kind: "name", params: ["pin"] },
};
