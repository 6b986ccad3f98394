/**
 * What a server says of its tools.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { canonicalJson, copyJson } from "../../src/core/json.ts";
import { escape } from "../../src/visible_text.ts";
import type { Connection } from "./connection.ts";
import { withExactNumbers } from "./exact_numbers.ts";
import { listed } from "./pages.ts";

/** The parts of a tool that a model sees. They are what is pinned. */
export interface ToolDefinition {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly outputSchema?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

const STRINGS = ["name", "title", "description"] as const;
const OBJECTS = ["inputSchema", "outputSchema", "annotations"] as const;

const MAX_NAME = 128;
const LIMITS = { depth: 32, nodes: 20_000, characters: 256 * 1024 };

/** A tool whose definition cannot be used. */
export interface InvalidTool {
  /** Its name, if it has one; otherwise its place in the list, like `#3`. Escaped. */
  readonly name: string;
  /** What is wrong with it. */
  readonly problem: string;
}

/** The tools of a server. */
export interface ToolList {
  readonly tools: readonly ToolDefinition[];
  readonly invalid: readonly InvalidTool[];
}

/**
 * Asks a server for all of its tools. One that is not of the required form is listed as invalid.
 *
 * @throws {ProviderError} `PROTOCOL_ERROR`: it is no list, or too long.
 */
export async function listTools(connection: Connection, signal: AbortSignal): Promise<ToolList> {
  const tools: ToolDefinition[] = [];
  const invalid: InvalidTool[] = [];
  if (!connection.has("tools")) return { tools, invalid };
  for await (const tool of listed(connection, { what: "tools", method: "tools/list", signal })) {
    // Digests of 0.1.0 were made of rounded numbers, and bounds of a schema may be.
    const definition = definitionOrProblem(withExactNumbers(tool, Number));
    if (typeof definition !== "string") tools.push(definition);
    else invalid.push({ name: nameOf(tool, tools.length + invalid.length), problem: definition });
  }
  return { tools, invalid };
}

/**
 * Checks and copies the definition of one tool.
 *
 * @throws {TypeError} It is not of the required form.
 */
export function toolDefinition(value: unknown): ToolDefinition {
  if (value === null || typeof value !== "object") throw new TypeError("expected an object");
  const given = value as Readonly<Record<string, unknown>>;
  const name = given["name"];
  if (typeof name !== "string" || name === "" || name.length > MAX_NAME) {
    throw new TypeError(`expected a name of 1 to ${MAX_NAME} characters`);
  }
  const parts = [...STRINGS, ...OBJECTS].filter((key) =>
    given[key] !== undefined && given[key] !== null
  );
  const unfit =
    parts.find((key) =>
      (STRINGS as readonly string[]).includes(key)
        ? typeof given[key] !== "string"
        : typeof given[key] !== "object" || Array.isArray(given[key])
    ) ?? (parts.includes("inputSchema") ? undefined : "inputSchema");
  if (unfit !== undefined) {
    const form = (STRINGS as readonly string[]).includes(unfit) ? "a string" : "an object";
    throw new TypeError(`expected ${form} as "${unfit}"`);
  }
  const own = Object.fromEntries(parts.map((key) => [key, given[key]]));
  return copyJson(own, "tool", LIMITS) as ToolDefinition;
}

function definitionOrProblem(value: unknown): ToolDefinition | string {
  try {
    return toolDefinition(value);
  } catch (error) {
    if (error instanceof TypeError) return escape(error.message);
    throw error;
  }
}

function nameOf(tool: unknown, index: number): string {
  const name = (tool as { readonly name?: unknown } | null)?.name;
  if (typeof name !== "string" || name === "") return `#${index + 1}`;
  return escape(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name);
}

/** SHA-256 of the canonical JSON (RFC 8785) of a definition, in hexadecimal. */
export function digestOf(definition: ToolDefinition): string {
  return createHash("sha256").update(canonicalJson(definition)).digest("hex");
}
