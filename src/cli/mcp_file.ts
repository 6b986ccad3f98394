/**
 * The file that names MCP servers, in the form that other clients of MCP use.
 *
 * @module
 */
import { parseExactJson } from "../agent/exact_json.ts";
import { dirname, resolve } from "@std/path";
import type { McpOptions, McpServer } from "../../providers/mcp/mod.ts";
import { DEFAULT_TIMEOUT_MS, serverConfig } from "../../providers/mcp/server_options.ts";
import { messageOf } from "../core/errors.ts";
import { unusedKeys } from "./mcp_file_keys.ts";
import { complain, escape } from "./terminal.ts";

/** What such a file says. */
export interface McpFile {
  /** The file itself, absolute. */
  readonly path: string;
  readonly servers: Readonly<Record<string, McpServer>>;
  /** Where the tools are pinned, absolute. */
  readonly lockFile: string;
  readonly pins: "first-use" | "required";
  /** All variables that servers inherit or that the file uses. */
  readonly inheritEnv: readonly string[];
  /** What in it is not used, a line each. */
  readonly unused: readonly string[];
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a file `{"mcpServers": {name: {command, args, env, inheritEnv, cwd} | {url, headers}}}`, with
 * `lockFile` and `pins` at its top. Keys of other clients change nothing, but for `timeout`, in
 * milliseconds. A server with `"disabled": true` is left out; one that cannot be used is kept as
 * unavailable, with the reason.
 *
 * @param file Its path.
 * @throws {SyntaxError} It is not of this form.
 */
export function readMcpFile(file: string): McpFile {
  const path = resolve(file);
  const refuse = (why: string, cause?: unknown) =>
    new SyntaxError(`Cannot use "${path}": ${why}`, { cause });
  let value: unknown;
  try {
    value = parseExactJson(Deno.readTextFileSync(path));
  } catch (error) {
    const isSyntax = error instanceof SyntaxError;
    const why = messageOf(error).replaceAll(/\s+/g, " ");
    throw refuse(isSyntax ? `it is no JSON: ${why}` : why, error);
  }
  const content = objectOf(value) ?? {};
  const { mcpServers, lockFile = "mcp.lock.json", pins = "first-use" } = content;
  const given = objectOf(mcpServers);
  if (given === undefined) {
    throw refuse(['it has no object "mcpServers"', ...unusedKeys(content, {})].join("; "));
  }
  if (typeof lockFile !== "string") throw refuse("lockFile is not a path");
  if (pins !== "first-use" && pins !== "required") {
    throw refuse('pins is neither "first-use" nor "required"');
  }
  const used = Object.entries(given).filter(([, server]) =>
    objectOf(server)?.["disabled"] !== true
  );
  const inheritEnv = used.flatMap(([, server]) => namesOf(objectOf(server) ?? {}));
  return {
    path,
    servers: Object.fromEntries(used.map(([name, server]) => [name, serverOf(server)])),
    lockFile: resolve(dirname(path), lockFile),
    pins,
    inheritEnv: Array.from(new Set(inheritEnv)).sort(),
    unused: unusedKeys(content, Object.fromEntries(used)),
  };
}

/** Warns of what in a file is not used. To be called by the first process, which reads it once for that. */
export function warnOfUnused({ path, unused }: McpFile): void {
  for (const line of unused) complain(`agent-kernel: ${escape(path)}: ${escape(line)}`);
}

/**
 * The options of the provider.
 *
 * @param how `inherits`: whether this process may read the variables that servers inherit. Without
 * them `${…}` stays as it is, and everything else is the same.
 */
export function mcpOptions(
  { path, servers, lockFile, pins }: McpFile,
  { inherits, searchPath }: { readonly inherits: boolean; readonly searchPath?: readonly string[] },
): McpOptions {
  const own = Object.fromEntries(
    Object.entries(servers).map(([name, server]): [string, McpServer] => [
      name,
      usable(name, inherits ? expanded(server) : { ...server, inheritEnv: [] }, searchPath),
    ]),
  );
  return {
    servers: own,
    lockFile,
    pins,
    guards: [path],
    ...(searchPath === undefined ? {} : { searchPath }),
  };
}

/** One entry of the file. A mistake in it makes only this server unavailable. */
function serverOf(value: unknown): McpServer {
  const server = objectOf(value);
  if (server === undefined) return { unavailable: "its entry is not an object" };
  if (server["type"] === "sse") {
    return { unavailable: "its type is SSE, which MCP has given up; expected http or stdio" };
  }
  const { timeout, ...rest } = server;
  if (timeout !== undefined && !(typeof timeout === "number" && timeout > 0 && timeout < 2 ** 31)) {
    return {
      unavailable: `its timeout is ${JSON.stringify(timeout)}, expected a number of milliseconds`,
    };
  }
  const problem = problemWithVariables(server);
  if (problem !== undefined) return { unavailable: problem };
  return (timeout === undefined ? rest : { ...rest, timeoutMs: timeout }) as unknown as McpServer;
}

/** A server, or the reason why its options are not valid: the others are used all the same. */
function usable(
  name: string,
  server: McpServer,
  searchPath: readonly string[] | undefined,
): McpServer {
  try {
    serverConfig(name, server, { searchPath, timeoutMs: DEFAULT_TIMEOUT_MS });
    return server;
  } catch (error) {
    return { unavailable: messageOf(error).replace(/^Cannot use MCP server ".*?": /, "") };
  }
}

/** `${NAME}` and `${NAME:-default}`. */
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:[^}$]|\$(?!\{))*))?\}/g;
/** Where variables are expanded. What decides about permissions (`command`, `url`, `cwd`) is literal. */
const EXPANDED = ["args", "env", "headers"];

