/**
 * What follows from the options of the commands that load a policy.
 *
 * @module
 */
import { resolve, toFileUrl } from "@std/path";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { HttpProvider } from "../../providers/http/mod.ts";
import { type ProcessOptions, ProcessProvider } from "../../providers/process/mod.ts";
import { type ResolvedOptions, resolveOptions } from "../resolve.ts";
import type { ApprovalQuestion } from "../approval/question.ts";
import type { KernelOptions } from "../options.ts";
import type { McpRelay } from "../../providers/mcp/relay.ts";
import type { Provider } from "../worker/provider.ts";
import { noPositionals, optional, required, UsageError, type Values } from "./command.ts";
import { loadModule } from "./load_module.ts";
import type { LaunchOptions } from "./launch.ts";
import { complain, escape } from "./terminal.ts";
import { mcpOptions, readMcpFile, warnOfUnused } from "./mcp_file.ts";
import { policyVariables } from "./request_options.ts";
import { programEnvironment } from "./program_environment.ts";

/**
 * Searched for bare command names. Both processes search the same folders: the second one may not
 * read `PATH`.
 */
const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The folders of `--search-path`. */
export function searchPathOf(values: Values): string[] {
  return (optional(values, "search-path") ?? SEARCH_PATH).split(":");
}

/** How options are read. */
export interface ReadingOptions {
  /** Whether this is the process that acts, which gets the variables that MCP servers inherit. @default false */
  readonly underPolicy?: boolean;
  /** Hears what MCP servers say beside their answers, and hands on what they ask. @default they are not heard */
  readonly relay?: McpRelay | undefined;
}

/** The options of a kernel, with absolute paths. */
export async function kernelOptions(
  values: Values,
  positionals: readonly string[] = [],
  { underPolicy = false, relay }: ReadingOptions = {},
): Promise<KernelOptions> {
  const [first, ...more] = positionals;
  noPositionals(values["policy"] === undefined ? more : positionals);
  const policy = first ?? required(values, "policy");
  const base = optional(values, "base");
  const searchPath = searchPathOf(values);
  const snapshots = optional(values, "snapshots");
  const key = optional(values, "checkpoint-key");
  return {
    policy: toFileUrl(resolve(policy)),
    providers: [
      new FilesystemProvider(snapshots === undefined ? {} : { snapshots }),
      new ProcessProvider(processOptions(values)),
      new HttpProvider(),
      ...await mcpProviders(values, { inherits: underPolicy, searchPath }, relay),
    ],
    logPath: resolve(optional(values, "log-path") ?? "kernel.log"),
    ...values["log-params"] === true ? { logParams: "redacted" as const } : {},
    limits: { path: ledgerFolder(values) },
    approvals: { path: inboxFolder(values), onQuestion: (question) => tell(question, values) },
    ...(key === undefined ? {} : { checkpoints: { key: resolve(key) } }),
    ...(base === undefined ? {} : { base: resolve(base) }),
    searchPath,
    variables: policyVariables(values),
  };
}

/** The folder of the ledger of limits, which need not exist. */
export function ledgerFolder(values: Values): string {
  const log = optional(values, "log-path") ?? "kernel.log";
  return resolve(optional(values, "ledger") ?? `${log}.limits`);
}

/** The folder of the inbox of approvals, which need not exist. */
export function inboxFolder(values: Values): string {
  const log = optional(values, "log-path") ?? "kernel.log";
  return resolve(optional(values, "inbox") ?? `${log}.approvals`);
}

/** Tells whoever looks that an answer is waited for, and how to give it. */
export function tell({ id, action, target, expiresAt }: ApprovalQuestion, values: Values): void {
  const inbox = optional(values, "inbox");
  const log = optional(values, "log-path");
  const where = inbox !== undefined
    ? ` --inbox ${inbox}`
    : log !== undefined
    ? ` --log-path ${log}`
    : "";
  complain(
    escape(
      `agent-kernel: ${action} ${
        JSON.stringify(target)
      } waits for a yes until ${expiresAt}: agent-kernel approvals show ${
        id.slice(0, 8)
      }${where}, then approve or deny`,
    ),
  );
}

/** The SDK of MCP is slow to load, so it is loaded only with `--mcp`. */
async function mcpProviders(
  values: Values,
  options: Parameters<typeof mcpOptions>[1],
  relay: McpRelay | undefined,
): Promise<Provider[]> {
  const file = optional(values, "mcp");
  if (file === undefined) return [];
  const { McpProvider } = await loadModule<typeof import("../../providers/mcp/mod.ts")>(
    "../../providers/mcp/mod.ts",
  );
  const servers = mcpOptions(readMcpFile(file), options);
  if (relay === undefined) return [new McpProvider(servers)];
  const { clientProvider } = await loadModule<typeof import("../gateway/client_provider.ts")>(
    "../gateway/client_provider.ts",
  );
  return [new McpProvider({ ...servers, relay: relay.config }), clientProvider()];
}

function processOptions(values: Values): ProcessOptions {
  const sandbox = choice(values, "sandbox", ["auto", "required", "off"] as const);
  const network = choice(values, "network", ["policy", "none"] as const);
  const cgroup = optional(values, "cgroup");
  const { env, file } = programEnvironment(values);
  return {
    env,
    ...(file === undefined ? {} : { guards: [file] }),
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(network === undefined ? {} : { network }),
    ...(cgroup === undefined ? {} : { cgroup: resolve(cgroup) }),
  };
}

function choice<T extends string>(
  values: Values,
  name: string,
  allowed: readonly T[],
): T | undefined {
  const value = optional(values, name);
  const found = allowed.find((one) => one === value);
  if (value === undefined || found !== undefined) return found;
  throw new UsageError(`--${name} ${value} is unknown, expected ${allowed.join(" or ")}`);
}

/** What the process that acts needs to read the same options. */
export function launchOptions(values: Values): LaunchOptions {
  const verbose = values["verbose"] === true;
  const { file } = programEnvironment(values);
  const read = file === undefined ? [] : [file];
  const named = optional(values, "mcp");
  if (named === undefined) return { verbose, read };
  const servers = readMcpFile(named);
  warnOfUnused(servers);
  return { verbose, read: [...read, servers.path], env: servers.inheritEnv };
}

/** Everything that follows from the options of a command. */
export async function resolvedOptions(
  values: Values,
  positionals: readonly string[] = [],
): Promise<ResolvedOptions> {
  return resolveOptions(await kernelOptions(values, positionals));
}
