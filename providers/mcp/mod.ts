/**
 * The MCP provider: tools, resources and prompts of MCP servers.
 *
 * @module
 */
import { isAbsolute, normalize, resolve } from "@std/path";
import { stagingPath } from "../../src/core/isolation/worker_permissions.ts";
import { Provider, type ProviderLimits } from "../../src/worker/provider.ts";
import type { RelayConfig } from "./relay_port.ts";
import {
  BUBBLEWRAP,
  DEFAULT_TIMEOUT_MS,
  hostOf,
  isRunnable,
  type McpConfig,
  type McpServer,
  serverConfig,
} from "./server_options.ts";

export type { EnvironmentOptions } from "../child_environment.ts";
export type {
  HttpServer,
  McpServer,
  ServerLimits,
  StdioServer,
  UnavailableServer,
} from "./server_options.ts";
export type { RelayConfig } from "./relay_port.ts";
export { resourceName } from "./resource_name.ts";
export { toolDefs, type ToolDefsOptions } from "./tool_defs.ts";

/** Options of {@linkcode McpProvider}. */
export interface McpOptions extends ProviderLimits {
  /** The servers by name: letters, digits, `_`, `-`, `.`. */
  readonly servers: Readonly<Record<string, McpServer>>;
  /** Where the tools are pinned; the folder has to exist. @default "mcp.lock.json" */
  readonly lockFile?: string;
  /**
   * What happens to a tool that is not pinned. `"first-use"`: it is pinned as it is now.
   * `"required"`: it is denied until a person pins it. @default "first-use"
   */
  readonly pins?: "first-use" | "required";
  /** Further files that no action may change, such as the one that names the servers. @default none */
  readonly guards?: readonly string[];
  /**
   * Hands on what servers say beside their answers (progress, log messages, changes), and what they ask of their
   * client, to a gateway in this process. @default servers are not heard
   */
  readonly relay?: RelayConfig;
  /** Folders for bare names of commands. @default `PATH` if the process may read it, else the standard ones */
  readonly searchPath?: readonly string[];
}

/**
 * Tools of MCP servers, over standard input and output or streamable HTTP, in a Worker that may
 * start these programs and reach these hosts, and nothing else.
 *
 * Each tool is pinned: one whose description or schema changed is denied until it is pinned again. A
 * server that cannot be used fails by itself, the others work. See `docs/mcp.md`, also for what a
 * program that is started as a server can do.
 *
 * @example
 * ```ts
 * import { McpProvider } from "@agent-kernel/kernel/providers/mcp";
 * import { assertEquals } from "@std/assert";
 *
 * const provider = new McpProvider({
 *   servers: { web: { url: "https://mcp.example.com/mcp" } },
 *   lockFile: "/etc/agent/mcp.lock.json",
 *   pins: "required",
 * });
 * assertEquals(provider.permissions, {
 *   read: ["/etc/agent/mcp.lock.json"],
 *   write: [],
 *   net: ["mcp.example.com:443"],
 *   run: [],
 * });
 * ```
 */
export class McpProvider extends Provider {
  /**
   * Checks the servers and finds their programs; starts nothing. Calls to a server whose program is
   * not installed fail with `SERVER_UNREACHABLE`.
   *
   * @param options The servers and where their tools are pinned.
   * @throws {TypeError} An option is not of the required form.
   */
  constructor({ servers, lockFile = "mcp.lock.json", pins = "first-use", ...rest }: McpOptions) {
    if (pins !== "first-use" && pins !== "required") {
      throw new TypeError(`Cannot make provider "mcp": pins is "${pins}"`);
    }
    const { searchPath, guards = [], relay, ...limits } = rest;
    const path = isAbsolute(lockFile) ? normalize(lockFile) : resolve(lockFile);
    const configs = Object.fromEntries(
      Object.entries(servers).map(([name, server]) => [
        name,
        serverConfig(name, server, {
          searchPath,
          timeoutMs: limits.deadlineMs ?? DEFAULT_TIMEOUT_MS,
        }),
      ]),
    );
    const all = Object.values(configs);
    const longest = Math.max(
      DEFAULT_TIMEOUT_MS,
      ...all.map((server) => server.unavailable === undefined ? server.timeoutMs : 0),
    );
    const programs = all.flatMap((server) => server.command === undefined ? [] : [server]);
    const wrapping = programs.some(({ pidNamespace }) => pidNamespace) && isRunnable(BUBBLEWRAP);
    const files = [path, stagingPath(path)];
    super({
      ...limits,
      deadlineMs: limits.deadlineMs ?? longest,
      name: "mcp",
      module: new URL("./worker.ts", import.meta.url),
      actions: {
        ...{ "mcp.call": {}, "mcp.list": {}, "mcp.read": {}, "mcp.prompt": {} },
        "mcp.complete": {},
      },
      config: {
        servers: configs,
        lockFile: path,
        pins,
        ...(wrapping ? { bubblewrap: BUBBLEWRAP } : {}),
        ...(relay === undefined ? {} : { relay }),
      } satisfies McpConfig,
      permissions: {
        read: pins === "required" ? [path] : files,
        write: pins === "required" ? [] : files,
        net: all.flatMap(({ url }) => url === undefined ? [] : [hostOf(url)]),
        run: [...programs.map(({ command }) => command), ...(wrapping ? [BUBBLEWRAP] : [])],
      },
      guards: [...files, ...guards],
    });
  }
}
