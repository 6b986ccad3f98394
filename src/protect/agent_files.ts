/**
 * The settings files of each agent, and what `protect` puts into them: hooks, the kernel in front of MCP servers,
 * and for `--strict` the gateway in place of the agent's own tools.
 *
 * @module
 */
import { fsTools, httpTools, procTools } from "../agent/toolsets.ts";
import { GATEWAY } from "../hooks/event.ts";
import type { GatewayOptions } from "./gateway_command.ts";
import { HOOK_SETTINGS } from "./installation.ts";
import {
  type ConfiguredServer,
  gateway,
  listed,
  member,
  type Part,
  type ServerForm,
  serversIn,
  wrapping,
} from "./parts.ts";
import { withHooks, withoutHooks } from "./settings_file.ts";
import { tomlGateway, tomlKey, tomlServersIn, tomlWrapping } from "./toml_parts.ts";

/** What is installed. */
export interface Given {
  readonly agent: string;
  /** Absolute path of the kernel's socket. */
  readonly socket: string;
  /** Whether the agent's own tools go. */
  readonly isStrict: boolean;
  /** How the gateway is started; without it no MCP server is wrapped. */
  readonly gateway?: GatewayOptions | undefined;
  /** Of a kernel that listens on loopback, for hooks over HTTP. @default hooks are programs */
  readonly http?: string | undefined;
}

/** A piece, and whether it is to be there. */
export interface WantedPart {
  readonly part: Part;
  readonly isWanted: boolean;
}

/** One settings file of an agent. */
export interface AgentFile {
  /** Below the home folder; `undefined` if there is none for the user. */
  readonly user?: string;
  /** Below a workspace; `undefined` if the agent takes none from there. */
  readonly project?: string;
  /** What a file that is not there begins with. */
  readonly empty: string;
  parts(given: Given): readonly WantedPart[];
  /** The MCP servers that are configured in it. @default none can be */
  servers?(text: string): readonly ConfiguredServer[];
}

/** One agent. */
export interface ProtectedAgent {
  readonly files: readonly AgentFile[];
  /** Why there is no `--strict`. */
  readonly noStrict?: string;
  /** What the operator has to know. */
  notes(given: Given): readonly string[];
}

/** For pieces that are only taken out. */
const NOBODY: GatewayOptions = { agent: "", policy: "", log: "", deno: "" };

/** All tools that Claude Code 2.1.332 offers, or can offer later. */
const CLAUDE_TOOLS = [
  ...["Agent", "Bash", "BashOutput", "CronCreate", "CronDelete", "CronList", "Edit"],
  ...[
    "EnterPlanMode",
    "EnterWorktree",
    "ExitPlanMode",
    "ExitWorktree",
    "Glob",
    "Grep",
    "KillShell",
  ],
  ...["ListAgents", "ListMcpResourcesTool", "Monitor", "MultiEdit", "NotebookEdit", "Read"],
  ...["ReadMcpResourceTool", "ReportFindings", "ScheduleWakeup", "SendMessage", "Skill"],
  ...["Task", "TaskOutput", "TaskStop", "TodoWrite", "ToolSearch", "WebFetch", "WebSearch"],
  ...["Workflow", "Write"],
];

/** The tools that the gateway can have. */
const GATEWAY_TOOLS = [...fsTools(), ...httpTools(), ...procTools()].map(({ name }) => name);

function hooks(given: Given): WantedPart {
  const { agent, socket, isStrict: onlyGateway, http } = given;
  const { entries, httpEntries, isStrict } = HOOK_SETTINGS[agent] as typeof HOOK_SETTINGS[string];
  const options = { agent, socket, onlyGateway };
  return {
    isWanted: true,
    part: {
      apply: (text) => {
        const wanted = http === undefined ? undefined : httpEntries?.(options, http);
        return withHooks(text, wanted ?? entries(options), isStrict);
      },
      remove: withoutHooks,
    },
  };
}

/** The kernel in front of each server; with `--strict` none of them can be called, and the gateway is there. */
function servers(form: ServerForm, given: Given): readonly WantedPart[] {
  const options = given.gateway;
  return [
    { part: wrapping(form, options), isWanted: !given.isStrict && options !== undefined },
    { part: gateway(form, options ?? NOBODY), isWanted: given.isStrict },
  ];
}

function strict({ isStrict }: Given, ...parts: readonly Part[]): WantedPart[] {
  return parts.map((part) => ({ part, isWanted: isStrict }));
}

/** The list of tools that are left, in Gemini CLI and Qwen Code. */
function onlyTools(nameOf: (name: string) => string): Part {
  return member(["tools", "core"], GATEWAY_TOOLS.map(nameOf));
}

const MCP_SERVERS: ServerForm = { path: ["mcpServers"] };
const ENTRY_FOR_ALL: ServerForm = { ...MCP_SERVERS, more: { type: "local", tools: ["*"] } };
const OPENCODE: ServerForm = {
  path: ["mcp"],
  isList: true,
  more: { type: "local", enabled: true },
};

