/**
 * `agent-kernel mcp`: the tools of MCP servers and their pins.
 *
 * @module
 */
import { resolve } from "@std/path";
import { readPins, writePins } from "../../providers/mcp/lock_file.ts";
import { McpProvider } from "../../providers/mcp/mod.ts";
import { difference, type ListedTool, type Pins } from "../../providers/mcp/pin.ts";
import type { InvalidTool } from "../../providers/mcp/tool_definition.ts";
import { Kernel } from "../open.ts";
import type { KernelOptions } from "../options.ts";
import { resolveOptions } from "../resolve.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  noPositionals,
  optional,
  required,
  UsageError,
  type Values,
} from "./command.ts";
import { toolsFor } from "./agent_tools.ts";
import { allowedActions } from "./allowed_actions.ts";
import { SERVED_OPTIONS, throughServer } from "./served.ts";
import { launch } from "./launch.ts";
import { type McpFile, mcpOptions, readMcpFile, warnOfUnused } from "./mcp_file.ts";
import { launchOptions, resolvedOptions, searchPathOf } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { actAs } from "./second_process.ts";
import { columns } from "./table.ts";
import {
  colour,
  complain,
  escape,
  escapedJson,
  isTerminal,
  print,
  terminalWidth,
} from "./terminal.ts";

type Verb = (server: string, tools: readonly ListedTool[], context: Context) => number;

interface Context {
  readonly pins: Pins;
  readonly lockFile: string;
  /** The tools that are meant; all, if none is named. */
  readonly named: readonly string[];
  readonly json: boolean;
}

const VERBS: Readonly<Record<string, Verb>> = { list, pin, diff };

/** Lists, compares and pins the tools of MCP servers. */
export const COMMAND: Command = {
  usage:
    "list | diff | pin [SERVER [TOOL ...]] --mcp FILE, or serve --policy FILE [--tools fs,http,proc,mcp], or proxy [--policy FILE] -- COMMAND ARGS",
  details:
    `serve: the kernel as an MCP server on standard input and output, for agents that speak MCP: its tools are
those that some rule of the policy allows, and those of the servers of --mcp; every call goes through the
gate. The other options are those of submit.

proxy: one server, started with COMMAND, as it stands: its tools, resources and prompts under their own names,
as far as the policy allows them, and each use on record. To be put before a command in an mcp.json. Exit code and
signals are those of the server.

list: all tools, and whether they are as they were pinned. diff: what is not as it was pinned; exit
code 1 if anything is. pin: what is there now is right. It begins with starting the servers. The
listing is an action, mcp.list, allowed by a policy of this command and recorded like any other.`,
  options: {
    ...SERVED_OPTIONS,
    ...POLICY_OPTIONS,
    mcp: { type: "string", value: "FILE", help: "the servers (JSON with mcpServers)" },
    tools: {
      type: "string",
      value: "SETS",
      help: "serve: fs, http, proc, mcp, separated by commas (default: what some rule allows)",
    },
    agent: {
      type: "string",
      value: "NAME",
      help: "serve, proxy: who asks; appears in the records",
    },
    name: {
      type: "string",
      value: "NAME",
      help: "proxy: the name of the server in the policy (default: server)",
    },
    env: {
      type: "string",
      value: "NAMES",
      help: "proxy: variables that the server gets, separated by commas (default: all)",
    },
    state: {
      type: "string",
      value: "DIR",
      help: "proxy: folder of logs and pins (default: ~/.local/state/agent-kernel/mcp)",
    },
    pins: { type: "string", value: "FILE", help: "given by mcp proxy to its second process" },
    json: { type: "boolean", help: "as JSON" },
    verbose: { type: "boolean", help: "print the permissions of the second process" },
  },
  async run({ values, positionals, args, underPolicy }: Invocation): Promise<number> {
    const [verb = "", only, ...named] = positionals;
    if (verb === "serve") return await serve(values, { positionals, args, underPolicy });
    if (verb === "proxy") {
      const { proxyMcp } = await import("./mcp_proxy.ts");
      return await proxyMcp({ values, positionals, args, underPolicy }, positionals.slice(1));
    }
    const work = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
    if (work === undefined) {
      throw new UsageError(`expected serve, proxy, list, pin or diff, not "${verb}"`);
    }
    const file = readMcpFile(required(values, "mcp"));
    const all = Object.keys(file.servers);
    if (only !== undefined && !all.includes(only)) {
      throw new UsageError(`"${only}" is none of the servers of ${file.path}: ${all.join(", ")}`);
    }
    const servers = only === undefined ? all : [only];
    if (servers.length === 0) {
      complain(`agent-kernel mcp: ${escape(file.path)} names no servers`);
      return EXIT.OK;
    }
    const options = optionsFor(file, servers, {
      writes: verb === "pin",
      inherits: underPolicy,
      logPath: optional(values, "log-path"),
      checkpointKey: optional(values, "checkpoint-key"),
      searchPath: searchPathOf(values),
    });
    if (!underPolicy) {
      const verbose = values["verbose"] === true;
      const { path, inheritEnv } = file;
      warnOfUnused(file);
      return await launch(resolveOptions(options), args, {
        verbose,
        read: [path],
        env: inheritEnv,
      });
    }
    await using kernel = await Kernel.open({
      ...options,
      onWarning: (line) => complain(escape(line)),
    });
    const codes: number[] = [];
    for (const server of servers) {
      const { data, error, code } = await kernel.submit({
        action: "mcp.list",
        target: server,
        params: { pin: false },
      });
      if (data === undefined) {
        complain(`${escape(server)}: ${code}: ${escape(error ?? "")}`);
        codes.push(EXIT.FAILED);
        continue;
      }
      const { tools, invalid } = data as {
        readonly tools: readonly ListedTool[];
        readonly invalid: readonly InvalidTool[];
      };
      for (const { name, problem } of invalid) {
        complain(`${escape(server)}/${name}: cannot be used: ${problem}`);
      }
      const { lockFile } = file;
      const context = { lockFile, named, json: values["json"] === true };
      codes.push(work(server, tools, { ...context, pins: readPins(lockFile, server) }));
    }
    return Math.max(EXIT.OK, ...codes);
  },
};

