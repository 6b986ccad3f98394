/**
 * The options by which commands are told of a policy.
 *
 * @module
 */
import { resolve, toFileUrl } from "@std/path";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { HttpProvider } from "../../providers/http/mod.ts";
import { ProcessProvider } from "../../providers/process/mod.ts";
import { McpProvider } from "../../providers/mcp/mod.ts";
import { type ResolvedOptions, resolveOptions } from "../resolve.ts";
import type { KernelOptions } from "../options.ts";
import {
  type CommandOption,
  noPositionals,
  optional,
  required,
  UsageError,
  type Values,
} from "./command.ts";
import type { LaunchOptions } from "./launch.ts";
import { mcpOptions, readMcpFile } from "./mcp_file.ts";

/** Options of every command that loads a policy. */
export const POLICY_OPTIONS: Readonly<Record<string, CommandOption>> = {
  policy: { type: "string", value: "FILE", help: "the policy (YAML)" },
  "log-path": { type: "string", value: "FILE", help: "the audit log (default: kernel.log)" },
  base: { type: "string", value: "DIR", help: "folder that relative targets are relative to" },
  var: {
    type: "string",
    multiple: true,
    value: "NAME=TEXT",
    help: "a variable of the policy; repeatable",
  },
  mcp: { type: "string", value: "FILE", help: "MCP servers (JSON with mcpServers), for mcp.call" },
  "search-path": {
    type: "string",
    value: "DIRS",
    help: "folders for bare command names, separated by :",
  },
};

/** Options of every command that takes a request. */
export const REQUEST_OPTIONS: Readonly<Record<string, CommandOption>> = {
  action: { type: "string", value: "NAME", help: "the action, for example fs.read" },
  target: { type: "string", value: "TEXT", help: "what it is done to" },
  params: { type: "string", value: "JSON", help: "further arguments (default: {})" },
  agent: { type: "string", value: "NAME", help: "who asks; appears in the record" },
};

/** How options are read. */
export interface ReadingOptions {
  /** Whether this is the process that acts, which gets the variables that MCP servers inherit. @default false */
  readonly underPolicy?: boolean;
}

/** The options of a kernel, with absolute paths. */
export function kernelOptions(
  values: Values,
  positionals: readonly string[] = [],
  { underPolicy = false }: ReadingOptions = {},
): KernelOptions {
  const [first, ...more] = positionals;
  noPositionals(values["policy"] === undefined ? more : positionals);
  const policy = first ?? required(values, "policy");
  const base = optional(values, "base");
  const searchPath = optional(values, "search-path");
  const searching = searchPath === undefined ? {} : { searchPath: searchPath.split(":") };
  const snapshots = optional(values, "snapshots");
  const file = optional(values, "mcp");
  const mcp = file === undefined ? undefined : readMcpFile(file);
  return {
    policy: toFileUrl(resolve(policy)),
    providers: [
      new FilesystemProvider(snapshots === undefined ? {} : { snapshots }),
      new ProcessProvider(),
      new HttpProvider(),
      ...(mcp === undefined
        ? []
        : [new McpProvider(mcpOptions(mcp, { inherits: underPolicy, ...searching }))]),
    ],
    logPath: resolve(optional(values, "log-path") ?? "kernel.log"),
    ...(base === undefined ? {} : { base: resolve(base) }),
    ...searching,
    variables: variables(values["var"]),
  };
}

/** What the process that acts needs to read the same options. */
export function launchOptions(values: Values): LaunchOptions {
  const verbose = values["verbose"] === true;
  const file = optional(values, "mcp");
  if (file === undefined) return { verbose };
  const { path, inheritEnv } = readMcpFile(file);
  return { verbose, read: [path], env: inheritEnv };
}

/** Everything that follows from the options of a command. */
export function planOf(values: Values, positionals: readonly string[] = []): ResolvedOptions {
  return resolveOptions(kernelOptions(values, positionals));
}

/** The request that the options describe. */
export function requestOf(values: Values): {
  action: string;
  target: string;
  params: Record<string, unknown>;
  agent?: string;
} {
  const agent = optional(values, "agent");
  return {
    action: required(values, "action"),
    target: required(values, "target"),
    params: parseParams(optional(values, "params") ?? "{}"),
    ...(agent === undefined ? {} : { agent }),
  };
}

function parseParams(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--params is no JSON: ${(error as Error).message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new UsageError('--params has to be a JSON object, like {"content": "hello"}');
  }
  return value as Record<string, unknown>;
}

function variables(given: Values[string]): Record<string, string> {
  const list = Array.isArray(given) ? given as string[] : [];
  return Object.fromEntries(list.map((entry) => {
    const at = entry.indexOf("=");
    if (at < 1) throw new UsageError(`--var ${entry} is not of the form NAME=TEXT`);
    return [entry.slice(0, at), entry.slice(at + 1)];
  }));
}
