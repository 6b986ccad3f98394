/**
 * The options of the commands that load a policy or take a request, as data. It loads nothing of the kernel.
 *
 * @module
 */
import { InexactNumberError, parseExactJson } from "../agent/exact_json.ts";
import { type CommandOption, optional, required, UsageError, type Values } from "./command.ts";

/** What a policy is read with. */
export const READING_OPTIONS: Readonly<Record<"base" | "var", CommandOption>> = {
  base: { type: "string", value: "DIR", help: "folder that relative targets are relative to" },
  var: {
    type: "string",
    multiple: true,
    value: "NAME=TEXT",
    help: "a variable of the policy; repeatable",
  },
};

/** Options of every command that loads a policy. */
export const POLICY_OPTIONS: Readonly<Record<string, CommandOption>> = {
  policy: { type: "string", value: "FILE", help: "the policy (YAML)" },
  "log-path": { type: "string", value: "FILE", help: "the audit log (default: kernel.log)" },
  "log-params": {
    type: "boolean",
    help: "put params on record, redacted: for learn and replay",
  },
  "checkpoint-key": {
    type: "string",
    value: "FILE",
    help: "sign checkpoints of the log with this private key (keygen's FILE)",
  },
  ledger: {
    type: "string",
    value: "DIR",
    help: "the ledger of limits (default: the audit log's path and .limits)",
  },
  inbox: {
    type: "string",
    value: "DIR",
    help: "the inbox of approvals (default: the audit log's path and .approvals)",
  },
  ...READING_OPTIONS,
  mcp: { type: "string", value: "FILE", help: "MCP servers (JSON with mcpServers), for mcp.call" },
  "search-path": {
    type: "string",
    value: "DIRS",
    help: "folders for bare command names, separated by :",
  },
  sandbox: {
    type: "string",
    value: "MODE",
    help: "for proc.exec: required (no sandbox, no program), auto (default) or off",
  },
  network: {
    type: "string",
    value: "WHICH",
    help: "for programs in the sandbox: none, or policy (default)",
  },
  cgroup: {
    type: "string",
    value: "DIR",
    help: "folder of cgroup v2 in which limits hold for a program as a whole",
  },
  "program-env": {
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    help: "a variable that programs get; repeatable",
  },
  "program-env-file": {
    type: "string",
    value: "FILE",
    help: "a file with a NAME=VALUE on each line, for programs",
  },
};

/** Options of every command that takes a request. */
export const REQUEST_OPTIONS: Readonly<Record<string, CommandOption>> = {
  action: { type: "string", value: "NAME", help: "the action, for example fs.read" },
  target: { type: "string", value: "TEXT", help: "what it is done to" },
  params: { type: "string", value: "JSON", help: "further arguments (default: {})" },
  agent: { type: "string", value: "NAME", help: "who asks; appears in the record" },
};

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
    value = parseExactJson(text);
  } catch (error) {
    // It names the digits that were given, which the kernel would no longer know.
    if (error instanceof InexactNumberError) throw new UsageError(`--params: ${error.message}`);
    throw new UsageError(`--params is no JSON: ${(error as Error).message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new UsageError('--params has to be a JSON object, like {"content": "hello"}');
  }
  return value as Record<string, unknown>;
}

/** What to do about a target that is refused because it is relative. */
export function relativeHint(error: string | undefined): string | undefined {
  return error?.includes("is relative, expected an absolute path")
    ? "--base DIR names the folder that relative targets are relative to"
    : undefined;
}

/** The variables of the policy that `--var` gives. */
export function policyVariables({ var: given }: Values): Record<string, string> {
  const list = Array.isArray(given) ? given as string[] : [];
  return Object.fromEntries(list.map((entry) => {
    const at = entry.indexOf("=");
    if (at < 1) throw new UsageError(`--var ${entry} is not of the form NAME=TEXT`);
    return [entry.slice(0, at), entry.slice(at + 1)];
  }));
}
