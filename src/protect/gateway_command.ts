/**
 * The command lines by which agents start the kernel as an MCP server: alone (`mcp serve`), or in front of a
 * server that was configured before (`mcp proxy`).
 *
 * @module
 */
import { basename, fromFileUrl } from "@std/path";

/** How an MCP server is started. */
export interface McpCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** What every such command line says. */
export interface GatewayOptions {
  readonly agent: string;
  /** Absolute path of the policy. */
  readonly policy: string;
  /** Absolute path of the log. */
  readonly log: string;
  /** Absolute folder that relative targets are relative to. @default none */
  readonly base?: string | undefined;
  /** `NAME=TEXT`. @default none */
  readonly variables?: readonly string[];
  /** Absolute path of a file with the MCP servers behind the gateway. @default none */
  readonly servers?: string | undefined;
  /** Absolute path of `deno`. @default the one that runs this process */
  readonly deno?: string;
}

/** The gateway. */
export function gatewayCommand(options: GatewayOptions): McpCommand {
  const { log, servers } = options;
  return {
    command: options.deno ?? Deno.execPath(),
    args: [
      ...[...start(), "serve", `--log-path=${log}`, ...more(options)],
      ...servers === undefined ? [] : [`--mcp=${servers}`],
    ],
  };
}

/** The kernel in front of a server. It has a log of its own: the same server can run many times. */
export function proxyCommand(
  server: McpCommand,
  { name, ...options }: GatewayOptions & { readonly name: string },
): McpCommand {
  return {
    command: options.deno ?? Deno.execPath(),
    args: [
      ...[...start(), "proxy", ...more(options), `--name=${name}`],
      ...["--", server.command, ...server.args],
    ],
  };
}

/** The server that a proxy of ours is in front of; `undefined` if it is none. */
export function proxied(given: McpCommand): McpCommand | undefined {
  if (verbOf(given) !== "proxy") return undefined;
  const { args } = given;
  const [command, ...rest] = args.slice(args.indexOf("--") + 1);
  return args.includes("--") && command !== undefined ? { command, args: rest } : undefined;
}

/** Whether it is the gateway itself. */
export function isGateway(command: McpCommand): boolean {
  return verbOf(command) === "serve";
}

/** The options that a gateway was installed with; `undefined` if it is none of ours. */
export function gatewayOptions(given: McpCommand): GatewayOptions | undefined {
  if (verbOf(given) !== "serve") return undefined;
  const { command, args } = given;
  const values = (name: string) =>
    args.filter((arg) => arg.startsWith(`--${name}=`)).map((arg) => arg.slice(name.length + 3));
  const [[agent], [policy], [log]] = [values("agent"), values("policy"), values("log-path")];
  if (agent === undefined || policy === undefined || log === undefined) return undefined;
  return {
    ...{ agent, policy, log, deno: command, variables: values("var") },
    base: values("base")[0],
    servers: values("mcp")[0],
  };
}

function start(): string[] {
  const main = new URL("../cli/main.ts", import.meta.url);
  const path = (name: string) => fromFileUrl(new URL(name, import.meta.url));
  const checkout = main.protocol === "file:"
    ? [
      ...[`--config=${path("../../deno.json")}`, `--lock=${path("../cli/deno.lock")}`, "--frozen"],
    ]
    : [];
  return [
    ...["run", "--quiet", "--no-prompt", ...checkout],
    ...["--allow-read", "--allow-env", "--allow-run=deno"],
    ...[main.protocol === "file:" ? fromFileUrl(main) : main.href, "mcp"],
  ];
}

function more({ agent, policy, base, variables = [] }: GatewayOptions): string[] {
  return [
    ...[`--policy=${policy}`, `--agent=${agent}`],
    ...base === undefined ? [] : [`--base=${base}`],
    ...variables.map((one) => `--var=${one}`),
  ];
}

/**
 * What of this kernel a command starts. Only one that is ours word by word counts: arguments that look like ours are
 * no sign of what a program does.
 */
function verbOf({ command, args }: McpCommand): string | undefined {
  const own = start();
  const isOurs = basename(command) === basename(Deno.execPath()) &&
    own.every((word, i) => args[i] === word);
  return isOurs ? args[own.length] : undefined;
}