/** Starts the second process, or is it. */
async function serve(
  values: Values,
  { positionals, args, underPolicy }: Omit<Invocation, "values">,
): Promise<number> {
  noPositionals(positionals.slice(1));
  if (underPolicy) {
    const { serveMcp } = await import("./mcp_serve.ts");
    return await serveMcp(values);
  }
  const resolved = await resolvedOptions(values);
  // A wrong name ends the command here, before anything is started.
  toolsFor(allowedActions(resolved.policy), optional(values, "tools"));
  const options = launchOptions(values);
  const { read = [] } = options;
  const served = await throughServer(values, args, {
    policy: resolved.policy.digest,
    flags: read.length === 0 ? [] : [`--allow-read=${read.join(",")}`],
    forwardsInput: true,
  });
  return served ??
    await launch(resolved, args, { ...options, forwardsInput: true });
}

function optionsFor(
  file: McpFile,
  servers: readonly string[],
  { writes, inherits, logPath = "kernel.log", checkpointKey, searchPath }: {
    readonly writes: boolean;
    readonly inherits: boolean;
    readonly logPath: string | undefined;
    readonly checkpointKey: string | undefined;
    readonly searchPath: readonly string[];
  },
): KernelOptions {
  const options = mcpOptions(file, { inherits, searchPath });
  const chosen = Object.entries(options.servers).filter(([name]) => servers.includes(name));
  return {
    policy: { capabilities: [{ id: "cli", action: "mcp.list", resource: [...servers] }] },
    providers: [
      new McpProvider({
        ...options,
        servers: Object.fromEntries(chosen),
        // Only who pins may write the pins.
        pins: writes ? "first-use" : "required",
      }),
    ],
    logPath: resolve(logPath),
    ...(checkpointKey === undefined ? {} : { checkpoints: { key: resolve(checkpointKey) } }),
  };
}

function list(server: string, tools: readonly ListedTool[], { json }: Context): number {
  if (json) {
    print(escapedJson({ server, tools }));
    return EXIT.OK;
  }
  const rows = tools.map(({ definition: { name, title, description }, state }) => [
    coloured(state),
    escape(`${server}/${name}`),
    escape((description ?? title ?? "").split("\n")[0]?.slice(0, 100) ?? ""),
  ]);
  for (const line of columns(rows, { width: isTerminal() ? terminalWidth() : Infinity })) {
    print(line);
  }
  return EXIT.OK;
}

function diff(server: string, tools: readonly ListedTool[], { json, pins }: Context): number {
  const unlike = tools.filter(({ state }) => state !== "pinned");
  const gone = Array.from(pins.keys()).filter((name) =>
    tools.every(({ definition }) => definition.name !== name)
  );
  const rows = [
    ...unlike.map(({ definition, state, problem }) => {
      const before = pins.get(definition.name)?.definition;
      const parts = before === undefined ? [] : difference(before, definition);
      return { tool: definition.name, state, parts: parts.length === 0 ? [problem] : parts };
    }),
    ...gone.map((tool) => ({ tool, state: "gone", parts: [] })),
  ];
  if (json) print(escapedJson({ server, differences: rows }));
  else {
    for (const { tool, state, parts } of rows) {
      print(`${coloured(state)}  ${escape(`${server}/${tool}`)}`);
      for (const part of parts.filter((part) => part !== "")) print(`  ${part}`);
    }
  }
  return unlike.length === 0 ? EXIT.OK : EXIT.FAILED;
}

function pin(server: string, tools: readonly ListedTool[], context: Context): number {
  const { lockFile, named, pins } = context;
  const meant = named.length === 0
    ? tools
    : tools.filter(({ definition }) => named.includes(definition.name));
  const missing = named.filter((name) => meant.every(({ definition }) => definition.name !== name));
  for (const name of missing) complain(`${escape(`${server}/${name}`)}: there is no such tool`);
  const refused = meant.filter(({ pinnable }) => !pinnable);
  for (const { definition, problem } of refused) {
    complain(`${escape(`${server}/${definition.name}`)}: cannot be pinned: ${problem}`);
  }
  if (missing.length + refused.length > 0) return EXIT.FAILED;
  const compared = Array.from(pins).filter(([name]) => named.length === 0 || named.includes(name));
  diff(server, meant, { ...context, pins: new Map(compared) });
  // All tools of the server, or the named ones in addition to those that were pinned.
  const kept = named.length === 0 ? [] : Array.from(pins);
  const own = meant.map((tool) => [tool.definition.name, tool] as const);
  writePins(lockFile, server, new Map([...kept, ...own]));
  if (!context.json) print(`${escape(server)}: ${own.length} tools pinned in ${escape(lockFile)}`);
  return EXIT.OK;
}

function coloured(state: string): string {
  return colour(state, state === "pinned" ? "green" : state === "new" ? "yellow" : "red");
}

if (import.meta.main) {
  await actAs("mcp", COMMAND, { readsInput: ["serve", "proxy"].includes(Deno.args[0] ?? "") });
}
