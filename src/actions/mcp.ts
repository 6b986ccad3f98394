/**
 * The actions of the MCP provider, and the one form of their params.
 *
 * @module
 */
import type { ActionTable } from "../core/resource/kind.ts";
import { CanonicalError } from "../core/resource/world.ts";

type Params = Readonly<Record<string, unknown>>;

/**
 * Of `mcp.call` and `mcp.prompt`: always `{arguments}`. Given are either that, or the arguments themselves.
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

/**
 * What is asked of a server: calling a tool, listing what it has, reading a resource, getting a prompt,
 * completing an argument. And what a server asks of its client: a sample of its model, an answer of its user,
 * its roots.
 */
export const MCP_ACTIONS: ActionTable = {
  "mcp.call": { kind: "name", canonicalParams: mcpParams, params: ["arguments"] },
  "mcp.list": { kind: "name", params: ["pin", "kind"] },
  "mcp.read": { kind: "name", params: ["subscribe"] },
  "mcp.prompt": { kind: "name", canonicalParams: mcpParams, params: ["arguments"] },
  "mcp.complete": { kind: "name", params: ["ref", "argument", "context"] },
  "mcp.sample": { kind: "name" },
  "mcp.elicit": { kind: "name" },
  "mcp.roots": { kind: "name" },
};
