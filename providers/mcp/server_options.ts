/**
 * Which MCP servers there are, and how they are reached.
 *
 * @module
 */
import { isAbsolute, normalize } from "@std/path";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import { childEnvironment, type EnvironmentOptions } from "../child_environment.ts";

/** A server that is started as a program and talked to over its standard input and output. */
export interface StdioServer extends EnvironmentOptions {
  /** Bare name, looked up in the search folders, or absolute path. */
  readonly command: string;
  /** Its arguments. @default [] */
  readonly args?: readonly string[];
  /** Absolute folder that it runs in. @default where this process stands */
  readonly cwd?: string;
}

/** A server that is reached over streamable HTTP. */
export interface HttpServer {
  /** Its endpoint, `http:` or `https:`. */
  readonly url: string;
  /** Headers of every request, for example with a token. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One MCP server. */
export type McpServer = StdioServer | HttpServer;

/** A program as the Worker is told of it. */
export interface ProgramConfig {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly url?: never;
}

/** An endpoint as the Worker is told of it. */
export interface EndpointConfig {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly command?: never;
}

/** A server as the Worker is told of it. */
export type ServerConfig = ProgramConfig | EndpointConfig;

/** What the Worker is configured with. */
export interface McpConfig {
  readonly servers: Readonly<Record<string, ServerConfig>>;
  readonly lockFile: string;
  readonly pins: "first-use" | "required";
  readonly deadlineMs: number;
}

const SERVER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/**
 * Checks the options of a server, and works out what does not depend on the moment.
 *
 * @throws {TypeError} They are not of the required form, or there is no such program.
 */
export function serverConfig(
  name: string,
  server: McpServer,
  searchPath: readonly string[] | undefined,
): ServerConfig {
  const refuse = (why: string) => new TypeError(`Cannot use MCP server "${name}": ${why}`);
  if (!SERVER_NAME.test(name)) {
    throw refuse('expected a name of at most 64 letters, digits, "_", "-" and "."');
  }
  const { command, url } = server as Partial<StdioServer & HttpServer>;
  if ((typeof command === "string") === (typeof url === "string")) {
    throw refuse("expected either a command or a url");
  }
  if ("url" in server) return { url: checkedUrl(server.url, refuse), headers: texts(server) };
  const { args = [], cwd } = server;
  if (!Array.isArray(args) || args.some((one) => typeof one !== "string" || one.includes("\0"))) {
    throw refuse("args is no list of texts");
  }
  if (cwd !== undefined && !isAbsolute(cwd)) throw refuse(`cwd "${cwd}" is no absolute path`);
  const found = locate(server.command, searchPath);
  if (found === undefined) {
    throw refuse(
      `there is no executable "${server.command}", or this process may neither look for it nor run it; ` +
        "expected a bare name or an absolute path",
    );
  }
  return {
    command: found,
    args: [...args],
    env: childEnvironment(server, { whose: `MCP server "${name}"` }),
    ...(cwd === undefined ? {} : { cwd: normalize(cwd) }),
  };

  function texts({ headers = {} }: HttpServer): Record<string, string> {
    try {
      new Headers(headers);
    } catch (error) {
      throw refuse(`its headers are none (${(error as Error).message})`);
    }
    // In a file they may be numbers.
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, String(value)]),
    );
  }
}

/** Where a server is reached, as Deno's net permission has it. */
export function hostOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`;
}

function checkedUrl(text: string, refuse: (why: string) => TypeError): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw refuse(`"${text}" is no http or https URL`);
  }
  if (url.username !== "" || url.password !== "") {
    throw refuse("its URL has credentials, give them in headers");
  }
  url.hash = "";
  return url.href;
}

/**
 * The path under which a program is found, links not resolved: Python's virtual environments and
 * multi-call binaries go by the name that they are called by.
 */
function locate(command: string, searchPath: readonly string[] | undefined): string | undefined {
  const world = denoWorld(searchPath === undefined ? {} : { searchPath });
  const runsAll = Deno.permissions.querySync({ name: "run" }).state === "granted";
  // With the flags that a policy implies, a process may run the program but not look for it.
  const mayRun = (path: string) =>
    !runsAll && Deno.permissions.querySync({ name: "run", command: path }).state === "granted";
  const candidates = isAbsolute(command)
    ? [normalize(command)]
    : command.includes("/") || command === ""
    ? []
    : world.searchPath.map((folder) => normalize(`${folder}/${command}`));
  return candidates.find((path) => world.typeOf(path) === "executable" || mayRun(path));
}
