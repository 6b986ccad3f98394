/**
 * What a server says of its tools.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { canonicalJson, copyJson, JsonError } from "../../src/core/json.ts";
import { ProviderError } from "../../src/worker/provider_error.ts";
import { escape } from "../../src/visible_text.ts";
import type { Connection } from "./connection.ts";

/** A tool, as far as it is pinned: everything that a model is told of it. */
export interface ToolDefinition {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly outputSchema?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

const TEXTS = ["name", "title", "description"] as const;
const OBJECTS = ["inputSchema", "outputSchema", "annotations"] as const;

const MAX_NAME = 128;
const MAX_PAGES = 100;
const MAX_TOOLS = 1000;
const LIMITS = { depth: 32, nodes: 20_000, characters: 256 * 1024 };

/**
 * Asks a server for all of its tools.
 *
 * @throws {ProviderError} `PROTOCOL_ERROR`: there are too many, or one is none.
 */
export async function listTools(
  connection: Connection,
  signal: AbortSignal,
): Promise<readonly ToolDefinition[]> {
  if (!connection.hasTools) return [];
  const tools: ToolDefinition[] = [];
  let cursor: unknown;
  for (let page = 0; page < MAX_PAGES; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await connection.request("tools/list", params, signal);
    if (!Array.isArray(answer["tools"])) throw wrong("its list of tools is none");
    if (tools.length + answer["tools"].length > MAX_TOOLS) {
      throw wrong(`it has more than ${MAX_TOOLS} tools`);
    }
    for (const tool of answer["tools"]) tools.push(toolDefinition(tool));
    cursor = answer["nextCursor"];
    if (cursor === undefined || cursor === null) return tools;
    if (typeof cursor !== "string") throw wrong("its list of tools has a cursor that is no text");
  }
  throw wrong(`its list of tools has more than ${MAX_PAGES} pages`);
}

/**
 * Checks and copies the definition of one tool.
 *
 * @throws {ProviderError} `PROTOCOL_ERROR`
 */
export function toolDefinition(value: unknown): ToolDefinition {
  if (value === null || typeof value !== "object") throw wrong("a tool of it is no object");
  const given = value as Readonly<Record<string, unknown>>;
  const name = given["name"];
  if (typeof name !== "string" || name === "" || name.length > MAX_NAME) {
    throw wrong(`a tool of it has no name of 1 to ${MAX_NAME} characters`);
  }
  const parts = [...TEXTS, ...OBJECTS].filter((key) =>
    given[key] !== undefined && given[key] !== null
  );
  const unfit =
    parts.find((key) =>
      (TEXTS as readonly string[]).includes(key)
        ? typeof given[key] !== "string"
        : typeof given[key] !== "object" || Array.isArray(given[key])
    ) ?? (parts.includes("inputSchema") ? undefined : "inputSchema");
  if (unfit !== undefined) throw wrong(`the ${unfit} of its tool "${escape(name)}" is none`);
  try {
    const own = Object.fromEntries(parts.map((key) => [key, given[key]]));
    return copyJson(own, `tool "${escape(name)}"`, LIMITS) as ToolDefinition;
  } catch (error) {
    if (error instanceof JsonError) throw wrong(`it is refused: ${error.message}`);
    throw error;
  }
}

/** SHA-256 of the canonical JSON (RFC 8785) of a definition, as hexadecimal text. */
export function digestOf(definition: ToolDefinition): string {
  return createHash("sha256").update(canonicalJson(definition)).digest("hex");
}

function wrong(why: string): ProviderError {
  return new ProviderError("PROTOCOL_ERROR", `The MCP server cannot be used: ${why}`);
}
