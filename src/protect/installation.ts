/**
 * Where the hooks of each agent are configured, and what has to stand there.
 *
 * @module
 */
import type { HookEventName } from "../hooks/event.ts";
import { HOOK_MARK, HOOK_TIMEOUT_S, hookCommand, type HookCommandOptions } from "./hook_command.ts";

/** A member of a JSON file whose value is a list of hooks, and the entry that is ours. */
export interface HookEntry {
  readonly path: readonly string[];
  readonly entry: unknown;
}

/** The settings of one agent. */
export interface HookSettings {
  /** Below the home folder. */
  readonly user: string;
  /** Below a workspace; `undefined` if the agent takes no hooks from there. */
  readonly project: string | undefined;
  /** Whether the agent ignores a file with comments or trailing commas. */
  readonly isStrict: boolean;
  /** What a file that is not there begins with. */
  readonly empty: string;
  /** What the operator has to know. */
  readonly notes: readonly string[];
  entries(options: HookCommandOptions): readonly HookEntry[];
  /**
   * The same with hooks that the agent sends itself over HTTP, as far as it can; `undefined` if it cannot.
   *
   * @param origin Of a kernel that listens on loopback, like `http://127.0.0.1:7317`.
   */
  httpEntries?(options: HookCommandOptions, origin: string): readonly HookEntry[];
}

/** The variable of the environment with the token for hooks over HTTP. */
export const TOKEN_VARIABLE = "AGENT_KERNEL_TOKEN";

type Names = Readonly<Record<string, HookEventName>>;

const CLAUDE_NAMES: Names = {
  PreToolUse: "before",
  PostToolUse: "after",
  PostToolUseFailure: "after",
  SessionStart: "session-start",
  SessionEnd: "session-end",
};

/** `hooks.EVENT` is a list of groups, each with its own list. */
function grouped(
  names: Names,
  more: (event: HookEventName) => object,
): HookSettings["entries"] {
  return (options) =>
    Object.entries(names).map(([name, event]) => ({
      path: ["hooks", name],
      entry: {
        hooks: [{ type: "command", command: hookCommand(event, options), ...more(event) }],
      },
    }));
}

/** Claude Code and Qwen Code have the type; Claude Code sends no `SessionStart` over HTTP. */
function claudeHttpEntries(options: HookCommandOptions, origin: string): HookEntry[] {
  const commands = claudeEntries(options);
  return commands.map(({ path, entry }) => {
    const event = path.at(-1) ?? "";
    if (event === "SessionStart") return { path, entry };
    const hook = {
      ...{ type: "http", url: `${origin}/v1/hooks/${options.agent}`, timeout: HOOK_TIMEOUT_S },
      headers: {
        Authorization: `Bearer $${TOKEN_VARIABLE}`,
        // By this the entry is known as ours.
        "X-Installed-By": `# ${HOOK_MARK}`,
      },
      allowedEnvVars: [TOKEN_VARIABLE],
      // Without it a refusal at the door, or a kernel that is down, lets the call run.
      ...event === "PreToolUse" && { onFailure: "block" },
    };
    return { path, entry: { hooks: [hook] } };
  });
}

/** Where the hooks of an agent go, if they are installed over HTTP. */
export function httpOrigin(settings: string, agent: string): string | undefined {
  return new RegExp(`"url"\\s*:\\s*"(http://[^"/]+)/v1/hooks/${agent}"`).exec(settings)?.[1];
}

const inSeconds = () => ({ timeout: HOOK_TIMEOUT_S });
const inMilliseconds = () => ({ timeout: HOOK_TIMEOUT_S * 1000 });

const claudeEntries = grouped(CLAUDE_NAMES, (event) => ({
  ...inSeconds(),
  // Without it a hook that fails lets the call run.
  ...event === "before" && { onFailure: "block" },
}));

/** By agent. */
export const HOOK_SETTINGS: Readonly<Record<string, HookSettings>> = {
  claude: {
    user: ".claude/settings.json",
    project: ".claude/settings.json",
    isStrict: true,
    empty: "{}\n",
    notes: [
      'A settings file of a workspace with "disableAllHooks" switches the hooks off; only managed settings (/etc/claude-code) stand above it.',
    ],
    entries: claudeEntries,
    httpEntries: claudeHttpEntries,
  },
  codex: {
    user: ".codex/hooks.json",
    project: undefined,
    isStrict: true,
    empty: "{}\n",
    notes: [
      "Codex skips hooks that it does not trust, without a message: start it once and trust them under /hooks.",
      "Commands that Codex types into an open terminal (write_stdin) reach no hook: set features.shell_tool = false, or allow no interactive shell.",
    ],
    entries: grouped({
      PreToolUse: "before",
      PostToolUse: "after",
      SessionStart: "session-start",
      SessionEnd: "session-end",
    }, (event) => ({ timeout: event === "session-end" ? 3 : HOOK_TIMEOUT_S })),
  },
  gemini: {
    user: ".gemini/settings.json",
    project: ".gemini/settings.json",
    isStrict: false,
    empty: "{}\n",
    notes: ['A settings file of a trusted workspace with "hooksConfig" can switch the hooks off.'],
    entries: grouped({
      BeforeTool: "before",
      AfterTool: "after",
      SessionStart: "session-start",
      SessionEnd: "session-end",
    }, inMilliseconds),
  },
  qwen: {
    user: ".qwen/settings.json",
    project: ".qwen/settings.json",
    isStrict: false,
    empty: "{}\n",
    notes: ['A settings file of a workspace with "disableAllHooks" switches the hooks off.'],
    entries: grouped(CLAUDE_NAMES, inMilliseconds),
  },
  copilot: {
    user: ".copilot/hooks/agent-kernel.json",
    project: undefined,
    isStrict: true,
    empty: '{ "version": 1 }\n',
    notes: ["A hook that takes too long lets the call run."],
    entries: (options) =>
      Object.entries<HookEventName>({
        preToolUse: "before",
        postToolUse: "after",
        sessionStart: "session-start",
        sessionEnd: "session-end",
      }).map(([name, event]) => ({
        path: ["hooks", name],
        entry: {
          type: "command",
          bash: hookCommand(event, options),
          timeoutSec: HOOK_TIMEOUT_S,
        },
      })),
  },
};
