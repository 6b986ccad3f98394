/**
 * The file that names MCP servers, in the form that other clients of MCP use.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import type { McpOptions, McpServer, StdioServer } from "../../providers/mcp/mod.ts";

/** What such a file says. */
export interface McpFile {
  /** The file itself, absolute. */
  readonly path: string;
  readonly servers: Readonly<Record<string, McpServer>>;
  /** Where the tools are pinned, absolute. */
  readonly lockFile: string;
  readonly pins: "first-use" | "required";
  /** All variables that servers inherit. */
  readonly inheritEnv: readonly string[];
}

/**
 * Reads a file `{"mcpServers": {name: {command, args, env, inheritEnv, cwd} | {url, headers}}}`, with
 * `lockFile` and `pins` beside it. Keys of other clients are left alone; a server with
 * `"disabled": true` is none.
 *
 * @throws {SyntaxError} It is not of this form.
 */
export function readMcpFile(file: string): McpFile {
  const path = resolve(file);
  const refuse = (why: string, cause?: unknown) =>
    new SyntaxError(`Cannot use "${path}": ${why}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
  const { mcpServers, lockFile = "mcp.lock.json", pins = "first-use" } = objectOf(value) ?? {};
  const given = objectOf(mcpServers);
  if (given === undefined) throw refuse('it has no object "mcpServers"');
  if (typeof lockFile !== "string") throw refuse("lockFile is no path");
  if (pins !== "first-use" && pins !== "required") {
    throw refuse('pins is neither "first-use" nor "required"');
  }
  const servers = Object.fromEntries(
    Object.entries(given).map(([name, server]): [string, McpServer & { disabled?: unknown }] => {
      const own = objectOf(server);
      if (own === undefined) throw refuse(`the server "${name}" is no object`);
      if (own["type"] === "sse") {
        throw refuse(
          `the server "${name}" wants SSE, which MCP has given up; expected http or stdio`,
        );
      }
      return [name, own as unknown as McpServer];
    }).filter(([, { disabled }]) => disabled !== true),
  );
  const inheritEnv = Object.values(servers).flatMap((server) => {
    const names = (server as StdioServer).inheritEnv ?? [];
    return Array.isArray(names) ? names.map(String) : [];
  });
  return {
    path,
    servers,
    lockFile: resolve(dirname(path), lockFile),
    pins,
    inheritEnv: Array.from(new Set(inheritEnv)).sort(),
  };
}

/**
 * The options of the provider.
 *
 * @param how `inherits`: whether this process may read the variables that servers inherit; without
 * them everything else is the same.
 */
export function mcpOptions(
  { path, servers, lockFile, pins }: McpFile,
  { inherits, searchPath }: { readonly inherits: boolean; readonly searchPath?: readonly string[] },
): McpOptions {
  const own = inherits ? servers : Object.fromEntries(
    Object.entries(servers).map(([name, server]) => [name, { ...server, inheritEnv: [] }]),
  );
  return {
    servers: own,
    lockFile,
    pins,
    guards: [path],
    ...(searchPath === undefined ? {} : { searchPath }),
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? value as Readonly<Record<string, unknown>>
    : undefined;
}
