/**
 * `agent-kernel protect`: the kernel in front of agents that people already use.
 *
 * @module
 */
import { resolve } from "@std/path";
import { messageOf } from "../core/errors.ts";
import { type AgentFile, AGENTS, type Given } from "../protect/agent_files.ts";
import { HOOK_SETTINGS, TOKEN_VARIABLE } from "../protect/installation.ts";
import { listenAddress, shownAddress } from "../server/listen_address.ts";
import {
  type Command,
  type CommandOption,
  optional,
  required,
  UsageError,
  type Values,
} from "./command.ts";
import { READING_OPTIONS } from "./request_options.ts";
import { actAs } from "./second_process.ts";
import { socketOf } from "./server_options.ts";
import {
  changeSettings,
  chosen,
  keepBackup,
  original,
  type SettingsChange,
  type SettingsFile,
} from "./settings_files.ts";

/** Of `protect` and `unprotect`. */
export const CHANGE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  user: { type: "boolean", help: "in the settings of the user (default)" },
  project: { type: "boolean", help: "in the settings of this folder" },
  "log-path": {
    type: "string",
    value: "FILE",
    help: "the log of the kernel (default: kernel.log)",
  },
  "dry-run": { type: "boolean", help: "only show what would change" },
};

/** Installs hooks, and puts the kernel in front of MCP servers. */
export const COMMAND: Command = {
  usage: `<${
    Object.keys(AGENTS).join("|")
  }> [--policy FILE] [--strict] [--user|--project] [--dry-run] [--log-path FILE]`,
  details:
    `Writes hooks into the agent's settings, so that the kernel of "agent-kernel serve" decides about each call of
its tools, and nothing is permitted while no kernel runs. With --policy the kernel is put in front of each MCP server
that is configured. With --strict the agent's own tools go, and it gets those of "agent-kernel mcp serve": that is the
form that holds, since hooks know only what the agent tells. Shows what it changes, keeps the rest of each file as it
is, and keeps a copy beside it, which "unprotect" puts back. What each agent does is in docs/agents.md.`,
  options: {
    ...CHANGE_OPTIONS,
    strict: {
      type: "boolean",
      help: "only the gateway's tools are left to the agent; needs --policy",
    },
    policy: { type: "string", value: "FILE", help: "the policy of the gateway and of MCP servers" },
    ...READING_OPTIONS,
    mcp: { type: "string", value: "FILE", help: "--strict: MCP servers behind the gateway" },
    http: {
      type: "string",
      value: "ADDRESS",
      help:
        "claude only: its hooks go straight to the kernel that listens there (serve --listen), with a token",
    },
  },
  run(invocation) {
    const { values, positionals } = invocation;
    const { name, agent } = chosen(positionals);
    const given = givenBy(name, values);
    if (given.isStrict && agent.noStrict !== undefined) {
      throw new UsageError(`there is no --strict for ${name}: ${agent.noStrict}`);
    }
    if (given.isStrict && values["project"] === true && agent.files.some(isOfUserOnly)) {
      throw new UsageError(`--strict of ${name} is set in the settings of the user; use --user`);
    }
    return changeSettings(invocation, (now) => protectedFile(now, given), {
      nothing: "nothing is there to be changed",
      notes: (files) => [
        ...agent.notes(given),
        ...given.http === undefined ? [] : [
          `Start the agent with its token in the variable ${TOKEN_VARIABLE} (agent-kernel token add NAME --agent ${name}); without it every call is refused.`,
        ],
        ...files.flatMap(({ file, before = "" }) =>
          file.parts(given).flatMap(({ part }) => part.notes?.(before) ?? [])
        ),
      ],
    });
  },
};

function protectedFile(now: SettingsFile, given: Given): SettingsChange | undefined {
  const { file, path, before } = now;
  const wanted = file.parts(given).filter(({ isWanted }) => isWanted);
  // Refuses a copy that is not ours, also if nothing is to be changed.
  const first = original(now, (text, earlier) => withoutOurs(file, text, earlier));
  const start = before === undefined || before.trim() === "" && !before.startsWith("\ufeff")
    ? file.empty
    : before;
  const cleaned = file.parts(given).filter(({ isWanted }) => !isWanted)
    .reduce((text, { part }) => part.remove(text, first ?? null), start);
  const after = wanted.reduce((text, { part }) => part.apply(text), cleaned);
  if (after === before) {
    return hasOurs(file, after) ? { ...now, after, done: "is protected already" } : undefined;
  }
  if (before === undefined && after === file.empty) return undefined;
  return { ...now, after, done: "protected", prepare: () => keepBackup(path, first, after) };
}

/** A file without anything that is ours. */
export function withoutOurs(
  file: AgentFile,
  text: string,
  earlier: string | null | undefined,
): string {
  const nobody: Given = { agent: agentOf(file), socket: "/", isStrict: false };
  return file.parts(nobody).reduce((result, { part }) => part.remove(result, earlier), text);
}

function hasOurs(file: AgentFile, text: string): boolean {
  return withoutOurs(file, text, undefined) !== text;
}

function agentOf(file: AgentFile): string {
  return Object.keys(AGENTS).find((name) => AGENTS[name]?.files.includes(file)) ?? "";
}

function isOfUserOnly({ user, project }: AgentFile): boolean {
  return user !== undefined && project === undefined;
}

function givenBy(agent: string, values: Values): Given {
  const isStrict = values["strict"] === true;
  const policy = isStrict ? required(values, "policy") : optional(values, "policy");
  const base = optional(values, "base");
  const servers = optional(values, "mcp");
  if (servers !== undefined && !isStrict) throw new UsageError("--mcp goes with --strict");
  return {
    ...{ agent, isStrict, socket: socketOf(values), http: originOf(agent, values) },
    gateway: policy === undefined ? undefined : {
      agent,
      policy: resolve(policy),
      log: resolve(optional(values, "log-path") ?? "kernel.log"),
      base: base === undefined ? undefined : resolve(base),
      servers: servers === undefined ? undefined : resolve(servers),
      variables: Array.isArray(values["var"]) ? values["var"] as string[] : [],
    },
  };
}

/** Where the hooks go, if they go over HTTP. */
function originOf(agent: string, values: Values): string | undefined {
  const http = optional(values, "http");
  if (http === undefined) return undefined;
  if (HOOK_SETTINGS[agent]?.httpEntries === undefined) {
    throw new UsageError("--http is for claude: other agents have no such hooks, or ignore them");
  }
  if (values["strict"] === true) {
    throw new UsageError("--http does not go with --strict, whose hooks are programs");
  }
  try {
    return `http://${shownAddress(listenAddress(http))}`;
  } catch (error) {
    throw new UsageError(messageOf(error).replace("Cannot listen at", "--http"));
  }
}

if (import.meta.main) await actAs("protect", COMMAND);