/**
 * Why the variables of an entry cannot be expanded.
 *
 * INVARIANT: the file uses only variables that it names in `inheritEnv`: what a server gets of the
 * environment can be read in one place.
 */
function problemWithVariables(server: JsonObject): string | undefined {
  const allowed = namesOf(server);
  for (const [key, value] of Object.entries(server)) {
    for (const text of stringsIn(value)) {
      if (!text.includes("${")) continue;
      if (!EXPANDED.includes(key)) {
        if (!["command", "url", "cwd"].includes(key)) continue;
        return `its ${key} has "\${", expected it literally; variables are expanded in ` +
          EXPANDED.join(", ");
      }
      if (text.replace(VARIABLE, "").includes("${")) {
        return `its ${key} has "\${" that is neither "\${NAME}" nor "\${NAME:-default}"`;
      }
      for (const [whole, name] of text.matchAll(VARIABLE)) {
        if (allowed.includes(name as string)) continue;
        return `"${whole}" is not expanded; add "${name}" to its inheritEnv`;
      }
    }
  }
  return undefined;
}

/** A server with its variables expanded from the environment; unavailable if one is not set. */
function expanded(server: McpServer): McpServer {
  const unset = new Set<string>();
  const expand = (value: unknown): unknown => {
    if (typeof value === "string") {
      return value.replace(VARIABLE, (_, name: string, fallback?: string) => {
        const found = Deno.env.get(name) || fallback;
        // INVARIANT: a variable is never empty without a word: a server could take that for "anybody".
        if (found === undefined) unset.add(name);
        return found ?? "";
      });
    }
    if (Array.isArray(value)) return value.map(expand);
    const object = objectOf(value);
    return object === undefined
      ? value
      : Object.fromEntries(Object.entries(object).map(([key, item]) => [key, expand(item)]));
  };
  const entries = Object.entries(server).map(([key, value]) => [
    key,
    EXPANDED.includes(key) ? expand(value) : value,
  ]);
  if (unset.size === 0) return Object.fromEntries(entries);
  const names = Array.from(unset, (name) => `"${name}"`).join(" and ");
  return {
    unavailable: `the environment variable ${names} is not set or empty, and has no default`,
  };
}

function namesOf({ inheritEnv }: JsonObject): string[] {
  return Array.isArray(inheritEnv) ? inheritEnv.map(String) : [];
}

function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return value !== null && typeof value === "object" ? Object.values(value).flatMap(stringsIn) : [];
}

function objectOf(value: unknown): JsonObject | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? value as JsonObject
    : undefined;
}
