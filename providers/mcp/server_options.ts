/**
 * Which MCP servers there are, and how they are reached.
 *
 * @module
 */
import { basename, isAbsolute, normalize } from "@std/path";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import type { RelayConfig } from "./relay_port.ts";
import { childEnvironment, type EnvironmentOptions } from "../child_environment.ts";

/** Limits of any server. */
export interface ServerLimits {
  /**
   * How long a call may take, in milliseconds: counted from its start, and again from each progress
   * that the server reports. The provider's `deadlineMs` bounds it. @default 30000
   */
  readonly timeoutMs?: number;
}

/** A server that is started as a program and talked to over its standard input and output. */
export interface StdioServer extends ServerLimits, EnvironmentOptions {
  /** Bare name, looked up in the search folders, or absolute path. */
  readonly command: string;
  /** Its arguments. @default [] */
  readonly args?: readonly string[];
  /** Absolute folder that it runs in. @default the current folder of this process */
  readonly cwd?: string;
  /**
   * Whether it gets a PID namespace of its own (Linux with bubblewrap), so that the programs that it
   * starts end with it. The Worker may run bubblewrap then, and by that any program.
   * @default true for package runners, interpreters and scripts, which can run any program themselves
   */
  readonly pidNamespace?: boolean;
}

/** A server that is reached over streamable HTTP. */
export interface HttpServer extends ServerLimits {
  /** Its endpoint, `http:` or `https:`. */
  readonly url: string;
  /** Headers of every request, for example with a token. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server that cannot be used: calls to it fail with the reason, the other servers work. */
export interface UnavailableServer {
  /** Why not. */
  readonly unavailable: string;
}

/** One MCP server. */
export type McpServer = StdioServer | HttpServer | UnavailableServer;

/** A program in the form that the Worker uses. */
export interface ProgramConfig {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs: number;
  readonly pidNamespace: boolean;
  readonly url?: undefined;
  readonly unavailable?: undefined;
}

/** An endpoint in the form that the Worker uses. */
export interface EndpointConfig {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly pidNamespace?: undefined;
  readonly command?: undefined;
  readonly unavailable?: undefined;
}

/** A server that can be connected to, in the form that the Worker uses. */
export type UsableServer = ProgramConfig | EndpointConfig;

/** A server in the form that the Worker uses. */
export type ServerConfig =
  | UsableServer
  | (UnavailableServer & { readonly command?: undefined; readonly url?: undefined });

/** What the Worker is configured with. */
export interface McpConfig {
  readonly servers: Readonly<Record<string, ServerConfig>>;
  readonly lockFile: string;
  readonly pins: "first-use" | "required";
  /** Absolute path of bubblewrap, if a server gets a PID namespace. */
  readonly bubblewrap?: string;
  /** Where what servers say beside their answers goes; none: nowhere. */
  readonly relay?: RelayConfig;
}

/** Where bubblewrap is. */
export const BUBBLEWRAP = "/usr/bin/bwrap";

/** How long a call may take unless the options say otherwise. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** The longest time of a timer, and so of a deadline. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Programs that run any other program, as their arguments or a package say: package runners,
 * interpreters, containers, shells.
 */
const LAUNCHERS =
  /^(npx|npm|pnpx?|pnpm|yarn|bunx?|node(js)?|deno|uvx?|pipx|pip|python[\d.]*|pypy[\d.]*|poetry|conda|ruby|bundle|perl|php|java|dotnet|docker|podman|nix|nix-shell|env|sudo|(ba|da|z|k|fi)?sh|.*\.(sh|bash|py|rb|pl|php|[cm]?[jt]s))$/;

const SERVER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** What servers have in common. */
export interface ServerConfigOptions {
  /** Folders for bare names of commands; `undefined`: the standard ones. */
  readonly searchPath: readonly string[] | undefined;
  /** The time-out of a server without one, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Checks the options of a server, and finds its program.
 *
 * @param name The name of the server, for messages.
 * @returns Its configuration; an unavailable one if its program is not installed.
 * @throws {TypeError} The options are not of the required form.
 */
export function serverConfig(
  name: string,
  server: McpServer,
  { searchPath, timeoutMs: defaultMs }: ServerConfigOptions,
): ServerConfig {
  const refuse = (why: string) => new TypeError(`Cannot use MCP server "${name}": ${why}`);
  if ("unavailable" in server) return { unavailable: String(server.unavailable) };
  if (!SERVER_NAME.test(name)) {
    throw refuse('expected a name of at most 64 letters, digits, "_", "-" and "."');
  }
  const { command, url, timeoutMs = defaultMs } = server as Partial<StdioServer & HttpServer>;
  if (typeof timeoutMs !== "number" || !(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw refuse(
      `timeoutMs is ${timeoutMs}, expected a number of milliseconds up to ${MAX_TIMEOUT_MS}`,
    );
  }
  if ((typeof command === "string") === (typeof url === "string")) {
    throw refuse("expected either a command or a url");
  }
  if ("url" in server) {
    return { url: checkedUrl(server.url, refuse), headers: headersOf(server, refuse), timeoutMs };
  }
  const { args = [], cwd } = server;
  if (!Array.isArray(args) || args.some((one) => typeof one !== "string" || one.includes("\0"))) {
    throw refuse("args is not a list of strings, none of them with NUL");
  }
  if (cwd !== undefined && !isAbsolute(cwd)) {
    throw refuse(`cwd is "${cwd}", expected an absolute path`);
  }
  // First: what is wrong with it is said also where the program is not installed.
  const env = childEnvironment(server, { whose: `MCP server "${name}"` });
  const found = locate(server.command, searchPath);
  if (found === undefined) {
    return {
      unavailable: `there is no executable "${server.command}", or this process may neither look ` +
        "for it nor run it; expected a bare name or an absolute path",
    };
  }
  return {
    command: found,
    args: [...args],
    env,
    timeoutMs,
    pidNamespace: server.pidNamespace ?? LAUNCHERS.test(basename(found)),
    ...(cwd === undefined ? {} : { cwd: normalize(cwd) }),
  };
}

/**
 * Whether a program is there to be run. With the flags that a policy implies, a process may run it but
 * not look for it.
 *
 * @param path Absolute path.
 */
export function isRunnable(path: string): boolean {
  return locate(path, undefined) !== undefined;
}

function headersOf(
  { headers = {} }: HttpServer,
  refuse: (why: string) => TypeError,
): Record<string, string> {
  if (headers === null || typeof headers !== "object" || Array.isArray(headers)) {
    throw refuse("headers is not an object of strings");
  }
  // In a file values may be numbers.
  const entries = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  for (const [name, value] of entries) {
    try {
      new Headers([[name, value]]);
    } catch {
      // Whatever is wrong: the error would show the value, which may be a secret.
      throw refuse(`the header "${name}" has a name or a value that HTTP does not allow`);
    }
  }
  return Object.fromEntries(entries);
}

/** The host and port of a URL, in the form of Deno's net permission. */
export function hostOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`;
}

function checkedUrl(text: string, refuse: (why: string) => TypeError): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw refuse(`its URL is "${text}", expected one with http: or https:`);
  }
  if (url.username !== "" || url.password !== "") {
    throw refuse("its URL has credentials, expected them in headers");
  }
  url.hash = "";
  return url.href;
}

/**
 * The path of a program. Links are not resolved: Python's virtual environments and multi-call binaries
 * depend on the name that they are called by.
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