const serversOf = (form: ServerForm) => ({ servers: (text: string) => serversIn(text, form) });
const onlyServers = (form: ServerForm) => ({
  parts: (given: Given) => servers(form, given),
  ...serversOf(form),
});
const hookNotes = ({ agent }: Given) => HOOK_SETTINGS[agent]?.notes ?? [];

const NO_SWITCH =
  "no setting is known that takes its own tools away, so the gateway would be one more way and not the only one";

/** By agent. */
export const AGENTS: Readonly<Record<string, ProtectedAgent>> = {
  claude: {
    notes: (given) => [
      ...hookNotes(given),
      ...given.isStrict
        ? [
          'Claude Code has nothing but the gateway for certain if it is started with: claude --tools ""',
        ]
        : [],
    ],
    files: [
      {
        user: ".claude/settings.json",
        project: ".claude/settings.json",
        empty: "{}\n",
        parts: (given) => [
          hooks(given),
          ...strict(
            given,
            listed(["permissions", "deny"], CLAUDE_TOOLS, true),
            // Else tools are only listed when the model asks for them, by a tool that is gone.
            member(["env", "ENABLE_TOOL_SEARCH"], "false", true),
          ),
        ],
      },
      {
        user: ".claude.json",
        project: ".mcp.json",
        empty: "{}\n",
        ...onlyServers({ ...MCP_SERVERS, isStrict: true }),
      },
    ],
  },
  codex: {
    notes: hookNotes,
    files: [
      { user: ".codex/hooks.json", empty: "{}\n", parts: (given) => [hooks(given)] },
      {
        user: ".codex/config.toml",
        empty: "",
        servers: tomlServersIn,
        parts: (given) => [
          ...strict(
            given,
            tomlKey(["web_search"], "disabled"),
            ...["shell_tool", "multi_agent", "goals"].map((name) =>
              tomlKey(["features", name], false)
            ),
            tomlGateway(given.gateway ?? NOBODY),
          ),
          {
            part: tomlWrapping(given.gateway),
            isWanted: !given.isStrict && given.gateway !== undefined,
          },
        ],
      },
    ],
  },
  gemini: {
    notes: hookNotes,
    files: [
      {
        user: ".gemini/settings.json",
        project: ".gemini/settings.json",
        empty: "{}\n",
        ...serversOf(MCP_SERVERS),
        parts: (given) => [
          hooks(given),
          ...servers(MCP_SERVERS, given),
          // A policy file that denies "*" takes tools of the gateway along that are called like its own.
          ...strict(given, onlyTools((name) => `mcp_${GATEWAY}_${name}`)),
        ],
      },
    ],
  },
  qwen: {
    notes: hookNotes,
    files: [{
      user: ".qwen/settings.json",
      project: ".qwen/settings.json",
      empty: "{}\n",
      ...serversOf(MCP_SERVERS),
      parts: (given) => [
        hooks(given),
        ...servers(MCP_SERVERS, given),
        ...strict(
          given,
          onlyTools((name) => `mcp__${GATEWAY}__${name}`),
        ),
      ],
    }],
  },
  copilot: {
    notes: (given) => [
      ...hookNotes(given),
      ...given.isStrict
        ? [
          `Copilot lists its own tools, and the hook refuses them; to have them not listed either, start it with: copilot ${
            GATEWAY_TOOLS.map((name) => `--available-tools ${GATEWAY}-${name}`).join(" ")
          }`,
        ]
        : [],
    ],
    files: [
      {
        user: ".copilot/hooks/agent-kernel.json",
        empty: '{ "version": 1 }\n',
        parts: (given) => [hooks(given)],
      },
      { user: ".copilot/mcp-config.json", empty: "{}\n", ...onlyServers(ENTRY_FOR_ALL) },
    ],
  },
  opencode: {
    notes: ({ isStrict }) =>
      isStrict
        ? []
        : ["opencode has no hooks that hold: its own tools go around the kernel; use --strict"],
    files: [{
      user: ".config/opencode/opencode.json",
      project: "opencode.json",
      empty: "{}\n",
      ...serversOf(OPENCODE),
      parts: (given) => [
        ...servers(OPENCODE, given),
        ...strict(
          given,
          member(["permission"], { "*": "deny", [`${GATEWAY}_*`]: "allow" }),
        ),
      ],
    }],
  },
  cline: mcpOnly("Cline", {
    user: ".cline/data/settings/cline_mcp_settings.json",
  }, MCP_SERVERS),
  cursor: mcpOnly("Cursor", {
    user: ".cursor/mcp.json",
    project: ".cursor/mcp.json",
  }, MCP_SERVERS),
  vscode: mcpOnly("VS Code", {
    user: ".config/Code/User/mcp.json",
    project: ".vscode/mcp.json",
  }, { path: ["servers"] }),
};

function mcpOnly(
  name: string,
  places: Pick<AgentFile, "user" | "project">,
  form: ServerForm,
): ProtectedAgent {
  return {
    noStrict: NO_SWITCH,
    notes: () => [
      `${name} has no hooks that are known to hold: its own tools go around the kernel, only its MCP servers do not`,
    ],
    files: [{ ...places, empty: "{}\n", ...onlyServers(form) }],
  };
}
